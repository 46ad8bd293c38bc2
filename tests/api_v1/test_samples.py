"""The samples of Bitbucket's page about API 1.0 that are about one issue, key by key.

Avatars are Pail's own, and profiles have a display_name, as Bitbucket's had from 2013 on. Texts are
put in other words.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from tests.conftest import Answer, Api
from tracker import clock
from tracker.access import accounts, repositories, tokens, workspaces

PISTON = "jespern/django-piston"
TUTORIAL = "tutorials/mydvcsproject"

TUTORIALS = {
    "username": "tutorials",
    "first_name": "",
    "last_name": "",
    "is_team": False,
    "resource_uri": "/1.0/users/tutorials",
}


@pytest.fixture(autouse=True)
async def people(api: Api) -> None:
    """The people and the repositories of the samples."""
    await accounts.create(api.db, "tutorials")
    await accounts.create(api.db, "buserbb", display_name="B userbb")
    for full_name in (PISTON, TUTORIAL):
        workspace = full_name.split("/")[0]
        await workspaces.create(api.db, workspace, owner="tutorials")
        await repositories.create(api.db, full_name, private=False)


@pytest.fixture
def at() -> Iterator[Any]:
    """Sets the clock."""

    def stop(time: str) -> None:
        moment = datetime.fromisoformat(time)
        clock.set_source(lambda: moment)

    yield stop
    clock.set_source(None)


def _plain(shown: Any) -> Any:
    """What is shown, without what is Pail's own in profiles."""
    if isinstance(shown, dict):
        own = {"avatar", "display_name"} if "is_team" in shown else set()
        assert own <= shown.keys()
        return {key: _plain(value) for key, value in shown.items() if key not in own}
    return [_plain(item) for item in shown] if isinstance(shown, list) else shown


async def _send(api: Api, method: str, rest: str, **data: str) -> Answer:
    """Send a form about the tutorial's issues as its owner."""
    token = await tokens.create(api.db, "tutorials")
    headers = {"Authorization": f"Bearer {token}"}
    path = f"/1.0/repositories/{TUTORIAL}/issues{rest}"
    return await api(method, path, headers=headers, data=data)


async def _imported(api: Api, full_name: str, number: int, **columns: object) -> None:
    """An issue as an import leaves it."""
    tracker = (await api.repository(full_name)).tracker_id
    values = {"tracker_id": tracker, "number": number, **columns}
    await api.db.run(
        f"""INSERT INTO issue ({", ".join(values)})
            VALUES ({", ".join(f":{name}" for name in values)})""",
        values,
    )


async def test_an_issue_that_nobody_reported(api: Api) -> None:
    await _imported(
        api,
        PISTON,
        198,
        title="Why  is it 401?",
        content_raw="403 is the usual one.\r\n\r\n",
        state="duplicate",
        kind="bug",
        priority="major",
        created_on="2011-10-04T21:37:00.000000+00:00",
        updated_on="2012-05-29T14:38:42.000000+00:00",
    )
    await api.db.run(
        """INSERT INTO comment (tracker_id, id, issue_number, content_raw, created_on)
           SELECT tracker_id, 1, 198, 'Indeed', created_on FROM issue"""
    )
    path = f"/1.0/repositories/{PISTON}/issues/198"
    assert await api.get(path) == {
        "status": "duplicate",
        "priority": "major",
        "title": "Why  is it 401?",
        "utc_last_updated": "2012-05-29 14:38:42+00:00",
        "comment_count": 1,
        "metadata": {"kind": "bug", "version": None, "component": None, "milestone": None},
        "content": "403 is the usual one.\r\n\r\n",
        "created_on": "2011-10-04 23:37:00",
        "local_id": 198,
        "follower_count": 0,
        "utc_created_on": "2011-10-04 21:37:00+00:00",
        "resource_uri": path,
        "is_spam": False,
    }


async def test_an_issue_that_is_made_and_changed(api: Api, at: Any) -> None:
    await api.db.run("UPDATE repository SET last_issue_number = 2")
    at("2012-07-29T02:35:38+00:00")
    answer = await _send(
        api, "POST", "/", title="A\\ sample\\ title", content="A text", priority="trivial"
    )
    assert answer.status == 200
    made = {
        "status": "new",
        "priority": "trivial",
        "title": "A\\ sample\\ title",
        "reported_by": TUTORIALS,
        "utc_last_updated": "2012-07-29 02:35:38+00:00",
        "comment_count": 0,
        "metadata": {"kind": "bug", "version": None, "component": None, "milestone": None},
        "content": "A text",
        "created_on": "2012-07-29 04:35:38",
        "local_id": 3,
        # 0 on the page: whoever reports an issue follows it, in Pail as in later years' Bitbucket.
        "follower_count": 1,
        "utc_created_on": "2012-07-29 02:35:38+00:00",
        "resource_uri": f"/1.0/repositories/{TUTORIAL}/issues/3",
        "is_spam": False,
    }
    assert _plain(answer.body) == made
    at("2012-07-29T02:47:34+00:00")
    answer = await _send(api, "PUT", "/3", kind="enhancement")
    assert answer.status == 200
    # The change is one of the comments there as well.
    assert _plain(answer.body) == {
        **made,
        "utc_last_updated": "2012-07-29 02:47:34+00:00",
        "comment_count": 1,
        "metadata": {"kind": "enhancement", "version": None, "component": None, "milestone": None},
    }


async def test_who_follows_an_issue(api: Api) -> None:
    await _send(api, "POST", "", title="t")
    await api.db.run(
        """INSERT INTO watch (tracker_id, issue_number, account_id)
           SELECT i.tracker_id, 1, a.id FROM issue i, account a WHERE a.username = 'buserbb'"""
    )
    assert _plain(await api.get(f"/1.0/repositories/{TUTORIAL}/issues/1/followers")) == {
        "count": 2,
        "followers": [
            TUTORIALS,
            {
                "username": "buserbb",
                "first_name": "B",
                "last_name": "userbb",
                "is_team": False,
                "resource_uri": "/1.0/users/buserbb",
            },
        ],
    }


async def test_a_comment_that_is_made_and_changed(api: Api, at: Any) -> None:
    at("2012-07-31T20:27:15+00:00")
    await _send(api, "POST", "", title="t")
    await api.db.run("UPDATE counter SET value = 1742509 WHERE name = 'comment'")
    answer = await _send(api, "POST", "/1/comments", content="Said over REST")
    assert answer.status == 200
    made = {
        "content": "Said over REST",
        "author_info": TUTORIALS,
        "comment_id": 1742510,
        "utc_updated_on": "2012-07-31 20:27:15+00:00",
        "utc_created_on": "2012-07-31 20:27:15+00:00",
        "is_spam": False,
    }
    assert _plain(answer.body) == made
    path = f"/1.0/repositories/{TUTORIAL}/issues/1/comments"
    assert _plain(await api.get(path)) == [made]
    assert _plain(await api.get(f"{path}/1742510")) == made
    answer = await _send(api, "PUT", "/1/comments/1742510", content="Said again")
    assert answer.status == 200
    assert _plain(answer.body) == {**made, "content": "Said again"}
