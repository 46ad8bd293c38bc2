"""What texts refer to: issues and people, looked up once for a page and put where marks are."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape, unescape
from operator import itemgetter

from tracker.access import accounts
from tracker.access.rights import Actor, Repository
from tracker.database import Reader
from tracker.database.sql import elements
from tracker.issues import join_person, person
from tracker.markup import marks
from tracker.slugs import issue_slug
from tracker.vocabulary import State

_STRUCK = frozenset({State.RESOLVED, State.CLOSED, State.DUPLICATE, State.WONTFIX, State.INVALID})
"""States whose issues are struck through where texts name them (recorded answers)."""

# A username finds those only who have to do with the repository: a text is no way to ask who has an
# account, or whom a private archive names. An account_id is known only to whom an answer has named
# its owner already.
_IS_HERE = f"""(a.id = (SELECT owner_id FROM workspace WHERE id = :workspace)
            OR a.id IN (SELECT account_id FROM member WHERE repository_id = :repository)
            OR {accounts.is_in(":tracker")})"""

_NAMED = "(SELECT value FROM name)"

_FIND = f"""
WITH name (value) AS ({elements(":names")}),
named (name, id, rank) AS (
    SELECT l.named_account_id, l.account_id, 6 FROM alias l
     WHERE l.tracker_id = :tracker AND l.named_account_id IN {_NAMED}
     UNION ALL
    SELECT l.username, l.account_id, 5 FROM alias l
     WHERE l.tracker_id = :tracker AND l.username IN {_NAMED}
     UNION ALL
    SELECT a.account_id, a.id, 4 FROM account a
     WHERE a.workspace_id = :workspace AND a.account_id IN {_NAMED}
     UNION ALL
    SELECT a.username, a.id, 3 FROM account a
     WHERE a.workspace_id = :workspace AND a.username IN {_NAMED} AND {_IS_HERE}
     UNION ALL
    SELECT a.account_id, a.id, 2 FROM account a
     WHERE a.workspace_id IS NULL AND a.tracker_id IS NULL AND a.account_id IN {_NAMED}
     UNION ALL
    SELECT a.username, a.id, 1 FROM account a
     WHERE a.workspace_id IS NULL AND a.tracker_id IS NULL AND a.username IN {_NAMED}
       AND {_IS_HERE})
SELECT n.rank, n.name, a.id, NULL AS number, NULL AS title, NULL AS state, {person("a", "person")}
  FROM named n {join_person("a", "n.id")}
 UNION ALL
SELECT 0, NULL, NULL, i.number, i.title, i.state, NULL, NULL, NULL, NULL
  FROM issue i
 WHERE i.tracker_id = :tracker AND i.number IN ({elements(":numbers")})
"""


@dataclass(frozen=True, slots=True)
class Issue:
    """An issue that a text names."""

    title: str
    state: str


@dataclass(frozen=True, slots=True)
class Person:
    """A person whom a text names; id is the row's, the others are what answers show."""

    id: int
    account_id: str
    display_name: str


@dataclass(frozen=True, slots=True)
class References:
    """The issues and people that texts name: by number, and as they are named."""

    issues: Mapping[int, Issue]
    people: Mapping[str, Person]


NONE = References({}, {})
"""What texts without marks name."""


async def find(reader: Reader, repository: Repository, htmls: Iterable[str | None]) -> References:
    """What the marks in these texts name: issues of the repository's tracker, and people.

    One query, or none where nothing is named. People are named by account_id or by username, which
    is the nickname as well. The person whom the tracker's archive calls so comes first, then that
    of the workspace, then an account. A username finds only reporters, assignees and authors of
    comments there, members, and the workspace's owner.
    """
    named = {mark for html in htmls if html for mark in marks.find(html)}
    numbers = [int(mark[1:]) for mark in named if mark[0] == "#"]
    names = [unescape(mark[2:-1]) for mark in named if mark[0] == "@"]
    if not numbers and not names:
        return NONE
    rows = await reader.all(
        _FIND,
        {
            "numbers": json.dumps(numbers),
            "names": json.dumps(names),
            "tracker": repository.tracker_id,
            "workspace": repository.workspace_id,
            "repository": repository.id,
        },
    )
    return References(
        {row["number"]: Issue(row["title"], row["state"]) for row in rows if not row["rank"]},
        {
            row["name"]: Person(row["id"], row["person_account_id"], row["person_display_name"])
            for row in sorted(rows, key=itemgetter("rank"))  # so that the highest one stays
            if row["rank"]
        },
    )


def fill(
    htmls: Sequence[str], found: References, base_url: str, repository: Repository, actor: Actor
) -> list[str]:
    """The texts as they are shown: each mark is a link or a name, or text where nothing is known.

    base_url is what links start with; actor is who reads.
    """
    filling = _Filling(found, base_url, repository, actor)
    return [marks.fill(html, filling.shown) for html in htmls]


class _Filling:
    """What marks become for one reader."""

    def __init__(
        self, found: References, base_url: str, repository: Repository, actor: Actor
    ) -> None:
        self._found = found
        self._path = f"/{repository.full_name}"
        self._home = escape(f"{base_url}{self._path}")
        self._reader = actor.id

    def shown(self, mark: str) -> str:
        """The HTML for a mark."""
        match mark[0]:
            case "#":
                return self._issue(mark)
            case "@":
                return self._person(mark)
            case ".":
                # As in Bitbucket, where the last commit's hash stood for HEAD.
                return f"{self._path}/src/HEAD/{mark[2:]}"
        return (
            f'<a href="{self._home}/commits/{mark}" rel="nofollow" class="ap-connect-link">'
            f"{mark}</a>"
        )

    def _issue(self, mark: str) -> str:
        number = int(mark[1:])
        issue = self._found.issues.get(number)
        if issue is None:
            return mark
        text = f"<s>{mark}</s>" if issue.state in _STRUCK else mark
        return (
            f'<a href="{self._home}/issues/{number}/{issue_slug(issue.title)}" rel="nofollow" '
            f'title="{escape(issue.title)}" class="ap-connect-link">{text}</a>'
        )

    def _person(self, mark: str) -> str:
        named = self._found.people.get(unescape(mark[2:-1]))
        if named is None:
            return mark
        name = "ap-mention ap-mention-me" if named.id == self._reader else "ap-mention"
        return (
            f'<span class="{name}" data-atlassian-id="{escape(named.account_id)}">'
            f"@{escape(named.display_name, quote=False)}</span>"
        )
