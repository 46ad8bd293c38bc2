"""Request bodies: JSON objects, read with limits."""

import codecs
import re

import orjson
from aiohttp import hdrs, web

from tracker.errors import Invalid

MOST_VALUES = 20_000

_STRINGS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)


async def read_json(request: web.Request) -> dict[str, object]:
    """The JSON object in the body.

    Raises Invalid for what is no JSON object (also NaN, lone surrogates, bytes that are no UTF-8,
    nesting without end); 413 and 415 as aiohttp's exceptions for what is too large or is no JSON.
    """
    if not _is_json(request) or not _is_utf8(request.charset or "utf-8"):
        raise web.HTTPUnsupportedMediaType(reason="Send the body as application/json in UTF-8.")
    try:
        text = await request.read()
        _require_few_values(text)
        payload = orjson.loads(text)
    except web.RequestPayloadError as error:
        raise Invalid("The body could not be read.") from error
    except orjson.JSONDecodeError as error:
        raise Invalid(f"The body is not valid JSON: {error}.") from error
    if not isinstance(payload, dict):
        raise Invalid("The body must be a JSON object.")
    return payload


def _require_few_values(text: bytes) -> None:
    """Raises Invalid for a body of very many values: each takes far more memory than text.

    Whatever stands in strings does not count; they are only looked for when there is a reason to.
    """
    if _marks(text) <= MOST_VALUES:
        return
    strings = (text.count(b'"') - text.count(b'\\"')) // 2
    if strings > 2 * MOST_VALUES or _marks(_STRINGS.sub(b"", text)) > MOST_VALUES:
        raise Invalid(f"The body holds more than {MOST_VALUES} values.")


def _marks(text: bytes) -> int:
    return text.count(b",") + text.count(b"[") + text.count(b"{")


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
