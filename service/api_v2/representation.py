"""How API 2.0 shows things: the shapes of Bitbucket's answers, key by key, with their links."""

from typing import Any, cast
from urllib.parse import quote

from service.http.links import AVATAR
from tracker.access.rights import Repository
from tracker.changes import Change
from tracker.database import Row
from tracker.slugs import issue_slug
from tracker.vocabulary import LOG_NAMES, LOG_UNSET

Json = dict[str, Any]


def person(base: str, row: Row, prefix: str = "") -> Json:
    """The person in the columns prefix + uuid, prefix + display_name and so on."""
    uuid = row[f"{prefix}uuid"]
    quoted = f"%7B{uuid[1:-1]}%7D"
    return {
        "type": "user",
        "display_name": row[f"{prefix}display_name"],
        "uuid": uuid,
        "account_id": row[f"{prefix}account_id"],
        "nickname": row[f"{prefix}nickname"],
        "links": {
            "self": {"href": f"{base}/2.0/users/{quoted}"},
            "html": {"href": f"{base}/{quoted}/"},
            "avatar": {"href": f"{base}{AVATAR.format(uuid[1:-1])}"},
        },
    }


def outlined_workspace(base: str, uuid: str, slug: str, name: str) -> Json:
    """A workspace as it is shown inside something else."""
    return {
        "type": "workspace",
        "uuid": uuid,
        "slug": slug,
        "name": name,
        "links": {
            "self": {"href": f"{base}/2.0/workspaces/{slug}"},
            "html": {"href": f"{base}/{slug}/"},
            "avatar": {"href": f"{base}{AVATAR.format(uuid[1:-1])}"},
        },
    }


def repository_url(base: str, repository: Repository) -> str:
    """The address of a repository in the API."""
    return f"{base}/2.0/repositories/{repository.full_name}"


def issue_url(base: str, repository: Repository, number: int) -> str:
    """The address of an issue in the API."""
    return f"{repository_url(base, repository)}/issues/{number}"


class Representation:
    """The shapes of one repository and of what is in it, for one base address."""

    def __init__(self, base: str, repository: Repository) -> None:
        self.url = repository_url(base, repository)
        self._page = f"{base}/{repository.full_name}"
        self._base = base
        self._repository = repository
        self._people: dict[str, Json] = {}
        self._condensed: Json = {
            "type": "repository",
            "name": repository.name,
            "full_name": repository.full_name,
            "uuid": repository.uuid,
            "links": {
                "self": {"href": self.url},
                "html": {"href": self._page},
                "avatar": {"href": f"{base}{AVATAR.format(repository.uuid[1:-1])}"},
            },
        }

    def repository(self, owner: Row) -> Json:
        """The repository itself, empty of code; owner is what repositories.get found beside it."""
        own = self._repository
        links = {**self._condensed["links"], **self._code_links()}
        if own.has_issues:
            links["issues"] = {"href": f"{self.url}/issues"}
        return {
            **self._condensed,
            "slug": own.slug,
            "description": own.description,
            "is_private": own.is_private,
            "has_issues": own.has_issues,
            "has_wiki": False,
            "scm": "git",
            "fork_policy": "no_public_forks" if own.is_private else "allow_forks",
            "language": "",
            "size": 0,
            "website": None,
            "mainbranch": None,
            "created_on": own.created_on,
            "updated_on": own.updated_on,
            "owner": person(self._base, owner, "owner_"),
            "workspace": outlined_workspace(
                self._base, own.workspace_uuid, own.workspace_slug, own.workspace_name
            ),
            "links": links,
        }

    def _code_links(self) -> Json:
        """Where the code would be: GitLab's importer fails without clone."""
        return {
            **{name: {"href": f"{self.url}/{name}"} for name in ("commits", "downloads", "forks")},
            "branches": {"href": f"{self.url}/refs/branches"},
            "tags": {"href": f"{self.url}/refs/tags"},
            "pullrequests": {"href": f"{self.url}/pullrequests"},
            "watchers": {"href": f"{self.url}/watchers"},
            "clone": [{"name": "https", "href": f"{self._page}.git"}],
        }

    def user_permission(self, row: Row) -> Json:
        """What a member may do here; row is members.get's."""
        user = person(self._base, row, "user_")
        url = f"{self.url}/permissions-config/users/%7B{user['uuid'][1:-1]}%7D"
        return {
            "type": "repository_user_permission",
            "permission": row["permission"],
            "user": user,
            "repository": self._condensed,
            "links": {"self": {"href": url}},
        }

    def permission(self, row: Row) -> Json:
        """What a person may do here, in lists of many repositories; row is a members.Grant's."""
        return {
            "type": "repository_permission",
            "permission": row["permission"],
            "user": person(self._base, row, "user_"),
            "repository": self._condensed,
        }

    def issue(self, row: Row, html: str) -> Json:
        """An issue, full; row is issues.get's."""
        # A Row goes through its columns for every name.
        row = cast(Row, dict(zip(row.keys(), row, strict=True)))
        number = row["number"]
        url = f"{self.url}/issues/{number}"
        page = f"{self._page}/issues/{number}/{issue_slug(row['title'])}"
        return {
            "type": "issue",
            "id": number,
            "repository": self._condensed,
            "links": {
                "self": {"href": url},
                "html": {"href": page},
                "comments": {"href": f"{url}/comments"},
                "attachments": {"href": f"{url}/attachments"},
                "watch": {"href": f"{url}/watch"},
                "vote": {"href": f"{url}/vote"},
            },
            "title": row["title"],
            # An issue always has a text, if an empty one; only comments can be without.
            "content": _rendered(row, row["content_raw"] or "", html),
            "reporter": self._person(row, "reporter_"),
            "assignee": self._person(row, "assignee_"),
            "state": row["state"],
            "kind": row["kind"],
            "priority": row["priority"],
            "component": self._filed(row, "component"),
            "milestone": self._filed(row, "milestone"),
            "version": self._filed(row, "version"),
            "votes": row["votes"],
            "watches": row["watches"],
            "created_on": row["created_on"],
            "updated_on": row["updated_on"],
            "edited_on": row["edited_on"],
        }

    def comment(self, issue: Row, row: Row, html: str) -> Json:
        """A comment; issue is issues.outline's row, row comments.get's."""
        number = issue["number"]
        return {
            "type": "issue_comment",
            "id": row["id"],
            "issue": self._outline(issue),
            "content": _rendered(row, row["content_raw"], html),
            "user": self._person(row, "user_"),
            "created_on": row["created_on"],
            "updated_on": row["updated_on"],
            "links": {
                "self": {"href": f"{self.url}/issues/{number}/comments/{row['id']}"},
                "html": {"href": f"{self._page}/issues/{number}#comment-{row['id']}"},
            },
        }

    def change(self, issue: Row, change: Change, html: str) -> Json:
        """A change; issue is issues.outline's row, html its comment's."""
        number, row = issue["number"], change.comment
        return {
            "type": "issue_change",
            "id": change.id,
            "issue": self._outline(issue),
            "changes": _changes(change),
            "message": _rendered(row, row["content_raw"], html),
            "user": self._person(row, "user_"),
            "created_on": row["created_on"],
            "links": {
                "self": {"href": f"{self.url}/issues/{number}/changes/{change.id}"},
                "html": {"href": f"{self._page}/issues/{number}#comment-{change.id}"},
            },
        }

    def attachment(self, number: int, name: str) -> Json:
        """An attachment; its href is a list of one, as Bitbucket's was."""
        url = f"{self.url}/issues/{number}/attachments/{quote(name, safe='')}"
        return {
            "type": "issue_attachment",
            "name": name,
            "links": {"self": {"href": [url]}},
        }

    def category(self, kind: str, category_id: int, name: str) -> Json:
        """A component, milestone or version as its own address shows it."""
        url = f"{self.url}/{kind}s/{category_id}"
        return {"type": kind, "id": category_id, "name": name, "links": {"self": {"href": url}}}

    def _person(self, row: Row, prefix: str) -> Json | None:
        """As person(), made once for each person on a page; None where the columns are null."""
        uuid = row[f"{prefix}uuid"]
        if uuid is None:
            return None
        shown = self._people.get(uuid)
        if shown is None:
            shown = self._people[uuid] = person(self._base, row, prefix)
        return shown

    def _filed(self, row: Row, kind: str) -> Json | None:
        """A category as an issue shows it: without its id."""
        name = row[kind]
        if name is None:
            return None
        url = f"{self.url}/{kind}s/{row[f'{kind}_id']}"
        return {"type": kind, "name": name, "links": {"self": {"href": url}}}

    def _outline(self, issue: Row) -> Json:
        return {
            "type": "issue",
            "id": issue["number"],
            "title": issue["title"],
            "repository": self._condensed,
            "links": {"self": {"href": f"{self.url}/issues/{issue['number']}"}},
        }


def _rendered(row: Row, raw: str | None, html: str) -> Json:
    return {"type": "rendered", "raw": raw, "markup": row["content_markup"], "html": html}


def _changes(change: Change) -> dict[str, Json]:
    """The log rows of a change by field; of several for one field, the first old and last new."""
    shown: dict[str, Json] = {}
    for log in change.logs:
        name = LOG_NAMES[log["field"]]
        # Where an attachment lay was never shown: its old value is null in every recording.
        old = None if name == "attachment" else _value(name, log["changed_from"])
        new = _value(name, log["changed_to"])
        shown.setdefault(name, {"old": old})["new"] = new
    return shown


def _value(name: str, value: str | None) -> str:
    return "" if value is None or (value == "None" and name in LOG_UNSET) else value
