"""Request bodies: JSON objects, read with limits."""

import codecs

import orjson
from aiohttp import hdrs, web

from tracker.errors import Invalid


async def read_json(request: web.Request) -> dict[str, object]:
    """The JSON object in the body.

    Raises Invalid for what is no JSON object (also NaN, lone surrogates, bytes that are no UTF-8,
    nesting without end); 413 and 415 as aiohttp's exceptions for what is too large or is no JSON.
    """
    if not _is_json(request) or not _is_utf8(request.charset or "utf-8"):
        raise web.HTTPUnsupportedMediaType(reason="Send the body as application/json in UTF-8.")
    try:
        payload = orjson.loads(await request.read())
    except web.RequestPayloadError as error:
        raise Invalid("The body could not be read.") from error
    except orjson.JSONDecodeError as error:
        raise Invalid(f"The body is not valid JSON: {error}.") from error
    if not isinstance(payload, dict):
        raise Invalid("The body must be a JSON object.")
    return payload


def _is_json(request: web.Request) -> bool:
    # Some clients name no type at all.
    return hdrs.CONTENT_TYPE not in request.headers or request.content_type.endswith(
        ("/json", "+json")
    )


def _is_utf8(charset: str) -> bool:
    try:
        return codecs.lookup(charset).name in ("utf-8", "ascii")
    except (LookupError, ValueError):
        return False
