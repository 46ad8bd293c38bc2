"""The schema has the indexes that the code counts on without naming them."""

from collections import defaultdict

from tests.tracker.conftest import Core

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
