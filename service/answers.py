"""Answers: JSON, and the headers that every answer carries."""

from collections.abc import Mapping

import orjson
from aiohttp import hdrs, web


def json(
    data: object, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """The data as a JSON answer."""
    return web.Response(
        body=orjson.dumps(data),
        status=status,
        headers=headers,
        content_type="application/json",
        charset="utf-8",
    )


async def finish(request: web.Request, response: web.StreamResponse) -> None:
    """Put on an answer what all of them carry (signal on_response_prepare)."""
    headers = response.headers
    headers[hdrs.SERVER] = "Pail"
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "same-origin"
    headers.setdefault(hdrs.CACHE_CONTROL, "private, no-cache")
    if isinstance(response, web.Response) and not response.body:
        # Clients fail on an empty answer without a type, or on empty "JSON" (reference 8.2.1).
        headers[hdrs.CONTENT_TYPE] = "text/html; charset=utf-8"
