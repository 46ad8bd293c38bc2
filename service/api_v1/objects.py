"""The objects in API 1.0's answers as marshmallow schemas: for the OpenAPI document and for tests.

Nothing is dumped through them: representation.py makes the answers (as in api_v2.objects).
"""

from functools import partial

from marshmallow import Schema, fields, validate

from tracker import fields as rules
from tracker.vocabulary import JobStatus

_Text = partial(fields.String, required=True)
_Whole = partial(fields.Integer, required=True)
_Flag = partial(fields.Boolean, required=True)
_Nested = partial(fields.Nested, required=True)

_UTC = r"^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}\+00:00$"
_LOCAL = r"^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}$"


def _utc() -> fields.String:
    return _Text(metadata={"description": "2012-07-29 02:35:38+00:00", "pattern": _UTC})


def _local() -> fields.String:
    about = "The wall clock in Amsterdam: 2012-07-29 04:35:38"
    return _Text(metadata={"description": about, "pattern": _LOCAL})


def _uri() -> fields.String:
    about = "Where it is, without scheme and host."
    return _Text(metadata={"description": about, "pattern": "^/1.0/"})


class Profile(Schema):
    """A person; the first and the last name are the display name in two."""

    username = _Text()
    first_name = _Text()
    last_name = _Text()
    display_name = _Text()
    is_team = _Flag()
    avatar = _Text(metadata={"format": "uri"})
    resource_uri = _uri()


class Metadata(Schema):
    """What an issue is filed under, by name."""

    kind = rules.kind(required=True)
    version = _Text(allow_none=True)
    component = _Text(allow_none=True)
    milestone = _Text(allow_none=True)


class Issue(Schema):
    """An issue. A member for the reporter or the responsible person is absent where there is none;
    so are the two counters in lists for anonymous requests."""

    status = rules.state(required=True)
    priority = rules.priority(required=True)
    title = _Text()
    reported_by = fields.Nested(Profile)
    utc_last_updated = _utc()
    responsible = fields.Nested(Profile)
    comment_count = fields.Integer()
    metadata = _Nested(Metadata)
    content = _Text()
    created_on = _local()
    local_id = _Whole()
    follower_count = fields.Integer()
    utc_created_on = _utc()
    resource_uri = _uri()
    is_spam = _Flag()


class Issues(Schema):
    """Some of a repository's issues; count is of all that match."""

    count = _Whole()
    filter = fields.Dict(
        keys=fields.String(),
        values=fields.List(fields.List(fields.String(), validate=validate.Length(equal=2))),
        required=True,
        metadata={"description": "Operators and texts by field, as they were asked for."},
    )
    search = _Text(allow_none=True)
    issues = fields.List(fields.Nested(Issue), required=True)


class Followers(Schema):
    """Who watches an issue."""

    count = _Whole()
    followers = fields.List(fields.Nested(Profile), required=True)


class Comment(Schema):
    """A comment; without a content it only stands for a change."""

    content = _Text(allow_none=True)
    author_info = _Nested(Profile, allow_none=True)
    comment_id = _Whole()
    utc_updated_on = _utc()
    utc_created_on = _utc()
    is_spam = _Flag()


class Category(Schema):
    """A component, milestone or version."""

    name = _Text()
    id = _Whole()


class Repository(Schema):
    """A repository; what belongs to code is there and empty."""

    scm = _Text()
    has_wiki = _Flag()
    has_issues = _Flag()
    no_forks = _Flag()
    no_public_forks = _Flag()
    owner = _Text()
    creator = _Text(allow_none=True)
    logo = _Text(metadata={"format": "uri"})
    email_mailinglist = _Text()
    email_writers = _Flag()
    is_mq = _Flag()
    mq_of = _Text(allow_none=True)
    is_fork = _Flag()
    fork_of = _Text(allow_none=True)
    size = _Whole()
    read_only = _Flag()
    state = _Text()
    website = _Text()
    description = _Text()
    slug = _Text()
    name = _Text()
    is_private = _Flag()
    language = _Text()
    followers_count = _Whole()
    forks_count = _Whole()
    created_on = _local()
    last_updated = _local()
    utc_created_on = _utc()
    utc_last_updated = _utc()
    resource_uri = _uri()


class User(Schema):
    """A person, and those of their repositories that you may see."""

    repositories = fields.List(fields.Nested(Repository), required=True)
    user = _Nested(Profile)


class Export(Schema):
    """Where an export is: numbers as texts while it runs, in the end an address or a reason."""

    status = _Text(validate=validate.OneOf(list(JobStatus)))
    count = fields.String()
    total = fields.String()
    phase = fields.String()
    pct = fields.String()
    url = fields.String()
    message = fields.String()


class Problem(Schema):
    """What is wrong with a request."""

    message = _Text()
    detail = fields.Raw()
    fields_ = fields.Dict(
        keys=fields.String(), values=fields.List(fields.String()), data_key="fields"
    )
    id = fields.String()


class Error(Schema):
    """An error; when something is not there its message is always `Not Found`."""

    error = _Nested(Problem)
