"""Answers: JSON, and the headers that every answer carries."""

import hashlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import orjson
from aiohttp import hdrs, web
from isal import isal_zlib

from service.http import cors, sending
from service.http.dialect import DIALECT

_OF_APIS = {
    hdrs.ACCESS_CONTROL_ALLOW_ORIGIN: "*",
    "X-RateLimit-Limit": "1000000000",
    "X-RateLimit-Resource": "api",
    "X-RateLimit-NearLimit": "false",
}
"""Headers of what endpoints answer. Some clients wait when a rate limit is near: this one is higher
than the number of requests that Pail can answer in an hour."""

SELECT: web.RequestKey[Callable[[Any], Any]] = web.RequestKey("select")
"""Takes an answer and gives the part of it that the query asks for; a dialect that can be asked so
puts it there."""

RETRY_SECONDS = 1
"""Seconds after which a client should ask for a job's status again; small jobs take less."""

_WORTH_COMPRESSING = 4096
"""Bytes; a shorter answer fits into three packets uncompressed."""

_MOST = 4 << 20
"""Bytes; a longer answer gets no ETag and no compression, because both would delay other
requests."""

_GZIP = 16 + 15
"""zlib's number for a gzip stream with the largest window."""


def json(
    data: object, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """The data as a JSON answer, whatever was asked."""
    return _json(orjson.dumps(data), status, headers)


def answer(
    request: web.Request,
    data: object,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> web.Response:
    """The data as a JSON answer to this request, or the part of it that the query asks for.

    The answer to a GET has an ETag; a client that has it already gets 304 without a body. A long
    answer is compressed for clients that accept gzip. Raises Unavailable while too many long
    answers are being sent.
    """
    if SELECT in request:
        data = request[SELECT](data)
    body = orjson.dumps(data)
    more = {hdrs.VARY: hdrs.ACCEPT_ENCODING, **(headers or {})}
    if len(body) > _MOST:
        return _json(body, status, more, request)
    if status == 200 and request.method in ("GET", "HEAD"):
        more[hdrs.ETAG] = etag = f'W/"{hashlib.sha1(body, usedforsecurity=False).hexdigest()}"'
        if _has(request, etag):
            return web.Response(status=304, headers=more)
    if len(body) >= _WORTH_COMPRESSING and _takes_gzip(request):
        more[hdrs.CONTENT_ENCODING] = "gzip"
        body = isal_zlib.compress(body, 1, _GZIP)
    return _json(body, status, more, request)


def _json(
    body: bytes,
    status: int,
    headers: Mapping[str, str] | None,
    request: web.Request | None = None,
) -> web.Response:
    make: Callable[..., web.Response] = web.Response
    if request is not None and len(body) > sending.LONG:
        make = partial(sending.LongResponse, request)
    return make(
        body=body,
        status=status,
        headers=headers,
        content_type="application/json",
        charset="utf-8",
    )


def _has(request: web.Request, etag: str) -> bool:
    """Whether the client has this version already (If-None-Match, weak comparison, RFC 9110)."""
    tags = request.headers.get(hdrs.IF_NONE_MATCH)
    if tags is None:
        return False
    plain = etag.removeprefix("W/")
    return any(
        tag == "*" or tag.removeprefix("W/") == plain for tag in map(str.strip, tags.split(","))
    )


def _takes_gzip(request: web.Request) -> bool:
    weights = {}
    for coding in request.headers.get(hdrs.ACCEPT_ENCODING, "").lower().split(","):
        name, _, weight = coding.partition(";")
        weights[name.strip()] = weight.replace(" ", "")
    weight = weights.get("gzip", weights.get("*", "q=0"))
    return weight.rstrip("0.") != "q="


def add_headers(response: web.StreamResponse) -> None:
    """Add the headers that do not depend on the request."""
    response.headers[hdrs.SERVER] = "Pail"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers.setdefault(hdrs.CACHE_CONTROL, "private, no-cache")


async def finish(request: web.Request, response: web.StreamResponse) -> None:
    """Add the headers that every answer has (signal on_response_prepare)."""
    add_headers(response)
    headers = response.headers
    if DIALECT in request:
        headers.update(_OF_APIS)
    elif cors.is_open(request):
        headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = "*"
    if hdrs.ORIGIN in request.headers and hdrs.ACCESS_CONTROL_ALLOW_ORIGIN in headers:
        headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = cors.EXPOSED
    if response.status == 202:
        headers[hdrs.RETRY_AFTER] = str(RETRY_SECONDS)
    if isinstance(response, web.Response) and not response.body and response.status != 304:
        # Clients fail on an empty answer without a type, or on empty "JSON".
        headers[hdrs.CONTENT_TYPE] = "text/html; charset=utf-8"
