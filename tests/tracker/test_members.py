"""Lists of permissions and former names are looked up, and nothing is walked through for them."""

import re

import pytest

from tests.tracker.conftest import Core
from tests.tracker.test_accounts import Explaining
from tracker import query
from tracker.access import members
from tracker.access.members import OWN_PERMISSIONS, REPOSITORY_PERMISSIONS, WORKSPACE_PERMISSIONS
from tracker.access.rights import ADMINISTRATOR, find_repository
from tracker.query import Catalogue
from tracker.query.paging import Listing
from tracker.settings import Settings

_WALKS = re.compile(r"SCAN (a|m|mine|r|w)\b|.*AUTOMATIC")


@pytest.mark.parametrize(
    ("catalogue", "table"),
    [
        (OWN_PERMISSIONS, "account WHERE username = 'bob'"),
        (REPOSITORY_PERMISSIONS, "repository WHERE slug = 'app'"),
        (WORKSPACE_PERMISSIONS, "workspace WHERE slug = 'alice'"),
    ],
)
async def test_permissions_are_found_by_what_they_are_about(
    core: Core, catalogue: Catalogue, table: str
) -> None:
    [about] = await core.values(f"SELECT id FROM {table}")
    reader = Explaining(core.db)
    listing = Listing(query.select(catalogue, Settings().limits))
    page = await members.permissions(reader, ADMINISTRATOR, listing, about)
    assert len(page.items) == page.size > 1
    assert [step for step in reader.plan if _WALKS.match(step)] == []


async def test_a_former_name_is_found_by_its_key(core: Core) -> None:
    await core.db.run(
        """INSERT INTO former_name (workspace_id, slug, repository_id)
           SELECT workspace_id, 'former', id FROM repository WHERE slug = 'app'"""
    )
    reader = Explaining(core.db)
    found = await find_repository(reader, ADMINISTRATOR, "alice", "former")
    assert found.slug == "app"
    assert any(
        re.match(r"SEARCH f .*\(workspace_id=\? AND slug=\?\)", step) for step in reader.plan
    )
