"""How API 1.0 shows things: the shapes of Bitbucket's answers, key by key."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web

from service.api_v1 import links
from service.http.links import AVATAR
from tracker.access.rights import Repository
from tracker.access.workspaces import Workspace
from tracker.database import Row

Json = dict[str, Any]

_AMSTERDAM = ZoneInfo("Europe/Amsterdam")
"""The zone of times without one: Bitbucket showed them so."""


def nothing() -> web.Response:
    """What DELETE answers; a client compares the text of the status line."""
    return web.Response(status=204, reason="NO CONTENT")


def utc(time: str) -> str:
    """A time of the tracker's in UTC: 2012-07-29 02:35:38+00:00."""
    return f"{time[:10]} {time[11:19]}+00:00"


def local(time: str) -> str:
    """A time of the tracker's as clocks in Amsterdam showed it: 2012-07-29 04:35:38.

    The last hour of the year 9999 is shown in UTC.
    """
    moment = datetime.fromisoformat(time)
    with suppress(OverflowError):
        moment = moment.astimezone(_AMSTERDAM)
    return moment.isoformat(" ")[:19]


def profile(base: str, row: Row, prefix: str = "") -> Json:
    """The person in the columns prefix + uuid, prefix + display_name and so on.

    1.0 knew first and last names: the display name split at its last space. A person who is known
    by user name only had neither.
    """
    name = row[f"{prefix}display_name"]
    # The nickname of accounts and placeholders is their user name.
    username = row[f"{prefix}nickname"]
    first, _, last = ("" if name == username else name).rpartition(" ")
    return {
        "username": username,
        "first_name": first or last,
        "last_name": last if first else "",
        "display_name": name,
        "is_team": False,
        "avatar": f"{base}{AVATAR.format(row[f'{prefix}uuid'][1:-1])}",
        "resource_uri": links.person(username),
    }


def team(base: str, workspace: Workspace) -> Json:
    """A workspace as the owner of repositories, which was a team in 1.0."""
    return {
        "username": workspace.slug,
        "first_name": workspace.name,
        "last_name": "",
        "display_name": workspace.name,
        "is_team": True,
        "avatar": f"{base}{AVATAR.format(workspace.uuid[1:-1])}",
        "resource_uri": links.person(workspace.slug),
    }


class Representation:
    """The shapes of what is in one repository, for one request's base address."""

    def __init__(self, base: str, repository: Repository) -> None:
        self._uri = links.repository(repository)
        self._base = base
        self._people: dict[str, Json] = {}

    def issue(self, row: Row, comment_count: int | None) -> Json:
        """An issue; row is issues.get's. Without a comment_count neither counter is shown.

        Without a reporter or an assignee the member is absent, not null.
        """
        number = row["number"]
        reporter, responsible = self.person(row, "reporter_"), self.person(row, "assignee_")
        return {
            "status": row["state"],
            "priority": row["priority"],
            "title": row["title"],
            **({} if reporter is None else {"reported_by": reporter}),
            "utc_last_updated": utc(row["updated_on"]),
            **({} if responsible is None else {"responsible": responsible}),
            **({} if comment_count is None else {"comment_count": comment_count}),
            "metadata": {
                "kind": row["kind"],
                "version": row["version"],
                "component": row["component"],
                "milestone": row["milestone"],
            },
            "content": row["content_raw"] or "",
            "created_on": local(row["created_on"]),
            "local_id": number,
            **({} if comment_count is None else {"follower_count": row["watches"]}),
            "utc_created_on": utc(row["created_on"]),
            "resource_uri": f"{self._uri}/issues/{number}",
            "is_spam": False,
        }

    def comment(self, row: Row) -> Json:
        """A comment; row is comments.get's. That of a change without a message has no content."""
        return {
            "content": row["content_raw"],
            "author_info": self.person(row, "user_"),
            "comment_id": row["id"],
            "utc_updated_on": utc(row["updated_on"] or row["created_on"]),
            "utc_created_on": utc(row["created_on"]),
            "is_spam": False,
        }

    def person(self, row: Row, prefix: str) -> Json | None:
        """As profile(), made once for each person on a page; None where the columns are null."""
        uuid = row[f"{prefix}uuid"]
        if uuid is None:
            return None
        shown = self._people.get(uuid)
        if shown is None:
            shown = self._people[uuid] = profile(self._base, row, prefix)
        return shown


def category(row: Mapping[str, Any] | Row) -> Json:
    """A component, milestone or version; row is categories.get's."""
    return {"name": row["name"], "id": row["id"]}


def repository(base: str, found: Repository) -> Json:
    """A repository, in the forms of recorded answers; what belongs to code is there and empty.

    Recordings have no fork_policy but its two halves, and no creator.
    """
    return {
        "scm": "git",
        "has_wiki": False,
        "last_updated": local(found.updated_on),
        "no_forks": False,
        "forks_count": 0,
        "created_on": local(found.created_on),
        "owner": found.workspace_slug,
        "logo": f"{base}{AVATAR.format(found.uuid[1:-1])}",
        "email_mailinglist": "",
        "is_mq": False,
        "size": 0,
        "read_only": False,
        "fork_of": None,
        "mq_of": None,
        "followers_count": 0,
        "state": "available",
        "utc_created_on": utc(found.created_on),
        "website": "",
        "description": found.description,
        "has_issues": found.has_issues,
        "is_fork": False,
        "slug": found.slug,
        "is_private": found.is_private,
        "name": found.name,
        "language": "",
        "utc_last_updated": utc(found.updated_on),
        "email_writers": True,
        "no_public_forks": found.is_private,
        "creator": None,
        "resource_uri": links.repository(found),
    }
