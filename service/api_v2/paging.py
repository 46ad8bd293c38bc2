"""Pages of lists in API 2.0: which part a request asks for, and the envelope around it."""

import base64
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

import orjson
from aiohttp import web
from marshmallow import ValidationError
from marshmallow import fields as marshmallow_fields

from service.http import keys
from tracker import query
from tracker.database import Lane
from tracker.errors import Invalid
from tracker.fields import Payload
from tracker.query.paging import Key, Listing, Page, is_key

DEFAULT_LENGTH = 20
MOST = 100

_KEY = "after"
"""The parameter of `next` that says behind which item it starts, so that nothing is shown twice or
left out when the list moves while a client walks along it."""


_DATE = re.compile(r"[0-9]{4}-")
"""What `after` is in Bitbucket's list of all repositories (no key begins so): ignored."""


class _Whole(marshmallow_fields.Integer):
    """A whole number from 1, in digits without a zero before them."""

    def __init__(self, most: int, **kwargs: Any) -> None:
        super().__init__(
            metadata={"minimum": 1, "maximum": most, **kwargs.pop("metadata")}, **kwargs
        )
        self._most = most

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> int:
        if not re.fullmatch(r"[1-9][0-9]{0,8}", value) or int(value) > self._most:
            raise self.make_error("invalid")
        return int(value)


class PageParameters(Payload):
    """Which page of a list, and how long its pages are."""

    pagelen = _Whole(
        MOST,
        load_default=DEFAULT_LENGTH,
        metadata={"description": "How many items on a page.", "default": DEFAULT_LENGTH},
    )
    page = _Whole(10**9 - 1, load_default=1, metadata={"description": "Which page, from 1."})


_PARAMETERS = PageParameters()


def only_page(values: Sequence[object]) -> dict[str, object]:
    """A whole list as one page, whatever q, sort, page and pagelen ask of it."""
    return {"pagelen": 10, "size": len(values), "values": values, "page": 1}


EMPTY_PAGE = only_page([])
"""A list of nothing."""


class PageRequest:
    """The page that a request asks a list for.

    Of a repeated parameter the first counts: clients send their own again behind those of `next`.
    """

    __slots__ = ("_query", "length", "listing", "number")

    def __init__(self, request: web.Request, catalogue: query.Catalogue) -> None:
        """Read page, pagelen, q, sort and the key. Raises Invalid."""
        self._query = request.rel_url.query
        self.length, self.number = _length_and_number(self._query)
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
            hints=request.app[keys.HINTS],
        )

    @property
    def lane(self) -> Lane:
        """What it takes to find the page."""
        return self.listing.lane

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
        """The key; None where the number of another page stands beside it."""
        try:
            padded = text + "=" * (-len(text) % 4)
            number, *key = orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        except (ValueError, TypeError):
            raise Invalid("Invalid page") from None
        if not is_key(selection, key):
            raise Invalid("Invalid page")
        return tuple(key) if number == self.number else None


def _length_and_number(asked: Mapping[str, str]) -> tuple[int, int]:
    """pagelen and page. Raises Invalid, in Bitbucket's words."""
    if "page" not in asked and "pagelen" not in asked:
        return DEFAULT_LENGTH, 1
    try:
        found = _PARAMETERS.load(
            {name: asked[name] for name in _PARAMETERS.fields if name in asked}
        )
    except ValidationError as error:
        raise Invalid(f"Invalid {next(iter(error.messages_dict))}") from error
    return found["pagelen"], found["page"]
