"""The words of the tracker, each said once."""

from enum import StrEnum


class State(StrEnum):
    """Where an issue stands."""

    SUBMITTED = "submitted"
    NEW = "new"
    OPEN = "open"
    RESOLVED = "resolved"
    ON_HOLD = "on hold"
    INVALID = "invalid"
    DUPLICATE = "duplicate"
    WONTFIX = "wontfix"
    CLOSED = "closed"


class Kind(StrEnum):
    """What an issue is."""

    BUG = "bug"
    ENHANCEMENT = "enhancement"
    PROPOSAL = "proposal"
    TASK = "task"


class Priority(StrEnum):
    """How much an issue matters, from least to most: the order is the meaning."""

    TRIVIAL = "trivial"
    MINOR = "minor"
    MAJOR = "major"
    CRITICAL = "critical"
    BLOCKER = "blocker"


class Markup(StrEnum):
    """How a text is written."""

    MARKDOWN = "markdown"
    CREOLE = "creole"
    PLAINTEXT = "plaintext"


class Permission(StrEnum):
    """What a member may do in a repository, from least to most."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


class Scope(StrEnum):
    """What a token may be used for (Bitbucket's names)."""

    ACCOUNT = "account"
    ACCOUNT_WRITE = "account:write"
    REPOSITORY = "repository"
    REPOSITORY_WRITE = "repository:write"
    REPOSITORY_ADMIN = "repository:admin"
    ISSUE = "issue"
    ISSUE_WRITE = "issue:write"


class CategoryKind(StrEnum):
    """The three lists of names an issue can be filed under."""

    COMPONENT = "component"
    MILESTONE = "milestone"
    VERSION = "version"


class JobKind(StrEnum):
    """What a job does."""

    IMPORT = "import"
    EXPORT = "export"


class JobStatus(StrEnum):
    """Where a job stands; the last two are final."""

    ACCEPTED = "ACCEPTED"
    STARTED = "STARTED"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"


class AskedBy(StrEnum):
    """Who asked for a job. Only the command line needs no rights."""

    ACCOUNT = "account"
    COMMAND_LINE = "command line"


class Phase(StrEnum):
    """What a running job is at."""

    INITIALIZING = "Initializing"
    ISSUES = "Issues"
    COMMENTS = "Comments"
    LOGS = "Logs"
    ATTACHMENTS = "Attachments"
    FINISHING = "Finishing"


LARGEST_ID = 1 << 52
"""Of an issue or a comment: what is above it no archive may hold."""

LOG_NAMES = {
    "status": "state",
    "state": "state",
    "priority": "priority",
    "kind": "kind",
    "title": "title",
    "content": "content",
    "responsible": "assignee",
    "assignee": "assignee",
    "responsible_account_id": "assignee_account_id",
    "assignee_account_id": "assignee_account_id",
    "milestone": "milestone",
    "component": "component",
    "version": "version",
    "attachment": "attachment",
}
"""What a log row's field may be called (Bitbucket's own names, and the aliases some producers
write), and what a change calls it."""

LOG_FIELDS = frozenset(LOG_NAMES)

PERSON_FIELDS = frozenset(
    {"responsible", "assignee", "responsible_account_id", "assignee_account_id"}
)
"""Fields of log rows that hold a username or an account_id."""

LOG_UNSET = frozenset({"assignee", "assignee_account_id", "milestone", "component", "version"})
"""Fields of changes whose old logs say "None" where there was no value."""
