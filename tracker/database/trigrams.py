"""The index of texts: proposes rows that may contain a text; the rows themselves decide.

It has the three characters from each place of every folded text in issue_text, by the row's id. An
edited text gets a new id, so the index is only added to; ids that are gone do no harm. Rows above
the counter `indexed` are not in it yet. A second engine needs its own text for each of these.
"""

from collections.abc import Callable

SIZE = 3
"""Characters; the index does not know shorter texts."""

_COMMON = 0.4
"""Of all rows: where a text's rarest trigram is in more of them, all are looked at instead."""

_ENOUGH = 0.002
"""Of all rows: as soon as a text's trigrams may leave no more, further ones are not asked for."""

_MOST_PARTS = 8

_MOST_LENGTH = 2000
"""Characters of an expression, which the index has to read."""

Needles = str | tuple[str, tuple["Needles", ...]]
"""Folded texts that rows have: one, or AND or OR of several."""

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


def is_usable(text: str) -> bool:
    """Whether the index can look for a folded text."""
    return len(text) >= SIZE and "\0" not in text


def expression(needles: Needles, share: Callable[[str], float]) -> str | None:
    """What to ask the index for rows that may have the needles; None: any row may.

    share tells in how many of all rows a trigram is, more or less, from 0 to 1.
    """
    if isinstance(needles, str):
        return _trigrams(needles, share)
    word, members = needles
    found = [expression(member, share) for member in dict.fromkeys(members)]
    if word == "OR" and None in found:
        return None
    known = [part for part in dict.fromkeys(found) if part is not None]
    while word == "AND" and len(" ".join(known)) > _MOST_LENGTH:
        known.pop()
    if not known or len(" ".join(known)) > _MOST_LENGTH:
        return None
    return known[0] if len(known) == 1 else f" {word} ".join(f"({part})" for part in known)


def _trigrams(text: str, share: Callable[[str], float]) -> str | None:
    """The expression for the rarest trigrams of a text."""
    trigrams = {text[place : place + SIZE] for place in range(len(text) - SIZE + 1)}
    ranked = sorted((share(trigram), trigram) for trigram in trigrams)[:_MOST_PARTS]
    if ranked[0][0] > _COMMON:
        return None
    parts, left = [], 1.0
    for part, trigram in ranked:
        if left <= _ENOUGH:
            break
        parts.append(_quoted(trigram))
        left *= part
    return " AND ".join(parts)


def _quoted(trigram: str) -> str:
    return '"{}"'.format(trigram.replace('"', '""'))
