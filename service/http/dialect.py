"""A dialect: one API as a value, with everything in which it differs from the others."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from marshmallow import Schema

from service.http.endpoint import Endpoint

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Description:
    """What the OpenAPI document of a dialect says besides its endpoints.

    about is the document's description, error the shape of every error. statuses are errors that
    every operation may have besides the usual ones. examples are bodies by operation. has_forms
    says that bodies are sent as forms as often as in JSON.

    path_parameters says what the parameters in paths mean. page_parameters are those of every list
    in pages, whose shape derives from page; answer_parameters are those of every answer in JSON.
    attribute_functions tell apispec about fields that only this dialect has.
    """

    about: str
    error: type[Schema]
    path_parameters: Mapping[str, str]
    examples: Mapping[str, Any] = field(default_factory=dict)
    statuses: Mapping[int, str] = field(default_factory=dict)
    has_forms: bool = False
    page: type[Schema] | None = None
    page_parameters: Schema | None = None
    answer_parameters: Schema | None = None
    attribute_functions: Sequence[Callable[..., Json]] = ()


@dataclass(frozen=True, slots=True)
class Dialect:
    """One API: where it is, what it answers, and its own forms.

    prefixes are the paths below which clients look for it, the usual one first. read_query reads
    what every request may ask of its answer, and keeps that with the request. error makes the JSON
    of an error of a status, a message and further members.
    """

    prefixes: tuple[str, ...]
    endpoints: tuple[Endpoint, ...]
    read_query: Callable[[web.Request], None]
    error: Callable[[int, str, Mapping[str, Any]], Json]
    description: Description


DIALECTS: web.AppKey[Sequence[Dialect]] = web.AppKey("dialects")
DIALECT = web.RequestKey("dialect", Dialect)


def is_below(path: str, prefixes: Sequence[str]) -> bool:
    """Whether a decoded path is one of the prefixes or below it."""
    path += "/"
    return any(path.startswith(f"{prefix}/") for prefix in prefixes)


def spoken(dialects: Sequence[Dialect], path: str) -> Dialect:
    """The dialect of a decoded path; the first one for a path that is of none."""
    return next((each for each in dialects if is_below(path, each.prefixes)), dialects[0])
