"""Turn errors into answers: the only place, so that an API has one shape for all of them."""

import logging
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from service.http import answers, auth
from service.http.dialect import DIALECTS, Dialect, spoken
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
"""Only in the log, for a client that went away or was cut off; nginx's number for it."""

_RETRY_SECONDS = 5
"""When to ask again while the database is busy."""

_log = logging.getLogger("pail.service")


def answer(request: web.Request, error: Exception) -> web.StreamResponse:
    """The answer for whatever a handler raised, in the shape of the request's dialect.

    Redirects are raised again.
    """
    if isinstance(error, auth.WrongCredentials):
        error = auth.refusal(request, error)
    if isinstance(error, errors.TrackerError):
        return _closing(request, _expected(request, error))
    if isinstance(error, web.HTTPException):
        if error.status < 400:
            raise error
        return _closing(request, from_framework(request.app[DIALECTS], request, error))
    if _tells_of_the_end(request, error):
        return web.Response(status=GONE)
    number = secrets.token_hex(8)
    where = (number, request.method, request.rel_url.raw_path)
    _log.error("Error %s in %s %s", *where, exc_info=error)
    return of_request(request, 500, "Internal error", id=number)


def of_request(
    request: web.Request,
    status: int,
    message: str,
    *,
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> web.Response:
    """An error with that status in the shape of the request's dialect; more are its members."""
    dialect = spoken(request.app[DIALECTS], request.path)
    return envelope(dialect, status, message, headers=headers, **more)


def envelope(
    dialect: Dialect,
    status: int,
    message: str,
    *,
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> web.Response:
    """An error with that status in the shape of the dialect; more are its further members."""
    return answers.json(dialect.error(status, message, more), status=status, headers=headers)


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
    return of_request(request, status, error.message, headers=headers, **more)


def _closing(request: web.Request, answer: web.Response) -> web.Response:
    """The answer; it says that the connection is closed after a body that can't be read."""
    if request.content.exception() is not None:
        answer.force_close()
    return answer


def _tells_of_the_end(request: web.Request, error: Exception) -> bool:
    """Whether the error means only that the client's connection has ended."""
    is_open = request.transport is not None and not request.transport.is_closing()
    of_connection = isinstance(error, ConnectionError) or error is request.content.exception()
    return of_connection and not is_open


def from_framework(
    dialects: Sequence[Dialect], request: web.BaseRequest, error: web.HTTPException
) -> web.Response:
    """The answer for an exception of aiohttp, in the shape of the request's dialect."""
    dialect = spoken(dialects, request.path)
    if isinstance(error, web.HTTPNotFound):
        detail = f"{_NO_ROUTE_DETAIL}{dialect.prefixes[0]}/docs"
        return envelope(dialect, 404, "Resource not found", detail=detail)
    allow = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else None
    return envelope(dialect, error.status, error.reason, headers=allow)
