"""Tell the markup of an archive's texts, which no archive says.

On 2012-10-09 at 18:00 UTC Bitbucket changed from creole to markdown. Comments kept their markup.
Bodies of issues mostly became markdown; two signs show those that did not.
"""

import re
from enum import StrEnum

from tracker.archive.records import Issue

SWITCH = "2012-10-09T18:00:00.000000+00:00"
"""Comments that are older are creole; none of 152 recorded ones is an exception."""

_FIRST_EDIT = "2012-10-05"
_CODE = re.compile(r"^\{\{\{[^\S\n]*$", re.MULTILINE)


class Sign(StrEnum):
    """Why the body of an issue is taken as creole, in words for the report."""

    EDITED = "edited from 2012-10-05 to 2012-10-09"
    CODE = "with {{{ on a line of its own"


def sign_of_creole(issue: Issue) -> Sign | None:
    """What tells that the issue's body is creole; None means markdown."""
    if _FIRST_EDIT <= (issue.content_updated_on or "") < SWITCH:
        return Sign.EDITED
    if issue.created_on < SWITCH and _CODE.search(issue.content or ""):
        return Sign.CODE
    return None
