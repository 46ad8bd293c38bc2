"""What API 2.0 reads: the names of its payloads; the rules are tracker.fields'."""

from functools import cache
from typing import Any

from marshmallow import Schema, ValidationError, fields

from tracker import fields as rules
from tracker.settings import Limits
from tracker.vocabulary import CategoryKind, Markup

REFERENCES = ("assignee", *(str(kind) for kind in CategoryKind))
"""The members of an issue that mean something else in the tracker."""


class Content(fields.Nested):
    """A text as {"raw": ..., "markup": ...}; a plain string is its raw text (reference 2.10)."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        return super()._deserialize(
            {"raw": value} if isinstance(value, str) else value, *args, **kwargs
        )


class Reference(fields.Field[Any]):
    """Something named by one of its members: loads as ("name", "UI") or ("id", 37).

    Of several members the first of `members` counts; a plain string means the member `plain`.
    """

    def __init__(self, members: dict[str, fields.Field[Any]], *, plain: str) -> None:
        super().__init__(allow_none=True)
        self._members = members
        self._plain = plain

    def _deserialize(
        self, value: Any, attr: str | None, data: Any, **kwargs: Any
    ) -> tuple[str, Any]:
        if isinstance(value, str):
            value = {self._plain: value}
        if isinstance(value, dict):
            for name, rule in self._members.items():
                if value.get(name) is not None:
                    return name, rule.deserialize(value[name])
        raise ValidationError(f"Must be an object with one of: {', '.join(self._members)}.")


def _person() -> Reference:
    names = ("uuid", "account_id", "username", "nickname")
    return Reference({name: rules.Text() for name in names}, plain="username")


def _category() -> Reference:
    return Reference({"id": rules.Number(), "name": rules.Text()}, plain="name")


def _content(limits: Limits, **kwargs: Any) -> Content:
    text: dict[str, fields.Field[Any]] = {
        "raw": rules.content(limits, required=True),
        "markup": rules.markup(load_default=Markup.MARKDOWN),
    }
    return Content(rules.Payload.from_dict(text), **kwargs)


@cache
def issue(limits: Limits) -> Schema:
    """A new issue; only the title is required."""
    return rules.Payload.from_dict(
        {
            "title": rules.title(required=True),
            "content": _content(limits, allow_none=True),
            "state": rules.state(),
            "kind": rules.kind(),
            "priority": rules.priority(),
            "assignee": _person(),
            **{str(kind): _category() for kind in CategoryKind},
        }
    )()


@cache
def comment(limits: Limits) -> Schema:
    """A new comment."""
    return rules.Payload.from_dict({"content": _content(limits, required=True)})()
