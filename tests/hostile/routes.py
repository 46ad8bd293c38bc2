"""Every route that the application has, of both APIs: what tests ask of all of them."""

import re
import secrets
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from aiohttp import FormData
from yarl import URL

from service.api_v1.dialect import V1
from service.api_v2.dialect import V2
from service.app import build_app
from service.http.endpoint import Endpoint
from service.openapi.document import plain_path
from tests.conftest import Answer, Api
from tests.described import APIS
from tests.test_error_shape import is_error
from tracker.settings import Settings

Places = dict[str, Any]
"""What stands in paths for something that is there, as tests.conformance.places has it."""

_CACHES = ("content_html", "content_renderer")
"""Columns that reading may fill."""


@dataclass(frozen=True)
class Route:
    """One verb at one path; endpoint is its declaration, None for what is not of the API."""

    method: str
    path: str
    endpoint: Endpoint | None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def api(self) -> str:
        """The API that it is of, by its prefix."""
        return self.path[:4]

    @property
    def right(self) -> dict[str, Any]:
        """JSON that is right for every route of its API."""
        return RIGHT[self.api]

    @property
    def names(self) -> list[str]:
        """The parameters in its path."""
        return re.findall(r"\{(\w+)\}", self.path)

    @property
    def is_unsafe(self) -> bool:
        """Whether it may change something."""
        return self.method != "GET"

    def at(self, places: Places, query: str = "", **raw: str) -> URL:
        """Its address; raw parts stand in it as they are."""
        parts = {name: quote(str(self._place(places, name)), safe="") for name in self.names}
        address = self.path.format(**{**parts, **raw})
        return URL(f"{address}?{query}" if query else address, encoded=True)

    def _place(self, places: Places, name: str) -> Any:
        if name == "category_id":
            return places[f"{self.path.split('/')[-2].removesuffix('s')}_id"]
        if self.endpoint is None:
            return {**places, **_ELSEWHERE}[name]
        return places[name]

    def body(self) -> dict[str, Any]:
        """What a request that is right has in its body: the arguments for Api()."""
        if self.endpoint is None or not self.is_unsafe:
            return {}
        if self.endpoint.files is not None:
            form = FormData()
            field = "files" if self.endpoint.files == "*" else self.endpoint.files
            form.add_field(field, b"bytes", filename=f"{secrets.token_hex(4)}.txt")
            return {"data": form}
        return {} if self.endpoint.body is None else {"json": self.right}


RIGHT: dict[str, dict[str, Any]] = {
    V1.prefixes[0]: {"title": "t", "content": "c", "name": "t"},
    V2.prefixes[0]: {
        "title": "t",
        "content": {"raw": "c"},
        "changes": {"title": "t"},
        "permission": "write",
    },
}
"""JSON that is right everywhere in an API: each route takes of it what it knows."""

_ELSEWHERE = {
    "uuid": "{00000000-0000-4000-8000-000000000000}",
    "name": "pail.css",
    "sha256": "0" * 64,
}
"""What stands in the paths that are not of the API."""


def _routes() -> list[Route]:
    """The routes of the application; of the APIs those under their first prefix, HEAD nowhere."""
    declared = {
        (each.method, api + plain_path(each.path)): each
        for api, dialect in APIS.items()
        for each in dialect.endpoints
    }
    found = []
    for route in build_app(Settings()).router.routes():
        assert route.resource is not None
        path = route.resource.canonical.removesuffix("{_slash}")
        if route.method != "HEAD" and not path.startswith(V1.prefixes[1:] + V2.prefixes[1:]):
            found.append(Route(route.method, path, declared.get((route.method, path))))
    return found


ROUTES = _routes()
API = [route for route in ROUTES if route.endpoint is not None]
UNSAFE = [route for route in ROUTES if route.is_unsafe]
JSON = [route for route in API if route.endpoint is not None and route.endpoint.body is not None]
FILES = [route for route in API if route.endpoint is not None and route.endpoint.files is not None]
LISTS = [route for route in API if route.endpoint is not None and route.endpoint.catalogue]


def of_repository(routes: Iterable[Route]) -> list[Route]:
    """Those that lead into a repository or to it."""
    return [route for route in routes if "repo_slug" in route.names and route.endpoint is not None]


def is_refused(answer: Answer, *statuses: int) -> bool:
    """Whether an answer is one of these errors, in the shape of every error."""
    return answer.status in statuses and is_error(answer)


def names(answer: Answer, member: str) -> bool:
    """Whether an error says that this member of the body, or something in it, is wrong."""
    fields = answer.body["error"].get("fields", {})
    return any(field == member or field.startswith(f"{member}.") for field in fields)


async def send(api: Api, route: Route, url: URL, who: str | None, **arguments: Any) -> Answer:
    """Send a request to that address of a route."""
    return await api(route.method, url, who, **arguments)


def dump(database: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Everything in the database but what is kept for speed."""
    with closing(sqlite3.connect(database)) as connection:
        tables = connection.execute(
            """SELECT name FROM sqlite_master
                WHERE type = 'table' AND name NOT LIKE 'issue_trigram%'"""
        )
        found = {}
        for (table,) in tables.fetchall():
            cursor = connection.execute(f"SELECT * FROM {table}")
            kept = [
                place for place, column in enumerate(cursor.description) if column[0] not in _CACHES
            ]
            found[table] = [tuple(row[place] for place in kept) for row in cursor]
        return found
