"""GET /2.0/openapi.json and /1.0/openapi.json, and the page that shows them."""

import asyncio
import json
import re
import subprocess
import sys
from dataclasses import replace
from typing import Any

import jsonschema_rs
import pytest
from aiohttp import web
from aiohttp.typedefs import Handler
from openapi_spec_validator import validate

from service.api_v1.dialect import V1
from service.api_v2.dialect import V2
from service.app import build_app
from service.http import answers
from service.http.dialect import Dialect
from service.openapi import document
from service.openapi.endpoints import Documents
from tests.conformance.places import places
from tests.conftest import OPEN, Api, Start
from tests.described import APIS, described, resolved
from tests.pages.test_home import Elements
from tracker.settings import Limits, Settings
from tracker.vocabulary import State

OPERATIONS = {
    (version, item[method]["operationId"]): (method.upper(), path, item[method])
    for version in APIS
    for path, item in described(version)["paths"].items()
    for method in sorted(item.keys() - {"parameters"})
}
"""By API and name."""

Name = tuple[str, str]

each_api = pytest.mark.parametrize("version", APIS)
each_operation = pytest.mark.parametrize("name", OPERATIONS, ids=" ".join)


@each_api
async def test_the_document_is_valid_and_has_every_endpoint(api: Api, version: str) -> None:
    answer = await api("GET", f"{version}/openapi.json")
    assert answer.status == 200
    validate(answer.body)
    assert answer.body["openapi"].startswith("3.1")
    endpoints = APIS[version].endpoints
    routes = sorted((each.method, document.plain_path(each.path)) for each in endpoints)
    of_this = [place for (there, _), place in OPERATIONS.items() if there == version]
    assert sorted((method, path) for method, path, _ in of_this) == routes


@each_api
def test_the_paths_are_those_that_the_router_knows(settings: Settings, version: str) -> None:
    known = {
        resource.canonical.removesuffix("{_slash}").removeprefix(version)
        for resource in build_app(settings).router.resources()
        if resource.canonical.startswith(f"{version}/")
    }
    assert known == described(version)["paths"].keys()


@each_operation
def test_an_operation_says_what_it_is_and_what_it_answers(name: Name) -> None:
    _, path, operation = OPERATIONS[name]
    assert operation["summary"]
    assert "Raises" not in str(operation), "it is told to people who never see our code"
    assert min(operation["responses"]) < "4"
    parameters = [resolved(each, name[0]) for each in operation.get("parameters", [])]
    for parameter in parameters:
        assert parameter["description"]
    required = {each["name"] for each in parameters if each.get("required")}
    assert required == set(re.findall(r"\{(\w+)\}", path))


@pytest.mark.parametrize(
    "name", [name for name, (m, _, _) in OPERATIONS.items() if m == "GET"], ids=" ".join
)
async def test_what_can_be_read_without_credentials_says_so(api: Api, name: Name) -> None:
    _, path, operation = OPERATIONS[name]
    found = await places(api)
    found["category_id"] = found.get(f"{path.split('/')[-2].removesuffix('s')}_id")
    answer = await api("GET", name[0] + path.format(**found))
    if {} in operation["security"]:
        assert answer.status != 401
    else:
        assert answer.status in (401, 403)


@each_api
def test_whoever_writes_needs_the_scopes_of_the_route(version: str) -> None:
    for endpoint in APIS[version].endpoints:
        operation = described(version)["paths"][document.plain_path(endpoint.path)]
        security = operation[endpoint.method.lower()]["security"]
        assert security[0] == {"token": [str(scope) for scope in endpoint.scopes]}
        assert endpoint.method == "GET" or {} not in security


async def test_links_lead_where_the_client_is(api: Api, start: Start, settings: Settings) -> None:
    assert (await api.get("/2.0/openapi.json"))["servers"] == [{"url": f"{api.url}/2.0"}]
    elsewhere = await start(replace(settings, public_url="https://issues.example.org"))
    for prefixes in (V1.prefixes, V2.prefixes):
        for prefix in prefixes:
            found = await elsewhere.get(f"{prefix}/openapi.json")
            assert found["servers"] == [{"url": f"https://issues.example.org{prefixes[0]}"}]


async def test_who_has_the_document_is_not_sent_it_again(api: Api) -> None:
    first = await api("GET", "/2.0/openapi.json")
    again = await api("GET", "/2.0/openapi.json", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status, again.body) == (304, "")


async def test_many_who_ask_at_once_get_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    build = document.build

    def counted(*arguments: Any) -> Any:
        made.append(arguments)
        return build(*arguments)

    monkeypatch.setattr(document, "build", counted)
    documents = Documents(Limits())
    found = await asyncio.gather(*(documents.get(V2, "http://x") for _ in range(5)))
    assert all(one == found[0] for one in found)
    assert len(made) == 1


def _body(name: str, limits: Limits | None = None, version: str = V2.prefixes[0]) -> Any:
    whole = document.build(APIS[version], limits, "0") if limits else described(version)
    method, path, _ = OPERATIONS[version, name]
    content = whole["paths"][path][method.lower()]["requestBody"]["content"]["application/json"]
    return {**content["schema"], "components": whole["components"]}


def test_bodies_have_the_limits_of_the_settings() -> None:
    def longest(schema: Any) -> Any:
        return schema["properties"]["content"]["anyOf"][0]["maxLength"]

    assert longest(_body("create_comment")) == Limits().content_bytes
    assert longest(_body("create_comment", Limits(content_bytes=77))) == 77
    title = _body("create_issue")["properties"]["title"]
    assert title["maxLength"] == 255
    assert _body("create_issue")["properties"]["state"]["enum"] == list(State)


@pytest.mark.parametrize(
    ("dialect", "name"),
    [(dialect, name) for dialect in (V1, V2) for name in dialect.description.examples],
    ids=lambda value: value if isinstance(value, str) else value.prefixes[0],
)
def test_an_example_is_right_and_is_shown(dialect: Dialect, name: str) -> None:
    content = OPERATIONS[dialect.prefixes[0], name][2]["requestBody"]["content"]["application/json"]
    assert content["examples"] == dialect.description.examples[name]
    for example in dialect.description.examples[name].values():
        assert jsonschema_rs.is_valid(_body(name, version=dialect.prefixes[0]), example["value"])


def test_a_body_of_the_old_api_is_a_form_or_json() -> None:
    bodies = [
        operation["requestBody"]["content"]
        for (version, _), (_, _, operation) in OPERATIONS.items()
        if version == V1.prefixes[0] and "requestBody" in operation
    ]
    assert len(bodies) > 5
    for content in bodies:
        assert content["application/x-www-form-urlencoded"] == content["application/json"]


def test_the_old_api_has_neither_pages_nor_parts_of_answers() -> None:
    assert not described(V1.prefixes[0])["components"].get("parameters")
    assert "fields" in described(V2.prefixes[0])["components"]["parameters"]


def test_a_list_of_the_old_api_is_a_bare_array() -> None:
    content = OPERATIONS[V1.prefixes[0], "list_comments"][2]["responses"]["200"]["content"]
    schema = content["application/json"]["schema"]
    assert schema == {"type": "array", "items": {"$ref": "#/components/schemas/Comment"}}


@pytest.mark.parametrize(
    ("body", "right"),
    [
        ({"title": "t", "content": "text", "assignee": None, "component": "UI"}, True),
        ({"title": "t", "content": {"raw": "text"}, "version": {"id": 3}, "more": 1}, True),
        ({}, False),
        ({"title": " "}, False),
        ({"title": "t" * 256}, False),
        ({"title": "t", "state": "closing"}, False),
        ({"title": "t", "assignee": {}}, False),
        ({"title": "t", "content": {"markup": "markdown"}}, False),
    ],
)
async def test_what_the_document_says_of_a_new_issue_is_what_the_server_says(
    api: Api, body: Any, right: bool
) -> None:
    assert jsonschema_rs.is_valid(_body("create_issue"), body) == right
    answer = await api("POST", f"{OPEN}/issues", "alice", json=body)
    # Whether there is such a component, no schema can say.
    is_unknown = answer.status == 400 and "no such" in answer.body["error"]["message"]
    assert (answer.status == 201 or is_unknown) == right, answer


def test_a_list_names_what_it_can_be_sorted_by() -> None:
    listed = OPERATIONS[V2.prefixes[0], "list_issues"][2]["parameters"]
    parameters = [resolved(each, V2.prefixes[0]) for each in listed]
    by_name = {parameter["name"]: parameter for parameter in parameters}
    assert {"page", "pagelen", "q", "sort", "fields"} <= by_name.keys()
    assert {"priority", "-priority"} <= set(by_name["sort"]["schema"]["enum"])
    assert "content.raw" not in by_name["sort"]["schema"]["enum"]
    assert "`content.raw`" in by_name["q"]["description"]


@each_api
async def test_the_page_runs_only_what_comes_from_here(api: Api, version: str) -> None:
    answer = await api("GET", f"{version}/docs")
    assert answer.headers["Content-Type"].startswith("text/html")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    loaded = []
    for tag, attributes in Elements(answer.body).found:
        assert tag != "style"
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
        source = attributes.get("src") or (tag == "link" and attributes["href"])
        assert tag != "script" or source
        if source:
            loaded.append(source)
    assert len(loaded) == 6
    for path in loaded:
        found = await api("GET", str(path))
        assert found.status == 200, path
        kind = found.headers["Content-Type"].partition(";")[0]
        assert kind in {"text/css", "text/javascript", "application/javascript", "image/svg+xml"}


@pytest.mark.parametrize(
    "name", ["docs.html", "..%2f__init__.py", "index.html", "swagger-ui.js", "", "%00", "docs.js/"]
)
async def test_the_page_loads_its_files_and_nothing_else_is_served(api: Api, name: str) -> None:
    assert (await api("GET", f"/static/docs/{name}")).status == 404


@each_api
async def test_an_answer_with_a_member_that_is_not_described_fails_its_test(
    start: Start, settings: Settings, version: str
) -> None:
    @web.middleware
    async def spoil(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        assert isinstance(response, web.Response)
        assert isinstance(response.body, bytes)
        return answers.json({**json.loads(response.body), "more": 1})

    api = await start(settings, lambda app: app.middlewares.append(spoil))
    await api.get(f"{version}/repositories/alice/open")
    assert len(api.watch.wrong) == 1
    assert "'more' was unexpected" in api.watch.wrong.pop()


def test_who_does_not_ask_pays_nothing() -> None:
    program = (
        "import sys, service.app; "
        "print([name for name in ('apispec', 'swagger_ui_bundle') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=50
    )
    assert done.stdout == "[]\n"


async def test_tags_are_the_names_of_what_is_asked_for(api: Api) -> None:
    document = await api.get("/2.0/openapi.json")
    tags = {
        tag for path in document["paths"].values() for verb in path.values() for tag in verb["tags"]
    }
    assert {"issues", "comments", "openapi"} <= tags
    assert "endpoints" not in tags
