"""Pages of lists: which part a request asks for, and the envelope around it."""

import base64
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, urlencode

import orjson
from aiohttp import web

from service.http import keys
from tracker import query
from tracker.database import Lane
from tracker.errors import Invalid
from tracker.query.paging import Key, Listing, Page, is_key

DEFAULT_LENGTH = 20
MOST = 100

_KEY = "after"
"""The parameter of `next` that says behind which item it starts, so that nothing is shown twice or
left out when the list moves while somebody walks along it."""


_DATE = re.compile(r"[0-9]{4}-")
"""What `after` is in Bitbucket's list of all repositories (no key begins so): ignored."""


def only_page(values: Sequence[object]) -> dict[str, object]:
    """A list whole, whatever q, sort, page and pagelen ask of it."""
    return {"pagelen": 10, "size": len(values), "values": values, "page": 1}


EMPTY_PAGE = only_page([])
"""A list of nothing."""


class Asked:
    """The page that a request asks a list for. Of a repeated parameter the first counts: clients
    send their own again behind those of `next`."""

    __slots__ = ("_query", "length", "listing", "number")

    def __init__(self, request: web.Request, catalogue: query.Catalogue) -> None:
        """Read page, pagelen, q, sort and the key. Raises Invalid."""
        self._query = request.rel_url.query
        self.length = self._whole("pagelen", DEFAULT_LENGTH, r"[1-9][0-9]{0,2}", MOST)
        self.number = self._whole("page", 1, r"[1-9][0-9]{0,8}", 10**9)
        selection = query.select(
            catalogue,
            request.app[keys.SETTINGS].limits,
            q=self._query.get("q"),
            sort=self._query.get("sort"),
        )
        after = self._query.get(_KEY)
        if after is not None and _DATE.match(after):
            after = None
        self.listing = Listing(
            selection,
            self.length,
            (self.number - 1) * self.length,
            None if after is None else self._decoded(after, selection),
        )

    @property
    def lane(self) -> Lane:
        """What it takes to find the page."""
        return self.listing.lane

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
        """The list's address with every parameter kept, once, and another page."""
        kept = {name: self._query[name] for name in self._query if name not in ("page", _KEY)}
        kept["page"] = str(number)
        if after is not None:
            key = orjson.dumps((number, *after))
            kept[_KEY] = base64.urlsafe_b64encode(key).rstrip(b"=").decode()
        return f"{url}?{urlencode(kept, quote_via=quote)}"

    def _decoded(self, text: str, selection: query.Selection) -> Key | None:
        """The key; None where somebody has put another page's number beside it."""
        try:
            padded = text + "=" * (-len(text) % 4)
            number, *key = orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        except (ValueError, TypeError):
            raise Invalid("Invalid page") from None
        if not is_key(selection, key):
            raise Invalid("Invalid page")
        return tuple(key) if number == self.number else None
