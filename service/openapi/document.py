"""The OpenAPI document, made from the routes, their docstrings and the marshmallow schemas."""

import re
import sys
from collections import Counter
from collections.abc import Iterator
from http import HTTPStatus
from inspect import cleandoc
from typing import Any, NamedTuple, TypeGuard

from apispec import APISpec
from marshmallow import Schema

from service.http.dialect import Description, Dialect
from service.http.endpoint import NUMBER, Answer, Endpoint
from service.openapi import converting
from tracker.query import Catalogue
from tracker.settings import Limits

Json = dict[str, Any]

VERSION = "3.1.0"

_FORM = "application/x-www-form-urlencoded"

_SEGMENT = re.compile(r"\{(\w+)(?::((?:[^{}]|\{[^{}]*\})*))?\}")
"""A parameter in the path of a route: its name and its pattern."""

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


class _Shared(NamedTuple):
    """The names of parameters that every list in pages has, and every answer in JSON."""

    of_pages: list[str]
    of_answers: list[str]


def build(dialect: Dialect, limits: Limits, version: str) -> Json:
    """The document of a dialect without `servers`, which depend on the address of the request."""
    plugin = converting.Plugin(dialect.description.attribute_functions)
    about = {"description": dialect.description.about}
    spec = APISpec("Pail", version, VERSION, [plugin], info=about)
    shared = _add_components(spec, plugin, dialect.description)
    names = Counter(endpoint.handler.__name__ for endpoint in dialect.endpoints)
    tags: dict[str, str] = {}
    for endpoint in dialect.endpoints:
        module = endpoint.handler.__module__
        tag = module.removesuffix(".endpoints").rpartition(".")[2]
        tags[tag] = cleandoc(sys.modules[module].__doc__ or "").partition("\n")[0]
        name = endpoint.handler.__name__
        if names[name] > 1:
            name += f"_{_noun(endpoint.path)}"
        described = _operation(dialect, endpoint, limits, name, shared)
        operation = {"operationId": name, "tags": [tag], **described}
        spec.path(
            path=plain_path(endpoint.path),
            operations={endpoint.method.lower(): operation},
        )
    for tag, first_line in tags.items():
        spec.tag({"name": tag, "description": first_line})
    document: Json = spec.to_dict()
    return document


def plain_path(path: str) -> str:
    """The path of a route without the patterns of its parameters."""
    return _SEGMENT.sub(r"{\1}", path)


def _noun(path: str) -> str:
    """The last segment of a path that is no parameter."""
    return [part for part in path.split("/") if "{" not in part][-1]


def _add_components(spec: APISpec, plugin: converting.Plugin, description: Description) -> _Shared:
    """Add what several operations refer to: errors, parameters and ways to send a token."""
    for status, about in {**_ERRORS, **description.statuses}.items():
        spec.components.response(str(status), {"description": about, **_json(description.error)})
    for name, scheme in (("token", "bearer"), ("basic", "basic")):
        spec.components.security_scheme(name, {"type": "http", "scheme": scheme})
    found = []
    for schema in (description.page_parameters, description.answer_parameters):
        parameters = [] if schema is None else plugin.query_parameters(schema)
        for parameter in parameters:
            spec.components.parameter(parameter["name"], "query", parameter)
        found.append([parameter["name"] for parameter in parameters])
    return _Shared(*found)


def _query(name: str, about: str, schema: Json) -> Json:
    return {"name": name, "in": "query", "description": about, "schema": schema}


def _path_parameters(description: Description, path: str) -> Iterator[Json]:
    for name, pattern in _SEGMENT.findall(path):
        if pattern == NUMBER:
            schema: Json = {"type": "integer", "minimum": 0}
        else:
            schema = {"type": "string", "minLength": 1}
            if pattern not in ("", "[^/]+"):
                schema["pattern"] = f"^{pattern}$"
        parameter = {"name": name, "in": "path", "required": True, "schema": schema}
        yield {**parameter, "description": description.path_parameters[name]}


def _operation(
    dialect: Dialect, endpoint: Endpoint, limits: Limits, name: str, shared: _Shared
) -> Json:
    description = dialect.description
    about = cleandoc(endpoint.handler.__doc__ or "")
    summary, _, rest = about.partition("\n\n")
    rest = "\n\n".join(text for text in rest.split("\n\n") if not text.startswith("Raises"))
    operation: Json = {
        "summary": endpoint.summary or " ".join(summary.split()).rstrip("."),
        "responses": _responses(description, endpoint),
        "security": _security(endpoint),
    }
    if rest:
        operation["description"] = rest
    parameters = [
        *_path_parameters(description, endpoint.path),
        *_query_parameters(description, endpoint, shared),
    ]
    if parameters:
        operation["parameters"] = parameters
    if endpoint.body is not None:
        content: Json = {"schema": endpoint.body(limits)}
        if name in description.examples:
            content["examples"] = description.examples[name]
        types = ("application/json", *([_FORM] if description.has_forms else []))
        operation["requestBody"] = {"content": {name: {**content} for name in types}}
    if endpoint.files is not None:
        operation["requestBody"] = _upload(endpoint.files)
    return operation


def _query_parameters(
    description: Description, endpoint: Endpoint, shared: _Shared
) -> Iterator[Json | str]:
    if endpoint.parameters is not None:
        yield {"in": "query", "schema": endpoint.parameters}
    if _is_page(description, endpoint):
        yield from shared.of_pages
    if endpoint.catalogue is not None:
        yield from _questions(endpoint.catalogue)
    if any(map(_is_json, endpoint.answers.values())):
        yield from shared.of_answers


def _is_page(description: Description, endpoint: Endpoint) -> bool:
    shape, page = endpoint.answers.get(200), description.page
    return page is not None and isinstance(shape, type) and issubclass(shape, page)


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
    """Any of these will do: a token with the scopes, or none at all where that is allowed."""
    scopes = [str(scope) for scope in endpoint.scopes]
    anonymous: list[Json] = [{}] if endpoint.is_public else []
    return [{"token": scopes}, {"basic": scopes}, *anonymous]


def _responses(description: Description, endpoint: Endpoint) -> Json:
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
    for status in (*_errors(endpoint), *description.statuses):
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
