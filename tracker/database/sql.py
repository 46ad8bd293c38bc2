"""SQL beyond what SQLite and PostgreSQL share: what an engine has its own words for.

Statements elsewhere are plain SQL of both engines and use these for the rest. A second engine needs
its own text for each of them and of those in trigrams.py, the verbs of interface.py, and the
triggers called rights_* and issue_count_* in schema.sql.
"""


def larger(one: str, other: str) -> str:
    """The larger of two expressions; null where one of them is null."""
    return f"max({one}, {other})"


def contains(text: str, part: str) -> str:
    """Whether one text contains another, compared as they are."""
    return f"instr({text}, {part}) > 0"


def fold(text: str) -> str:
    """A text without case, its accents composed, as folding.fold() makes it; null stays null."""
    return f"fold({text})"


def elements(array: str) -> str:
    """A query for the elements of a JSON array of texts or numbers, in a column called value."""
    return f"SELECT value FROM json_each({array})"


def by_index(table: str, index: str) -> str:
    """A table that is read in the order of an index; an engine that can't be told takes any way."""
    return f"{table} INDEXED BY {index}"


def without_index(expression: str) -> str:
    """An expression that is compared and sorted by without the help of an index."""
    return f"+{expression}"
