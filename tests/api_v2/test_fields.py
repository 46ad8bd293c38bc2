"""`fields`: what an answer leaves out, adds, or is reduced to."""

import copy
from typing import Any
from urllib.parse import quote

import pytest

from service.api_v2 import partial
from service.api_v2.partial import FieldSelection
from service.http import keys
from tests.conftest import APP, OPEN, Api
from tracker.access import tokens
from tracker.errors import Invalid

DOCUMENT: dict[str, Any] = {
    "id": 1,
    "title": "t",
    "links": {"self": {"href": "s"}, "html": {"href": "h"}},
    "reporter": None,
    "user": {"name": "n", "links": {"self": {"href": "u"}}},
    "tags": ["a", "b"],
    "issue": {"id": 3, "title": "i"},
}
WHOLE: dict[str, Any] = {
    "issue": {
        "id": 3,
        "title": "i",
        "assignee": {"name": "a", "links": {"self": "x"}},
        "state": "o",
    }
}

SINGLE = [
    ("id", {"id": 1}),
    ("id,title", {"id": 1, "title": "t"}),
    ("links.self.href", {"links": {"self": {"href": "s"}}}),
    ("links", {"links": DOCUMENT["links"]}),
    ("links.*.href", {"links": DOCUMENT["links"]}),
    ("*", DOCUMENT),
    ("*.name", {"reporter": None, "user": {"name": "n"}}),
    ("reporter.name", {"reporter": None}),
    ("tags", {"tags": ["a", "b"]}),
    ("tags.x", {}),
    ("unknown", {}),
    ("unknown.more,id", {"id": 1}),
    ("id.more", {}),
    ("Id", {}),
    ("-links,-user,-tags,-issue", {"id": 1, "title": "t", "reporter": None}),
    ("-links.*", {**DOCUMENT, "links": {}}),
    ("-links.self", {**DOCUMENT, "links": {"html": {"href": "h"}}}),
    ("-*.links", {**DOCUMENT, "user": {"name": "n"}}),
    ("-unknown,-title.more,-tags.x", DOCUMENT),
    ("-*", {}),
    ("-*,+id,+title", {"id": 1, "title": "t"}),
    ("-*,+user.name", {"user": {"name": "n"}}),
    ("-links,+links.self", {**DOCUMENT, "links": {"self": {"href": "s"}}}),
    ("id,-id", {}),
    ("links,-links.self", {"links": {"html": {"href": "h"}}}),
    ("title,+id", {"id": 1, "title": "t"}),
    ("+id", DOCUMENT),
    ("+unknown", DOCUMENT),
    (" id", DOCUMENT),
    ("id, title", {"id": 1, "title": "t"}),
    ("", None),
    (",,-,+, ", None),
    ("id,,title,", {"id": 1, "title": "t"}),
    ("a..b,id", {"id": 1}),
    ("issue", {"issue": DOCUMENT["issue"]}),
    ("issue.id", {"issue": {"id": 3}}),
    ("issue.assignee", {"issue": {"assignee": WHOLE["issue"]["assignee"]}}),
    ("issue.assignee.name,id", {"id": 1, "issue": {"assignee": {"name": "a"}}}),
    ("issue.*", WHOLE),
    (
        "+issue.assignee",
        {**DOCUMENT, "issue": {**DOCUMENT["issue"], "assignee": WHOLE["issue"]["assignee"]}},
    ),
    (
        " issue.assignee,-issue.assignee.links",
        {**DOCUMENT, "issue": {**DOCUMENT["issue"], "assignee": {"name": "a"}}},
    ),
    ("+issue", DOCUMENT),
]


def _expand(selection: FieldSelection, whole: dict[str, Any]) -> None:
    for name, data in whole.items():
        selection.expand(name, data)


@pytest.mark.parametrize(("fields", "shown"), SINGLE, ids=lambda value: repr(value)[:40])
def test_of_one_object_is_shown_what_is_named(fields: str, shown: Any) -> None:
    data, whole = copy.deepcopy(DOCUMENT), copy.deepcopy(WHOLE)
    selection = partial.parse(fields)
    if shown is None:
        assert selection is None
    else:
        assert selection is not None
        _expand(selection, whole)
        assert selection.of(data) == shown
    assert (data, whole) == (DOCUMENT, WHOLE)


PAGE: dict[str, Any] = {
    "pagelen": 20,
    "size": 2,
    "next": "n",
    "values": [
        {"id": 1, "state": "new", "a": {"b": {"links": 1, "c": 2}, "links": 3}, "issue": {"id": 3}},
        {"id": 2, "state": "open", "a": None, "issue": {"id": 3}},
    ],
}

PAGES = [
    (
        "values.id,values.state,next",
        {"next": "n", "values": [{"id": 1, "state": "new"}, {"id": 2, "state": "open"}]},
    ),
    ("values.id,size", {"size": 2, "values": [{"id": 1}, {"id": 2}]}),
    ("size", {"size": 2}),
    ("id", {}),
    ("*", PAGE),
    ("values.*", {"values": PAGE["values"]}),
    ("values.a.links", {"values": [{"a": {"links": 3}}, {"a": None}]}),
    ("-values", {"pagelen": 20, "size": 2, "next": "n"}),
    ("-*,+values.id", {"values": [{"id": 1}, {"id": 2}]}),
    ("-values.*,+values.id", {**PAGE, "values": [{"id": 1}, {"id": 2}]}),
    (
        "-values.*.*.links",
        {
            **PAGE,
            "values": [{**PAGE["values"][0], "a": {"b": {"c": 2}, "links": 3}}, PAGE["values"][1]],
        },
    ),
    ("values.issue.state", {"values": [{"issue": {"state": "o"}}] * 2}),
    (
        "+values.issue.state",
        {
            **PAGE,
            "values": [{**value, "issue": {"id": 3, "state": "o"}} for value in PAGE["values"]],
        },
    ),
]


@pytest.mark.parametrize(("fields", "shown"), PAGES, ids=lambda value: repr(value)[:40])
def test_of_a_list_names_begin_at_its_envelope(fields: str, shown: Any) -> None:
    selection = partial.parse(fields)
    assert selection is not None
    _expand(selection, WHOLE)
    assert selection.of(PAGE) == shown


def test_an_empty_list_stays_a_list() -> None:
    selection = partial.parse("values.id,size")
    assert selection is not None
    assert selection.of({"size": 0, "values": []}) == {"size": 0, "values": []}


LIMITS = [
    ("id," * 50, "id," * 51),
    (".".join("a" * 10), ".".join("a" * 11)),
    ("*." * 9 + "*," + "*." * 9 + "*", "*." * 9 + "*," + "*." * 9 + "*,*"),
    ("x" * 4096, "x" * 4097),
]


@pytest.mark.parametrize(("fitting", "more"), LIMITS, ids=lambda value: value[:10])
def test_what_is_too_much_is_refused(fitting: str, more: str) -> None:
    assert partial.parse(fitting) is not None
    with pytest.raises(Invalid) as refused:
        partial.parse(more)
    assert list(refused.value.fields) == ["fields"]


@pytest.fixture
async def issue(api: Api) -> str:
    """The address of an issue with a comment and a change, assigned to bob."""
    issue = {"title": "t", "assignee": {"username": "bob"}}
    await api.post(f"{OPEN}/issues", "alice", issue)
    await api.post(f"{OPEN}/issues/1/comments", "alice", {"content": {"raw": "c"}})
    await api.post(f"{OPEN}/issues/1/changes", "alice", {"changes": {"state": {"new": "open"}}})
    return f"{OPEN}/issues/1"


async def test_issues_are_reduced_and_enlarged(api: Api, issue: str) -> None:
    assert await api.get(f"{issue}?fields=id,assignee.display_name") == {
        "id": 1,
        "assignee": {"display_name": "bob"},
    }
    assert "links" not in await api.get(f"{issue}?fields=-links")
    page = await api.get(f"{OPEN}/issues?fields=values.id,size")
    assert page == {"size": 1, "values": [{"id": 1}]}
    whole = await api.get(OPEN)
    for fields in ("%2Brepository.owner.display_name", "+repository.owner.display_name"):
        shown = await api.get(f"{issue}?fields={fields}")
        owner = shown["repository"].pop("owner")
        assert owner == {"display_name": whole["owner"]["display_name"]}
        assert shown == await api.get(issue)
    [value] = (await api.get(f"{OPEN}/issues?fields=values.repository.*"))["values"]
    assert value == {"repository": whole}


@pytest.mark.parametrize("kind", ["comments", "changes"])
async def test_comments_and_changes_show_more_of_their_issue_when_asked(
    api: Api, issue: str, kind: str
) -> None:
    whole = await api.get(issue)
    page = await api.get(f"{issue}/{kind}?fields=%2Bvalues.issue.assignee")
    for value in page["values"]:
        assert value["issue"]["assignee"] == whole["assignee"]
        assert "state" not in value["issue"]
        one = await api.get(f"{issue}/{kind}/{value['id']}?fields=issue.*")
        assert one == {"issue": whole}
        nested = f"{issue}/{kind}/{value['id']}?fields=issue.repository.owner.display_name"
        assert await api.get(nested) == {
            "issue": {"repository": {"owner": {"display_name": "alice"}}}
        }


async def test_what_was_written_is_answered_as_it_was_asked_for(api: Api, issue: str) -> None:
    assignee = (await api.get(issue))["assignee"]
    sent = {"changes": {"kind": {"new": "task"}}, "message": {"raw": "m"}}
    change = await api.post(f"{issue}/changes?fields=%2Bissue.assignee", "alice", sent)
    assert change["issue"]["assignee"] == assignee
    assert change["changes"] == {"kind": {"old": "bug", "new": "task"}}
    answer = await api(
        "POST", f"{issue}/comments?fields=id,issue.kind", "bob", json={"content": {"raw": "c"}}
    )
    assert answer.status == 201
    assert answer.body == {"id": answer.body["id"], "issue": {"kind": "task"}}
    assert answer.headers["Location"].endswith(f"/comments/{answer.body['id']}")
    answer = await api("PUT", f"{issue}?fields=title", "alice", json={"title": "new"})
    assert answer.body == {"title": "new"}
    created = await api.post(f"{OPEN}/issues?fields=id", "alice", {"title": "t"})
    assert created == {"id": 2}


async def test_a_selection_that_asks_too_much_writes_nothing(api: Api, issue: str) -> None:
    answer = await api("POST", f"{OPEN}/issues?fields={'a,' * 51}", "alice", json={"title": "t"})
    assert answer.status == 400
    assert list(answer.body["error"]["fields"]) == ["fields"]
    assert (await api.get(f"{OPEN}/issues"))["size"] == 1


async def test_the_next_page_keeps_the_selection(api: Api, issue: str) -> None:
    await api.post(f"{OPEN}/issues", "alice", {"title": "t"})
    fields = quote("+values.repository.owner,-values.links")
    page = await api.get(f"{OPEN}/issues?pagelen=1&fields={fields}")
    following = await api.get(page["next"].removeprefix(api.url))
    for value in (*page["values"], *following["values"]):
        assert value["repository"]["owner"]["display_name"] == "alice"
        assert "links" not in value


async def test_a_token_without_the_repositorys_scope_sees_no_more_of_it(api: Api) -> None:
    await api.post(f"{APP}/issues", "alice", {"title": "t"})
    token = await tokens.create(api.db, "alice", scopes=("issue",))
    answer = await api(
        "GET",
        f"{APP}/issues/1?fields=%2Brepository.owner",
        headers={"Authorization": f"Bearer {token}"},
    )
    assert answer.status == 200
    assert "owner" not in answer.body["repository"]
    assert "owner" in (await api.get(f"{APP}/issues/1?fields=repository.*", "alice"))["repository"]


async def test_a_partial_answer_has_an_etag_of_its_own(api: Api, issue: str) -> None:
    whole = await api("GET", issue)
    part = await api("GET", f"{issue}?fields=id")
    assert part.headers["ETag"] != whole.headers["ETag"]
    again = await api("GET", f"{issue}?fields=id", headers={"If-None-Match": part.headers["ETag"]})
    assert again.status == 304


async def test_errors_are_always_whole_and_the_first_of_several_counts(
    api: Api, issue: str
) -> None:
    answer = await api("GET", f"{OPEN}/issues/9?fields=id")
    assert answer.body["error"]["message"] == "No Issue matches the given query."
    assert await api.get(f"{issue}?fields=id&fields=title") == {"id": 1}


async def test_who_asks_for_no_fields_costs_no_further_look_into_the_database(
    api: Api, issue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = []
    db = api.app[keys.DATABASE]
    read = db.read

    async def counted(*arguments: Any, **more: Any) -> Any:
        reads.append(arguments)
        return await read(*arguments, **more)

    monkeypatch.setattr(db, "read", counted)
    for path in (f"{issue}/comments", f"{issue}/comments?fields=values.id,values.issue.id"):
        reads.clear()
        await api.get(path)
        assert len(reads) == 1
