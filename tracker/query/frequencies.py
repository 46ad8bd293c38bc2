"""How frequent trigrams are in texts: by the rare ones a search leaves out most rows."""

from collections import Counter

from tracker.database import Reader
from tracker.database.sql import elements
from tracker.database.trigrams import SIZE

_TEXTS = 300
"""Texts that are looked at; some thousand trigrams are in them."""

_SOME = f"SELECT title, content FROM issue_text WHERE id IN ({elements(':ids')})"


class Frequencies:
    """Counts of trigrams in some of the texts that there are."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._texts = 0
        self._newest = 0

    async def learn(self, db: Reader) -> None:
        """Count, if there are twice as many texts as the last time."""
        [row] = await db.all("SELECT coalesce(max(id), 0) AS newest FROM issue_text")
        newest = int(row["newest"])
        if newest < max(1, 2 * self._newest):
            return
        step = max(1, newest // _TEXTS)
        ids = ",".join(str(number) for number in range(newest, 0, -step))
        counts: Counter[str] = Counter()
        rows = await db.all(_SOME, {"ids": f"[{ids}]"})
        for title, content in rows:
            text = f"{title}\n{content}"
            counts.update({text[place : place + SIZE] for place in range(len(text) - SIZE + 1)})
        self._counts, self._texts, self._newest = counts, len(rows), newest

    def share(self, trigram: str) -> float:
        """In how many of all texts a trigram is, from 0 to 1."""
        return self._counts[trigram] / max(1, self._texts)
