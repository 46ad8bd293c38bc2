"""Request bodies: JSON objects or flat forms, read with limits."""

import asyncio
import re
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any

import orjson
from aiohttp import MultipartReader, StreamReader, hdrs, web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.helpers import BaseTimerContext, parse_mimetype
from marshmallow import Schema

from service.http import errors, keys, multipart
from service.http.multipart import Part
from service.http.timeouts import TIMEOUTS
from tracker import fields
from tracker.errors import Invalid
from tracker.fields import Form
from tracker.settings import Limits

MOST_VALUES = 20_000

_FORM = "application/x-www-form-urlencoded"
_MULTIPART = "multipart/form-data"
_LONG = 1 << 16
"""Bytes; a longer form is parsed in a thread, because that takes long."""

_CODECS = {
    **dict.fromkeys(("utf-8", "utf8", "us-ascii", "ascii"), "utf-8"),
    **dict.fromkeys(("iso-8859-1", "iso8859-1", "latin-1", "latin1", "l1"), "iso8859-1"),
}
"""What the charsets that are read here may be called, and what decodes them."""

_STRINGS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)


def limit_reads(request: web.Request) -> None:
    """Let a read of the request's body fail with 408 where no byte comes in time.

    The time runs only while a handler waits for the body: one that is busy, or has not asked for
    more yet, is no fault of the client. The connection is closed after the answer.
    """
    request.content._timer = _ReadTimer(request)


class _ReadTimer(BaseTimerContext):
    """A timer that aiohttp's reader enters to wait for bytes, and leaves when some have arrived."""

    def __init__(self, request: web.Request) -> None:
        self._request = request
        self._seconds = request.app[TIMEOUTS].body

    def __enter__(self) -> BaseTimerContext:
        self._handle = asyncio.get_running_loop().call_later(self._seconds, self._cut_off)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._handle.cancel()

    def _cut_off(self) -> None:
        reason = f"No byte of the body came for {self._seconds:g} seconds."
        self._request.content.set_exception(web.HTTPRequestTimeout(reason=reason))
        self._request.content.feed_eof()


async def close_unread(request: web.Request, answer: web.StreamResponse) -> web.StreamResponse:
    """Send the answer and close the connection, whose compressed body was not read to its end.

    aiohttp would go on unpacking it, for ten seconds and do nothing else meanwhile, only to find
    where the next request begins; and a few compressed megabytes may be gigabytes.
    """
    if not isinstance(answer, web.Response):  # a file can't be sent from here
        answer = errors.of_request(request, 400, "Nothing that is compressed is read here.")
    answer.force_close()
    with suppress(ConnectionError):
        await answer.prepare(request)
        await answer.write_eof()
    request.protocol.force_close()
    return answer


async def read(request: web.Request) -> dict[str, object]:
    """The JSON object in the body, or what a form has in its place.

    A form, urlencoded or multipart, says `content.raw=text` for {"content": {"raw": "text"}};
    everything in it is text, and of a name that is repeated the last one counts, as in JSON. No
    body at all, of no type, is a form with nothing in it. Old clients of Java write their forms
    in ISO-8859-1 and say so; JSON is always UTF-8.

    Raises Invalid for what is neither (also NaN, lone surrogates, bytes that are no UTF-8, nesting
    without end, files); 413 and 415 as aiohttp's exceptions for what is too large or of another
    type.
    """
    kind, codec = request.content_type, _codec(request.charset or "utf-8")
    is_form = kind in (_FORM, _MULTIPART)
    if codec is None or not (is_form or (_is_json(request) and codec == "utf-8")):
        raise web.HTTPUnsupportedMediaType(reason="Send the body as a form or as JSON, in UTF-8.")
    try:
        text = await request.read()
    except web.RequestPayloadError as error:
        raise Invalid("The body could not be read.") from error
    if kind == _MULTIPART:
        return await _multipart(request, text, codec)
    if not is_form:
        return _json(text) if text or hdrs.CONTENT_TYPE in request.headers else Form()
    return await asyncio.to_thread(_form, text, codec) if len(text) > _LONG else _form(text, codec)


async def load(request: web.Request, schema: Callable[[Limits], Schema]) -> dict[str, Any]:
    """What the body says, as the schema for the limits here reads it.

    Raises what read() and fields.load() do.
    """
    return fields.load(schema(request.app[keys.SETTINGS].limits), await read(request))


def _form(text: bytes, codec: str) -> Form:
    if text.lstrip().startswith(b"{"):
        raise Invalid("The body looks like JSON: send it with Content-Type: application/json.")
    parts = text.split(b"&", MOST_VALUES)
    if len(parts) > MOST_VALUES:
        raise Invalid(f"The body holds more than {MOST_VALUES} values.")
    payload = Form()
    for part in filter(None, parts):
        name, _, value = part.partition(b"=")
        _put(payload, _unquoted(name, codec), _unquoted(value, codec))
    return payload


def _put(payload: Form, name: str, value: str) -> None:
    outer, _, inner = name.partition(".")
    if inner:
        within = payload.setdefault(outer, Form())
        if not isinstance(within, dict):
            raise Invalid(f"{name}: {outer} has a value already.")
        within[inner] = value
    else:
        payload[outer] = value


_ESCAPES = re.compile(rb"(?:%[0-9A-Fa-f]{2})++")


def _unquoted(text: bytes, codec: str) -> str:
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
    return _decoded(plain, codec)


def _decoded(text: bytes | bytearray, codec: str) -> str:
    try:
        return text.decode(codec)
    except UnicodeDecodeError as error:
        raise Invalid("The body is not in UTF-8.") from error


async def _multipart(request: web.Request, text: bytes, codec: str) -> Form:
    payload = Form()
    with multipart.reading():
        async for part in multipart.parts(_reader(request, text)):
            _put(payload, *await _field(part, codec))
    return payload


def _reader(request: web.Request, text: bytes) -> MultipartReader:
    """A reader of the parts of a complete body. Raises ValueError.

    Only empty lines may come before the first part, as some clients write them: the reader would
    read anything else line by line, which takes seconds for millions of lines. For the same reason
    the headers of a part are few and short. It copies what is left of a piece at each part, so that
    the body is given to it in pieces.
    """
    boundary = parse_mimetype(request.headers[hdrs.CONTENT_TYPE]).parameters.get("boundary", "")
    delimiter, text = f"--{boundary}".encode(), text.lstrip()
    if text.partition(b"\n")[0].rstrip() not in (delimiter, delimiter + b"--"):
        raise ValueError("no boundary")
    loop = asyncio.get_running_loop()
    stream = StreamReader(BaseProtocol(loop), len(text), loop=loop)
    for start in range(0, len(text), _LONG):
        stream.feed_data(text[start : start + _LONG])
    stream.feed_eof()
    return MultipartReader(request.headers, stream, max_field_size=1000, max_headers=10)


async def _field(part: Part, codec: str) -> tuple[str, str]:
    """The name and the value of a part of a form."""
    if part.body.headers.get(hdrs.CONTENT_DISPOSITION, "").count(";") > 3:
        raise ValueError("more than a name and a file's name twice")
    if not part.name:
        raise Invalid("A part of the form has no name.")
    if part.filename is not None:
        raise Invalid(f"{part.name}: It must be a text, not a file.")
    declared = _codec(part.body.get_charset(default=codec))
    if declared is None:
        raise Invalid(f"{part.name}: It must be in UTF-8.")
    return part.name, _decoded(await part.body.read(), declared)


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

    The contents of strings do not count; they are removed only where the cheap count is too high.
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


def _codec(charset: str) -> str | None:
    """What decodes that charset, None for one that is not read here."""
    # Not codecs.lookup(): it caches every name that it is asked for, without limit.
    return _CODECS.get(charset.lower().replace("_", "-"))
