"""What stands around a tracker: lists of nothing, rates, and what is not there."""

import pytest
from yarl import URL

from tests.conftest import APP, OPEN, Api

EMPTY = ["pullrequests", "commits", "downloads", "forks", "refs", "refs/branches", "refs/tags"]


@pytest.mark.parametrize("name", [*EMPTY, "watchers"])
async def test_what_belongs_to_code_is_an_empty_list(api: Api, name: str) -> None:
    query = "state=ALL&sort=-created_on&q=x~y&pagelen=500&page=7"
    for path in (f"{OPEN}/{name}", f"{OPEN}/{name}/?{query}"):
        page = await api.get(path)
        assert page == {"pagelen": 10, "size": 0, "values": [], "page": 1}
    assert (await api("HEAD", f"{OPEN}/{name}")).status == 200
    assert (await api("GET", f"{APP}/{name}", "charlie")).status == 404


async def test_every_link_of_a_repository_leads_somewhere(api: Api) -> None:
    links = (await api.get(OPEN))["links"]
    for name, link in links.items():
        if name not in ("clone", "html"):
            path = link["href"].removeprefix(api.url)
            assert (await api("GET", path)).status == 200, name


@pytest.mark.parametrize("path", ["/2.0/user", OPEN, f"{OPEN}/issues", f"{OPEN}/issues/9", APP])
async def test_answers_of_the_api_say_that_no_limit_is_near(api: Api, path: str) -> None:
    headers = (await api("GET", path)).headers
    assert headers["X-RateLimit-NearLimit"] == "false"
    assert int(headers["X-RateLimit-Limit"]) > 1_000_000
    assert headers["X-RateLimit-Resource"] == "api"


async def test_pages_and_pictures_say_nothing_of_limits(api: Api) -> None:
    for path in ("/", "/healthz", "/avatar/%7B00000000-0000-0000-0000-000000000000%7D.svg"):
        assert "X-RateLimit-Limit" not in (await api("GET", path)).headers


GET = [
    "",
    "/issues",
    "/issues/1",
    "/issues/1/comments",
    "/components",
    "/pullrequests",
    "/permissions-config/users",
    "/permissions-config/users/{00000000-0000-0000-0000-000000000000}",
    "/permissions-config/groups",
    "/issues/import",
]


@pytest.mark.parametrize("who", [None, "charlie"])
@pytest.mark.parametrize(
    ("method", "tail"), [*(("GET", tail) for tail in GET), ("PUT", ""), ("DELETE", "")]
)
async def test_a_private_repository_is_answered_like_an_absent_one(
    api: Api, who: str | None, method: str, tail: str
) -> None:
    uuid = (await api.get(APP, "alice"))["uuid"]
    answers = [
        await api(method, f"/2.0/repositories/{name}{tail}", who, json={})
        for name in (
            "alice/app",
            "alice/nothing",
            "nobody/nothing",
            f"alice/{uuid}",
            f"{{}}/{uuid}",
            "{}/{00000000-0000-0000-0000-000000000000}",
        )
    ]
    assert {answer.status for answer in answers} == {
        401 if who is None and method != "GET" else 404
    }
    assert len({str(answer.body) for answer in answers}) == 1
    heads = [{k: v for k, v in answer.headers.items() if k != "Date"} for answer in answers]
    assert all(head == heads[0] for head in heads)


GARBAGE = [
    "%00", "%ff", "%ED%A0%80", "%2f..%2f", "%2e%2e", "%7B%7D", "{}", "{", "a" * 3000,
    "%27%20OR%201=1", "%0d%0aX", ";x=1", "%25", "%F0%9F%92%A9", "*", "alice%00", "%20alice",
    "alice%20",
]  # fmt: skip


@pytest.mark.parametrize(
    "template",
    [
        "/2.0/repositories/*",
        "/2.0/repositories/*/app",
        "/2.0/repositories/charlie/*",
        "/2.0/repositories/charlie/*/pullrequests",
        "/2.0/repositories/charlie/x/permissions-config/users/*",
        "/2.0/workspaces/*",
        "/2.0/workspaces/*/members",
        "/2.0/workspaces/charlie/members/*",
        "/2.0/workspaces/charlie/permissions/repositories/*",
        "/2.0/users/*",
        "/2.0/user/emails/*",
        "/avatar/*.svg",
        "/alice/*.git/info/refs?service=git-upload-pack",
    ],
)
async def test_garbage_in_a_path_leads_nowhere(api: Api, template: str) -> None:
    for garbage in GARBAGE:
        url = URL(template.replace("*", garbage), encoded=True)
        for method in ("GET", "PUT", "DELETE"):
            answer = await api(method, url, "charlie", json={})
            assert answer.status in (400, 404, 405), (method, garbage)
            assert answer.body["type"] == "error"


@pytest.mark.parametrize(
    ("payload", "status"), [(b"{", 400), (b"[]", 400), (b'"x"', 400), (b'{"name": "\\ud800"}', 400)]
)
async def test_a_body_that_is_none_changes_nothing(api: Api, payload: bytes, status: int) -> None:
    before = await api.get(OPEN)
    bob = (await api.get("/2.0/user", "bob"))["uuid"]
    for path in (OPEN, f"{OPEN}/permissions-config/users/{bob}"):
        headers = {"Content-Type": "application/json"}
        answer = await api("PUT", path, "alice", data=payload, headers=headers)
        assert answer.status == status
    assert await api.get(OPEN) == before


async def test_a_form_will_do(api: Api) -> None:
    path = "/2.0/repositories/alice/formed"
    answer = await api("POST", path, "alice", data={"name": "A form", "is_private": "false"})
    assert answer.status == 200
    assert (answer.body["name"], answer.body["is_private"]) == ("A form", False)
    bob = (await api.get("/2.0/user", "bob"))["uuid"]
    member = f"{path}/permissions-config/users/{bob}"
    answer = await api("PUT", member, "alice", data={"permission": "admin"})
    assert answer.body["permission"] == "admin"
