"""One database of an archive, read from end to end: every rule is tried, everything is counted."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from tracker.archive.joining import digest
from tracker.archive.people import People
from tracker.archive.records import Meta
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
            elif section in CATEGORIES and index >= 0:
                self._declare(section, self.rules.read(section, index, raw))
            elif section == "meta" and index < 0:
                if raw is not None:
                    self.meta = self.rules.read(section, index, raw)
                    look(self.meta)
            elif (section in RECORDS or section in CATEGORIES) and raw is not None:
                raise Invalid(f"{self.document.name}: {section}: Must be a list.")
            elif section == "meta":
                raise Invalid(f"{self.document.name}: meta: Must be an object.")

    def _declare(self, section: str, name: str) -> None:
        names = self.declared[section]
        if len(names) >= MOST_NAMES:
            raise Invalid(f"{self.document.name}: {section}: There are more than {MOST_NAMES}.")
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
        """What was filled in."""
        defaults = {
            "status": "new",
            "kind": self.meta.default_kind or "bug",
            "priority": "major",
        }
        return [
            f"{self.document.name}: issues without a {key}: {count}; {defaults[key]} was taken."
            for key, count in sorted(self.rules.omitted.items())
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
