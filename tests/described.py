"""Every answer of every test is held against the OpenAPI document of its API: status, type and
each member."""

import gzip
import json
from functools import cache
from typing import Any

import jsonschema_rs
from aiohttp import web

from service.api_v1.dialect import V1
from service.api_v2.dialect import V2
from service.http import errors
from service.openapi import document
from tracker.settings import Limits

NOT_DESCRIBED = {405, errors.GONE}
"""What no operation answers by itself: that it is none, and what nobody gets."""


APIS = {
    V1.prefixes[0]: V1,
    V2.prefixes[0]: V2,
}
"""What is described, by where it is."""


@cache
def described(api: str) -> dict[str, Any]:
    """The document of an API; with the usual limits, which only bodies of requests depend on."""
    return document.build(APIS[api], Limits(), "0")


def resolved(thing: dict[str, Any], api: str) -> dict[str, Any]:
    """What a reference in the document of that API refers to."""
    while "$ref" in thing:
        found: Any = described(api)
        for part in thing["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        thing = found
    return thing


def _closed(schema: Any) -> Any:
    """The schema, but with no other members than those it names."""
    if isinstance(schema, list):
        return [_closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _closed(part) for name, part in schema.items()}
    if "properties" in closed and isinstance(schema.get("type"), (str, list)):
        closed.setdefault("additionalProperties", False)
    return closed


@cache
def _validator(api: str, path: str, method: str, status: str) -> jsonschema_rs.Validator:
    """What checks the JSON of that answer."""
    answer = resolved(described(api)["paths"][path][method]["responses"][status], api)
    schemas = described(api)["components"]["schemas"]
    schema = {**answer["content"]["application/json"]["schema"]}
    return jsonschema_rs.Draft202012Validator(
        _closed({**schema, "components": {"schemas": schemas}}), validate_formats=True
    )


def path_of(request: web.Request) -> tuple[str, str] | None:
    """The API that the request was for, and the path in its document; None for what is of none."""
    resource = request.match_info.route.resource
    path = "" if resource is None else resource.canonical.removesuffix("{_slash}")
    for prefixes in (V1.prefixes, V2.prefixes):
        for prefix in prefixes:
            if path.startswith(f"{prefix}/"):
                return prefixes[0], path.removeprefix(prefix)
    return None


class Watch:
    """Looks at every answer of an application; wrong holds what is not as described.

    An internal error is wrong wherever it was not caused on purpose (may_break).
    """

    def __init__(self, app: web.Application) -> None:
        self.wrong: list[str] = []
        self.may_break = False
        app.on_response_prepare.append(self._look)

    async def _look(self, request: web.Request, response: web.StreamResponse) -> None:
        place = path_of(request)
        if place is None or request.method == "OPTIONS" or response.status in NOT_DESCRIBED:
            return
        if response.status == 500 and self.may_break:
            return
        method = "get" if request.method == "HEAD" else request.method.lower()
        for problem in _problems(*place, method, request, response):
            self.wrong.append(f"{request.method} {request.rel_url} {response.status}: {problem}")


def _problems(
    api: str, path: str, method: str, request: web.Request, response: web.StreamResponse
) -> list[str]:
    """What is not as described in that answer to the operation."""
    status = str(response.status)
    answers = described(api)["paths"][path][method]["responses"]
    if status not in answers:
        return ["not described"]
    content = resolved(answers[status], api).get("content", {})
    body = response.body if isinstance(response, web.Response) else None
    if request.method == "HEAD":
        return []
    if not content:
        return [f"a body: {body!r}"] if body else []
    if response.content_type not in content:
        return [f"{response.content_type} is not among {list(content)}"]
    if response.content_type != "application/json":
        return []
    if not isinstance(body, bytes) or (api == V2.prefixes[0] and "fields" in request.query):
        return []  # it is sent while it is read, or only the part of it that was asked for
    if response.headers.get("Content-Encoding") == "gzip":
        body = gzip.decompress(body)
    validator = _validator(api, path, method, status)
    return [
        f"{'.'.join(map(str, error.instance_path))}: {error.message}"
        for error in validator.iter_errors(json.loads(body))
    ]
