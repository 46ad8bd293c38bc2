"""The bytes of attachments, at signed addresses that need no other credentials for a minute.

The API redirects here; the client need not and must not forward its token. The signature covers the
bytes and the name. The address may be used again while it is valid, so that a download can be
resumed.
"""

import asyncio
import hashlib
import hmac
import re
import time
from pathlib import Path
from urllib.parse import quote

from aiohttp import hdrs, web

from service.http import auth, files, keys
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
"""Types that pages may show; the type that the uploading client declared is ignored."""

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


DOWNLOADS = web.AppKey("downloads", Downloads)


async def get_bytes(request: web.Request) -> web.StreamResponse:
    """Get the bytes, always as a download, so that no browser runs them.

    There is no Last-Modified: equal bytes are stored once, and the file's time would tell about
    another person's attachment.
    """
    if hdrs.AUTHORIZATION in request.headers:
        await auth.check(request)  # wrong credentials are refused before anything is sent
    sha256, name = request.match_info["sha256"], request.match_info["name"]
    query = request.rel_url.query
    request.app[DOWNLOADS].check(sha256, name, query.get("expires", ""), query.get("signature", ""))
    try:
        file = await asyncio.to_thread(request.app[keys.BLOBS].path(sha256).open, "rb")
    except FileNotFoundError as error:
        raise NotFound("The bytes of this attachment are not there any more.") from error
    headers = {
        hdrs.CONTENT_TYPE: _PICTURES.get(Path(name).suffix.lower(), "application/octet-stream"),
        hdrs.CONTENT_DISPOSITION: files.disposition(name),
        "Content-Security-Policy": "sandbox; default-src 'none'",
    }
    with file:
        return await files.answer(request, files.Download(file, sha256, headers))
