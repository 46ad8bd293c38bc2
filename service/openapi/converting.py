"""JSON Schema of marshmallow fields: what apispec can't know of ours."""

from collections.abc import Callable, Iterable
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.common import resolve_schema_instance
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from marshmallow import INCLUDE, Schema, fields

from tracker import fields as rules
from tracker.vocabulary import LARGEST_ID

Json = dict[str, Any]


class _Converter(OpenAPIConverter):
    """Describe objects by their docstrings, and leave out that none may have further members.

    apispec would say so of every schema that refuses what it does not know.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for function in (_limits, _number):
            self.add_attribute_function(function)  # type: ignore[no-untyped-call]

    def schema2jsonschema(self, schema: Any) -> Json:
        """The JSON Schema of a marshmallow schema."""
        described: Json = super().schema2jsonschema(schema)  # type: ignore[no-untyped-call]
        instance = resolve_schema_instance(schema)
        if getattr(instance, "refuses_unknown", False):
            described["additionalProperties"] = False
        elif instance.unknown != INCLUDE:
            described.pop("additionalProperties", None)
        about = type(instance).__doc__
        if about and type(instance).__name__ != _GENERATED:
            described["description"] = " ".join(about.split())
        return described


_GENERATED = type(Schema.from_dict({})()).__name__
"""What marshmallow calls a schema that was given no name: it stands where it is used."""


def _name(schema: Any) -> str | None:
    name = type(resolve_schema_instance(schema)).__name__
    return None if name == _GENERATED else name.removeprefix("_")


class Plugin(MarshmallowPlugin):
    """The plugin of apispec that describes schemas.

    attribute_functions describe fields that only one dialect has, as apispec wants them.
    """

    Converter = _Converter

    def __init__(self, attribute_functions: Iterable[Callable[..., Json]]) -> None:
        super().__init__(schema_name_resolver=_name)  # type: ignore[arg-type]
        self._attribute_functions = attribute_functions

    def init_spec(self, spec: APISpec) -> None:
        """Take part in the making of a document."""
        super().init_spec(spec)
        for function in self._attribute_functions:
            self.converter.add_attribute_function(function)  # type: ignore[union-attr]

    def query_parameters(self, schema: Schema) -> list[Json]:
        """The parameters of a query that a schema reads."""
        found: list[Json] = self.converter.schema2parameters(  # type: ignore[union-attr]
            schema, location="query"
        )
        return found


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
