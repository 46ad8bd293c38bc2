"""GET /2.0/repositories/{workspace}/{repo_slug} and GET /2.0/user."""

from tests.conftest import APP, OPEN, Api


async def test_a_repository_shows_what_there_is_and_leaves_the_code_empty(api: Api) -> None:
    repository = await api.get(OPEN)
    assert repository["type"] == "repository"
    assert repository["full_name"] == "alice/open"
    assert repository["slug"] == "open"
    assert repository["is_private"] is False
    assert repository["has_issues"] is True
    assert repository["links"]["self"]["href"] == f"{api.url}{OPEN}"
    assert repository["links"]["issues"]["href"] == f"{api.url}{OPEN}/issues"
    assert repository["owner"]["nickname"] == "alice"
    assert repository["workspace"]["slug"] == "alice"
    assert repository["workspace"]["type"] == "workspace"
    assert (repository["scm"], repository["size"], repository["mainbranch"]) == ("git", 0, None)


async def test_a_private_repository_is_shown_to_its_members(api: Api) -> None:
    assert (await api.get(APP, "dora"))["is_private"] is True
    assert (await api("GET", APP, "charlie")).status == 404


async def test_who_asks_is_told_who_he_is(api: Api) -> None:
    user = await api.get("/2.0/user", "bob")
    assert user["type"] == "user"
    assert (user["username"], user["nickname"], user["display_name"]) == ("bob", "bob", "bob")
    assert user["account_status"] == "active"
    assert user["uuid"].startswith("{")
    assert user["uuid"].endswith("}")
    assert "email" not in user
    assert "repositories" in user["links"]


async def test_nobody_is_nobody(api: Api) -> None:
    answer = await api("GET", "/2.0/user")
    assert answer.status == 401
    assert "WWW-Authenticate" in answer.headers
