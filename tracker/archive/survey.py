"""Read one database of an archive from end to end: check every rule, count everything."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from tracker.archive.joining import digest
from tracker.archive.people import People
from tracker.archive.records import Comment, Log, Meta
from tracker.archive.rules import MOST_NAMES, Rules
from tracker.archive.stream import Document
from tracker.errors import Invalid

RECORDS = ("issues", "comments", "logs", "attachments")
CATEGORIES = {"components": "component", "milestones": "milestone", "versions": "version"}


class Survey:
    """What one database holds. digests don't depend on the order of the records."""

    def __init__(self, document: Document, rules: Rules, people: People) -> None:
        self.document = document
        self.rules = rules
        self.people = people
        self.meta = Meta()
        self.counts: Counter[str] = Counter()
        self.digests: Counter[str] = Counter()
        self.declared: dict[str, dict[str, None]] = {section: {} for section in CATEGORIES}
        self.highest_comment = 0
        self._repeated: Counter[str] = Counter()

    def run(
        self,
        chunks: Iterable[bytes],
        look: Callable[[Any], None],
        *,
        digests: bool,
    ) -> None:
        """Read the text in chunks; look is called with each record and with meta.

        Raises Invalid naming the first fault.
        """
        for section, index, raw in self.document.walk(chunks):
            if section in RECORDS and index >= 0:
                record = self.rules.read(section, index, raw)
                self.counts[section] += 1
                if digests:
                    self.digests[section] += digest(record)
                look(record)
                self._note_comment(record)
            elif section in CATEGORIES and index >= 0:
                self._declare(section, self.rules.read(section, index, raw))
            elif section == "meta":
                self._take_meta(index, raw, look)
            else:
                self._pass_over(section, raw)

    def _note_comment(self, record: Any) -> None:
        if isinstance(record, Comment):
            self.highest_comment = max(self.highest_comment, record.id or 0)
        elif isinstance(record, Log):
            self.highest_comment = max(self.highest_comment, record.comment or 0)

    def _take_meta(self, index: int, raw: Any, look: Callable[[Any], None]) -> None:
        if index >= 0:
            raise Invalid(f"{self.document.name}: meta: Must be an object.")
        if raw is not None:
            self.meta = self.rules.read("meta", index, raw)
            look(self.meta)

    def _pass_over(self, section: str, raw: Any) -> None:
        if section not in RECORDS and section not in CATEGORIES:
            self.rules.unknown[section] += 1
        elif raw is not None:
            raise Invalid(f"{self.document.name}: {section}: Must be a list.")

    def _declare(self, section: str, name: str) -> None:
        names = self.declared[section]
        if len(names) >= MOST_NAMES:
            raise Invalid(f"{self.document.name}: {section}: There are more than {MOST_NAMES}.")
        self._repeated[section] += name in names
        names[name] = None

    def undeclared(self) -> dict[str, list[str]]:
        """Names that issues or meta use, by component, milestone and version."""
        return {
            category: [
                name for name in self.rules.used[category] if name not in self.declared[section]
            ]
            for section, category in CATEGORIES.items()
        }

    def warnings(self) -> list[str]:
        """What was filled in, and what there is no place for."""
        name = self.document.name
        defaults = {
            "status": "new",
            "kind": self.meta.default_kind or "bug",
            "priority": "major",
            "updated_on": "created_on",
        }
        return [
            *(
                f"{name}: issues without a {key}: {count}; {defaults[key]} was taken."
                for key, count in sorted(self.rules.omitted.items())
            ),
            *(
                f"{name}: {key} is unknown and was left out ({count} times)."
                for key, count in sorted(self.rules.unknown.items())
            ),
            *(
                f"{name}: {section}: {count} names are there twice and were taken once."
                for section, count in sorted(self._repeated.items())
                if count
            ),
        ]

    def disagreements(self, other: "Survey") -> list[str]:
        """Sections in which the other database does not say the same."""
        return [
            f"{other.document.name} and {self.document.name} disagree about {section} "
            f"({other.counts[section]} and {self.counts[section]} records); "
            f"{self.document.name} was taken."
            for section in RECORDS
            if (self.counts[section], self.digests[section])
            != (other.counts[section], other.digests[section])
        ]
