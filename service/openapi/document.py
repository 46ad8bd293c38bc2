"""The OpenAPI document, made from the routes, their docstrings and the marshmallow schemas."""

import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from inspect import cleandoc
from typing import Any, TypeGuard

from apispec import APISpec
from marshmallow import Schema

from service.api_v2 import objects, paging
from service.http.endpoint import NUMBER, Answer, Endpoint
from service.openapi import converting
from service.openapi.dialects import Dialect
from tracker.query import Catalogue
from tracker.settings import Limits
from tracker.vocabulary import Scope

Json = dict[str, Any]

VERSION = "3.1.0"

_FORM = "application/x-www-form-urlencoded"

_SEGMENT = re.compile(r"\{(\w+)(?::((?:[^{}]|\{[^{}]*\})*))?\}")
"""A parameter in the path of a route: its name and its pattern."""

_PARAMETERS = {
    "workspace": "The workspace's slug, or its UUID in braces.",
    "repo_slug": "The repository's slug, or its UUID in braces.",
    "issue_id": "The issue's number in its repository.",
    "comment_id": "The comment's id.",
    "change_id": "The change's id.",
    "category_id": "The id of the component, milestone or version.",
    "path": "The attachment's file name.",
    "repo_name": "The repository's slug.",
    "task_id": "The export's UUID.",
    "selected_user": "The person's UUID in braces, or account id.",
    "member": "The person's UUID in braces, or account id.",
    "username": "The person's user name, UUID in braces or account id.",
    "email": "One of your own e-mail addresses.",
}
"""What the parameters of paths are."""

_ERRORS = {
    400: "Something in the request is not right; `error.fields` says what, if it is in the body.",
    401: "Wrong credentials, or none where some are needed.",
    403: "You may not do this, or the token's scopes do not cover it.",
    404: "Not there, or not for you to see.",
    409: "It can't be done now: an import is running, or something like it.",
    410: "It was there once.",
    408: "No byte of the body came for a while; the connection is closed.",
    412: "`If-Match` or `If-Unmodified-Since` means another file.",
    413: "The body is too large.",
    415: "The body has a type that can't be read here.",
    416: "`Range` asks for bytes behind the end; `Content-Range` says how many there are.",
    417: "`Expect` asks for anything but `100-continue`.",
    429: "Too many wrong credentials; `Retry-After` says how many seconds to wait.",
    503: "The database is busy; `Retry-After` says how many seconds to wait.",
    507: "There is no room left on the server.",
}

_ZIP = "application/zip"

_PRIVATE = frozenset({Scope.ACCOUNT, Scope.ACCOUNT_WRITE, Scope.REPOSITORY_ADMIN})
"""Scopes of what nobody can do without an account, not even read."""


def build(dialect: Dialect, endpoints: Sequence[Endpoint], limits: Limits, version: str) -> Json:
    """The document of one API's endpoints without `servers`, which depend on who asks."""
    plugins = [converting.plugin()]
    spec = APISpec("Pail", version, VERSION, plugins, info={"description": dialect.about})
    _add_components(spec, dialect)
    names = Counter(endpoint.handler.__name__ for endpoint in endpoints)
    tags: dict[str, str] = {}
    for endpoint in endpoints:
        module = endpoint.handler.__module__
        tag = module.rpartition(".")[2]
        tags[tag] = cleandoc(sys.modules[module].__doc__ or "").partition("\n")[0]
        name = endpoint.handler.__name__
        if names[name] > 1:
            name += f"_{_noun(endpoint.path)}"
        described = _operation(dialect, endpoint, limits, name)
        operation = {"operationId": name, "tags": [tag], **described}
        spec.path(
            path=plain_path(endpoint.path),
            operations={endpoint.method.lower(): operation},
        )
    for tag, about in tags.items():
        spec.tag({"name": tag, "description": about})
    document: Json = spec.to_dict()
    return document


def plain_path(path: str) -> str:
    """The path of a route without the patterns of its parameters."""
    return _SEGMENT.sub(r"{\1}", path)


def _noun(path: str) -> str:
    """The last segment of a path that is no parameter."""
    return [part for part in path.split("/") if "{" not in part][-1]


def _add_components(spec: APISpec, dialect: Dialect) -> None:
    """What several operations refer to: errors, parameters and ways to say who asks."""
    for status, about in {**_ERRORS, **dialect.statuses}.items():
        spec.components.response(str(status), {"description": about, **_json(dialect.error)})
    for parameter in _list_parameters() if dialect.has_fields else ():
        spec.components.parameter(parameter["name"], "query", parameter)
    for name, scheme in (("token", "bearer"), ("basic", "basic")):
        spec.components.security_scheme(name, {"type": "http", "scheme": scheme})


def _list_parameters() -> Iterator[Json]:
    yield _query(
        "page", "Which page, from 1.", {"type": "integer", "minimum": 1, "maximum": 10**9 - 1}
    )
    yield _query(
        "pagelen",
        "How many items on a page.",
        {
            "type": "integer",
            "minimum": 1,
            "maximum": paging.MOST,
            "default": paging.DEFAULT_LENGTH,
        },
    )
    yield _query(
        "fields",
        "Parts of the answer, separated by commas: `a.b` for these alone, `-a.b` for all but "
        "these, `+a.b` for more than usual; `*` stands for every name.",
        {"type": "string"},
    )


def _query(name: str, about: str, schema: Json) -> Json:
    return {"name": name, "in": "query", "description": about, "schema": schema}


def _path_parameters(path: str) -> Iterator[Json]:
    for name, pattern in _SEGMENT.findall(path):
        if pattern == NUMBER:
            schema: Json = {"type": "integer", "minimum": 0}
        else:
            schema = {"type": "string", "minLength": 1}
            if pattern not in ("", "[^/]+"):
                schema["pattern"] = f"^{pattern}$"
        parameter = {"name": name, "in": "path", "required": True, "schema": schema}
        yield {**parameter, "description": _PARAMETERS[name]}


def _operation(dialect: Dialect, endpoint: Endpoint, limits: Limits, name: str) -> Json:
    """One operation."""
    about = cleandoc(endpoint.handler.__doc__ or "")
    summary, _, rest = about.partition("\n\n")
    rest = "\n\n".join(text for text in rest.split("\n\n") if not text.startswith("Raises"))
    operation: Json = {
        "summary": " ".join(summary.split()).rstrip("."),
        "responses": _responses(dialect, endpoint),
        "security": _security(endpoint),
    }
    if rest:
        operation["description"] = rest
    if parameters := [*_path_parameters(endpoint.path), *_query_parameters(dialect, endpoint)]:
        operation["parameters"] = parameters
    if endpoint.body is not None:
        content: Json = {"schema": endpoint.body(limits)}
        if name in dialect.examples:
            content["examples"] = dialect.examples[name]
        types = ("application/json", *([_FORM] if dialect.has_forms else []))
        operation["requestBody"] = {"content": {name: {**content} for name in types}}
    if endpoint.files is not None:
        operation["requestBody"] = _upload(endpoint.files)
    return operation


def _query_parameters(dialect: Dialect, endpoint: Endpoint) -> Iterator[Json | str]:
    if endpoint.parameters is not None:
        yield {"in": "query", "schema": endpoint.parameters}
    if _is_page(endpoint):
        yield from ("page", "pagelen")
    if endpoint.catalogue is not None:
        yield from _questions(endpoint.catalogue)
    if dialect.has_fields and any(map(_is_json, endpoint.answers.values())):
        yield "fields"


def _is_page(endpoint: Endpoint) -> bool:
    shape = endpoint.answers.get(200)
    return isinstance(shape, type) and issubclass(shape, objects.Page)


def _questions(catalogue: Catalogue) -> Iterator[Json]:
    """q and sort, with what they can name in this list."""
    paths = ", ".join(f"`{path}`" for path in catalogue.columns)
    yield _query(
        "q",
        'A condition, like `name = "x" AND id > 3`: `=`, `!=`, `~`, `!~`, `<`, `<=`, `>`, `>=`, '
        f"`IN (...)`, `AND`, `OR` and parentheses, on: {paths}.",
        {"type": "string"},
    )
    sortable = [path for path, column in catalogue.columns.items() if column.sortable]
    about = "What to sort by; a `-` before it turns the order round."
    if catalogue.order is not None:
        about += f" Usually `{catalogue.order}`."
    words = [word for path in sortable for word in (path, f"-{path}")]
    yield _query("sort", about, {"type": "string", "enum": words})


def _upload(name: str) -> Json:
    """A multipart body with files, in the field of that name or ("*") in any."""
    file = {"type": "string", "format": "binary"}
    files: Json = (
        {"properties": {"files": {"type": "array", "items": file}}, "additionalProperties": file}
        if name == "*"
        else {"properties": {name: file}, "required": [name]}
    )
    schema = {"type": "object", **files}
    return {"required": True, "content": {"multipart/form-data": {"schema": schema}}}


def _security(endpoint: Endpoint) -> list[Json]:
    """Any of these will do: a token with the scopes, or nobody at all where that is allowed."""
    scopes = [str(scope) for scope in endpoint.scopes]
    nobody: list[Json] = [{}] if may_be_asked_by_nobody(endpoint) else []
    return [{"token": scopes}, {"basic": scopes}, *nobody]


def may_be_asked_by_nobody(endpoint: Endpoint) -> bool:
    """Whether it can be asked without credentials, of what is public and not the asker's own."""
    is_own = endpoint.path.startswith("/user/") or _PRIVATE & set(endpoint.scopes)
    return endpoint.method == "GET" and not is_own


def _responses(dialect: Dialect, endpoint: Endpoint) -> Json:
    found: Json = {}
    for status, shape in endpoint.answers.items():
        found[str(status)] = {"description": HTTPStatus(status).phrase, **_content(shape)}
        if status in (201, 302):
            found[str(status)]["headers"] = {"Location": {"schema": {"type": "string"}}}
        if status == 202:
            found[str(status)]["headers"] = {
                "Retry-After": {
                    "description": "Seconds to wait before asking again.",
                    "schema": {"type": "integer"},
                }
            }
    shape = endpoint.answers.get(200)
    if shape == _ZIP:
        found["206"] = {"description": "The part that `Range` asks for.", **_content(shape)}
    if endpoint.method == "GET" and (_is_json(shape) or shape == _ZIP):
        found["304"] = {"description": "It is what `If-None-Match` names."}
    for status in (*_errors(endpoint), *dialect.statuses):
        found[str(status)] = str(status)
    return found


def _is_json(shape: Answer) -> TypeGuard[type[Schema] | Schema]:
    return not (shape is None or isinstance(shape, str))


def _content(shape: Answer) -> Json:
    if shape is None:
        return {}
    return _json(shape) if _is_json(shape) else {"content": {shape: {"schema": {}}}}


def _json(shape: type[Schema] | Schema) -> Json:
    return {"content": {"application/json": {"schema": shape}}}


def _errors(endpoint: Endpoint) -> Iterator[int]:
    """The statuses that a request to this endpoint can fail with."""
    yield from (400, 401, 417, 429, 503)
    if endpoint.scopes:
        yield 403
    if "{" in endpoint.path:
        yield 404
    if endpoint.answers.get(200) == _ZIP:
        yield from (410, 412, 416)
    if endpoint.method != "GET":
        yield from (409, 507)
    if endpoint.body is not None or endpoint.files is not None:
        yield from (408, 413)
    if endpoint.body is not None:
        yield 415
