"""Files as downloads: attachments and exports, whole or a part of them (RFC 9110)."""

import asyncio
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import BinaryIO
from urllib.parse import quote

from aiohttp import hdrs, web

from service.http import errors, sending

_ONE_RANGE = re.compile(r"bytes=(?=[0-9-]{2,100}\Z)([0-9]*)-([0-9]*)", re.IGNORECASE)
"""One range of bytes; a number beyond the end means the end."""

_CHUNK = 1 << 18


@dataclass(frozen=True, slots=True)
class Download:
    """A file that is open for reading, and its headers.

    tag is what its ETag has between the quotes: other bytes have another one. modified is when the
    bytes were written, in UTC; None where that must not be told, and then no date is a condition.
    """

    file: BinaryIO
    tag: str
    headers: Mapping[str, str]
    modified: datetime | None = None

    @property
    def etag(self) -> str:
        """The strong ETag, quoted."""
        return f'"{self.tag}"'

    @property
    def last_modified(self) -> str | None:
        """The date of Last-Modified, in whole seconds."""
        return None if self.modified is None else format_datetime(self.modified, usegmt=True)


def modified(file: BinaryIO) -> datetime:
    """When the file was last written, in whole seconds as dates of HTTP are."""
    return datetime.fromtimestamp(int(os.fstat(file.fileno()).st_mtime), UTC)


async def answer(request: web.Request, download: Download) -> web.StreamResponse:
    """The file, or the part of it that is asked for; 304, 412 or 416 where a condition says so.

    Raises ConnectionError when the client goes away, or reads nothing for a while.
    """
    about: dict[str, str] = {hdrs.ETAG: download.etag}
    if download.last_modified is not None:
        about[hdrs.LAST_MODIFIED] = download.last_modified
    if not _may_be_sent(request, download):
        return errors.of_request(request, 412, "The file is another one by now.", headers=about)
    if _is_known(request, download):
        return web.Response(status=304, headers=about)
    size = os.fstat(download.file.fileno()).st_size
    part = _part(request, download, size)
    if part is not None and not part:
        about[hdrs.CONTENT_RANGE] = f"bytes */{size}"
        return errors.of_request(request, 416, "There is no such part.", headers=about)
    sent = web.StreamResponse(headers={**about, hdrs.ACCEPT_RANGES: "bytes", **download.headers})
    if part is None:
        part = range(size)
    else:
        sent.set_status(206)
        sent.headers[hdrs.CONTENT_RANGE] = f"bytes {part.start}-{part.stop - 1}/{size}"
    sent.content_length = len(part)
    await sent.prepare(request)
    if request.method != "HEAD":
        await _send(request, sent, download.file, part)
    return sent


async def _send(
    request: web.Request, sent: web.StreamResponse, file: BinaryIO, part: range
) -> None:
    for start in range(part.start, part.stop, _CHUNK):
        length = min(_CHUNK, part.stop - start)
        chunk = await asyncio.to_thread(os.pread, file.fileno(), length, start)
        await sending.write(request, sent, chunk)


def _may_be_sent(request: web.Request, download: Download) -> bool:
    """Whether If-Match (which compares strongly), or else If-Unmodified-Since, allows it."""
    if request.if_match is not None:
        return any(
            tag.value == "*" or (tag.value == download.tag and not tag.is_weak)
            for tag in request.if_match
        )
    since = request.if_unmodified_since
    return download.modified is None or since is None or download.modified <= since


def _is_known(request: web.Request, download: Download) -> bool:
    """Whether If-None-Match, or else If-Modified-Since, says that the client has it already."""
    if request.if_none_match is not None:
        return any(tag.value in ("*", download.tag) for tag in request.if_none_match)
    since = request.if_modified_since
    return download.modified is not None and since is not None and download.modified <= since


def _part(request: web.Request, download: Download, size: int) -> range | None:
    """Which bytes are asked for, an empty range where there are none; None for the whole file.

    A Range counts if it is one, and of what the client has a part of already: a download that is
    resumed after the file was replaced gets the new one whole.
    """
    asked = _ONE_RANGE.fullmatch(request.headers.get(hdrs.RANGE, ""))
    if asked is None or request.method != "GET":
        return None
    validator = request.headers.get(hdrs.IF_RANGE, download.etag)
    if validator not in (download.etag, download.last_modified):
        return None
    first, last = asked.groups()
    if not first:
        return range(size - min(int(last), size), size)
    return range(int(first), min(int(last) + 1, size) if last else size)


def disposition(name: str) -> str:
    """A Content-Disposition that saves under that name, whatever is in it (RFC 6266)."""
    plain = re.sub(r"[^A-Za-z0-9._ -]", "_", name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
