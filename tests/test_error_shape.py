"""Every error has one shape: {"type": "error", "error": {"message": ...}} as application/json; in
API 1.0 without the type."""

import logging
from typing import Any

import pytest
from aiohttp import web

from service.api_v1.dialect import V1
from service.http import errors
from tests.conftest import OPEN, Api, Start
from tracker import errors as core
from tracker.settings import Settings

SECRET = "/srv/secret/path SELECT * FROM token"


def is_error(answer: Any) -> bool:
    """Whether an answer has the one shape, or that of API 1.0 (tests.described knows which)."""
    body = answer.body
    return (
        answer.headers["Content-Type"] == "application/json; charset=utf-8"
        and isinstance(body["error"]["message"], str)
        and body in ({"type": "error", "error": body["error"]}, {"error": body["error"]})
        and set(body["error"]) <= {"message", "fields", "detail", "id"}
    )


RAISED = [
    (core.Invalid("m", {"title": ["no"]}), 400, {}),
    (core.Unauthenticated("m"), 401, {"WWW-Authenticate": 'Basic realm="Pail"'}),
    (core.Forbidden("m"), 403, {}),
    (core.MissingScope(["issue"], ["issue:write"]), 403, {}),
    (core.NotFound("m"), 404, {}),
    (core.Conflict("m"), 409, {}),
    (core.Conflict("m", retry_after=7), 409, {"Retry-After": "7"}),
    (core.Gone("m"), 410, {}),
    (core.TooLarge("m"), 413, {}),
    (core.TooManyRequests("m", retry_after=9), 429, {"Retry-After": "9"}),
    (core.Unavailable("m"), 503, {"Retry-After": "5"}),
    (core.StorageFull("m"), 507, {}),
    (web.HTTPRequestEntityTooLarge(max_size=1, actual_size=2), 413, {}),
    (web.HTTPForbidden(), 403, {}),
    (web.HTTPNotFound(), 404, {}),
    (web.HTTPMethodNotAllowed("PUT", ["GET"]), 405, {"Allow": "GET"}),
]


@pytest.mark.parametrize(("error", "status", "headers"), RAISED, ids=lambda value: repr(value)[:40])
async def test_what_a_handler_raises_is_answered_with_its_status(
    start: Start, settings: Settings, error: Exception, status: int, headers: dict[str, str]
) -> None:
    async def handler(request: web.Request) -> web.Response:
        raise error

    api = await start(settings, lambda app: app.router.add_get("/boom", handler) and None)
    answer = await api("GET", "/boom")
    assert answer.status == status
    assert is_error(answer)
    for name in ("Retry-After", "WWW-Authenticate", "Allow"):
        assert answer.headers.get(name) == headers.get(name)


def test_every_error_of_the_core_has_a_status() -> None:
    kinds = [core.TrackerError]
    for kind in kinds:
        kinds += kind.__subclasses__()
    for kind in kinds[1:]:
        assert any(parent in errors._STATUS for parent in kind.__mro__), kind


async def test_what_nobody_expected_is_logged_whole_and_shown_as_a_number_only(
    start: Start, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    async def handler(request: web.Request) -> web.Response:
        raise RuntimeError(SECRET)

    api = await start(settings, lambda app: app.router.add_get("/boom", handler) and None)
    with caplog.at_level(logging.ERROR, "pail.service"):
        answer = await api("GET", "/boom?access_token=hush")
    assert answer.status == 500
    assert is_error(answer)
    assert answer.body["error"]["message"] == "Internal error"
    assert SECRET not in str(answer)
    assert SECRET in caplog.text
    assert answer.body["error"]["id"] in caplog.text
    assert "hush" not in caplog.text


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/nothing"),
        ("GET", "/<script>alert(1)</script>"),
        ("GET", "/2.0/repositories/a/b/issues"),
        ("GET", f"{OPEN}/issues?page=<script>"),
        ("GET", f"{OPEN}/issues/7"),
        ("GET", "/static/nothing"),
        ("GET", "/2.0/user"),
        ("GET", "/1.0/nothing"),
        ("GET", "/1.0/user"),
        ("GET", "/1.0/repositories/alice/open/issues/7"),
        ("GET", "/!api/1.0/repositories/alice/open/issues?status=<script>"),
        ("PUT", "/api/1.0/repositories/alice/open/issues"),
        ("POST", f"{OPEN}/issues"),
        ("DELETE", f"{OPEN}/issues"),
        ("POST", "/healthz"),
        ("PUT", "/"),
    ],
)
async def test_an_error_from_anywhere_has_the_shape_and_repeats_no_markup(
    api: Api, method: str, path: str
) -> None:
    answer = await api(method, path, headers={"Referer": "<script>"})
    assert answer.status >= 400
    assert is_error(answer)
    assert ("type" in answer.body) == ("1.0/" not in path)
    assert "<script" not in str(answer.body)


@pytest.mark.parametrize("prefix", V1.prefixes)
async def test_what_is_not_there_in_the_old_api_says_so_in_its_words(api: Api, prefix: str) -> None:
    for path in ("repositories/alice/app/issues", "repositories/alice/open/issues/7", "nothing"):
        answer = await api("GET", f"{prefix}/{path}")
        assert answer.status == 404
        assert answer.body["error"]["message"] == "Not Found"
        assert answer.body["error"]["detail"]


async def test_every_answer_carries_the_headers_that_all_of_them_carry(api: Api) -> None:
    for path in ("/", "/healthz", "/nothing", "/static/pail.css", f"{OPEN}/issues", "/2.0/user"):
        headers = (await api("GET", path)).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cache-Control"] == "private, no-cache"
        assert headers["Server"] == "Pail"
        assert headers["Content-Type"]


@pytest.mark.parametrize("status", [200, 201, 202, 204, 302])
async def test_an_empty_answer_has_a_type_that_is_not_json(
    start: Start, settings: Settings, status: int
) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=status)

    api = await start(settings, lambda app: app.router.add_get("/empty", handler) and None)
    answer = await api("GET", "/empty")
    assert answer.status == status
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
