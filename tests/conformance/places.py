"""One of everything that paths can lead to."""

from typing import Any

from tests.conftest import Api
from tests.rows import add_attachment, add_comment, define


async def places(api: Api, full_name: str = "alice/open") -> dict[str, Any]:
    """One of everything in a repository of alice's; what stands in the paths for it."""
    workspace, slug = full_name.split("/")
    issues = f"/2.0/repositories/{full_name}/issues"
    kinds = ("component", "milestone", "version")
    ids = {f"{kind}_id": (await define(api, full_name, kind, "Some"))[0] for kind in kinds}
    filed = dict.fromkeys(kinds, "Some")
    await api.post(issues, "alice", {"title": "All", "assignee": "bob", **filed})
    await api.post(issues, "alice", {"title": "Little"})
    await add_comment(api, full_name, 1, 5, content="c", logs=[("status", "new", "open")])
    await add_comment(api, full_name, 1, 6, logs=[("attachment", "/x", "a b.txt")])
    await add_attachment(api, full_name, 1, 1, "a b.txt", "0" * 64)
    await api.post(f"{issues}/1/comments", "alice", {"content": {"raw": "c"}})
    comment = (await api.get(f"{issues}/1/comments?sort=-id", "alice"))["values"][0]["id"]
    export = await api("POST", f"{issues}/export", "alice")
    bob = await api.get("/2.0/user", "bob")
    return {
        **ids,
        "workspace": workspace,
        "repo_slug": slug,
        "issue_id": 1,
        "comment_id": comment,
        "change_id": 5,
        "path": "a b.txt",
        "repo_name": slug,
        "task_id": export.headers["Location"].removesuffix(".zip").partition("-issues-")[2],
        "selected_user": bob["uuid"],
        "selected_user_id": bob["account_id"],
        "member": bob["uuid"],
        "username": "bob",
        "email": "alice@example.org",
    }
