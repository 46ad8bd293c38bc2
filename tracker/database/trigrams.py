"""The index of texts: proposes rows that may contain a text; the rows themselves decide.

It has the three characters from each place of every folded text in issue_text, by the row's id. An
edited text gets a new id, so the index is only added to; ids that are gone do no harm. Rows above
the counter `indexed` are not in it yet. A second engine needs its own text for each of these.
"""

from collections.abc import Sequence

SIZE = 3
"""Characters; the index does not know shorter texts."""

_MOST_PARTS = 12
"""Of one text that is looked for: more would hardly leave out any further row."""

_MOST_LENGTH = 2000
"""Characters of an expression, which the index has to read."""

CANDIDATES = """
SELECT t.number FROM issue_trigram CROSS JOIN issue_text t ON t.id = issue_trigram.rowid
 WHERE issue_trigram MATCH :match AND t.tracker_id = :tracker
 UNION ALL
SELECT number FROM issue_text
 WHERE id > (SELECT value FROM counter WHERE name = 'indexed') AND +tracker_id = :tracker
 LIMIT :most"""
"""The numbers of a tracker's issues whose texts may match, at most so many."""

ADD = "INSERT INTO issue_trigram (rowid, texts) VALUES (?, ?)"
"""Add the texts of a row, as indexed() makes them of it."""

CLEAR = "INSERT INTO issue_trigram (issue_trigram) VALUES ('delete-all')"


def indexed(title: str, content: str) -> str:
    """What the index takes of a row; it would read up to a NUL."""
    return f"{title}\n{content}".replace("\0", "\n")


def contains(text: str) -> str | None:
    """The expression for rows that may contain a folded text; None: any row may."""
    if len(text) < SIZE or "\0" in text:
        return None
    places = range(len(text) - SIZE + 1)
    step = -(-len(places) // _MOST_PARTS)
    parts = dict.fromkeys(text[place : place + SIZE] for place in places[::step])
    return " AND ".join('"{}"'.format(part.replace('"', '""')) for part in parts)


def all_of(parts: Sequence[str | None]) -> str | None:
    """The expression for rows that may match all of these; None: any row may."""
    known = [part for part in dict.fromkeys(parts) if part is not None]
    while len(" ".join(known)) > _MOST_LENGTH:
        known.pop()
    return _joined(known, "AND")


def any_of(parts: Sequence[str | None]) -> str | None:
    """The expression for rows that may match one of these; None: any row may."""
    known = [part for part in dict.fromkeys(parts) if part is not None]
    is_known = None not in parts and len(" ".join(known)) <= _MOST_LENGTH
    return _joined(known, "OR") if is_known else None


def _joined(parts: Sequence[str], word: str) -> str | None:
    if len(parts) < 2:
        return parts[0] if parts else None
    return f" {word} ".join(f"({part})" for part in parts)
