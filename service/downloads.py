"""Attachments' bytes under addresses that are their own credentials, for a minute.

Whoever asks the API for an attachment is sent here; the client need not (and must not) forward its
token. The address is signed, bound to the bytes and the name, and may be used again while it
is valid, as a download that is resumed does (DECISIONS 24).
"""

import hashlib
import hmac
import os
import re
import secrets
import time
from pathlib import Path
from urllib.parse import quote

from aiohttp import hdrs, web
from aiohttp.abc import AbstractStreamWriter

from service import keys
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

_ONE_RANGE = re.compile(r"bytes=([0-9]{1,18}-[0-9]{0,18}|-[0-9]{1,18})", re.IGNORECASE)

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


def shared_key(folder: Path) -> bytes:
    """The key in the data directory, made when there is none: all web processes have the same."""
    path = folder / "download.key"
    if not path.exists():
        draft = folder / f"download.key.{secrets.token_hex(8)}"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "wb") as file:
            file.write(secrets.token_bytes(32))
        try:
            os.link(draft, path)  # fails when another process was first, whose key is as good
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_bytes()


async def get_bytes(request: web.Request) -> web.StreamResponse:
    """The bytes: as a download, whatever they are, so that no browser runs them."""
    sha256, name = request.match_info["sha256"], request.match_info["name"]
    query = request.rel_url.query
    request.app[keys.DOWNLOADS].check(
        sha256, name, query.get("expires", ""), query.get("signature", "")
    )
    path = request.app[keys.BLOBS].path(sha256)
    if not path.is_file():
        raise NotFound("The bytes of this attachment are not there any more.")
    kind = web.FileResponse if _takes_part(request, path) else _WholeFile
    return kind(
        path,
        headers={
            "Content-Type": _PICTURES.get(Path(name).suffix.lower(), "application/octet-stream"),
            "Content-Disposition": disposition(name),
            "Content-Security-Policy": "sandbox; default-src 'none'",
        },
    )


def _takes_part(request: web.Request, path: Path) -> bool:
    """Whether a Range counts: one range of what the client has a part of already (RFC 9110).

    A download that is resumed after the attachment was replaced gets the new one whole.
    """
    part = request.headers.get(hdrs.RANGE, "")
    had = request.headers.get(hdrs.IF_RANGE, "")
    if request.method != "GET" or not _ONE_RANGE.fullmatch(part):
        return False
    if '"' not in had:
        return True
    about = path.stat()
    return had == f'"{about.st_mtime_ns:x}-{about.st_size:x}"'  # FileResponse's ETag


class _WholeFile(web.FileResponse):
    """A file that is sent whole, whatever part is asked for."""

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        headers = [
            (name, value) for name, value in request.headers.items() if name.title() != hdrs.RANGE
        ]
        return await super().prepare(request.clone(headers=headers))


def disposition(name: str) -> str:
    """A Content-Disposition that saves under that name, whatever is in it (RFC 6266)."""
    plain = re.sub(r"[^A-Za-z0-9._ -]", "_", name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
