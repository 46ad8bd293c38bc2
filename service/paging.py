"""Pages of lists: which part a query asks for, and the envelope around it (reference 2.2)."""

import base64
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, urlencode

import orjson
from aiohttp import web

from tracker.errors import Invalid
from tracker.paging import Key, Page, Window

DEFAULT_LENGTH = 20
MOST = 100

_KEY = "after"
"""The parameter of `next` that says behind which item it starts, so that nothing is shown twice or
left out when the list moves while somebody walks along it (DECISIONS 20)."""


class Asked:
    """The page that a request asks for."""

    __slots__ = ("_query", "length", "number", "window")

    def __init__(self, request: web.Request, *shape: type) -> None:
        """Read page, pagelen and the key, whose parts have the types in shape. Raises Invalid."""
        self._query = request.rel_url.query
        self.length = self._whole("pagelen", DEFAULT_LENGTH, r"[1-9][0-9]{0,2}", MOST)
        self.number = self._whole("page", 1, r"[1-9][0-9]{0,8}", 10**9)
        after = self._query.get(_KEY)
        self.window = Window(
            self.length,
            (self.number - 1) * self.length,
            None if after is None else _decoded(after, shape),
        )

    def _whole(self, name: str, default: int, pattern: str, most: int) -> int:
        text = self._query.get(name)
        if text is None:
            return default
        if not re.fullmatch(pattern, text) or not 1 <= int(text) <= most:
            raise Invalid(f"Invalid {name}")
        return int(text)

    def envelope(self, url: str, page: Page[Any], values: Sequence[object]) -> dict[str, object]:
        """The page as it is answered; url is the list's own address."""
        answer: dict[str, object] = {
            "pagelen": self.length,
            "size": page.size,
            "values": values,
            "page": self.number,
        }
        if page.last is not None:
            answer["next"] = self._address(url, self.number + 1, page.last)
        if self.number > 1:
            answer["previous"] = self._address(url, self.number - 1, None)
        return answer

    def _address(self, url: str, number: int, after: Key | None) -> str:
        """The list's address with every parameter kept and another page."""
        kept = [(name, value) for name, value in self._query.items() if name not in ("page", _KEY)]
        kept.append(("page", str(number)))
        if after is not None:
            kept.append((_KEY, _encoded(after)))
        return f"{url}?{urlencode(kept, quote_via=quote)}"


def _encoded(key: Key) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(key)).rstrip(b"=").decode()


def _decoded(text: str, shape: Sequence[type]) -> Key:
    try:
        padded = text + "=" * (-len(text) % 4)
        key = orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        if [type(part) for part in key] == list(shape) and _fits(key):
            return tuple(key)
    except (ValueError, TypeError):
        pass
    raise Invalid("Invalid page")


def _fits(key: Key) -> bool:
    return all(abs(part) < 1 << 63 for part in key if isinstance(part, int))
