"""The list of issues in API 1.0: filters, a search, an order, and a part of what they leave."""

import re
from collections.abc import Mapping
from typing import Any

from aiohttp import web
from marshmallow import fields as marshmallow_fields
from marshmallow import validate

from service import answers, keys, requests
from service.api_v1 import objects
from service.api_v1.representation import Representation
from service.endpoint import REPOSITORY, Endpoint
from tracker import catalogues, comments, fields, filters, issues
from tracker.access import Repository
from tracker.database import Reader, Row
from tracker.paging import Listing, Page
from tracker.vocabulary import Scope

Found = tuple[Repository, Page[Row], Mapping[int, int]]
"""A tracker, some of its issues, and how many comments these have, if that is told."""

_MOST = 50
_FARTHEST = 10**18
"""Farther than any list goes, and still a number that a database takes."""


class _Whole(marshmallow_fields.Integer):
    """A whole number in digits; what is more than the most counts as the most (DECISIONS 19)."""

    default_error_messages = {"invalid": "Must be a whole number, 0 or more."}  # noqa: RUF012

    def __init__(self, most: int, **kwargs: Any) -> None:
        super().__init__(validate=validate.Range(min=0), **kwargs)
        self._most = most

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if not re.fullmatch(r"[0-9]+", value):
            raise self.make_error("invalid")
        # Python takes no more than some thousand digits for a number.
        return min(int(value.lstrip("0")[:20] or "0"), self._most)


class Part(fields.Payload):
    """Which part of the list is asked for, in which order."""

    limit = _Whole(
        _MOST,
        load_default=15,
        metadata={"description": f"How many issues; at most {_MOST}, 0 for the count alone."},
    )
    start = _Whole(
        _FARTHEST,
        load_default=0,
        metadata={"description": "How many issues of the list come before the first one."},
    )
    sort = marshmallow_fields.String(
        metadata={
            "description": "What to sort by; a `-` before it turns the order round.",
            "enum": [word for name in filters.ORDERS for word in (name, f"-{name}")],
        },
    )
    search = marshmallow_fields.String(
        metadata={"description": "Words that each are in the title or in the content."}
    )


def _filter(name: str) -> marshmallow_fields.Field[Any]:
    """Any number of values, each perhaps behind an operator."""
    operators = [*filters.OPERATORS] if name in filters.SEARCHABLE else ["", "!"]
    meanings = [f"`{operator}` {filters.OPERATORS[operator][1]}" for operator in operators[1:]]
    words = catalogues.ISSUES.columns[filters.FIELDS[name]].words
    allowed = {"enum": [operator + word for word in words for operator in operators]}
    return marshmallow_fields.List(
        marshmallow_fields.String(metadata=allowed if words else {}),
        metadata={
            "description": f"A value, perhaps behind an operator: {', '.join(meanings)}. Any of "
            "several will do."
        },
    )


Parameters = Part.from_dict({name: _filter(name) for name in filters.FIELDS}, name="IssueFilters")
"""Whatever the list can be asked."""


async def list_issues(request: web.Request) -> web.Response:
    """A part of the issues that the filters leave, newest update first, and how many these are.

    Values of one field are alternatives, several fields count together. Whoever has not signed in
    is not told the numbers of comments and followers.
    """
    query = request.rel_url.query
    part = fields.load(Part(), dict(query))
    search = part.get("search", "")
    found = filters.read(query.items())
    limits = request.app[keys.SETTINGS].limits
    selection = filters.select(found, limits, search=search, sort=part.get("sort"))
    listing = Listing(selection, part["limit"], part["start"])

    async def find(reader: Reader, tracker: Repository) -> Found:
        page = await issues.find_all(reader, tracker, listing)
        if requests.actor(request).id is None:
            return tracker, page, {}
        numbers = [row["number"] for row in page.items]
        return tracker, page, await comments.counts(reader, tracker, numbers)

    tracker, page, counts = await requests.read_tracker(request, find, slow=selection.is_slow)
    shapes = Representation(request[keys.BASE_URL], tracker)
    shown = {
        "count": page.size,
        "filter": found,
        "search": search if search.strip() else None,
        "issues": [shapes.issue(row, counts.get(row["number"])) for row in page.items],
    }
    return answers.answer(request, shown)


ENDPOINTS = (
    Endpoint(
        "GET",
        f"{REPOSITORY}/issues",
        list_issues,
        (Scope.ISSUE,),
        {200: objects.Issues},
        parameters=Parameters(),
    ),
)
