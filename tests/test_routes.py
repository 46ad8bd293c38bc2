"""Every route, asked by everybody: who gets what, and what garbage gets."""

import asyncio
import secrets
from typing import Any

import pytest
from aiohttp import FormData, web
from yarl import URL

from service.api_v1.dialect import V1
from service.api_v2.dialect import V2
from service.app import build_app
from tests.conftest import APP, OPEN, Api
from tests.rows import add_attachment, add_comment, define
from tests.test_error_shape import is_error
from tests.verdicts import (
    ALONE,
    API,
    ELSEWHERE,
    GRANT,
    ISSUE,
    NEW,
    OLD,
    OLD_REPOSITORY,
    REPOSITORY,
    WHO,
)
from tracker.settings import Settings

GARBAGE_IDS = [
    "0", "-1", "1e3", "1_0", "+1", "01x", "1.0", "x", "%D9%A1", "%00", "%31%00", "1%00", "1%2f2",
    "..%2f1", "%2e%2e", ";", "1;x", "1%20", "%20", "null", "2147483648", "9223372036854775807",
    "9223372036854775808", "9" * 5000, "%ff", "%ED%A0%80", "{1}", "%7B%7D", "%0d%0aX", "%252f",
]  # fmt: skip


def _routes(app: web.Application) -> set[tuple[str, str]]:
    """Every route as (method, path); those of the APIs once, without HEAD."""
    found = set()
    for route in app.router.routes():
        assert route.resource is not None
        path = route.resource.canonical.removesuffix("{_slash}")
        for prefixes in (V1.prefixes, V2.prefixes):
            for prefix in prefixes[1:]:
                path = path.replace(prefix, prefixes[0], 1) if path.startswith(prefix) else path
        if route.method != "HEAD":
            found.add((route.method, path))
    return found


def test_every_route_has_a_verdict(settings: Settings) -> None:
    assert _routes(build_app(settings)) == set(API) | ELSEWHERE


@pytest.mark.parametrize("prefixes", [V1.prefixes, V2.prefixes])
def test_every_route_of_an_api_is_under_each_of_its_prefixes(
    settings: Settings, prefixes: tuple[str, ...]
) -> None:
    tails = {
        prefix: {
            resource.canonical.removeprefix(prefix)
            for resource in build_app(settings).router.resources()
            if resource.canonical.startswith(f"{prefix}/")
        }
        for prefix in prefixes
    }
    assert tails[prefixes[0]]
    assert all(tails[prefix] == tails[prefixes[0]] for prefix in prefixes)


def _twin(method: str, path: str) -> tuple[str, str]:
    """Where API 2.0 would do what API 1.0 does there."""
    twin = path.replace("/1.0", "/2.0", 1)
    is_category = path.rstrip("}").endswith(("components", "milestones", "versions", "category_id"))
    return method, twin.replace("/issues", "", 1) if is_category else twin


def test_the_old_api_lets_everybody_do_what_the_new_one_lets_him_do() -> None:
    for (method, path), verdicts in OLD.items():
        twin = _twin(method, path)
        if twin in NEW:
            # API 1.0 knows no 201, and does not show the issue that it deletes.
            same = NEW[twin].replace("201", "200")
            assert verdicts == (same.replace("200", "204") if method == "DELETE" else same)
    alone = {place for place in OLD if _twin(*place) not in NEW}
    assert {path for method, path in alone if method == "GET"} == ALONE
    # Who administers a repository defines its components, milestones and versions.
    writes = {OLD[place].replace("204", "200") for place in alone if place[0] != "GET"}
    assert writes == {NEW["PUT", REPOSITORY]}


async def _fill(api: Api, full_name: str) -> dict[str, Any]:
    """One of everything in that repository; what stands in the paths for it."""
    path = f"/2.0/repositories/{full_name}/issues"
    await api.post(path, "alice", {"title": "secret"})
    await add_comment(api, full_name, 1, 5, content="c", logs=[("kind", "bug", "task")])
    await add_attachment(api, full_name, 1, 1, "log.txt", "0" * 64)
    ids = {
        kind: (await define(api, full_name, kind, "secret"))[0]
        for kind in ("component", "milestone", "version")
    }
    workspace, slug = full_name.split("/")
    names = {"workspace": workspace, "repo_slug": slug, "path": "log.txt", "ids": ids}
    bob = (await api.get("/2.0/user", "bob"))["uuid"]
    export = await api("POST", f"{path}/export", "alice")
    task_id = export.headers["Location"].removesuffix(".zip").partition("-issues-")[2]
    return {
        **names,
        **{"issue_id": 1, "comment_id": 5, "change_id": 5},
        **{"repo_name": slug, "task_id": task_id},
        **{"selected_user": bob, "member": bob, "username": "bob", "email": "alice@example.org"},
    }


def _path(template: str, values: dict[str, Any]) -> str:
    for kind, number in values["ids"].items():
        if f"/{kind}s/" in template:
            values = {**values, "category_id": number}
    return template.format(**values)


async def _verdicts(api: Api, method: str, template: str, full_name: str) -> list[str]:
    """The status that each of WHO gets."""
    path = _path(template, await _fill(api, full_name))
    if method != "POST" and template == f"{REPOSITORY}/issues/import":
        assert (await api("POST", path, "alice", **_body("POST", template))).status == 202
    return [str((await api(method, path, who, **_body(method, template))).status) for who in WHO]


def _body(method: str, template: str) -> dict[str, Any]:
    """What a request that is right has in its body."""
    if template.endswith("/import"):
        form = FormData()
        form.add_field("archive", b"an archive, perhaps", filename="issues.zip")
        return {"data": form} if method == "POST" else {}
    if (method, template) == ("POST", f"{ISSUE}/attachments"):
        form = FormData()
        form.add_field("files", b"x", filename=f"{secrets.token_hex(4)}.txt")  # nobody else's
        return {"data": form}
    if template == GRANT:
        return {"json": {"permission": "write"}} if method == "PUT" else {}
    writes = method in ("POST", "PUT")
    if writes and template in {path for _, path in OLD}:
        return {"data": {"title": "t", "content": "c", "name": "t"}}
    return {"json": {"title": "t", "content": {"raw": "c"}}} if writes else {}


@pytest.mark.parametrize(("method", "template"), API, ids=lambda value: value)
async def test_everybody_gets_what_is_his_in_a_private_repository(
    api: Api, method: str, template: str
) -> None:
    verdicts = await _verdicts(api, method, template, "alice/app")
    assert " ".join(verdicts) == API[method, template]


@pytest.mark.parametrize(
    ("method", "template"),
    [(method, path) for method, path in API if path.startswith((OLD_REPOSITORY, REPOSITORY))],
    ids=lambda value: value,
)
async def test_in_a_public_repository_strangers_do_what_members_do(
    api: Api, method: str, template: str
) -> None:
    expected = API[method, template].split()
    expected[1] = expected[2]
    if method == "GET":
        expected[0] = expected[2]
    if method == "GET" and template.endswith(("/vote", "/watch")):
        expected[0] = "401"  # anonymous requests have neither
    assert await _verdicts(api, method, template, "alice/open") == expected


@pytest.mark.parametrize(
    ("method", "template"),
    [
        (method, path)
        for method, path in API
        if path.startswith((OLD_REPOSITORY, REPOSITORY)) and path.count("{") > 2 and path != GRANT
    ],
    ids=lambda value: value,
)
async def test_the_same_ids_in_another_repository_lead_nowhere(
    api: Api, method: str, template: str
) -> None:
    foreign = {**await _fill(api, "alice/app"), "workspace": "charlie", "repo_slug": "x"}
    answer = await api(method, _path(template, foreign), "charlie", **_body(method, template))
    assert answer.status == 404


async def test_a_list_shows_nothing_of_another_repository(api: Api) -> None:
    await _fill(api, "alice/app")
    for tail in ("issues", "components", "milestones", "versions"):
        assert (await api.get(f"/2.0/repositories/charlie/x/{tail}", "charlie"))["size"] == 0
    path = "/1.0/repositories/charlie/x/issues"
    assert (await api.get(path, "charlie"))["count"] == 0
    for tail in ("components", "milestones", "versions"):
        assert await api.get(f"{path}/{tail}", "charlie") == []


@pytest.mark.parametrize("template", sorted({path for _, path in API if "_id}" in path}))
async def test_an_id_that_is_none_is_absent(api: Api, template: str) -> None:
    values = await _fill(api, "alice/app")
    for name in ("issue_id", "comment_id", "change_id", "category_id"):
        if f"{{{name}}}" not in template:
            continue
        for garbage in GARBAGE_IDS:
            path = _path(template.replace(f"{{{name}}}", "GARBAGE"), values)
            url = URL(path.replace("GARBAGE", garbage), encoded=True)
            answer = await api("GET", url, "alice")
            assert answer.status == 404, garbage
            assert is_error(answer)


@pytest.mark.parametrize(
    "path",
    [
        "alice%2fapp/x",
        "alice/..%2fapp",
        "alice/%2e%2e/app",
        "charlie/..%2f..%2falice%2fapp",
        "alice/app%00",
        "alice%00/app",
        "alice//app",
        "/alice/app",
        "alice/app;",
        "alice/app;x=1",
        "alice/app.",
        "alice/app%20",
        "alice/app/../app",
        "alice/" + "a" * 300,
        "a" * 300 + "/app",
        "alice/%ff",
        "alice/%ED%A0%80",
        "alice/%",
        "alice/%zz",
        "alice/app%23",
        "alice/' OR 1=1 --",
        "alice/%25",
        "alice/_pp",
        "%7Balice%7D/app",
        "%7B%7D/app",
        "{}/{}",
        "%E2%84%AAlice/app",
    ],
)
async def test_a_trick_in_the_path_leads_to_nobodys_repository(api: Api, path: str) -> None:
    await _fill(api, "alice/app")
    for prefix in (V1.prefixes[0], V2.prefixes[0]):
        for tail in ("", "/issues", "/issues/1"):
            url = URL(f"{prefix}/repositories/{path}{tail}".replace(" ", "%20"), encoded=True)
            answer = await api("GET", url, "charlie")
            assert answer.status == 404
            assert is_error(answer)


async def _raw(api: Api, request: bytes) -> bytes:
    """The first line of what comes back for those bytes; nothing more is sent."""
    reader, writer = await asyncio.open_connection(api.client.host, api.client.port)
    writer.write(request)
    try:
        return await asyncio.wait_for(reader.readline(), 10)
    finally:
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize(
    ("who", "status"), [(None, b"401"), ("charlie", b"404"), ("reader", b"403")]
)
@pytest.mark.parametrize("tail", ["issues", "issues/1/comments"])
@pytest.mark.parametrize("app", [APP, APP.replace("2.0", "1.0")])
async def test_who_may_not_write_is_told_before_the_body_is_read(
    api: Api, who: str | None, status: bytes, app: str, tail: str
) -> None:
    headers = "".join(f"{k}: {v}\r\n" for k, v in api.world.headers(who).items())
    head = (
        f"POST {app}/{tail} HTTP/1.1\r\nHost: localhost\r\n{headers}"
        "Content-Type: application/json\r\nContent-Length: 8000000\r\n\r\n{"
    )
    assert (await _raw(api, head.encode())).split()[1] == status


@pytest.mark.parametrize(
    "target",
    [
        b"/2.0/repositories/\xff\xfe/x",
        b"/2.0/repositories/alice/\xed\xa0\x80/issues",
        b"/2.0/repositories/alice/open/issues?page=\xff",
        b"//evil.example/x",
        b"/\\evil.example",
        b"http://evil.example/2.0/user",
        b"*",
        b"/%",
        b"/" + b"a" * 7000,
        b"/<script>alert(1)</script>",
    ],
)
async def test_bytes_that_are_no_address_are_an_error_of_the_client(
    api: Api, target: bytes
) -> None:
    line = await _raw(api, b"GET " + target + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert line.split()[1][:1] == b"4"
    assert (await api("GET", "/healthz")).status == 200


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"])
async def test_a_method_that_is_not_there_says_which_are(api: Api, method: str) -> None:
    answer = await api(method, f"{OPEN}/issues", "bob")
    assert answer.status == 405
    assert answer.headers["Allow"] == "GET,HEAD,POST"
    assert answer.body["type"] == "error"


async def test_where_nothing_is_there_is_nothing_for_anybody(api: Api) -> None:
    for method in ("GET", "POST", "DELETE"):
        for path in ("/nothing", "/2.0/", "/2.0/reports", "/3.0/user", f"{OPEN}/wiki"):
            answer = await api(method, path, "alice" if path.endswith("s") else None)
            assert answer.status == 404
            assert answer.body["error"]["message"] == "Resource not found"
