"""Every operation of Bitbucket's OpenAPI, asked; its answers, held against Bitbucket's schemas."""

from dataclasses import replace
from io import BytesIO
from typing import Any
from urllib.parse import quote

import pytest
from aiohttp import FormData

from tests.conformance import official
from tests.conformance.examples import EXAMPLES, REPOSITORY, Example
from tests.conformance.official import Operation
from tests.conformance.places import places
from tests.conftest import OPEN, Answer, Api

if not official.IS_HERE:
    pytest.skip(official.MISSING, allow_module_level=True)

SERVED = [operation for operation in official.operations() if operation.name in EXAMPLES]
NEEDS_REPOSITORY = [
    operation
    for operation in SERVED
    if operation.path.startswith(REPOSITORY)
    and operation.name not in (f"POST {REPOSITORY}", f"PUT {REPOSITORY}")
]


async def _ask(
    api: Api, operation: Operation, example: Example, where: dict[str, Any], who: str | None
) -> Answer:
    """The answer to the example."""
    quoted = {name: quote(str(value), safe="") for name, value in where.items()}
    path = "/2.0" + operation.path.format(**quoted)
    if example.before is not None:
        first = replace(operation, method=example.before)
        json = None if example.before == "DELETE" else example.json
        await _ask(api, first, replace(example, before=None, json=json), where, who)
    arguments: dict[str, Any] = {} if example.json is None else {"json": example.json}
    if example.upload and operation.method == "POST":
        arguments["data"] = form = FormData()
        form.add_field(example.upload, b"some bytes", filename="some.zip")
    return await api(operation.method, path, who, **arguments)


def _hold(operation: Operation, answer: Answer) -> None:
    """The answer is one that the specification knows, and is as it says."""
    status = str(answer.status)
    schema = operation.answers.get(status)
    if status in operation.answers:
        if schema is not None and answer.body:
            assert not official.problems(operation.group, schema, answer.body), answer
    else:
        # Of votes and e-mail addresses it says nothing but that there can be errors.
        assert operation.answers.keys() == {"default"}


@pytest.mark.parametrize("operation", SERVED, ids=lambda operation: operation.name)
async def test_the_answer_is_as_the_specification_says(api: Api, operation: Operation) -> None:
    example = EXAMPLES[operation.name]
    answer = await _ask(api, operation, example, await places(api), "alice")
    assert answer.status == example.status, answer
    _hold(operation, answer)


@pytest.mark.parametrize("operation", NEEDS_REPOSITORY, ids=lambda operation: operation.name)
async def test_what_is_not_there_is_answered_as_the_specification_says(
    api: Api, operation: Operation
) -> None:
    where = {**await places(api), "repo_slug": "nothing"}
    example = replace(EXAMPLES[operation.name], before=None)
    answer = await _ask(api, operation, example, where, "alice")
    assert answer.status == 404
    _error(operation, answer)


@pytest.mark.parametrize(
    "operation",
    [operation for operation in SERVED if operation.method != "GET"],
    ids=lambda operation: operation.name,
)
async def test_who_may_not_is_answered_as_the_specification_says(
    api: Api, operation: Operation
) -> None:
    where = await places(api)
    example = replace(EXAMPLES[operation.name], before=None)
    for who, status in ((None, 401), ("reader", 403)):
        answer = await _ask(api, operation, example, where, who)
        assert answer.status == status
        _error(operation, answer)


def _error(operation: Operation, answer: Answer) -> None:
    """An answer as the operation defines it; where it does not know the status, an error."""
    schema = operation.answers.get(str(answer.status)) or {"$ref": "#/definitions/error"}
    assert not official.problems(operation.group, schema, answer.body), answer


async def test_what_examples_do_not_show_is_as_the_specification_says(api: Api) -> None:
    where = await places(api)
    async with api.db.transaction() as tx:
        await tx.run("UPDATE issue SET reporter_id = NULL")
    await api(
        "POST", f"{OPEN}/issues/import", "alice", data={"archive": BytesIO(b"not an archive")}
    )
    async with api.db.transaction() as tx:
        await tx.run("UPDATE job SET status = 'SUCCESS' WHERE kind = 'import'")
    by_name = {operation.name: operation for operation in SERVED}
    for name, status in (
        ("GET /repositories/{workspace}/{repo_slug}/issues/{issue_id}", 200),
        ("GET /repositories/{workspace}/{repo_slug}/issues/import", 200),
        ("POST /repositories/{workspace}/{repo_slug}/issues", 400),
    ):
        example = Example("", json={"title": ""} if status == 400 else None)
        answer = await _ask(api, by_name[name], example, where, "alice")
        assert answer.status == status, answer
        _error(by_name[name], answer)


def test_no_schema_is_so_open_that_nothing_can_be_wrong() -> None:
    issue = {"$ref": "#/definitions/issue"}
    for body in ({}, {"type": "issue", "id": "1"}, {"type": "issue", "state": "closing"}):
        assert official.problems("the issue tracker", issue, body)
    assert not official.problems("the issue tracker", issue, {"type": "issue", "assignee": None})
