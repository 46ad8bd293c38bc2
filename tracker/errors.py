"""The only errors the core raises; every face turns them into its own shape."""

from collections.abc import Mapping, Sequence


class TrackerError(Exception):
    """Something the caller can understand: str(error) is a sentence fit to be shown."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Invalid(TrackerError):
    """The input breaks a rule. fields names the offending ones: {"title": ["Ensure ..."]}."""

    def __init__(self, message: str, fields: Mapping[str, Sequence[str]] | None = None) -> None:
        super().__init__(message)
        self.fields = dict(fields or {})


class NotFound(TrackerError):
    """Absent, or invisible to this actor: the two can't be told apart."""


class Gone(TrackerError):
    """It was there and is not any more: a failed export, an expired archive."""


class Unauthenticated(TrackerError):
    """There are no credentials, or wrong ones."""


class Forbidden(TrackerError):
    """The actor may see this but may not do that."""


class MissingScope(Forbidden):
    """The credentials lack a scope; both sides are named, as Bitbucket's detail object does."""

    def __init__(self, granted: Sequence[str], required: Sequence[str]) -> None:
        super().__init__("Your credentials lack one or more required privilege scopes.")
        self.granted = list(granted)
        self.required = list(required)


class Conflict(TrackerError):
    """It can't be done now. retry_after (seconds) says when to ask again, where waiting helps."""

    def __init__(self, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class TooLarge(TrackerError):
    """A limit of the settings is passed."""


class Unavailable(TrackerError):
    """The database is locked or can't be written; nothing was changed."""


class StorageFull(Unavailable):
    """The disk is full; nothing was changed."""


class TooManyRequests(TrackerError):
    """Too many wrong credentials; retry_after is in seconds."""

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after
