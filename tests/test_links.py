"""What links start with, and which hosts may ask."""

from dataclasses import replace

import pytest

from tests.conftest import OPEN, Api, Start
from tracker.settings import Settings


async def _self_link(api: Api, **headers: str) -> str:
    return str((await api.get(OPEN, headers=headers))["links"]["self"]["href"])


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:99", "127.0.0.1:8080", "[::1]:8080"])
async def test_links_follow_a_host_that_is_allowed(api: Api, host: str) -> None:
    assert await _self_link(api, Host=host) == f"http://{host}{OPEN}"


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "evil.example:80",
        "localhost@evil.example",
        "localhost:80@evil.example",
        "localhost/evil",
        "localhost?x",
        "localhost#x",
        "localhost:port",
        "localhost:99999",
        "[::1",
        "",
        "xn--\u00e9",
    ],
)
async def test_any_other_host_is_refused_with_what_to_do_about_it(api: Api, host: str) -> None:
    answer = await api("GET", OPEN, headers={"Host": host})
    assert answer.status == 400
    if answer.body["error"]["message"] != "Bad Request":
        assert "set PAIL_PUBLIC_URL or PAIL_ALLOWED_HOSTS" in answer.body["error"]["message"]


async def test_the_public_url_is_what_links_start_with_whatever_the_host(
    start: Start, settings: Settings
) -> None:
    api = await start(replace(settings, public_url="https://issues.example.org/pail"))
    for headers in ({}, {"Host": "evil.example"}, {"X-Forwarded-Host": "evil.example"}):
        assert await _self_link(api, **headers) == f"https://issues.example.org/pail{OPEN}"


async def test_forwarded_headers_change_no_link(api: Api) -> None:
    forwarded = {
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "https",
        "Forwarded": "host=evil.example;proto=https",
    }
    assert await _self_link(api, **forwarded) == f"{api.url}{OPEN}"


async def test_a_name_of_your_own_can_be_allowed(start: Start, settings: Settings) -> None:
    api = await start(replace(settings, allowed_hosts=("issues.lan",)))
    assert await _self_link(api, Host="issues.lan:81") == f"http://issues.lan:81{OPEN}"
    assert (await api("GET", OPEN)).status == 400


async def test_health_does_not_ask_for_the_host(api: Api) -> None:
    for path in ("/healthz", "/readyz", "/"):
        assert (await api("GET", path, headers={"Host": "evil.example"})).status == 200
