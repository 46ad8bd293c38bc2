"""Archives of trackers that never were: made from a seed, zipped exactly as Pail exports them."""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from tracker import clock
from tracker.archive.records import Attachment, Comment, Issue, Log, Meta, Person
from tracker.archive.writing import StoredAttachment, Writer
from tracker.vocabulary import Kind, Priority, State

_CHUNK = 1 << 16
_BEGINNING = datetime(2012, 1, 1, tzinfo=UTC)
_MIB = 1 << 20
_PEOPLE = 40
_WORDS = 4_000
_RARE = range(2, 7)
"""How often a rare word stands in the 50,000 words that all texts are cut from."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much a tracker holds; texts are words, files and their sum are counts and bytes.

    Every second file is random bytes, as good as a picture; the others are words, like a log.
    """

    name: str
    issues: int
    comments: int
    logs: int
    issue_words: int = 60
    comment_words: int = 30
    files: int = 0
    file_bytes: int = 0


SERVED = Size("served", issues=1_000, comments=4_000, logs=1_000)
"""What the API is asked for."""

TEN_THOUSAND = Size("ten-thousand", issues=10_000, comments=24_000, logs=5_000)
"""A tracker of some years."""

VAST = Size("vast", issues=100_000, comments=20_000, logs=10_000)
"""A list that is a hundred times as long."""

TALK = Size("talk", issues=1, comments=10_000, logs=0)
"""One issue about which much is said."""

LARGE = Size(
    "large", issues=10_000, comments=40_000, logs=15_000, files=2_000, file_bytes=200 * _MIB
)
"""A tracker of ten years, with its attachments."""

LONG = Size(
    "long", issues=40_000, comments=160_000, logs=60_000, issue_words=280, comment_words=140
)
"""A db-2.0.json of 300 MB."""


def needles(size: Size) -> list[str]:
    """Texts to search for, in no order: rare words of that tracker and parts of them.

    Half a percent of the issues has such a text, more or less.
    """
    prose = _Tracker(size).prose
    words = [word for word, count in Counter(prose).items() if count in _RARE and len(word) > 6]
    parts = {word[start:end] for word in words for start in (0, 1) for end in (None, -1)}
    return random.Random(size.name).sample(sorted(parts), len(parts))


def archive(folder: Path, size: Size) -> Path:
    """The archive of that size, in folder; made once and kept for the next run."""
    path = folder / f"{size.name}.zip"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _Tracker(size).write(folder, path)
    return path


class _Tracker:
    """Hands a made-up tracker to Pail's own writer."""

    def __init__(self, size: Size) -> None:
        self._size = size
        self._random = random.Random(size.name)
        syllables = [a + b for a in "bdfgklmnprst" for b in ("a", "e", "i", "o", "u", "er", "ing")]
        words = ["".join(self._random.choices(syllables, k=1 + n % 4)) for n in range(_WORDS)]
        # A few words are most of what is said, so that it packs about as well as prose.
        weights = [1 / (place + 1) for place in range(_WORDS)]
        self.prose = self._random.choices(words, weights, k=50_000)
        self._people = [
            Person(n, f"user{n}", f"557058:{n:08}-0000-4000-8000-000000000000", f"User Number {n}")
            for n in range(_PEOPLE)
        ]
        self._seconds = 0

    def write(self, spool: Path, target: Path) -> None:
        """Make the zip."""
        size = self._size
        writer = Writer(
            spool,
            workspace="bench",
            slug=size.name,
            name=size.name,
            base_url="http://127.0.0.1:8080",
        )
        with writer:
            writer.meta(Meta(None, "core", "bug", None, None))
            writer.categories(["core", "docs", "ui"], ["1.0", "2.0"], ["0.9", "1.0", "1.1"])
            comment = file = 0
            for number in range(1, size.issues + 1):
                comments = number * size.comments // size.issues
                files = number * size.files // size.issues
                issue = self._issue(number)
                numbers = range(comment + 1, comments + 1)
                writer.issue(
                    issue,
                    map(partial(self._comment, number), numbers),
                    self._logs(number, numbers),
                    (self._file(number, each) for each in range(file, files)),
                )
                comment, file = comments, files
            writer.write(target, self._bytes, lambda done, total: None)

    def _text(self, words: int) -> str:
        start = self._random.randrange(len(self.prose) - 3 * words)
        length = self._random.randrange(words // 2, words * 3 // 2)
        return " ".join(self.prose[start : start + length])

    def _now(self) -> str:
        self._seconds += 977
        return clock.text(_BEGINNING + timedelta(seconds=self._seconds))

    def _issue(self, number: int) -> Issue:
        choose = self._random.choice
        now = self._now()
        return Issue(
            number=number,
            title=self._text(8)[:200].capitalize(),
            content=f"{self._text(self._size.issue_words)}\r\n\r\n**{self._text(4)}**",
            reporter=choose(self._people),
            assignee=choose([None, *self._people[:5]]),
            status=choose([*State]),
            kind=choose([*Kind]),
            priority=choose([*Priority]),
            component=choose([None, "core", "docs", "ui"]),
            milestone=choose([None, "1.0", "2.0"]),
            version=choose([None, "0.9", "1.0", "1.1"]),
            created_on=now,
            updated_on=now,
            content_updated_on=None,
            edited_on=None,
            watchers=self._random.sample(self._people, 3),
            voters=self._random.sample(self._people, number % 2),
        )

    def _comment(self, issue: int, number: int) -> Comment:
        text = self._text(self._size.comment_words)
        return Comment(number, issue, self._random.choice(self._people), text, self._now(), None)

    def _logs(self, issue: int, comments: range) -> Iterator[Log]:
        """Log rows for the first of an issue's comments, one each."""
        before, now = ((issue + more) * self._size.logs // self._size.issues for more in (-1, 0))
        for comment in comments[: now - before]:
            person = self._random.choice(self._people)
            yield Log(issue, comment, person, "status", "new", "open", self._now())

    def _file(self, issue: int, number: int) -> StoredAttachment:
        name = f"{number}.png" if number % 2 else f"{number}.log"
        person = self._random.choice(self._people)
        record = Attachment(issue, "", name, person, None, None)
        length = self._size.file_bytes // self._size.files
        return StoredAttachment(record, number, f"{number:064x}", length)

    def _bytes(self, blob: str) -> Iterator[bytes]:
        """The bytes of a file, whose number stands where its checksum would."""
        source = random.Random(blob)
        left = self._size.file_bytes // self._size.files
        while left > 0:
            if int(blob, 16) % 2:
                chunk = source.randbytes(_CHUNK)
            else:
                start = source.randrange(len(self.prose) // 2)
                chunk = " ".join(self.prose[start : start + 20_000]).encode()
            yield chunk[: min(left, _CHUNK)]
            left -= min(left, len(chunk), _CHUNK)
