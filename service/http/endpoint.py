"""What a route of an API is: an Endpoint, declared by a decorator on its handler."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypedDict, TypeVar, Unpack

from aiohttp.typedefs import Handler
from marshmallow import Schema

from tracker.query import Catalogue
from tracker.settings import Limits
from tracker.vocabulary import Scope

REPOSITORY = "/repositories/{workspace:[^/]+}/{repo_slug:[^/]+}"
NUMBER = "0|[1-9][0-9]*"
"""An id in a path. Nothing else that int() accepts: not 01, +1 or digits of another script."""

ISSUE = f"{REPOSITORY}/issues/{{issue_id:{NUMBER}}}"

PARAMETERS = {
    "workspace": "The workspace's slug, or its UUID in braces.",
    "repo_slug": "The repository's slug, or its UUID in braces.",
    "issue_id": "The issue's number in its repository.",
    "comment_id": "The comment's id.",
    "category_id": "The id of the component, milestone or version.",
}
"""What the parameters in the paths of several dialects mean."""

Answer = type[Schema] | Schema | str | None
"""What an answer holds: JSON of that shape (an instance with many=True is a bare array), bytes of
that media type, or nothing."""

_PRIVATE = frozenset({Scope.ACCOUNT, Scope.ACCOUNT_WRITE, Scope.REPOSITORY_ADMIN})
"""Scopes of what needs an account even to be read."""

H = TypeVar("H", bound=Handler)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One verb of an API: its method and path, its handler, and the scopes that a token needs.

    The rest describes it in OpenAPI, which adds the errors by itself. answers are shapes by status;
    body makes the schema of the JSON that it reads; files is the form field that it reads files
    from ("*" for any); catalogue is what q and sort can name in its list; parameters are further
    ones of its query; summary stands for the first line of the handler's docstring.

    is_cacheable says that a 200 depends on the request's head, on rights and on one tracker alone.
    """

    method: str
    path: str
    handler: Handler
    scopes: tuple[Scope, ...] = ()
    answers: Mapping[int, Answer] = field(default_factory=dict)
    body: Callable[[Limits], Schema] | None = None
    files: str | None = None
    catalogue: Catalogue | None = None
    parameters: Schema | None = None
    summary: str | None = None
    is_cacheable: bool = False

    @property
    def is_public(self) -> bool:
        """Whether anonymous requests may get it, where what it shows is public."""
        is_own = self.path.startswith("/user/") or _PRIVATE & set(self.scopes)
        return self.method == "GET" and not is_own


class _About(TypedDict, total=False):
    answers: Mapping[int, Answer]
    body: Callable[[Limits], Schema]
    files: str
    catalogue: Catalogue
    parameters: Schema
    summary: str
    is_cacheable: bool


class Routes:
    """The endpoints of a module, in the order of their declaration.

    The router tries them in that order, so a module declares its busiest endpoint first.
    """

    def __init__(self) -> None:
        self._endpoints: list[Endpoint] = []

    def __iter__(self) -> Iterator[Endpoint]:
        return iter(self._endpoints)

    def get(self, path: str, *scopes: Scope, **about: Unpack[_About]) -> Callable[[H], H]:
        """Declare the decorated handler for GET and HEAD; about are further members of Endpoint."""
        return self._declared("GET", path, scopes, about)

    def post(self, path: str, *scopes: Scope, **about: Unpack[_About]) -> Callable[[H], H]:
        """Declare the decorated handler for POST, as get() does."""
        return self._declared("POST", path, scopes, about)

    def put(self, path: str, *scopes: Scope, **about: Unpack[_About]) -> Callable[[H], H]:
        """Declare the decorated handler for PUT, as get() does."""
        return self._declared("PUT", path, scopes, about)

    def delete(self, path: str, *scopes: Scope, **about: Unpack[_About]) -> Callable[[H], H]:
        """Declare the decorated handler for DELETE, as get() does."""
        return self._declared("DELETE", path, scopes, about)

    def _declared(
        self, method: str, path: str, scopes: tuple[Scope, ...], about: _About
    ) -> Callable[[H], H]:
        def declare(handler: H) -> H:
            self._endpoints.append(Endpoint(method, path, handler, scopes, **about))
            return handler

        return declare
