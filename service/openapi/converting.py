"""From our marshmallow fields to JSON Schema: what apispec can't know of them."""

from typing import Any

from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.common import resolve_schema_instance
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from marshmallow import INCLUDE, Schema, fields

from service.api_v2.payloads import Changes, Content, New, Reference
from tracker import fields as rules
from tracker.vocabulary import LARGEST_ID

Json = dict[str, Any]


class _Converter(OpenAPIConverter):
    """Describes objects by their docstrings, and of none says that it will never get another
    member: apispec would, of every schema that refuses what it does not know."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for function in (_limits, _number, _content, _reference, _new):
            self.add_attribute_function(function)  # type: ignore[no-untyped-call]

    def schema2jsonschema(self, schema: Any) -> Json:
        """The JSON Schema of a marshmallow schema."""
        described: Json = super().schema2jsonschema(schema)  # type: ignore[no-untyped-call]
        instance = resolve_schema_instance(schema)
        if isinstance(instance, Changes):
            described["additionalProperties"] = False
        elif instance.unknown != INCLUDE:
            described.pop("additionalProperties", None)
        about = type(instance).__doc__
        if about and type(instance).__name__ != _GENERATED:
            described["description"] = " ".join(about.split())
        return described


class _Plugin(MarshmallowPlugin):
    Converter = _Converter


_GENERATED = type(Schema.from_dict({})()).__name__
"""What marshmallow calls a schema that was given no name: it stands where it is used."""


def _name(schema: Any) -> str | None:
    name = type(resolve_schema_instance(schema)).__name__
    return None if name == _GENERATED else name.removeprefix("_")


def plugin() -> MarshmallowPlugin:
    """The plugin of apispec that describes schemas."""
    return _Plugin(schema_name_resolver=_name)  # type: ignore[arg-type]


def _limits(self: OpenAPIConverter, field: fields.Field[Any], **kwargs: Any) -> Json:
    """How long a text may be."""
    found: Json = {}
    for rule in field.validators:
        if isinstance(rule, rules.Length):
            found["maxLength"] = rule.maximum
        elif isinstance(rule, rules.Size):
            found["maxLength"] = rule.maximum
            found["description"] = f"At most {rule.maximum} bytes of UTF-8."
        elif rule is rules.not_blank:
            found["pattern"] = r"\S"
    return found


def _number(self: OpenAPIConverter, field: fields.Field[Any], **kwargs: Any) -> Json:
    return {"maximum": LARGEST_ID} if isinstance(field, rules.Number) else {}


def _content(self: OpenAPIConverter, field: fields.Field[Any], *, ret: Json) -> Json:
    """An object with the text and its markup, or the text alone."""
    if not isinstance(field, Content):
        return {}
    return _either(field, ret, ret["properties"]["raw"], {**ret, "type": "object"})


def _reference(self: OpenAPIConverter, field: fields.Field[Any], *, ret: Json) -> Json:
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


def _new(self: OpenAPIConverter, field: fields.Field[Any], *, ret: Json) -> Json:
    """{"new": value}, or the value alone."""
    if not isinstance(field, New):
        return {}
    value = self.field2property(field.rule)
    one = {"type": "object", "properties": {"new": value}, "required": ["new"]}
    return _either(field, ret, value, one)


def _either(field: fields.Field[Any], ret: Json, plain: Json, whole: Json) -> Json:
    """One or the other, or null where the field takes that, in place of what ret says."""
    ret.clear()
    return {"anyOf": [plain, whole, *([{"type": "null"}] if field.allow_none else [])]}
