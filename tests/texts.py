"""Texts that steer terminals, forge lines or can't be stored, and how to find them again."""

import unicodedata

from tests.archives import ALICE, Sample, attachment, comment, issue, log, sample

LONE = "\ud800"
"""A lone surrogate: neither UTF-8 nor SQLite can hold it. Keys alone may have one in an archive."""

STEERING = "\x1b[31m\x1b]0;title\x07\r\n\t\x08\x7f\x85\x9b2J\u202e\u2066\u2028\u2029end"
"""What terminals obey: C0, DEL and C1, ends of lines, and marks that turn the line round."""

SHOWN = (
    r"\x1b[31m\x1b]0;title\x07\r\n\t\x08\x7f\x85\x9b2J\u202e\u2066\u2028\u2029end"  # of STEERING
)

_TURNING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def steering(text: str) -> list[str]:
    """The characters of a text that nobody's data may bring to a terminal, ends of lines too."""
    return [
        character
        for character in text
        if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")
        or unicodedata.bidirectional(character) in _TURNING
    ]


def everywhere() -> Sample:
    """A sample that comes in, with such texts wherever a report may quote one."""
    person = {"display_name": STEERING, "account_id": f"557058:{STEERING}"}
    key = f"{STEERING}{LONE}"
    return sample(
        components=[{"name": "core"}, {"name": "core"}, {"name": STEERING, key: 1}],
        issues=[
            issue(1, reporter=person, component="core", milestone=STEERING, **{key: 1}),
            issue(3, version=STEERING, watchers=[ALICE, person], voters=[person]),
        ],
        attachments=[attachment("attachments/\x9b\u202e\u2028", filename=STEERING, user=person)],
        comments=[comment(100, user=person, content=STEERING, **{key: 1})],
        logs=[log(100, user=person, changed_from=STEERING), log(999, user=person)],
        **{key: [], f"k{key}": {key: key}},
    )


EXTRA = {"attachments/\x9b\u202e\u2028more": b"nobody names it"}
"""A file of that archive."""
