"""What an import found and did: the report that is kept on its job."""

import json
from dataclasses import dataclass, field
from typing import Any

from tracker.escaping import escaped

MOST_LISTED = 1000
"""Entries of one list in a report; what goes beyond is only counted."""


class Findings:
    """A list that stops growing at MOST_LISTED and counts on; its entries are escaped."""

    def __init__(self) -> None:
        self._entries: list[str] = []
        self._total = 0

    def add(self, *entries: str) -> None:
        """Note each of the sentences."""
        self._total += len(entries)
        self._entries += map(escaped, entries[: max(0, MOST_LISTED - len(self._entries))])

    def put_first(self, entry: str) -> None:
        """Note a sentence that must not be left out, however many there are."""
        self._total += 1
        self._entries.insert(0, entry)

    def as_list(self) -> list[str]:
        """The entries, and a last one that says how many more there were."""
        more = self._total - len(self._entries)
        return [*self._entries, *([f"... and {more} more"] if more else [])]


@dataclass(slots=True)
class Report:
    """Rows per section, and sentences about what was not as it should be."""

    counts: dict[str, int]
    warnings: Findings = field(default_factory=Findings)
    unresolved: Findings = field(default_factory=Findings)
    missing_files: Findings = field(default_factory=Findings)
    placeholders: Findings = field(default_factory=Findings)

    def as_dict(self) -> dict[str, Any]:
        """As JSON: {"counts": {...}, "warnings": [...], "unresolved": [...], ...}."""
        return {
            "counts": self.counts,
            "warnings": self.warnings.as_list(),
            "unresolved": self.unresolved.as_list(),
            "missing_files": self.missing_files.as_list(),
            "placeholders": self.placeholders.as_list(),
        }


def loaded(text: str) -> dict[str, Any]:
    """The report that a job's row keeps as JSON.

    Its entries are escaped here as well: older versions of Pail kept them as they were.
    """
    report: dict[str, Any] = json.loads(text)
    return {
        name: [escaped(entry) for entry in part] if isinstance(part, list) else part
        for name, part in report.items()
    }
