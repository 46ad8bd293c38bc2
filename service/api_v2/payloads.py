"""What API 2.0 reads: the names of its payloads; the rules are tracker.fields'."""

from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, pre_load

from tracker import fields as rules
from tracker.settings import Limits
from tracker.vocabulary import CategoryKind

REFERENCES = ("assignee", *(str(kind) for kind in CategoryKind))
"""The members of an issue that mean something else in the tracker."""


class Content(fields.Nested):
    """A text as {"raw": ..., "markup": ...}; a plain string is its raw text.

    Loads as {"content": ..., "markup": ...}, the second only where it is given.
    """

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        loaded = super()._deserialize(
            {"raw": value} if isinstance(value, str) else value, *args, **kwargs
        )
        if not loaded:
            raise ValidationError({"raw": ["Missing data for required field."]})
        return loaded


class Reference(fields.Field[Any]):
    """Something named by one of its members: loads as ("name", "UI") or ("id", 37).

    Of several members the first of `members` counts; a plain string means the member `plain`, and
    an empty one none, as null does, because a form has no null.
    """

    def __init__(self, members: dict[str, fields.Field[Any]], *, plain: str) -> None:
        super().__init__(allow_none=True)
        self.members = members
        self.plain = plain

    def _deserialize(
        self, value: Any, attr: str | None, data: Any, **kwargs: Any
    ) -> tuple[str, Any] | None:
        if value == "":
            return None
        if isinstance(value, str):
            value = {self.plain: value}
        if isinstance(value, dict):
            for name, rule in self.members.items():
                if value.get(name) is not None:
                    return name, rule.deserialize(value[name])
        raise ValidationError(f"Must be an object with one of: {', '.join(self.members)}.")


def _person(plain: str = "username") -> Reference:
    names = ("uuid", "account_id", "username", "nickname")
    return Reference({name: rules.Text() for name in names}, plain=plain)


def _category() -> Reference:
    return Reference({"id": rules.Number(), "name": rules.Text()}, plain="name")


def _content(
    limits: Limits, *, required: bool = True, may_be_null: bool = False, **kwargs: Any
) -> Content:
    """A text; required says of its raw text whether it must be given."""
    text: dict[str, fields.Field[Any]] = {
        "content": rules.content(limits, data_key="raw", required=required, allow_none=may_be_null),
        "markup": rules.markup(),
    }
    return Content(rules.Payload.from_dict(text), **kwargs)


class Lenient(rules.Payload):
    """The base of payloads whose texts may be an empty object: as if it had been left out.

    Bitbucket's plug-in for VS Code sends `content: {}` beside changes. An object with any member
    is read by its rules, so that a misspelt `raw` is refused and no text is lost.
    """

    @pre_load
    def _without_empty_texts(self, data: Any, **kwargs: Any) -> Any:
        if not isinstance(data, dict):
            return data
        empty = {name for name in ("content", "message") if data.get(name) == {}}
        return {name: data[name] for name in data if name not in empty} if empty else data


class New(fields.Field[Any]):
    """What a change makes of something: {"new": value}, or the value alone.

    Where there can be nothing, "" means nothing as null does: changes are shown so.
    """

    def __init__(self, rule: fields.Field[Any]) -> None:
        super().__init__(allow_none=rule.allow_none)
        self.rule = rule

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        new = value
        if isinstance(value, dict):
            if "new" not in value:
                raise ValidationError({"new": ["Missing data for required field."]})
            new = value["new"]
        if new == "" and self.allow_none:
            return None
        try:
            return self.rule.deserialize(new)
        except ValidationError as error:
            raise ValidationError({"new": error.messages}) from error


_SHOWN = 50
"""Characters of a wrong name that an error repeats, and compares with the known names."""


class Changes(rules.Payload):
    """The base of what a change alters: a name that means nothing is refused, not ignored.

    A client that misspells one would be told that it was done (go-bitbucket's own example says
    `status`).
    """

    refuses_unknown = True

    @pre_load
    def _only_known(self, data: Any, **kwargs: Any) -> Any:
        if isinstance(data, dict):
            for name in data:
                if name not in self.fields:
                    shown = name[:_SHOWN]
                    near = get_close_matches(shown, self.fields, n=1)
                    hint = f" Did you mean {near[0]}?" if near else ""
                    raise ValidationError({shown: [f"This can't be changed.{hint}"]})
        return data

    @post_load
    def _one_assignee(self, data: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        # An account_id means one person; a name may mean several.
        if "assignee_account_id" in data:
            data["assignee"] = data.pop("assignee_account_id")
        return data


def _issue(
    limits: Limits, title: fields.Field[Any], *, edited: bool = False
) -> dict[str, fields.Field[Any]]:
    return {
        "title": title,
        "content": _content(limits, required=not edited, allow_none=True),
        "state": rules.state(),
        "kind": rules.kind(),
        "priority": rules.priority(),
        "assignee": _person(),
        **{str(kind): _category() for kind in CategoryKind},
    }


@cache
def issue(limits: Limits) -> Schema:
    """A new issue; only the title is required."""
    return Lenient.from_dict(_issue(limits, rules.title(required=True)))()


@cache
def edited_issue(limits: Limits) -> Schema:
    """The fields of an issue to change; none is required."""
    return Lenient.from_dict(_issue(limits, rules.title(), edited=True))()


def parts(loaded: Mapping[str, Any]) -> dict[str, Any]:
    """What issue() or edited_issue() has loaded, as the arguments of a NewIssue or an Edit."""
    values = dict(loaded)
    references = {name: values.pop(name) for name in REFERENCES if name in values}
    content = values.pop("content", {})
    return {**values, **({"content": ""} if content is None else content), "references": references}


@cache
def comment(limits: Limits) -> Schema:
    """A comment."""
    text: dict[str, fields.Field[Any]] = {
        "content": rules.said(limits, data_key="raw", required=True),
        "markup": rules.markup(),
    }
    content = Content(rules.Payload.from_dict(text), required=True)
    return rules.Payload.from_dict({"content": content})()


@cache
def change(limits: Limits) -> Schema:
    """A new change: {"changes": {"state": {"new": ...}, ...}, "message": {"raw": ...}}.

    Atlassian's own client calls the message content; either may be null or empty.
    """
    rows = {**_issue(limits, rules.title()), "assignee_account_id": _person("account_id")}
    changes = Changes.from_dict({name: New(rule) for name, rule in rows.items()})
    return Lenient.from_dict(
        {
            "changes": fields.Nested(changes, load_default=dict),
            "message": _content(limits, may_be_null=True, allow_none=True),
            "content": _content(limits, may_be_null=True, allow_none=True),
        }
    )()
