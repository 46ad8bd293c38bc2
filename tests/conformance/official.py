"""Bitbucket's own OpenAPI (Swagger 2.0), and where its answers were not what it says.

The files are not part of the project: PAIL_REFERENCE names the folder that holds them.
"""

import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs

Json = dict[str, Any]

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("PAIL_REFERENCE", ROOT.parent / "shared" / "reference")) / "openapi"
FILES = {"the issue tracker": "bitbucket-issues.json", "around it": "bitbucket-around.json"}

IS_HERE = FOLDER.exists() or bool(os.environ.get("CI"))
MISSING = f"the specification is not at {FOLDER}"


@dataclass(frozen=True)
class Operation:
    """One operation of the specification; answers are the schemas by status, None for no body."""

    group: str
    method: str
    path: str
    answers: dict[str, Json | None]

    @property
    def name(self) -> str:
        """As the coverage table names it."""
        return f"{self.method} {self.path}"


@cache
def operations() -> tuple[Operation, ...]:
    """Every operation of the specification; none where it is not at hand."""
    return tuple(_operations()) if IS_HERE else ()


def _operations() -> Iterator[Operation]:
    for group in FILES:
        for path, item in specification(group)["paths"].items():
            for method in sorted(item.keys() - {"parameters"}):
                answers = {
                    status: answer.get("schema")
                    for status, answer in item[method]["responses"].items()
                }
                yield Operation(group, method.upper(), path, answers)


@cache
def specification(group: str) -> Json:
    """One of the files as it is."""
    read: Json = json.loads((FOLDER / FILES[group]).read_text("utf-8"))
    return read


def shape(path: str) -> str:
    """A path without the names of its parameters, which differ."""
    return re.sub(r"\{\w+\}", "{}", path)


def problems(group: str, schema: Json, body: object) -> list[str]:
    """What of a body is not as the specification, mended by DEVIATIONS, says."""
    validator = jsonschema_rs.Draft4Validator(
        {**schema, "definitions": _mended(group)}, validate_formats=True
    )
    return [
        f"{'.'.join(map(str, error.instance_path))}: {error.message}"
        for error in validator.iter_errors(body)
    ]


@dataclass(frozen=True)
class Deviation:
    """Where Bitbucket's answers were not what its specification says.

    places are definition.member.member; change(schema) mends the schema there. source is where
    the real answer can be seen: "recorded" means the answers that tests/conformance/test_shapes.py
    compares ours with.
    """

    about: str
    source: str
    places: tuple[str, ...]
    change: Callable[[Json], object]


def _or_null(schema: Json) -> None:
    original = dict(schema)
    schema.clear()
    schema["anyOf"] = [original, {"type": "null"}]


def _open(schema: Json) -> None:
    schema["additionalProperties"] = True


def _list(schema: Json) -> None:
    original = dict(schema)
    schema.clear()
    schema.update({"type": "array", "items": original, "minItems": 1})


def _words(*more: str) -> Callable[[Json], None]:
    return lambda schema: schema["enum"].extend(more)


DEVIATIONS = (
    Deviation(
        "What is not set is null.",
        "recorded; edited_on and reporter: seen by JetBrains' and GitLab's importers",
        (
            "issue.assignee",
            "issue.reporter",
            "issue.component",
            "issue.milestone",
            "issue.version",
            "issue.edited_on",
            "comment.user",
            "comment.updated_on",
            "comment.content.raw",
            "issue_change.user",
            "issue_change.message.raw",
        ),
        _or_null,
    ),
    Deviation(
        "A text says that its type is rendered.",
        "recorded",
        ("issue.content", "comment.content", "issue_change.message"),
        _open,
    ),
    Deviation(
        "The address of an attachment is a list of one.",
        "recorded; gildas/bitbucket-cli requires it",
        ("issue_attachment.links.self.href",),
        _list,
    ),
    Deviation(
        "A change can also be of assignee_account_id and attachment.",
        "recorded",
        ("issue_change.changes",),
        _open,
    ),
    Deviation(
        "A change has the address of its place on the page, and not that of its issue.",
        "recorded",
        ("issue_change.links",),
        _open,
    ),
    Deviation(
        "A job can have ended well, and says percent as well as pct.",
        "the specification's own prose, and its examples until 2023",
        ("issue_job_status.status",),
        _words("SUCCESS"),
    ),
    Deviation(
        "A job says percent as well as pct. message, report and dry_run are ours.",
        "the specification's own prose, and its examples until 2023",
        ("issue_job_status",),
        _open,
    ),
    Deviation(
        "An error can name fields.",
        "seen by renovate and sentry",
        ("error.error",),
        _open,
    ),
    Deviation(
        "The detail of a missing scope is an object.",
        "seen by sonarqube",
        ("error.error.detail",),
        lambda schema: schema.pop("type"),
    ),
    Deviation(
        "A repository with a tracker has the address of its issues, and those of branches and tags",
        "recorded by labscript-suite",
        ("repository.links",),
        _open,
    ),
    Deviation(
        "A repository without code has no main branch.",
        "seen by GitLab's importer",
        ("repository.mainbranch",),
        _or_null,
    ),
)


@cache
def _mended(group: str) -> Json:
    definitions: Json = json.loads(json.dumps(specification(group)["definitions"]))
    for deviation in DEVIATIONS:
        for place in deviation.places:
            name, *members = place.split(".")
            if name in definitions:
                found = definitions[name]
                for member in members:
                    found = _member(found, member)
                deviation.change(found)
    return definitions


def _member(schema: Json, name: str) -> Json:
    """The schema of a member; objects are often put together of several."""
    for part in [schema, *schema.get("allOf", [])]:
        found: Json | None = part.get("properties", {}).get(name)
        if found is not None:
            return found
    raise LookupError(name)
