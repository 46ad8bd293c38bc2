"""Every route, asked by everybody: who gets what, and what garbage gets."""

import asyncio
import secrets
from typing import Any

import pytest
from aiohttp import FormData, web
from yarl import URL

from service.app import build_app
from service.endpoint import V2
from tests.conftest import APP, OPEN, Api
from tests.rows import add_attachment, add_comment, define
from tracker.settings import Settings

WHO = (None, "charlie", "dora", "bob", "alice", "reader", "wrong", "eve")
"""Nobody, a stranger, who may read, who may write, the owner, the owner's token that may only read,
a token that is none, and the token of an account that is switched off."""

REPOSITORY = "/2.0/repositories/{workspace}/{repo_slug}"
ISSUE = f"{REPOSITORY}/issues/{{issue_id}}"
GRANT = f"{REPOSITORY}/permissions-config/users/{{selected_user}}"
WORKSPACE = "/2.0/workspaces/{workspace}"

READ = "404 404 200 200 200 200 401 401"
WRITE = "401 404 201 201 201 403 401 401"
ADMINISTER = "401 404 403 403 202 403 401 401"
OWN = "401 200 200 200 200 200 401 401"
PUBLIC = "200 200 200 200 200 200 401 401"

API = {
    ("GET", f"{REPOSITORY}/issues"): READ,
    ("POST", f"{REPOSITORY}/issues"): WRITE,
    ("GET", ISSUE): READ,
    ("PUT", ISSUE): "401 404 403 200 200 403 401 401",
    ("DELETE", ISSUE): "401 404 403 200 404 403 401 401",
    ("GET", f"{ISSUE}/comments"): READ,
    ("POST", f"{ISSUE}/comments"): WRITE,
    ("GET", f"{ISSUE}/comments/{{comment_id}}"): READ,
    ("PUT", f"{ISSUE}/comments/{{comment_id}}"): "401 404 403 403 200 403 401 401",
    ("DELETE", f"{ISSUE}/comments/{{comment_id}}"): "401 404 403 403 204 403 401 401",
    ("GET", f"{ISSUE}/changes"): READ,
    ("POST", f"{ISSUE}/changes"): WRITE,
    ("GET", f"{ISSUE}/changes/{{change_id}}"): READ,
    ("GET", f"{ISSUE}/vote"): "404 404 404 404 404 404 401 401",
    ("PUT", f"{ISSUE}/vote"): "401 404 204 204 204 403 401 401",
    ("DELETE", f"{ISSUE}/vote"): "401 404 204 204 204 403 401 401",
    ("GET", f"{ISSUE}/watch"): "404 404 404 404 204 204 401 401",
    ("PUT", f"{ISSUE}/watch"): "401 404 204 204 204 403 401 401",
    ("DELETE", f"{ISSUE}/watch"): "401 404 204 204 204 403 401 401",
    ("GET", f"{ISSUE}/attachments"): READ,
    ("POST", f"{ISSUE}/attachments"): WRITE,
    ("GET", f"{ISSUE}/attachments/{{path}}"): READ.replace("200", "302"),
    ("DELETE", f"{ISSUE}/attachments/{{path}}"): "401 404 403 204 404 403 401 401",
    ("GET", f"{REPOSITORY}/components"): READ,
    ("GET", f"{REPOSITORY}/components/{{category_id}}"): READ,
    ("GET", f"{REPOSITORY}/milestones"): READ,
    ("GET", f"{REPOSITORY}/milestones/{{category_id}}"): READ,
    ("GET", f"{REPOSITORY}/versions"): READ,
    ("GET", f"{REPOSITORY}/versions/{{category_id}}"): READ,
    ("GET", REPOSITORY): READ,
    ("POST", f"{REPOSITORY}/issues/import"): ADMINISTER,
    ("GET", f"{REPOSITORY}/issues/import"): ADMINISTER.replace("401", "404", 1),
    ("POST", f"{REPOSITORY}/issues/import/undo"): ADMINISTER.replace("202", "404"),
    ("POST", f"{REPOSITORY}/issues/export"): ADMINISTER,
    ("GET", f"{REPOSITORY}/issues/export/{{repo_name}}-issues-{{task_id}}.zip"): (
        ADMINISTER.replace("401", "404", 1)
    ),
    ("PUT", REPOSITORY): "401 404 403 403 200 403 401 401",
    ("POST", REPOSITORY): "401 403 403 403 400 403 401 401",  # it is there already
    ("DELETE", REPOSITORY): "401 404 403 403 204 403 401 401",
    ("GET", f"{REPOSITORY}/pullrequests"): READ,
    ("GET", f"{REPOSITORY}/commits"): READ,
    ("GET", f"{REPOSITORY}/downloads"): READ,
    ("GET", f"{REPOSITORY}/forks"): READ,
    ("GET", f"{REPOSITORY}/refs"): READ,
    ("GET", f"{REPOSITORY}/refs/branches"): READ,
    ("GET", f"{REPOSITORY}/refs/tags"): READ,
    ("GET", f"{REPOSITORY}/watchers"): READ,
    ("GET", f"{REPOSITORY}/permissions-config/groups"): "404 404 403 403 200 403 401 401",
    ("GET", f"{REPOSITORY}/permissions-config/users"): "404 404 403 403 200 403 401 401",
    ("GET", GRANT): "404 404 403 403 200 403 401 401",
    ("PUT", GRANT): "401 404 403 403 200 403 401 401",
    ("DELETE", GRANT): "401 404 403 403 204 403 401 401",
    ("GET", "/2.0/repositories"): PUBLIC,
    ("GET", "/2.0/repositories/{workspace}"): PUBLIC,
    ("GET", "/2.0/workspaces"): OWN,
    ("GET", WORKSPACE): PUBLIC,
    ("GET", f"{WORKSPACE}/members"): "401 403 200 200 200 200 401 401",
    ("GET", f"{WORKSPACE}/members/{{member}}"): "401 403 200 200 200 200 401 401",
    ("GET", f"{WORKSPACE}/permissions"): "401 403 200 200 200 200 401 401",
    ("GET", f"{WORKSPACE}/permissions/repositories"): "401 403 403 403 200 200 401 401",
    ("GET", f"{WORKSPACE}/permissions/repositories/{{repo_slug}}"): (
        "404 404 403 403 200 200 401 401"
    ),
    ("GET", f"{WORKSPACE}/projects"): PUBLIC,
    ("GET", "/2.0/user"): OWN,
    ("GET", "/2.0/user/emails"): OWN,
    ("GET", "/2.0/user/emails/{email}"): "401 404 404 404 200 200 401 401",
    ("GET", "/2.0/user/permissions/repositories"): OWN,
    ("GET", "/2.0/user/permissions/workspaces"): OWN,
    ("GET", "/2.0/user/workspaces"): OWN,
    ("GET", "/2.0/users/{selected_user}"): PUBLIC,
    ("GET", "/2.0/openapi.json"): PUBLIC,
    ("GET", "/2.0/docs"): PUBLIC,
}
"""What each of WHO gets from the API of a private repository."""

ELSEWHERE = {
    ("GET", "/"),
    ("GET", "/healthz"),
    ("GET", "/avatar/{uuid}.svg"),
    ("GET", "/{workspace}/{repo_slug}.git/info/refs"),
    ("GET", "/readyz"),
    ("GET", "/static/{name}"),
    ("GET", "/static/docs/{name}"),
    ("GET", "/site/attachments/{sha256}/{name}"),
}
"""What is open to everybody, because it shows nothing or has its own tests."""

GARBAGE_IDS = [
    "0", "-1", "1e3", "1_0", "+1", "01x", "1.0", "x", "%D9%A1", "%00", "%31%00", "1%00", "1%2f2",
    "..%2f1", "%2e%2e", ";", "1;x", "1%20", "%20", "null", "2147483648", "9223372036854775807",
    "9223372036854775808", "9" * 5000, "%ff", "%ED%A0%80", "{1}", "%7B%7D", "%0d%0aX", "%252f",
]  # fmt: skip


def _routes(app: web.Application) -> set[tuple[str, str]]:
    """Every route as (method, path); those of the API once, without HEAD."""
    found = set()
    for route in app.router.routes():
        assert route.resource is not None
        path = route.resource.canonical.removesuffix("{_slash}")
        for prefix in V2[1:]:
            path = path.replace(prefix, V2[0], 1) if path.startswith(prefix) else path
        if route.method != "HEAD":
            found.add((route.method, path))
    return found


def test_every_route_has_a_verdict(settings: Settings) -> None:
    assert _routes(build_app(settings)) == set(API) | ELSEWHERE


def test_every_route_of_the_api_is_under_every_prefix(settings: Settings) -> None:
    counts: dict[str, int] = dict.fromkeys(V2, 0)
    for resource in build_app(settings).router.resources():
        for prefix in V2:
            counts[prefix] += resource.canonical.startswith(f"{prefix}/")
    assert len(set(counts.values())) == 1


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
        **{"selected_user": bob, "member": bob, "email": "alice@example.org"},
    }


def _path(template: str, values: dict[str, Any]) -> str:
    for kind, number in values["ids"].items():
        if f"/{kind}s/" in template:
            values = {**values, "category_id": number}
    return template.format(**values)


async def _verdicts(api: Api, method: str, template: str, full_name: str) -> list[str]:
    """The status that each of WHO gets."""
    path = _path(template, await _fill(api, full_name))
    if (method, template) == ("GET", f"{REPOSITORY}/issues/import"):
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
    return {"json": {"title": "t", "content": {"raw": "c"}}} if writes else {}


@pytest.mark.parametrize(("method", "template"), API, ids=lambda value: value)
async def test_everybody_gets_what_is_his_in_a_private_repository(
    api: Api, method: str, template: str
) -> None:
    verdicts = await _verdicts(api, method, template, "alice/app")
    assert " ".join(verdicts) == API[method, template]


@pytest.mark.parametrize(
    ("method", "template"),
    [(method, path) for method, path in API if path.startswith(REPOSITORY)],
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
        expected[0] = "401"  # nobody has none, and can't be asked for his (reference 2.7)
    assert await _verdicts(api, method, template, "alice/open") == expected


@pytest.mark.parametrize(
    ("method", "template"),
    [
        (method, path)
        for method, path in API
        if path.startswith(REPOSITORY) and "{" in path.removeprefix(REPOSITORY) and path != GRANT
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


@pytest.mark.parametrize("template", sorted({path for _, path in API if "_id}" in path}))
async def test_an_id_that_is_none_is_absent(api: Api, template: str) -> None:
    values = await _fill(api, "alice/app")
    for name in ("issue_id", "comment_id", "change_id", "category_id"):
        if f"{{{name}}}" not in template:
            continue
        for garbage in GARBAGE_IDS:
            path = _path(template.replace(f"{{{name}}}", "GARBAGE"), values)
            url = URL(path.replace("GARBAGE", garbage), encoded=True)
            answer = await api("GET", url, "alice")  # type: ignore[arg-type]
            assert answer.status == 404, garbage
            assert answer.body["type"] == "error"


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
    for tail in ("", "/issues", "/issues/1"):
        url = URL(f"/2.0/repositories/{path}{tail}".replace(" ", "%20"), encoded=True)
        answer = await api("GET", url, "charlie")  # type: ignore[arg-type]
        assert answer.status == 404
        assert answer.body["type"] == "error"


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
async def test_who_may_not_write_is_told_before_the_body_is_read(
    api: Api, who: str | None, status: bytes, tail: str
) -> None:
    headers = "".join(f"{k}: {v}\r\n" for k, v in api.world.headers(who).items())
    head = (
        f"POST {APP}/{tail} HTTP/1.1\r\nHost: localhost\r\n{headers}"
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
