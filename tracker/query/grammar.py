"""Reading q: a tokenizer and a parser by recursive descent, in linear time.

    expression := term { OR term }         term  := factor { AND factor }
    factor     := '(' expression ')' | comparison
    comparison := path operator value | path [NOT] IN '(' value { ',' value } ')'
    value      := "text" | number | null | true | false | date [time [offset]]

Words are taken in any case. Texts have JSON's escapes; a backslash before anything else is left
out. Digits of a fraction of a second beyond microseconds are, too. Where a time is wanted, a text
that reads as one is taken for it.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from marshmallow import ValidationError

from tracker.errors import Invalid
from tracker.fields import Size, check_text
from tracker.settings import Limits

Value = str | Decimal | datetime | bool | None


@dataclass(frozen=True, slots=True)
class Literal:
    """A value in a query, and the column where it begins; times are aware and in UTC."""

    value: Value
    column: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """A field's path and its column, an operator in capitals, and what the field is compared with:
    one literal, or several behind IN and NOT IN."""

    path: str
    column: int
    operator: str
    literals: tuple[Literal, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Two or more expressions that are joined by the same word, AND or OR."""

    word: str
    parts: "tuple[Expression, ...]"


Expression = Comparison | Group

_TOKEN = re.compile(
    r"""  (?P<space> \s+ )
        | (?P<text> "(?:[^"\\]|\\.)*+" )
        # The offset of a time may have lost its plus sign, which means a space in an address.
        | (?P<bare> -?\d [\w.:+-]* (?: \ \d\d:\d\d (?![\w.:+-]) )? )
        | (?P<name> [a-z_]\w* (?: \.[a-z_]\w* )* )
        | (?P<mark> [!<>]= | !~ | [=~<>(),] )
    """,
    re.VERBOSE | re.DOTALL | re.ASCII | re.IGNORECASE,
)
_NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
_TIME = re.compile(
    r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[-+]\d\d(:?\d\d)?|\ \d\d:\d\d)?)?",
    re.ASCII | re.IGNORECASE,
)
_OPERATORS = ("=", "!=", "~", "!~", ">", ">=", "<", "<=")
_WORDS: dict[str, bool | None] = {"NULL": None, "TRUE": True, "FALSE": False}
_MOST_SHOWN = 60
"""Characters of the input that a message repeats."""


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    column: int

    @property
    def word(self) -> str:
        """A name in capitals, or a mark; "" for everything else."""
        return self.text.upper() if self.kind in ("name", "mark") else ""

    def __str__(self) -> str:
        if self.kind == "end":
            return "but q ends here"
        return f"not {'the text' if self.kind == 'text' else shown(self.text)}"


def shown(text: str) -> str:
    """A piece of the input as messages repeat it: what UTF-8 can't carry is escaped."""
    text = text.encode(errors="backslashreplace").decode()
    return f'"{text[:_MOST_SHOWN]}..."' if len(text) > _MOST_SHOWN else f'"{text}"'


def mistake(column: int, words: str) -> Invalid:
    """The error for something wrong at that column of q (from 1)."""
    said = f"column {column}: {words}"
    return Invalid(f"q: {said}", {"q": [said]})


def parse(text: str, limits: Limits) -> Expression:
    """What q says. Raises Invalid, which names what is wrong and the column where it is."""
    try:
        check_text(text)
        Size(limits.query_bytes)(text)
    except ValidationError as error:
        raise Invalid(f"q: {error}", {"q": [str(error)]}) from error
    return _Parser(text, limits).whole()


def _tokens(text: str) -> Iterator[_Token]:
    place = 0
    while place < len(text):
        found = _TOKEN.match(text, place)
        if found is None:
            begun = text[place] == '"'
            words = "this text does not end" if begun else f"unexpected {shown(text[place])}"
            raise mistake(place + 1, words)
        if found.lastgroup != "space":
            yield _Token(str(found.lastgroup), found[0], place + 1)
        place = found.end()
    yield _Token("end", "", len(text) + 1)


class _Parser:
    """Reads one q from its first token to its last."""

    def __init__(self, text: str, limits: Limits) -> None:
        self._limits = limits
        self._tokens = _tokens(text)
        self._next = next(self._tokens)
        self._depth = 0
        self._terms = 0

    def whole(self) -> Expression:
        expression = self._joined("OR")
        if self._next.kind != "end":
            raise mistake(self._next.column, f"expected AND or OR, {self._next}")
        return expression

    def _take(self) -> _Token:
        token = self._next
        if token.kind != "end":
            self._next = next(self._tokens)
        return token

    def _expect(self, word: str) -> _Token:
        token = self._take()
        if token.word != word:
            raise mistake(token.column, f'expected "{word}", {token}')
        return token

    def _joined(self, word: str) -> Expression:
        """Terms joined by OR, or the factors of one term by AND."""
        parts = [self._part(word)]
        while self._next.word == word:
            self._take()
            parts.append(self._part(word))
        return parts[0] if len(parts) == 1 else Group(word, tuple(parts))

    def _part(self, word: str) -> Expression:
        return self._joined("AND") if word == "OR" else self._factor()

    def _factor(self) -> Expression:
        if self._next.word != "(":
            return self._comparison()
        self._depth += 1
        if self._depth > self._limits.query_depth:
            words = f"more than {self._limits.query_depth} parentheses inside one another"
            raise mistake(self._next.column, words)
        self._take()
        expression = self._joined("OR")
        self._expect(")")
        self._depth -= 1
        return expression

    def _comparison(self) -> Comparison:
        field = self._take()
        if field.kind != "name":
            raise mistake(field.column, f"expected a field, {field}")
        self._terms += 1
        if self._terms > self._limits.query_terms:
            raise mistake(field.column, f"more than {self._limits.query_terms} comparisons")
        operator = self._operator()
        literals = [self._literal()] if operator in _OPERATORS else self._literals()
        return Comparison(field.text, field.column, operator, tuple(literals))

    def _operator(self) -> str:
        token = self._take()
        if token.word == "NOT":
            self._expect("IN")
            return "NOT IN"
        if token.word not in (*_OPERATORS, "IN"):
            raise mistake(
                token.column, f"expected one of {' '.join(_OPERATORS)} IN NOT IN, {token}"
            )
        return token.word

    def _literals(self) -> list[Literal]:
        self._expect("(")
        literals = [self._literal()]
        while self._next.word == ",":
            self._take()
            literals.append(self._literal())
        self._expect(")")
        return literals

    def _literal(self) -> Literal:
        token = self._take()
        if token.kind == "text":
            return Literal(_text(token), token.column)
        if token.kind == "bare":
            return Literal(_number_or_time(token), token.column)
        if token.word in _WORDS:
            return Literal(_WORDS[token.word], token.column)
        hint = "" if token.kind != "name" else ": texts stand in double quotes"
        raise mistake(token.column, f"expected a value, {token}{hint}")


def _text(token: _Token) -> str:
    """The text between quotes."""
    kept = re.sub(
        r"\\(.)",
        lambda found: found[0] if found[1] in '"\\/bfnrtu' else found[1],
        token.text,
        flags=re.DOTALL,
    )
    try:
        text: str = json.loads(kept, strict=False)
        check_text(text)
    except json.JSONDecodeError as error:
        raise mistake(token.column, "four hexadecimal digits must follow \\u") from error
    except ValidationError as error:
        raise mistake(token.column, str(error)) from error
    return text


def _number_or_time(token: _Token) -> Decimal | datetime:
    if _NUMBER.fullmatch(token.text):
        return Decimal(token.text)
    moment = read_time(token.text, token.column)
    if moment is None:
        raise mistake(token.column, f"{shown(token.text)} is neither a number nor a time")
    return moment


def read_time(text: str, column: int) -> datetime | None:
    """The time in UTC that the text at that column of q says; None when it is written otherwise.

    Raises Invalid for a date or a time that does not exist.
    """
    if not _TIME.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(text.upper().replace(" ", "+"))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise mistake(column, f"there is no such time as {shown(text)}") from error
