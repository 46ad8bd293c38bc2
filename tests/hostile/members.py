"""What each route's body can have in it, as the OpenAPI document says."""

from collections.abc import Iterator
from typing import Any

import jsonschema_rs

from service.openapi.document import plain_path
from tests.conftest import Answer
from tests.described import described, resolved
from tests.hostile.routes import Places, Route

FORM = "application/x-www-form-urlencoded"

Member = tuple[str, ...]
"""Where something is in a body, from the outermost name to the innermost."""


def _schema(route: Route) -> dict[str, Any]:
    assert route.endpoint is not None
    paths = described(route.api)["paths"]
    operation = paths[plain_path(route.endpoint.path)][route.method.lower()]
    found: dict[str, Any] = operation["requestBody"]["content"]["application/json"]["schema"]
    return found


def validator(route: Route) -> jsonschema_rs.Draft202012Validator:
    """What the document takes for a body of the route."""
    schemas = described(route.api)["components"]["schemas"]
    return jsonschema_rs.Draft202012Validator(
        {**_schema(route), "components": {"schemas": schemas}}
    )


def _members(api: str, part: dict[str, Any], outside: Member = ()) -> Iterator[Member]:
    part = resolved(part, api)
    for name, inner in part.get("properties", {}).items():
        yield (*outside, name)
        yield from _members(api, inner, (*outside, name))
    for choice in part.get("anyOf", []):
        yield from _members(api, choice, outside)


def members(route: Route) -> list[Member]:
    """Every member that a route's body can have, at any depth."""
    return list(dict.fromkeys(_members(route.api, _schema(route))))


def body_with(route: Route, member: Member, value: Any) -> dict[str, Any]:
    """A body of a route that is right but for one member."""
    for name in reversed(member):
        value = {name: value}
    assert isinstance(value, dict)
    return {**route.right, **value}


def names_one(answer: Answer, member: Member) -> bool:
    """Whether an error names the member, or something that it is in."""
    parts = {*member, *(part.removesuffix("_account_id") for part in member)}
    return any(parts & set(field.split(".")) for field in answer.body["error"].get("fields", {}))


def vacant(route: Route, places: Places) -> Places:
    """The places where what the route makes is not there yet."""
    makes = str(route) == "POST /2.0/repositories/{workspace}/{repo_slug}"
    return {**places, "repo_slug": "new"} if makes else places
