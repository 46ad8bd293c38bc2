"""How OpenAPI describes the fields of payloads that only API 2.0 has.

apispec calls these functions, each for every field; ret is what it has found out itself.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from marshmallow import fields

from service.api_v2.payloads import Content, New, Reference
from service.http.dialect import Json

if TYPE_CHECKING:
    from apispec.ext.marshmallow.openapi import OpenAPIConverter


def _content(self: "OpenAPIConverter", field: fields.Field[Any], *, ret: Json) -> Json:
    """An object with the text and its markup, or the text alone."""
    if not isinstance(field, Content):
        return {}
    return _either(field, ret, ret["properties"]["raw"], {**ret, "type": "object"})


def _reference(self: "OpenAPIConverter", field: fields.Field[Any], *, ret: Json) -> Json:
    """An object with one of some members, or the most usual of them alone."""
    if not isinstance(field, Reference):
        return {}
    members = {name: self.field2property(rule) for name, rule in field.members.items()}
    one = {
        "type": "object",
        "properties": members,
        "anyOf": [{"required": [name]} for name in members],
    }
    return _either(field, ret, members[field.plain], one)


def _new(self: "OpenAPIConverter", field: fields.Field[Any], *, ret: Json) -> Json:
    """{"new": value}, or the value alone."""
    if not isinstance(field, New):
        return {}
    value = self.field2property(field.rule)
    one = {"type": "object", "properties": {"new": value}, "required": ["new"]}
    return _either(field, ret, value, one)


def _either(field: fields.Field[Any], ret: Json, plain: Json, whole: Json) -> Json:
    """One or the other, or null where the field takes that, instead of ret."""
    ret.clear()
    return {"anyOf": [plain, whole, *([{"type": "null"}] if field.allow_none else [])]}


ATTRIBUTE_FUNCTIONS: tuple[Callable[..., Json], ...] = (_content, _reference, _new)
