"""API 1.0 is where its prefixes are, however these are written."""

import pytest
from yarl import URL

from service.api_v1.dialect import V1
from tests.conftest import Api

WRITTEN = [*V1.prefixes, "/%21api/1.0", "/1%2E0", "/%31.0"]
"""The prefixes, and ways to write them: Python's quote() makes the first one of "!"."""


def _url(path: str) -> URL:
    return URL(path, encoded=True)


@pytest.mark.parametrize("prefix", WRITTEN)
async def test_errors_have_the_form_of_the_api_that_was_asked(api: Api, prefix: str) -> None:
    for rest in ("/repositories/alice/open/issues/9", "/nothing", "/", ""):
        answer = await api("GET", _url(prefix + rest))
        assert answer.status == 404
        assert set(answer.body) == {"error"}
        assert answer.body["error"]["message"] == "Not Found"
    assert answer.body["error"]["detail"].endswith("/1.0/docs")
    wrong = f"{prefix}/repositories/alice/open/issues?limit=x"
    answer = await api("GET", _url(wrong))
    assert (answer.status, set(answer.body)) == (400, {"error"})


@pytest.mark.parametrize("prefix", WRITTEN)
async def test_scripts_of_every_origin_may_ask(api: Api, prefix: str) -> None:
    origin = {"Origin": "https://board.example"}
    url = _url(f"{prefix}/repositories/alice/open/issues")
    for method, status in (("GET", 200), ("OPTIONS", 204), ("POST", 401), ("PATCH", 405)):
        answer = await api(method, url, headers=origin)
        assert answer.status == status
        assert answer.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("prefix", WRITTEN)
async def test_the_document_is_that_of_1_0(api: Api, prefix: str) -> None:
    answer = await api("GET", _url(f"{prefix}/openapi.json"))
    assert answer.body["servers"] == [{"url": f"{api.url}/1.0"}]


@pytest.mark.parametrize("path", ["/1.00/user", "/1.0x/user", "/api/user", "/x/1.0/user", "/2.0"])
async def test_no_other_path_is_below_it(api: Api, path: str) -> None:
    answer = await api("GET", path)
    assert (answer.status, answer.body["type"]) == (404, "error")


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("query", ["title=%ff", "q=%ED%A0%80", "search=a%C3", "%80=1"])
async def test_a_query_is_text(api: Api, version: str, query: str) -> None:
    url = _url(f"/{version}/repositories/alice/open/issues?{query}")
    answer = await api("GET", url)
    assert answer.status == 400
    assert answer.body["error"]["message"] == "The query is not in UTF-8."
