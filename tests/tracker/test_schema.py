"""The schema has the indexes that the code counts on without naming them."""

from collections import defaultdict

from tests.tracker.conftest import Core
from tracker.access import trackers

FOREIGN_KEYS = """
SELECT t.name AS child, k.id, k."from" AS "column"
  FROM sqlite_master t JOIN pragma_foreign_key_list(t.name) k WHERE t.type = 'table'"""

# An index of some rows helps a foreign key if these are all rows where its column is not NULL.
INDEXES = """
SELECT t.name AS child, i.name AS id, c.name AS "column"
  FROM sqlite_master t JOIN pragma_index_list(t.name) i JOIN pragma_index_info(i.name) c
  LEFT JOIN sqlite_master s ON s.name = i.name
 WHERE t.type = 'table' AND (i.partial = 0 OR s.sql LIKE '% WHERE ' ||
        (SELECT name FROM pragma_index_info(i.name) WHERE seqno = 0) || ' IS NOT NULL')
 ORDER BY i.name, c.seqno"""


async def _columns(core: Core, sql: str) -> dict[tuple[str, object], list[str]]:
    """The columns of each foreign key or index, by table and name."""
    found = defaultdict(list)
    for row in await core.rows(sql):
        found[row["child"], row["id"]].append(row["column"])
    return found


async def test_every_foreign_key_has_an_index_that_begins_with_its_columns(core: Core) -> None:
    # Without one, whoever removes a row that is referred to searches through the whole table.
    indexes = await _columns(core, INDEXES)
    keys = await _columns(core, FOREIGN_KEYS)
    assert len(keys) > 30
    bare = [
        (table, columns)
        for (table, _), columns in keys.items()
        if not any(
            of == table and set(index[: len(columns)]) == set(columns)
            for (of, _), index in indexes.items()
        )
    ]
    assert not bare


async def test_everything_that_belongs_to_a_tracker_or_an_issue_is_listed(core: Core) -> None:
    rows = await core.rows(
        """SELECT t.name AS child, k."table" AS parent, k."from" AS "column"
             FROM sqlite_master t JOIN pragma_foreign_key_list(t.name) k WHERE t.type = 'table'"""
    )
    of_trackers = {row["child"] for row in rows if row["column"] == "tracker_id"}
    assert of_trackers - {"repository", "job"} == trackers.TABLES.keys()  # these name a tracker
    listed = list(trackers.TABLES)
    for row in rows:
        child, parent = row["child"], row["parent"]
        if {child, parent} <= trackers.TABLES.keys() and child != parent:
            assert listed.index(child) < listed.index(parent), f"{child} refers to {parent}"
        if parent in ("issue", "comment") and row["column"] == "issue_number":
            assert trackers.TABLES[child].issue == "issue_number"
    columns = await core.rows(
        """SELECT t.name AS child, c.name AS "column", c.pk FROM sqlite_master t
             JOIN pragma_table_info(t.name) c WHERE t.type = 'table'"""
    )
    for table, (key, issue) in trackers.TABLES.items():
        names = [row["column"] for row in columns if row["child"] == table and row["pk"]]
        assert set(key.split(", ")) == set(names) - {"tracker_id"}
        assert issue is None or issue in {r["column"] for r in columns if r["child"] == table}
