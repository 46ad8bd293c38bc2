"""What each list can be asked and sorted by: paths of its JSON documents, and the SQL behind them.

The tables' short names are those of the lists' own queries, and so are the placeholders :tracker,
:number (of the issue) and :kind (of the category).
"""

from dataclasses import replace

from tracker.database import Lane, trigrams
from tracker.issues import join_person, person_paths
from tracker.query import Catalogue, Column, Type
from tracker.vocabulary import LOG_NAMES, LOG_UNSET, CategoryKind, Kind, Markup, Priority, State


def _person(path: str, name: str, column: str) -> dict[str, Column]:
    """The paths of a person in that column, joined as name by join_person."""
    somebody = Column(column, Type.OBJECT, nullable=True, sortable=False)
    meant = person_paths(path, "p")
    return {
        path: somebody,
        **{
            each: replace(shown, among=f"{column} IN ({_PEOPLE} WHERE {meant[each].sql} IN ({{}}))")
            for each, shown in person_paths(path, name).items()
        },
    }


_PEOPLE = """SELECT p.id FROM account p
    LEFT JOIN alias p_as ON p_as.tracker_id = :tracker AND p_as.account_id = p.id"""


def _category(kind: str, name: str, column: str) -> dict[str, Column]:
    """The paths of a component, milestone or version; compared with a text it means its name."""
    among = f"""{column} IN (SELECT id FROM category
        WHERE tracker_id = :tracker AND kind = '{kind}' AND name IN ({{}}))"""
    named = Column(f"{name}.name", nullable=True, among=among)
    return {kind: named, f"{kind}.name": named, f"{kind}.id": Column(column, Type.NUMBER, True)}


def _type(name: str) -> Column:
    """What every object of a list says of itself."""
    return Column(f"'{name}'", sortable=False)


def _words(
    sql: str, words: list[str], lane: Lane = Lane.ROWS, *, is_counted: bool = False
) -> Column:
    return Column(sql, Type.WORD, words=tuple(words), lane=lane, is_counted=is_counted)


ISSUES = Catalogue(
    table="issue i",
    within="i.tracker_id = :tracker",
    key="i.number",
    order="-updated_on",
    size="SELECT issue_count FROM tracker WHERE id = :tracker",
    counts="SELECT coalesce(sum(i.issues), 0) FROM issue_count i WHERE i.tracker_id = :tracker",
    walked="issue_updated",
    filtered="issue_filtered",
    candidates=trigrams.CANDIDATES,
    joins=f"""
        LEFT JOIN issue_text t ON t.tracker_id = i.tracker_id AND t.number = i.number
        {join_person("r", "i.reporter_id")}
        {join_person("a", "i.assignee_id")}
        LEFT JOIN category c ON c.id = i.component_id
        LEFT JOIN category m ON m.id = i.milestone_id
        LEFT JOIN category v ON v.id = i.version_id""",
    columns={
        "type": _type("issue"),
        "id": Column("i.number", Type.NUMBER),
        "title": Column("i.title", folded="t.title", lane=Lane.TEXTS),
        "content.raw": Column(
            "coalesce(i.content_raw, '')", folded="t.content", sortable=False, lane=Lane.TEXTS
        ),
        "content.markup": _words("i.content_markup", sorted(Markup), Lane.TEXTS),
        "state": _words("i.state", sorted(State), is_counted=True),
        "kind": _words("i.kind", sorted(Kind), is_counted=True),
        "priority": _words("i.priority", list(Priority), is_counted=True),
        "votes": Column("i.votes", Type.NUMBER),
        "watches": Column("i.watches", Type.NUMBER),
        "created_on": Column("i.created_on", Type.TIME),
        "updated_on": Column("i.updated_on", Type.TIME),
        "edited_on": Column("i.edited_on", Type.TIME, nullable=True),
        **_person("reporter", "r", "i.reporter_id"),
        **_person("assignee", "a", "i.assignee_id"),
        **_category("component", "c", "i.component_id"),
        **_category("milestone", "m", "i.milestone_id"),
        **_category("version", "v", "i.version_id"),
    },
)

COMMENTS = Catalogue(
    table="comment c",
    within="c.tracker_id = :tracker AND c.issue_number = :number",
    key="c.id",
    lane=Lane.TEXTS,
    joins=join_person("u", "c.account_id"),
    columns={
        "type": _type("issue_comment"),
        "id": Column("c.id", Type.NUMBER),
        "issue.id": Column("c.issue_number", Type.NUMBER, sortable=False),
        "content.raw": Column("c.content_raw", nullable=True, sortable=False),
        "content.markup": _words("c.content_markup", sorted(Markup)),
        "created_on": Column("c.created_on", Type.TIME),
        "updated_on": Column("c.updated_on", Type.TIME, nullable=True),
        **_person("user", "u", "c.account_id"),
    },
)


def _log(name: str) -> dict[str, Column]:
    """The paths of one field of a change: null where the change does not touch it.

    Of several log rows for a field the first old and the last new value count, as in answers.
    """
    fields = ", ".join(f"'{field}'" for field in sorted(LOG_NAMES) if LOG_NAMES[field] == name)
    found = f"""FROM log l WHERE l.tracker_id = c.tracker_id AND l.comment_id = c.id
                 AND l.field IN ({fields}) ORDER BY l.ordinal"""
    before, after = (
        f"nullif({column}, 'None')" if name in LOG_UNSET else column
        for column in ("l.changed_from", "l.changed_to")
    )
    old = Column(f"(SELECT coalesce({before}, '') {found} LIMIT 1)", nullable=True, sortable=False)
    new = Column(
        f"(SELECT coalesce({after}, '') {found} DESC LIMIT 1)", nullable=True, sortable=False
    )
    touched = Column(f"(SELECT 1 {found} LIMIT 1)", Type.OBJECT, nullable=True, sortable=False)
    path = f"changes.{name}"
    # Where an attachment lay was never shown: its old value is null in every recording.
    hidden = {} if name == "attachment" else {f"{path}.old": old}
    return {path: touched, **hidden, f"{path}.new": new}


CHANGES = Catalogue(
    table="comment c",
    within="""c.tracker_id = :tracker AND c.issue_number = :number
        AND EXISTS (SELECT 1 FROM log WHERE log.tracker_id = c.tracker_id
                                        AND log.comment_id = c.id)""",
    key="c.id",
    lane=Lane.TEXTS,
    joins=join_person("u", "c.account_id"),
    columns={
        "type": _type("issue_change"),
        "id": Column("c.id", Type.NUMBER),
        "issue.id": Column("c.issue_number", Type.NUMBER, sortable=False),
        "message.raw": Column("c.content_raw", nullable=True, sortable=False),
        "message.markup": _words("c.content_markup", sorted(Markup)),
        "created_on": Column("c.created_on", Type.TIME),
        **_person("user", "u", "c.account_id"),
        **{path: column for name in LOG_NAMES.values() for path, column in _log(name).items()},
    },
)

WATCHERS = Catalogue(
    table="watch w",
    within="w.tracker_id = :tracker AND w.issue_number = :number",
    key="w.account_id",
    columns={},
)

ATTACHMENTS = Catalogue(
    table="attachment a",
    within="a.tracker_id = :tracker AND a.issue_number = :number",
    key="a.ordinal",
    columns={"type": _type("issue_attachment"), "name": Column("a.name")},
)

CATEGORIES = {
    kind: Catalogue(
        table="category c",
        within="c.tracker_id = :tracker AND c.kind = :kind",
        key="c.id",
        columns={
            "type": _type(kind),
            "id": Column("c.id", Type.NUMBER),
            "name": Column("c.name"),
        },
    )
    for kind in CategoryKind
}
