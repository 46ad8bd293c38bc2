"""Edits: what alters an issue. Each leaves one change behind that says what it altered."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tracker import assignees, categories, changes, issues, votes
from tracker.access.rights import Actor, Repository, require_account, require_permission, writable
from tracker.changes import Log, Message
from tracker.database import Row, Transaction
from tracker.errors import Invalid, NotFound
from tracker.issues import NEW_TEXT, NO_ISSUE, Reference, join_person
from tracker.vocabulary import CategoryKind, Kind, Markup, Permission, Priority, State
from tracker.votes import Mark


@dataclass(frozen=True, slots=True)
class Edit:
    """What to change about an issue. None leaves a value as it is. References that are absent
    stay; those that are None are cleared."""

    title: str | None = None
    content: str | None = None
    markup: Markup | None = None
    state: State | None = None
    kind: Kind | None = None
    priority: Priority | None = None
    references: Mapping[str, Reference | None] = field(default_factory=dict)


_FIELDS = {
    "content": {"content_raw", "content_markup"},
    "title": {"title"},
    "kind": {"kind"},
    "responsible": {"assignee_id"},
    "responsible_account_id": {"assignee_id"},
    "priority": {"priority"},
    "status": {"state"},
    "milestone": {"milestone_id"},
    "component": {"component_id"},
    "version": {"version_id"},
}
"""The field of log rows for each thing that can be altered, in an archive's order, and its
columns."""

_TEXT = _FIELDS["content"] | _FIELDS["title"]

_BEFORE = f"""
SELECT i.title, i.content_raw, i.content_markup, i.state, i.kind, i.priority, i.reporter_id,
       i.assignee_id, i.component_id, i.milestone_id, i.version_id, a.uuid AS assignee_uuid,
       i.content_raw AS content, i.state AS status,
       c.name AS component, m.name AS milestone, v.name AS version,
       coalesce(a_as.username, a.username) AS responsible,
       coalesce(a_as.named_account_id, a.account_id) AS responsible_account_id
  FROM issue i
  {join_person("a", "i.assignee_id")}
  LEFT JOIN category c ON c.id = i.component_id
  LEFT JOIN category m ON m.id = i.milestone_id
  LEFT JOIN category v ON v.id = i.version_id
 WHERE i.tracker_id = :tracker AND i.number = :number
"""


async def apply(
    tx: Transaction,
    actor: Actor,
    repository: Repository,
    number: int,
    edit: Edit,
    message: Message | None = None,
) -> int | None:
    """Alter an issue; returns the id of the one change that records it, with the message as its
    text.

    Where nothing would differ a message becomes a plain comment, and without one nothing is
    written: None. The author of a message watches the issue, as with comments.create().

    Only what differs needs a permission. Title and content: write access, or being the reporter;
    everything else: any member. Raises NotFound, Forbidden, Invalid for an unknown person or
    category, Conflict while an import runs.
    """
    author = require_account(actor)
    tracker_id = await writable(tx, repository)
    key = {"tracker": tracker_id, "number": number}
    before = await _read(tx, key)
    altered = {
        column: value
        for column, value in (await _wanted(tx, actor, repository, before, edit)).items()
        if value != before[column]
    }
    _require_rights(repository, author, before, altered)
    if not altered and message is None:
        return None
    now = await issues.touch(tx, tracker_id, number)
    if message is not None:
        await votes.put(tx, tracker_id, number, author, Mark.WATCH)
    logs = await _write(tx, key, before, altered, now) if altered else []
    return await changes.record(tx, tracker_id, number, author, now, logs, message)


async def _read(tx: Transaction, key: Mapping[str, object]) -> Row:
    row = await tx.one(_BEFORE, key)
    if row is None:
        raise NotFound(NO_ISSUE)
    return row


async def _wanted(
    tx: Transaction, actor: Actor, repository: Repository, before: Row, edit: Edit
) -> dict[str, object]:
    """The columns that the edit names, and their new values."""
    wanted: dict[str, object] = {
        name: value
        for name in ("title", "state", "kind", "priority")
        if (value := getattr(edit, name)) is not None
    }
    # An issue without a text is shown with an empty one: sent back, that is no edit.
    if edit.content is not None and edit.content != (before["content_raw"] or ""):
        wanted["content_raw"] = edit.content
    if edit.markup is not None:
        wanted["content_markup"] = edit.markup
    for kind in CategoryKind:
        if kind in edit.references:
            given = edit.references[kind]
            wanted[f"{kind}_id"] = given and await categories.resolve(
                tx, repository.tracker_id, kind, *given
            )
    if "assignee" in edit.references:
        given = edit.references["assignee"]
        wanted["assignee_id"] = given and await _assignee(tx, actor, repository, before, given)
    return wanted


async def _assignee(
    tx: Transaction, actor: Actor, repository: Repository, before: Row, given: Reference
) -> int | None:
    """The account that a reference means. The present assignee, sent back as they were read, stays
    assigned.

    They may have lost their access since. Raises Invalid.
    """
    if given == ("uuid", before["assignee_uuid"]):
        return int(before["assignee_id"])
    try:
        return await assignees.resolve(tx, actor, repository, *given)
    except Invalid:
        # The user name may mean another person by now, who comes first.
        if given != ("username", before["responsible"]):
            raise
        return int(before["assignee_id"])


def _require_rights(
    repository: Repository, author: int, before: Row, altered: Mapping[str, object]
) -> None:
    if _TEXT & altered.keys() and before["reporter_id"] != author:
        require_permission(repository, Permission.WRITE)
    if altered.keys() - _TEXT:
        require_permission(repository, Permission.READ)


async def _write(
    tx: Transaction,
    key: Mapping[str, object],
    before: Row,
    altered: dict[str, object],
    now: str,
) -> list[Log]:
    """Write the altered columns; returns the log rows for them."""
    columns = dict(altered)
    if altered.keys() & _FIELDS["content"]:
        columns.update(content_html=None, content_renderer=None)
    if altered.keys() & _TEXT:
        columns.update(content_updated_on=now, edited_on=now)
    await tx.run(
        f"""UPDATE issue SET {", ".join(f"{column} = :{column}" for column in columns)}
             WHERE tracker_id = :tracker AND number = :number""",
        {**columns, **key},
    )
    after = await _read(tx, key)
    if altered.keys() & _TEXT:
        texts = {"title": after["title"], "content": after["content"] or ""}
        await tx.run("DELETE FROM issue_text WHERE tracker_id = :tracker AND number = :number", key)
        await tx.run(NEW_TEXT, {**key, **texts})
    return [
        Log(name, before[name] or "", after[name] or "")
        for name, held in _FIELDS.items()
        if altered.keys() & held
    ]
