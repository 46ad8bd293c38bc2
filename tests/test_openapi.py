"""GET /2.0/openapi.json, and the page that shows it."""

import asyncio
import re
import subprocess
import sys
from dataclasses import replace
from typing import Any

import jsonschema_rs
import pytest
from openapi_spec_validator import validate

from service import openapi
from service.app import ENDPOINTS, build_app
from service.endpoint import V2
from service.openapi import document, examples
from tests.conformance.places import places
from tests.conftest import OPEN, Api, Start
from tests.described import described, resolved
from tests.pages.test_home import Elements
from tracker.settings import Limits, Settings
from tracker.vocabulary import State

OPERATIONS = {
    item[method]["operationId"]: (method.upper(), path, item[method])
    for path, item in described()["paths"].items()
    for method in sorted(item.keys() - {"parameters"})
}


async def test_the_document_is_valid_and_has_every_endpoint(api: Api) -> None:
    answer = await api("GET", "/2.0/openapi.json")
    assert answer.status == 200
    validate(answer.body)
    assert answer.body["openapi"].startswith("3.1")
    routes = {(endpoint.method, document.plain_path(endpoint.path)) for endpoint in ENDPOINTS}
    assert {(method, path) for method, path, _ in OPERATIONS.values()} == routes
    assert len(OPERATIONS) == len(ENDPOINTS)


def test_the_paths_are_those_that_the_router_knows(settings: Settings) -> None:
    known = {
        resource.canonical.removesuffix("{_slash}").removeprefix(V2[0])
        for resource in build_app(settings).router.resources()
        if resource.canonical.startswith(f"{V2[0]}/")
    }
    assert known == described()["paths"].keys()


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_says_what_it_is_and_what_it_answers(name: str) -> None:
    _, path, operation = OPERATIONS[name]
    assert operation["summary"]
    assert "reference" not in str(operation)
    assert min(operation["responses"]) < "4"
    parameters = [resolved(parameter) for parameter in operation.get("parameters", [])]
    for parameter in parameters:
        assert parameter["description"]
    required = {each["name"] for each in parameters if each.get("required")}
    assert required == set(re.findall(r"\{(\w+)\}", path))


@pytest.mark.parametrize("name", [name for name, (m, _, _) in OPERATIONS.items() if m == "GET"])
async def test_what_can_be_read_without_credentials_says_so(api: Api, name: str) -> None:
    _, path, operation = OPERATIONS[name]
    found = await places(api)
    found["category_id"] = found.get(f"{path.split('/')[-2].removesuffix('s')}_id")
    answer = await api("GET", f"/2.0{path.format(**found)}")
    if {} in operation["security"]:
        assert answer.status != 401
    else:
        assert answer.status in (401, 403)


def test_whoever_writes_needs_the_scopes_of_the_route() -> None:
    for endpoint in ENDPOINTS:
        operation = described()["paths"][document.plain_path(endpoint.path)]
        security = operation[endpoint.method.lower()]["security"]
        assert security[0] == {"token": [str(scope) for scope in endpoint.scopes]}
        assert endpoint.method == "GET" or {} not in security


async def test_links_lead_where_the_client_is(api: Api, start: Start, settings: Settings) -> None:
    assert (await api.get("/2.0/openapi.json"))["servers"] == [{"url": f"{api.url}/2.0"}]
    elsewhere = await start(replace(settings, public_url="https://issues.example.org"))
    found = await elsewhere.get("/!api/2.0/openapi.json")
    assert found["servers"] == [{"url": "https://issues.example.org/2.0"}]


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
    description = openapi.Description(ENDPOINTS, Limits())
    found = await asyncio.gather(*(description.document("http://x") for _ in range(5)))
    assert all(one == found[0] for one in found)
    assert len(made) == 1


def _body(name: str, limits: Limits | None = None) -> Any:
    whole = document.build(ENDPOINTS, limits, "0") if limits else described()
    _, path, _ = OPERATIONS[name]
    method = OPERATIONS[name][0].lower()
    content = whole["paths"][path][method]["requestBody"]["content"]["application/json"]
    return {**content["schema"], "components": whole["components"]}


def test_bodies_have_the_limits_of_the_settings() -> None:
    def longest(schema: Any) -> Any:
        return schema["properties"]["content"]["anyOf"][0]["maxLength"]

    assert longest(_body("create_comment")) == Limits().content_bytes
    assert longest(_body("create_comment", Limits(content_bytes=77))) == 77
    title = _body("create_issue")["properties"]["title"]
    assert title["maxLength"] == 255
    assert _body("create_issue")["properties"]["state"]["enum"] == list(State)


@pytest.mark.parametrize("name", examples.BODIES)
def test_an_example_is_right_and_is_shown(name: str) -> None:
    content = OPERATIONS[name][2]["requestBody"]["content"]["application/json"]
    assert content["examples"] == examples.BODIES[name]
    for example in examples.BODIES[name].values():
        assert jsonschema_rs.is_valid(_body(name), example["value"])


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
    parameters = [resolved(each) for each in OPERATIONS["list_issues"][2]["parameters"]]
    by_name = {parameter["name"]: parameter for parameter in parameters}
    assert {"page", "pagelen", "q", "sort", "fields"} <= by_name.keys()
    assert {"priority", "-priority"} <= set(by_name["sort"]["schema"]["enum"])
    assert "content.raw" not in by_name["sort"]["schema"]["enum"]
    assert "`content.raw`" in by_name["q"]["description"]


async def test_the_page_runs_only_what_comes_from_here(api: Api) -> None:
    answer = await api("GET", "/2.0/docs")
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


def test_who_does_not_ask_pays_nothing() -> None:
    program = (
        "import sys, service.app; "
        "print([name for name in ('apispec', 'swagger_ui_bundle') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=50
    )
    assert done.stdout == "[]\n"
