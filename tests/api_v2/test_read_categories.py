"""GET .../components, .../milestones and .../versions, each as a list and one by one."""

import pytest

from tests.conftest import APP, OPEN, Api
from tests.rows import define

KINDS = ("component", "milestone", "version")


@pytest.mark.parametrize("kind", KINDS)
async def test_each_is_shown_in_the_list_as_at_its_own_address(api: Api, kind: str) -> None:
    ids = await define(api, "alice/open", kind, "Zebra", "Ant & <b>")
    page = await api.get(f"{OPEN}/{kind}s")
    assert page["size"] == 2
    assert page["values"] == [
        {
            "type": kind,
            "id": number,
            "name": name,
            "links": {"self": {"href": f"{api.url}{OPEN}/{kind}s/{number}"}},
        }
        for number, name in zip(ids, ("Zebra", "Ant & <b>"), strict=True)
    ]
    for value in page["values"]:
        assert await api.get(f"{OPEN}/{kind}s/{value['id']}") == value


@pytest.mark.parametrize("kind", KINDS)
async def test_another_kind_or_repository_does_not_show_it(api: Api, kind: str) -> None:
    [number] = await define(api, "alice/open", kind, "Mine")
    others = [f"{OPEN}/{other}s" for other in KINDS if other != kind]
    for path in (*others, f"{APP}/{kind}s"):
        answer = await api("GET", f"{path}/{number}", "alice")
        assert answer.status == 404
        shown = path.rpartition("/")[2].removesuffix("s").capitalize()
        assert answer.body["error"]["message"] == f"No {shown} matches the given query."
        assert (await api.get(path, "alice"))["size"] == 0
