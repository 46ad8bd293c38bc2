"""Request bodies: JSON objects or flat forms, read with limits."""

import asyncio
import codecs
import re
from contextlib import suppress

import orjson
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from service import errors
from tracker.errors import Invalid
from tracker.fields import Form

MOST_VALUES = 20_000

_FORM = "application/x-www-form-urlencoded"
_LONG = 1 << 16
"""Bytes: a longer form is taken apart in a thread, because that takes its time."""

_STRINGS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)


@web.middleware
async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Close the connection over a compressed body that nobody wanted to the end.

    aiohttp would go on unpacking it, for ten seconds and with nothing else beside, only to find
    where the next request begins: anybody can send a few megabytes that are gigabytes.
    """
    answer = await handler(request)
    if hdrs.CONTENT_ENCODING in request.headers and not request.content.is_eof():
        if not isinstance(answer, web.Response):  # a file can't be sent from here
            answer = errors.envelope(request, 400, "Nothing that is compressed is read here.")
        answer.force_close()
        with suppress(ConnectionError):
            await answer.prepare(request)
            await answer.write_eof()
        request.protocol.force_close()
    return answer


async def read(request: web.Request) -> dict[str, object]:
    """The JSON object in the body, or what a form has in its place (reference 2.1).

    A form says `content.raw=text` for {"content": {"raw": "text"}}; everything in it is text, and
    of a name that is repeated the last one counts, as in JSON.

    Raises Invalid for what is neither (also NaN, lone surrogates, bytes that are no UTF-8, nesting
    without end); 413 and 415 as aiohttp's exceptions for what is too large or of another type.
    """
    is_form = request.content_type == _FORM
    if not (is_form or _is_json(request)) or not _is_utf8(request.charset or "utf-8"):
        raise web.HTTPUnsupportedMediaType(reason="Send the body as application/json in UTF-8.")
    try:
        text = await request.read()
    except web.RequestPayloadError as error:
        raise Invalid("The body could not be read.") from error
    if not is_form:
        return _json(text)
    return await asyncio.to_thread(_form, text) if len(text) > _LONG else _form(text)


def _form(text: bytes) -> dict[str, object]:
    if text.lstrip().startswith(b"{"):
        raise Invalid("The body looks like JSON: send it with Content-Type: application/json.")
    parts = text.split(b"&", MOST_VALUES)
    if len(parts) > MOST_VALUES:
        raise Invalid(f"The body holds more than {MOST_VALUES} values.")
    payload = Form()
    for part in filter(None, parts):
        name, value = map(_unquoted, part.partition(b"=")[::2])
        outer, _, inner = name.partition(".")
        if inner:
            within = payload.setdefault(outer, Form())
            if not isinstance(within, dict):
                raise Invalid(f"{name}: {outer} has a value already.")
            within[inner] = value
        else:
            payload[outer] = value
    return payload


_ESCAPES = re.compile(rb"(?:%[0-9A-Fa-f]{2})++")


def _unquoted(text: bytes) -> str:
    """What a name or a value in a form says.

    Piece by piece: all at once, as the standard library does it, a body where much is escaped
    takes a hundred times its size in memory.
    """
    text = text.replace(b"+", b" ")
    plain, end = bytearray(), 0
    for run in _ESCAPES.finditer(text):
        plain += text[end : run.start()]
        plain += bytes.fromhex(run[0].replace(b"%", b"").decode())
        end = run.end()
    plain += text[end:]
    try:
        return plain.decode()
    except UnicodeDecodeError as error:
        raise Invalid("The body is not in UTF-8.") from error


def _json(text: bytes) -> dict[str, object]:
    _require_few_values(text)
    try:
        payload = orjson.loads(text)
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
