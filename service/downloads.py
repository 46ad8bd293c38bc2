"""Attachments' bytes under addresses that are their own credentials, for a minute.

Whoever asks the API for an attachment is sent here; the client need not (and must not) forward its
token. The address is signed, bound to the bytes and the name, and may be used again while it
is valid, as a download that is resumed does (DECISIONS 24).
"""

import asyncio
import hashlib
import hmac
import os
import re
import time
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from aiohttp import hdrs, web

from service import errors, keys
from tracker.errors import Forbidden, NotFound

ROUTE = "/site/attachments/{sha256:[0-9a-f]{64}}/{name:[^/]+}"
VALID_SECONDS = 60

_PICTURES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
}
"""What may be shown where a page asks for it; the type that a client claims counts for nothing."""

_ONE_RANGE = re.compile(r"bytes=(?=[0-9-]{2,100}\Z)([0-9]*)-([0-9]*)", re.IGNORECASE)
"""Numbers of any size that a client means: what is behind the end is up to the end."""

_CHUNK = 1 << 18

_EXPIRED = "This address is not valid any more: ask the API for the attachment again."


class Downloads:
    """Signs addresses and checks them."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def address(self, sha256: str, name: str) -> str:
        """The path and query that serve those bytes under that name."""
        expires = int(time.time()) + VALID_SECONDS
        path = f"/site/attachments/{sha256}/{quote(name, safe='')}"
        return f"{path}?expires={expires}&signature={self._signature(sha256, name, expires)}"

    def check(self, sha256: str, name: str, expires: str, signature: str) -> None:
        """Raises Forbidden unless the address was made here and is still valid."""
        if not re.fullmatch("[0-9]{1,12}", expires) or int(expires) < time.time():
            raise Forbidden(_EXPIRED)
        expected = self._signature(sha256, name, int(expires))
        if not hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace")):
            raise Forbidden(_EXPIRED)

    def _signature(self, sha256: str, name: str, expires: int) -> str:
        text = f"{sha256}\n{expires}\n{name}".encode("utf-8", "replace")
        return hmac.new(self._key, text, hashlib.sha256).hexdigest()


async def get_bytes(request: web.Request) -> web.StreamResponse:
    """The bytes: as a download, whatever they are, so that no browser runs them."""
    sha256, name = request.match_info["sha256"], request.match_info["name"]
    query = request.rel_url.query
    request.app[keys.DOWNLOADS].check(
        sha256, name, query.get("expires", ""), query.get("signature", "")
    )
    try:
        file = await asyncio.to_thread(request.app[keys.BLOBS].path(sha256).open, "rb")
    except FileNotFoundError as error:
        raise NotFound("The bytes of this attachment are not there any more.") from error
    with file:
        return await _answer(request, file, sha256, name)


async def _answer(
    request: web.Request, file: BinaryIO, sha256: str, name: str
) -> web.StreamResponse:
    """The file, or the part that is asked for.

    Equal bytes of several attachments lie there once, and the time at which they were first stored
    is nobody's business: so neither Last-Modified nor what web.FileResponse makes of it.
    """
    etag = f'"{sha256}"'
    if any(tag.value in ("*", sha256) for tag in request.if_none_match or ()):
        return web.Response(status=304, headers={hdrs.ETAG: etag})
    size = os.fstat(file.fileno()).st_size
    part = _part(request, etag, size)
    if part is not None and not part:
        return errors.envelope(
            request,
            416,
            "There is no such part.",
            headers={hdrs.CONTENT_RANGE: f"bytes */{size}"},
        )
    answer = web.StreamResponse(
        headers={
            hdrs.ETAG: etag,
            hdrs.ACCEPT_RANGES: "bytes",
            hdrs.CONTENT_TYPE: _PICTURES.get(Path(name).suffix.lower(), "application/octet-stream"),
            hdrs.CONTENT_DISPOSITION: disposition(name),
            "Content-Security-Policy": "sandbox; default-src 'none'",
        },
    )
    if part is None:
        part = range(size)
    else:
        answer.set_status(206)
        answer.headers[hdrs.CONTENT_RANGE] = f"bytes {part.start}-{part.stop - 1}/{size}"
    answer.content_length = len(part)
    await answer.prepare(request)
    if request.method != "HEAD":
        for start in range(part.start, part.stop, _CHUNK):
            length = min(_CHUNK, part.stop - start)
            await answer.write(await asyncio.to_thread(os.pread, file.fileno(), length, start))
    return answer


def _part(request: web.Request, etag: str, size: int) -> range | None:
    """Which bytes are asked for, an empty range where there are none; None for the whole file.

    A Range counts if it is one, and of what the client has a part of already (RFC 9110): a download
    that is resumed after the attachment was replaced gets the new one whole.
    """
    asked = _ONE_RANGE.fullmatch(request.headers.get(hdrs.RANGE, ""))
    if asked is None or request.method != "GET":
        return None
    if request.headers.get(hdrs.IF_RANGE, etag) != etag:
        return None
    first, last = asked.groups()
    if not first:
        return range(size - min(int(last), size), size)
    return range(int(first), min(int(last) + 1, size) if last else size)


def disposition(name: str) -> str:
    """A Content-Disposition that saves under that name, whatever is in it (RFC 6266)."""
    plain = re.sub(r"[^A-Za-z0-9._ -]", "_", name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
