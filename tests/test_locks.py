"""The lock files can be installed by old versions of pip (23.0 of Debian 12, 23.2 of Python 3.11).

These resolve `name[extra]` apart from `name==version`: with --require-hashes a lock has to pin
every extra that somebody asks for, or it can't be installed once a newer version is published.
"""

import re
import tomllib
from collections.abc import Iterator
from importlib import metadata

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.running.processes import ROOT

LOCKS = {"requirements.lock": (), "requirements-dev.lock": ("dev",)}
"""Lock file -> extras of the project that it installs."""


def pins(text: str) -> dict[str, Requirement]:
    """Name -> the pinned line, of those that are for this machine."""
    found = {}
    for line in text.splitlines():
        if re.match("[A-Za-z0-9]", line):
            requirement = Requirement(line.removesuffix("\\").strip())
            if requirement.marker is None or requirement.marker.evaluate():
                found[canonicalize_name(requirement.name)] = requirement
    return found


def project(extras: tuple[str, ...]) -> list[str]:
    """What pyproject.toml asks for."""
    table = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return table["dependencies"] + [
        line for extra in extras for line in table["optional-dependencies"][extra]
    ]


def asked(lines: list[str], extras: set[str]) -> Iterator[Requirement]:
    """The requirements that count when these extras are installed."""
    for line in lines:
        requirement = Requirement(line)
        if requirement.marker is None or any(
            requirement.marker.evaluate({"extra": extra}) for extra in {"", *extras}
        ):
            yield requirement


def missing(text: str, extras: tuple[str, ...]) -> list[str]:
    """What somebody asks for and the lock does not pin."""
    locked = pins(text)
    askers = {"pyproject.toml": (project(extras), set[str]())}
    for name, pin in locked.items():
        askers[name] = (metadata.distribution(name).requires or [], pin.extras)
    found = []
    for asker, (lines, chosen) in askers.items():
        for requirement in asked(lines, chosen):
            pin = locked.get(canonicalize_name(requirement.name))
            if pin is None or not requirement.extras <= pin.extras:
                found.append(f"{asker} asks for {requirement}")
    return found


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_pins_every_extra_that_somebody_asks_for(name: str) -> None:
    assert missing((ROOT / name).read_text(), LOCKS[name]) == []


def test_a_lock_without_the_extras_is_found() -> None:
    stripped = (ROOT / "requirements-dev.lock").read_text().replace("coverage[toml]", "coverage")
    found = [line.partition("[toml]")[0] for line in missing(stripped, ("dev",))]
    assert {"pytest-cov asks for coverage", "pyproject.toml asks for coverage"} <= {*found}
