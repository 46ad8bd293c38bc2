"""Who gets what from every route: tests/test_routes.py holds the answers against these tables."""

WHO = (None, "charlie", "dora", "bob", "alice", "reader", "wrong", "eve")
"""Nobody, a stranger, who may read, who may write, the owner, the owner's token that may only read,
a token that is none, and the token of an account that is switched off."""

REPOSITORY = "/2.0/repositories/{workspace}/{repo_slug}"
ISSUE = f"{REPOSITORY}/issues/{{issue_id}}"
GRANT = f"{REPOSITORY}/permissions-config/users/{{selected_user}}"
WORKSPACE = "/2.0/workspaces/{workspace}"

OLD_REPOSITORY = "/1.0/repositories/{workspace}/{repo_slug}"
OLD_ISSUE = f"{OLD_REPOSITORY}/issues/{{issue_id}}"

READ = "404 404 200 200 200 200 401 401"
WRITE = "401 404 201 201 201 403 401 401"
ADMINISTER = "401 404 403 403 202 403 401 401"
OWN = "401 200 200 200 200 200 401 401"
PUBLIC = "200 200 200 200 200 200 401 401"

NEW = {
    ("GET", f"{REPOSITORY}/issues"): READ,
    ("POST", f"{REPOSITORY}/issues"): WRITE,
    ("GET", ISSUE): READ,
    ("PUT", ISSUE): "401 404 403 200 200 403 401 401",
    ("DELETE", ISSUE): "401 404 403 200 404 403 401 401",
    ("GET", f"{ISSUE}/comments"): READ,
    ("POST", f"{ISSUE}/comments"): WRITE,
    ("GET", f"{ISSUE}/comments/{{comment_id}}"): READ,
    ("PUT", f"{ISSUE}/comments/{{comment_id}}"): "401 404 403 403 200 403 401 401",
    ("DELETE", f"{ISSUE}/comments/{{comment_id}}"): "401 404 403 403 204 403 401 401",
    ("GET", f"{ISSUE}/changes"): READ,
    ("POST", f"{ISSUE}/changes"): WRITE,
    ("GET", f"{ISSUE}/changes/{{change_id}}"): READ,
    ("GET", f"{ISSUE}/vote"): "404 404 404 404 404 404 401 401",
    ("PUT", f"{ISSUE}/vote"): "401 404 204 204 204 403 401 401",
    ("DELETE", f"{ISSUE}/vote"): "401 404 204 204 204 403 401 401",
    ("GET", f"{ISSUE}/watch"): "404 404 404 404 204 204 401 401",
    ("PUT", f"{ISSUE}/watch"): "401 404 204 204 204 403 401 401",
    ("DELETE", f"{ISSUE}/watch"): "401 404 204 204 204 403 401 401",
    ("GET", f"{ISSUE}/attachments"): READ,
    ("POST", f"{ISSUE}/attachments"): WRITE,
    ("GET", f"{ISSUE}/attachments/{{path}}"): READ.replace("200", "302"),
    ("DELETE", f"{ISSUE}/attachments/{{path}}"): "401 404 403 204 404 403 401 401",
    ("GET", f"{REPOSITORY}/components"): READ,
    ("GET", f"{REPOSITORY}/components/{{category_id}}"): READ,
    ("GET", f"{REPOSITORY}/milestones"): READ,
    ("GET", f"{REPOSITORY}/milestones/{{category_id}}"): READ,
    ("GET", f"{REPOSITORY}/versions"): READ,
    ("GET", f"{REPOSITORY}/versions/{{category_id}}"): READ,
    ("GET", REPOSITORY): READ,
    ("POST", f"{REPOSITORY}/issues/import"): ADMINISTER,
    ("GET", f"{REPOSITORY}/issues/import"): ADMINISTER.replace("401", "404", 1),
    ("DELETE", f"{REPOSITORY}/issues/import"): ADMINISTER.replace("202", "204"),
    ("POST", f"{REPOSITORY}/issues/import/undo"): ADMINISTER.replace("202", "404"),
    ("POST", f"{REPOSITORY}/issues/export"): ADMINISTER,
    ("GET", f"{REPOSITORY}/issues/export/{{repo_name}}-issues-{{task_id}}.zip"): (
        ADMINISTER.replace("401", "404", 1)
    ),
    ("PUT", REPOSITORY): "401 404 403 403 200 403 401 401",
    ("POST", REPOSITORY): "401 403 403 403 400 403 401 401",  # it is there already
    ("DELETE", REPOSITORY): "401 404 403 403 204 403 401 401",
    ("GET", f"{REPOSITORY}/pullrequests"): READ,
    ("GET", f"{REPOSITORY}/commits"): READ,
    ("GET", f"{REPOSITORY}/downloads"): READ,
    ("GET", f"{REPOSITORY}/forks"): READ,
    ("GET", f"{REPOSITORY}/refs"): READ,
    ("GET", f"{REPOSITORY}/refs/branches"): READ,
    ("GET", f"{REPOSITORY}/refs/tags"): READ,
    ("GET", f"{REPOSITORY}/watchers"): READ,
    ("GET", f"{REPOSITORY}/permissions-config/groups"): "404 404 403 403 200 403 401 401",
    ("GET", f"{REPOSITORY}/permissions-config/users"): "404 404 403 403 200 403 401 401",
    ("GET", GRANT): "404 404 403 403 200 403 401 401",
    ("PUT", GRANT): "401 404 403 403 200 403 401 401",
    ("DELETE", GRANT): "401 404 403 403 204 403 401 401",
    ("GET", "/2.0/repositories"): PUBLIC,
    ("GET", "/2.0/repositories/{workspace}"): PUBLIC,
    ("GET", "/2.0/workspaces"): OWN,
    ("GET", WORKSPACE): PUBLIC,
    ("GET", f"{WORKSPACE}/members"): "401 403 200 200 200 200 401 401",
    ("GET", f"{WORKSPACE}/members/{{member}}"): "401 403 200 200 200 200 401 401",
    ("GET", f"{WORKSPACE}/permissions"): "401 403 200 200 200 200 401 401",
    ("GET", f"{WORKSPACE}/permissions/repositories"): "401 403 403 403 200 200 401 401",
    ("GET", f"{WORKSPACE}/permissions/repositories/{{repo_slug}}"): (
        "404 404 403 403 200 200 401 401"
    ),
    ("GET", f"{WORKSPACE}/projects"): PUBLIC,
    ("GET", "/2.0/user"): OWN,
    ("GET", "/2.0/user/emails"): OWN,
    ("GET", "/2.0/user/emails/{email}"): "401 404 404 404 200 200 401 401",
    ("GET", "/2.0/user/permissions/repositories"): OWN,
    ("GET", "/2.0/user/permissions/workspaces"): OWN,
    ("GET", "/2.0/user/workspaces"): OWN,
    ("GET", "/2.0/users/{selected_user}"): PUBLIC,
    ("GET", "/2.0/openapi.json"): PUBLIC,
    ("GET", "/2.0/docs"): PUBLIC,
}
"""What each of WHO gets from API 2.0 of a private repository."""

OLD_WRITE = WRITE.replace("201", "200")
DEFINE = "401 404 403 403 200 403 401 401"

OLD = {
    ("GET", f"{OLD_REPOSITORY}/issues"): READ,
    ("POST", f"{OLD_REPOSITORY}/issues"): OLD_WRITE,
    ("GET", OLD_ISSUE): READ,
    ("PUT", OLD_ISSUE): "401 404 403 200 200 403 401 401",
    ("DELETE", OLD_ISSUE): "401 404 403 204 404 403 401 401",
    ("GET", f"{OLD_ISSUE}/followers"): READ,
    ("GET", f"{OLD_ISSUE}/comments"): READ,
    ("POST", f"{OLD_ISSUE}/comments"): OLD_WRITE,
    ("GET", f"{OLD_ISSUE}/comments/{{comment_id}}"): READ,
    ("PUT", f"{OLD_ISSUE}/comments/{{comment_id}}"): "401 404 403 403 200 403 401 401",
    ("DELETE", f"{OLD_ISSUE}/comments/{{comment_id}}"): "401 404 403 403 204 403 401 401",
    **{
        (method, f"{OLD_REPOSITORY}/issues/{kind}{tail}"): verdicts
        for kind in ("components", "milestones", "versions")
        for method, tail, verdicts in (
            ("GET", "", READ),
            ("POST", "", DEFINE),
            ("GET", "/{category_id}", READ),
            ("PUT", "/{category_id}", DEFINE),
            ("DELETE", "/{category_id}", DEFINE.replace("200", "204")),
        )
    },
    ("POST", f"{OLD_REPOSITORY}/issues/export"): ADMINISTER,
    ("GET", f"{OLD_REPOSITORY}/issues/export"): "404 404 403 403 200 403 401 401",
    ("GET", f"{OLD_REPOSITORY}/issues/export/zip"): (
        "404 404 403 403 404 403 401 401"  # it is not ready yet
    ),
    ("GET", OLD_REPOSITORY): READ,
    ("GET", "/1.0/user"): OWN,
    ("GET", "/1.0/user/repositories"): OWN,
    ("GET", "/1.0/users/{username}"): PUBLIC,
    ("GET", "/1.0/openapi.json"): PUBLIC,
    ("GET", "/1.0/docs"): PUBLIC,
}
"""The same for API 1.0."""

ALONE = {
    f"{OLD_ISSUE}/followers",
    f"{OLD_REPOSITORY}/issues/export",
    f"{OLD_REPOSITORY}/issues/export/zip",
    "/1.0/user/repositories",
    "/1.0/users/{username}",
}
"""What can be read in API 1.0 alone, or elsewhere in 2.0."""

API = NEW | OLD

ELSEWHERE = {
    ("GET", "/"),
    ("GET", "/healthz"),
    ("GET", "/avatar/{uuid}.svg"),
    ("GET", "/{workspace}/{repo_slug}.git/info/refs"),
    ("GET", "/readyz"),
    ("GET", "/static/{name}"),
    ("GET", "/static/docs/{name}"),
    ("GET", "/site/attachments/{sha256}/{name}"),
}
"""What is open to everybody, because it shows nothing or has its own tests."""
