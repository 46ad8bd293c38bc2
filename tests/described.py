"""Every answer of every test is held against the OpenAPI document: status, type and each member."""

import gzip
import json
from functools import cache
from typing import Any

import jsonschema_rs
from aiohttp import web

from service.app import ENDPOINTS
from service.endpoint import V2
from service.openapi import document
from tracker.settings import Limits

NOT_DESCRIBED = {405}
"""What no operation answers by itself: that it is none."""


@cache
def described() -> dict[str, Any]:
    """The document; with the usual limits, which only bodies of requests depend on."""
    return document.build(ENDPOINTS, Limits(), "0")


def resolved(thing: dict[str, Any]) -> dict[str, Any]:
    """What a reference in the document refers to."""
    while "$ref" in thing:
        found: Any = described()
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
def _validator(path: str, method: str, status: str) -> jsonschema_rs.Validator:
    """What checks the JSON of that answer."""
    answer = resolved(described()["paths"][path][method]["responses"][status])
    schemas = described()["components"]["schemas"]
    schema = {**answer["content"]["application/json"]["schema"]}
    return jsonschema_rs.Draft202012Validator(
        _closed({**schema, "components": {"schemas": schemas}}), validate_formats=True
    )


def path_of(request: web.Request) -> str | None:
    """The path in the document that the request was for; None for what is not of the API."""
    resource = request.match_info.route.resource
    path = "" if resource is None else resource.canonical.removesuffix("{_slash}")
    for prefix in V2:
        if path.startswith(f"{prefix}/"):
            return path.removeprefix(prefix)
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
        path = path_of(request)
        if path is None or request.method == "OPTIONS" or response.status in NOT_DESCRIBED:
            return
        if response.status == 500 and self.may_break:
            return
        method = "get" if request.method == "HEAD" else request.method.lower()
        for problem in _problems(path, method, request, response):
            self.wrong.append(f"{request.method} {request.rel_url} {response.status}: {problem}")


def _problems(
    path: str, method: str, request: web.Request, response: web.StreamResponse
) -> list[str]:
    """What is not as described in that answer to the operation."""
    status = "200" if response.status in (206, 416) else str(response.status)
    answers = described()["paths"][path][method]["responses"]
    if status not in answers:
        return ["not described"]
    content = resolved(answers[status]).get("content", {})
    body = response.body if isinstance(response, web.Response) else None
    if response.status == 416 or request.method == "HEAD":
        return []
    if not content:
        return [f"a body: {body!r}"] if body else []
    if response.content_type not in content:
        return [f"{response.content_type} is not among {list(content)}"]
    if response.content_type != "application/json" or "fields" in request.query:
        return []
    assert isinstance(body, bytes)
    if response.headers.get("Content-Encoding") == "gzip":
        body = gzip.decompress(body)
    validator = _validator(path, method, status)
    return [
        f"{'.'.join(map(str, error.instance_path))}: {error.message}"
        for error in validator.iter_errors(json.loads(body))
    ]
