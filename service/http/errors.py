"""Errors become answers here, and only here: one shape for all of an API."""

import logging
import secrets
from collections.abc import Mapping
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from service.http import answers
from service.http.endpoint import V1, V2, is_below
from tracker import errors
from tracker.database import DatabaseUnusable

_NO_ROUTE_DETAIL = (
    "There is no API hosted at this URL.\n\n"
    "For information about our API's, please refer to the documentation at: "
)

_STATUS: dict[type[errors.TrackerError], int] = {
    errors.Invalid: 400,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Gone: 410,
    errors.TooLarge: 413,
    errors.TooManyRequests: 429,
    errors.Unavailable: 503,
    errors.StorageFull: 507,
    DatabaseUnusable: 503,
}
GONE = 499
"""In the log, for a client that went away or was cut off: nobody gets it. nginx says so, too."""

_RETRY_SECONDS = 5
"""When to ask again while the database is busy."""

_log = logging.getLogger("pail.service")


@web.middleware
async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer whatever was raised with the error envelope."""
    try:
        return await handler(request)
    except errors.TrackerError as error:
        return _closing(request, _expected(request, error))
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return _closing(request, from_framework(request, error))
    except Exception as error:
        if _tells_of_the_end(request, error):
            return web.Response(status=GONE)
        number = secrets.token_hex(8)
        _log.exception("Error %s in %s %s", number, request.method, request.rel_url.raw_path)
        return envelope(request, 500, "Internal error", id=number)


def envelope(
    request: web.BaseRequest,
    status: int,
    message: str,
    *,
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> web.Response:
    """The answer {"type": "error", "error": {"message": ..., **more}} with that status.

    API 1.0 has no type, and a 404 whose message is always the same: a client of it knows one by
    these words and not by the status.
    """
    if not is_below(request, V1):
        error = {"type": "error", "error": {"message": message, **more}}
    elif status == 404:
        error = {"error": {"message": "Not Found", "detail": message, **more}}
    else:
        error = {"error": {"message": message, **more}}
    return answers.json(error, status=status, headers=headers)


def _expected(request: web.Request, error: errors.TrackerError) -> web.Response:
    status = next(_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS)
    headers = {}
    more: dict[str, Any] = {}
    retry_after = getattr(error, "retry_after", _RETRY_SECONDS if status == 503 else None)
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    if status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="Pail"'
    if isinstance(error, errors.Invalid) and error.fields:
        more["fields"] = error.fields
    if isinstance(error, errors.MissingScope):
        more["detail"] = {"granted": error.granted, "required": error.required}
    return envelope(request, status, error.message, headers=headers, **more)


def _closing(request: web.Request, answer: web.Response) -> web.Response:
    """The answer; it says that the connection is closed after a body that can't be read."""
    if request.content.exception() is not None:
        answer.force_close()
    return answer


def _tells_of_the_end(request: web.Request, error: Exception) -> bool:
    """Whether the error says that the client's connection has ended, and nothing else."""
    is_open = request.transport is not None and not request.transport.is_closing()
    of_connection = isinstance(error, ConnectionError) or error is request.content.exception()
    return of_connection and not is_open


def from_framework(request: web.BaseRequest, error: web.HTTPException) -> web.Response:
    """The answer with our envelope for an exception of aiohttp."""
    if isinstance(error, web.HTTPNotFound):
        detail = f"{_NO_ROUTE_DETAIL}{(V1 if is_below(request, V1) else V2)[0]}/docs"
        return envelope(request, 404, "Resource not found", detail=detail)
    allow = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else None
    return envelope(request, error.status, error.reason, headers=allow)
