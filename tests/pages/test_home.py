"""GET / and what it loads."""

import re
from html.parser import HTMLParser

import pytest

from service.pages import home
from tests.conftest import OPEN, Api
from tracker.access import repositories


class Elements(HTMLParser):
    """Every element of a page as (tag, attributes)."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember it."""
        self.found.append((tag, dict(attrs)))


async def test_the_page_links_public_trackers_and_says_nothing_of_private_ones(api: Api) -> None:
    await api.post(f"{OPEN}/issues", "bob", {"title": "t"})
    answer = await api("GET", "/")
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    links = [
        attributes.get("href") for tag, attributes in Elements(answer.body).found if tag == "a"
    ]
    assert f"{OPEN}/issues" in links
    assert "1 issue<" in answer.body
    assert "alice/app" not in answer.body
    assert "charlie" not in answer.body


async def test_a_tracker_that_is_off_is_not_linked(api: Api) -> None:
    answer = await api("PUT", OPEN, "alice", json={"has_issues": False})
    assert answer.status == 200
    answer = await api("GET", "/")
    assert "alice/open" not in answer.body
    assert "None yet" in answer.body


async def test_the_page_names_the_first_trackers_and_says_where_the_others_are(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("charlie/b", "alice/zzz", "charlie/a", "alice/secret"):
        await repositories.create(api.db, name, private=name == "alice/secret")
    monkeypatch.setattr(home, "MOST", 4)
    for more, shown in (
        (False, ["alice/open", "alice/zzz", "charlie/a", "charlie/b"]),
        (True, ["alice/open", "alice/zzz", "charlie/a"]),
    ):
        body = (await api("GET", "/")).body
        assert re.findall('href="/2.0/repositories/([^"]*)/issues"', body) == shown
        assert ('href="/2.0/repositories"' in body) is more
        monkeypatch.setattr(home, "MOST", 3)


async def test_a_name_can_bring_no_markup_onto_the_page(api: Api) -> None:
    await repositories.create(api.db, "alice/evil", name="<script>alert(1)</script>\"'")
    answer = await api("GET", "/")
    assert "alice/evil" in answer.body
    assert "script" not in {tag for tag, _ in Elements(answer.body).found}


async def test_the_page_runs_nothing_and_can_be_framed_by_nobody(api: Api) -> None:
    answer = await api("GET", "/")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "object-src 'none'" in policy
    assert "unsafe" not in policy
    for tag, attributes in Elements(answer.body).found:
        assert tag not in {"script", "style", "iframe", "object"}
        assert not [name for name in attributes if name.startswith("on") or name == "style"]


async def test_everything_the_page_loads_is_there(api: Api) -> None:
    loaded = re.findall(r'(?:href|src)="(/static/[^"]+)"', (await api("GET", "/")).body)
    assert len(loaded) >= 2
    for path in loaded:
        answer = await api("GET", path)
        assert answer.status == 200
        assert answer.headers["Content-Type"].partition(";")[0] in {"text/css", "image/svg+xml"}


@pytest.mark.parametrize(
    "path",
    [
        "..%2fhome.py",
        "..%2f..%2f..%2fschema.sql",
        "%2e%2e/home.py",
        "",
        ".",
        "pail.css%00",
        "pail.css/",
        "templates",
        "/etc/passwd",
        "%2fetc%2fpasswd",
    ],
)
async def test_static_serves_its_files_and_nothing_else(api: Api, path: str) -> None:
    answer = await api("GET", f"/static/{path}")
    assert answer.status == 404
    assert answer.body["error"]["message"] == "Resource not found"
