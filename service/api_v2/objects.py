"""The objects in API 2.0's answers as marshmallow schemas: for the OpenAPI document and for tests.

Nothing is dumped through them: representation.py makes the answers, and the tests hold every one
of them against these. A member that is not here is an error there.
"""

from functools import cache, partial
from typing import Any

from marshmallow import Schema, fields, validate

from tracker import fields as rules
from tracker.access.workspaces import WorkspaceRole
from tracker.vocabulary import LOG_NAMES, JobStatus, Permission, Phase

_Text = partial(fields.String, required=True)
_Whole = partial(fields.Integer, required=True)
_Flag = partial(fields.Boolean, required=True)
_Time = partial(fields.DateTime, required=True)
_Nested = partial(fields.Nested, required=True)


def _type(*words: str) -> fields.String:
    """The member that says what kind of thing an object is."""
    return _Text(validate=validate.OneOf(words))


def _uuid() -> fields.String:
    return _Text(metadata={"description": "A UUID in braces.", "pattern": r"^\{[0-9a-f-]{36}\}$"})


def _address() -> fields.String:
    return fields.String(required=True, metadata={"format": "uri"})


class Link(Schema):
    """Where something is: an absolute address."""

    href = _address()


class FileLink(Schema):
    """Where a file is: a list of one address, as Bitbucket showed it (not what its spec says)."""

    href = fields.List(_address(), required=True, validate=validate.Length(equal=1))


def _links(
    *names: str, optional: tuple[str, ...] = (), **others: fields.Field[Any]
) -> fields.Nested:
    """The addresses of something, by name."""
    members: dict[str, fields.Field[Any]] = {
        name: fields.Nested(Link, required=name not in optional) for name in names
    }
    return _Nested(Schema.from_dict({**members, **others}))


class Rendered(Schema):
    """A text: as it was written, and as HTML."""

    type = _type("rendered")
    raw = _Text(allow_none=True)
    markup = rules.markup(required=True)
    html = _Text()


class User(Schema):
    """A person, as others see them."""

    type = _type("user")
    display_name = _Text()
    uuid = _uuid()
    account_id = _Text()
    nickname = _Text()
    links = _links("self", "html", "avatar")


class RepositoryOutline(Schema):
    """A repository, as other things name it."""

    type = _type("repository")
    name = _Text()
    full_name = _Text(metadata={"description": "{workspace}/{repo_slug}"})
    uuid = _uuid()
    links = _links("self", "html", "avatar")


class WorkspaceOutline(Schema):
    """A workspace, as other things name it."""

    type = _type("workspace")
    uuid = _uuid()
    slug = _Text()
    name = _Text()
    links = _links("self", "html", "avatar")


class CloneLink(Link):
    """Where the code would be cloned from."""

    name = _type("https")


_CODE = ("branches", "commits", "downloads", "forks", "pullrequests", "tags", "watchers")
"""What belongs to code, and is empty."""


class Repository(RepositoryOutline):
    """A repository; what belongs to code is there and empty."""

    slug = _Text()
    description = _Text()
    is_private = _Flag()
    has_issues = _Flag()
    has_wiki = _Flag()
    scm = _type("git")
    fork_policy = _type("allow_forks", "no_public_forks", "no_forks")
    language = _Text()
    size = _Whole()
    website = _Text(allow_none=True)
    mainbranch = fields.Dict(required=True, allow_none=True)
    created_on = _Time()
    updated_on = _Time()
    owner = _Nested(User)
    workspace = _Nested(WorkspaceOutline)
    links = _links(
        "self",
        "html",
        "avatar",
        "issues",
        *_CODE,
        optional=("issues",),
        clone=fields.List(fields.Nested(CloneLink), required=True),
    )


@cache
def filed(kind: str) -> type[Schema]:
    """A component, milestone or version as an issue names it."""
    return Schema.from_dict(
        {"type": _type(kind), "name": _Text(), "links": _links("self")},
        name=f"{kind.title()}Outline",
    )


@cache
def category(kind: str) -> type[Schema]:
    """A component, milestone or version as its own address shows it."""
    return Schema.from_dict(
        {"type": _type(kind), "id": _Whole(), "name": _Text(), "links": _links("self")},
        name=kind.title(),
    )


class IssueOutline(Schema):
    """An issue, as its comments and changes name it."""

    type = _type("issue")
    id = _Whole()
    title = _Text()
    repository = _Nested(RepositoryOutline)
    links = _links("self")


class Issue(IssueOutline):
    """An issue; what is not set is null."""

    content = _Nested(Rendered)
    reporter = _Nested(User, allow_none=True)
    assignee = _Nested(User, allow_none=True)
    state = rules.state(required=True)
    kind = rules.kind(required=True)
    priority = rules.priority(required=True)
    component = _Nested(filed("component"), allow_none=True)
    milestone = _Nested(filed("milestone"), allow_none=True)
    version = _Nested(filed("version"), allow_none=True)
    votes = _Whole()
    watches = _Whole()
    created_on = _Time()
    updated_on = _Time()
    edited_on = _Time(
        allow_none=True,
        metadata={"description": "When title or content were last edited; null if never."},
    )
    links = _links("self", "html", "comments", "attachments", "watch", "vote")


class Comment(Schema):
    """A comment. Every change is one, too: without a text its content.raw is null."""

    type = _type("issue_comment")
    id = _Whole()
    issue = _Nested(IssueOutline)
    content = _Nested(Rendered)
    user = _Nested(User, allow_none=True)
    created_on = _Time()
    updated_on = _Time(allow_none=True, metadata={"description": "Null until it is edited."})
    links = _links("self", "html")


class Difference(Schema):
    """A field before and after; empty where it was not set. Long texts are cut."""

    old = _Text(allow_none=True)
    new = _Text(allow_none=True)


class Change(Schema):
    """What a person changed at once. It is a comment, too, of the same id."""

    type = _type("issue_change")
    id = _Whole()
    issue = _Nested(IssueOutline)
    changes = _Nested(
        Schema.from_dict(
            {name: fields.Nested(Difference) for name in sorted(set(LOG_NAMES.values()))}
        )
    )
    message = _Nested(Rendered)
    user = _Nested(User, allow_none=True)
    created_on = _Time()
    links = _links("self", "html")


class Attachment(Schema):
    """A file of an issue. Its address redirects to the address of its bytes."""

    type = _type("issue_attachment")
    name = _Text()
    links = _Nested(Schema.from_dict({"self": fields.Nested(FileLink, required=True)}))


class OtherUser(User):
    """A person, as others see them at their own address."""

    created_on = _Time()
    account_status = _type("active", "inactive")
    is_staff = _Flag()


class Account(OtherUser):
    """An account, as it sees itself."""

    username = _Text()
    has_2fa_enabled = _Flag(allow_none=True)
    website = _Text(allow_none=True)
    location = _Text(allow_none=True)
    links = _links("self", "html", "avatar", "repositories")


class Email(Schema):
    """An address of an account."""

    type = _type("email")
    email = _Text()
    is_primary = _Flag()
    is_confirmed = _Flag()
    links = _links("self")


class Workspace(WorkspaceOutline):
    """A workspace; is_private says that none of its repositories is public."""

    is_private = _Flag()
    created_on = _Time()
    links = _links("self", "html", "avatar", "members", "owners", "projects", "repositories")


class WorkspaceAccess(Schema):
    """One of your workspaces."""

    type = _type("workspace_access")
    administrator = _Flag()
    workspace = _Nested(WorkspaceOutline)


class WorkspaceMembership(Schema):
    """A member of a workspace."""

    type = _type("workspace_membership")
    user = _Nested(User)
    workspace = _Nested(WorkspaceOutline)
    links = _links("self")


class WorkspacePermission(WorkspaceMembership):
    """A member of a workspace, and their role."""

    permission = _type(*WorkspaceRole)


class RepositoryPermission(Schema):
    """What a person may do in a repository."""

    type = _type("repository_permission")
    permission = _type(*Permission)
    user = _Nested(User)
    repository = _Nested(RepositoryOutline)


class RepositoryUserPermission(Schema):
    """The permission of a member of a repository."""

    type = _type("repository_user_permission")
    permission = _type(*Permission, "none")
    user = _Nested(User)
    repository = _Nested(RepositoryOutline)
    links = _links("self")


class Nothing(Schema):
    """A list of nothing."""

    size = _Whole(validate=validate.Equal(0))
    page = _Whole(validate=validate.Equal(1))
    pagelen = _Whole()
    values = fields.List(fields.Raw(), required=True, validate=validate.Length(equal=0))


class Job(Schema):
    """The status of an import or an export. percent, dry_run, message and report are ours."""

    type = _type("issue_job_status")
    status = _type(*JobStatus)
    phase = _type(*Phase)
    total = _Whole()
    count = _Whole()
    pct = _Whole(validate=validate.Range(0, 100))
    percent = _Whole(validate=validate.Range(0, 100))
    dry_run = fields.Boolean()
    message = fields.String(allow_none=True)
    report = fields.Dict(allow_none=True)


class ImportUndo(Schema):
    """How many writes the undo of an import has put out of sight, and how many it has brought back
    (ours)."""

    type = _type("issue_import_undo")
    writes_out_of_sight = _Whole()
    writes_brought_back = _Whole()


class _ErrorBody(Schema):
    message = _Text()
    fields_ = fields.Dict(
        keys=fields.String(), values=fields.List(fields.String()), data_key="fields"
    )
    detail = fields.Raw(metadata={"description": "A text, or an object."})
    id = fields.String(metadata={"description": "How the server's log names it."})


class Error(Schema):
    """An error."""

    type = _type("error")
    error = _Nested(_ErrorBody)


class Page(Schema):
    """A part of a list. The last one has no next, the first one no previous. Both have every
    parameter of the request."""

    size = _Whole(metadata={"description": "How many there are on all pages."})
    page = _Whole(validate=validate.Range(1))
    pagelen = _Whole(validate=validate.Range(1, 100))
    next = fields.String(metadata={"format": "uri"})
    previous = fields.String(metadata={"format": "uri"})


@cache
def page_of(item: type[Schema]) -> type[Page]:
    """A page of such items."""
    values = fields.List(fields.Nested(item), required=True)
    return type(f"{item.__name__}Page", (Page,), {"__doc__": Page.__doc__, "values": values})
