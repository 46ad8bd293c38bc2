"""Pail as client libraries find it: started by `pail up`, with the people that every test knows."""

import shutil
from collections.abc import Iterator

import pytest

from tests.conftest import World
from tests.running.test_up import address, up


@pytest.fixture(scope="module")
def url(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where Pail answers for all tests of the module."""
    folder = tmp_path_factory.mktemp("clients")
    (folder / "data").mkdir()
    shutil.copy(world.database, folder / "data" / "pail.db")
    with up(folder) as run:
        yield address(run)
