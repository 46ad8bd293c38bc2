"""What API 1.0 reads: the names of its payloads; the rules are tracker.fields'."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, pre_load

from tracker import fields as rules
from tracker.errors import Invalid
from tracker.settings import Limits
from tracker.vocabulary import CategoryKind

_METADATA = ("kind", *map(str, CategoryKind))


class Named(rules.Text):
    """What an issue refers to, by a name: loads as (by, "name").

    An empty text means none, as null does, because a form has no null. An object with the name is
    accepted as well: people are shown so.
    """

    def __init__(self, by: str, **kwargs: Any) -> None:
        super().__init__(allow_none=True, **kwargs)
        self.by = by

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if isinstance(value, dict) and self.by in value:
            value = value[self.by]
        name = super()._deserialize(value, attr, data, **kwargs)
        return (self.by, name) if name else None


class _Issue(rules.Payload):
    """The base of an issue's payloads: loads the arguments of a NewIssue or an Edit."""

    @pre_load
    def _as_shown(self, data: Any, **kwargs: Any) -> Any:
        # A client that sends back what it has read has some members in there.
        inner = data.get("metadata")
        if inner is None:
            return data
        if not isinstance(inner, dict):
            raise ValidationError({"metadata": ["Must be an object."]})
        return {**{name: inner[name] for name in _METADATA if name in inner}, **data}

    @post_load
    def _emptied(self, data: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        return {**data, "content": ""} if data.get("content", "") is None else data


def _issue(limits: Limits, title: fields.Field[Any]) -> Schema:
    categories = {str(kind): Named("name", attribute=f"references.{kind}") for kind in CategoryKind}
    return _Issue.from_dict(
        {
            "title": title,
            "content": rules.content(limits, allow_none=True),
            "status": rules.state(attribute="state"),
            "priority": rules.priority(),
            "kind": rules.kind(),
            "responsible": Named("username", attribute="references.assignee"),
            **categories,
        }
    )()


@cache
def issue(limits: Limits) -> Schema:
    """A new issue; only the title is required."""
    return _issue(limits, rules.title(required=True))


@cache
def edited_issue(limits: Limits) -> Schema:
    """The fields of an issue to change; none is required."""
    return _issue(limits, rules.title())


@cache
def comment(limits: Limits) -> Schema:
    """A comment."""
    return rules.Payload.from_dict({"content": rules.said(limits, required=True)})()


@cache
def category(limits: Limits) -> Schema:
    """A component, milestone or version."""
    return rules.Payload.from_dict({"name": rules.name(required=True)})()


@contextmanager
def names() -> Iterator[None]:
    """Call the core's assignee `responsible` in errors, as API 1.0 does."""
    try:
        yield
    except Invalid as error:
        if "assignee" not in error.fields:
            raise
        said = error.fields["assignee"]
        raise Invalid(f"responsible: {said[0]}", {"responsible": said}) from error
