"""What an archive holds, in the archive's own dialect (status, not state).

Times are fixed-width UTC text as tracker.clock.text makes it. None is JSON's null.
"""

from dataclasses import dataclass


@dataclass(slots=True)
class Person:
    """A person whom an archive names: one object per person and archive.

    db-1.0.json knows usernames only, db-2.0.json the other two; an archive with both joins them.
    What is None is not known, and is written as null. index is the place in Scan.people.
    """

    index: int
    username: str | None
    account_id: str | None
    display_name: str | None


NOBODY = Person(-1, None, None, None)
"""Stands at the place of a null in a list until the two databases are joined."""


@dataclass(slots=True)
class Issue:
    """A row of `issues`; number is its id, component, milestone and version are names."""

    number: int
    title: str
    content: str | None
    reporter: Person | None
    assignee: Person | None
    status: str
    kind: str
    priority: str
    component: str | None
    milestone: str | None
    version: str | None
    created_on: str
    updated_on: str
    content_updated_on: str | None
    edited_on: str | None
    watchers: list[Person]
    voters: list[Person]


@dataclass(slots=True)
class Comment:
    """A row of `comments`; content None is a comment that is only a change.

    id None is a comment that gets its id when it comes in; other issues' comments may have the
    same id.
    """

    id: int | None
    issue: int
    user: Person | None
    content: str | None
    created_on: str
    updated_on: str | None


@dataclass(slots=True)
class Log:
    """A row of `logs`: one changed field. Its name and values stand as they were written."""

    issue: int
    comment: int | None
    user: Person | None
    field: str
    changed_from: str | None
    changed_to: str | None
    created_on: str


@dataclass(slots=True)
class Attachment:
    """A row of `attachments`; path is the member of the zip.

    created_on is the upload time that Bitbucket hid in url; None where there is no url.
    """

    issue: int
    path: str
    filename: str
    user: Person | None
    url: str | None
    created_on: str | None


@dataclass(slots=True)
class Meta:
    """The tracker's defaults."""

    default_assignee: Person | None = None
    default_component: str | None = None
    default_kind: str | None = None
    default_milestone: str | None = None
    default_version: str | None = None
