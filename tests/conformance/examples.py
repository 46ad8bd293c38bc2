"""How each operation of the specification is asked; which ones are not served, and why not."""

from dataclasses import dataclass
from typing import Any

REPOSITORY = "/repositories/{workspace}/{repo_slug}"
ISSUES = f"{REPOSITORY}/issues"
ISSUE = f"{ISSUES}/{{issue_id}}"
CONFIG = f"{REPOSITORY}/permissions-config"
WORKSPACE = "/workspaces/{workspace}"


@dataclass(frozen=True)
class Example:
    """A request as alice that is answered with that status, and the file with more tests of it.

    upload is the form field of a file; before is the method of a request to the same path that
    has to come first.
    """

    tests: str
    status: int = 200
    json: Any = None
    upload: str | None = None
    before: str | None = None


_COMMENT = {"content": {"raw": "text"}}

EXAMPLES = {
    f"GET {REPOSITORY}/components": Example("api_v2/test_read_categories.py"),
    f"GET {REPOSITORY}/components/{{component_id}}": Example("api_v2/test_read_categories.py"),
    f"GET {REPOSITORY}/milestones": Example("api_v2/test_read_categories.py"),
    f"GET {REPOSITORY}/milestones/{{milestone_id}}": Example("api_v2/test_read_categories.py"),
    f"GET {REPOSITORY}/versions": Example("api_v2/test_read_categories.py"),
    f"GET {REPOSITORY}/versions/{{version_id}}": Example("api_v2/test_read_categories.py"),
    f"GET {ISSUES}": Example("api_v2/test_queries.py"),
    f"POST {ISSUES}": Example("api_v2/test_create_issue.py", 201, {"title": "New"}),
    f"GET {ISSUE}": Example("api_v2/test_read_issues.py"),
    f"PUT {ISSUE}": Example("api_v2/test_update_issue.py", json={"state": "resolved"}),
    f"DELETE {ISSUE}": Example("api_v2/test_delete_issue.py"),
    f"GET {ISSUE}/attachments": Example("api_v2/test_read_attachments.py"),
    f"POST {ISSUE}/attachments": Example("api_v2/test_upload_attachments.py", 201, upload="files"),
    f"GET {ISSUE}/attachments/{{path}}": Example("api_v2/test_download_attachments.py", 302),
    f"DELETE {ISSUE}/attachments/{{path}}": Example("api_v2/test_upload_attachments.py", 204),
    f"GET {ISSUE}/changes": Example("api_v2/test_read_changes.py"),
    f"POST {ISSUE}/changes": Example(
        "api_v2/test_create_change.py",
        201,
        {"changes": {"assignee_account_id": {"new": None}}, "message": {"raw": "text"}},
    ),
    f"GET {ISSUE}/changes/{{change_id}}": Example("api_v2/test_read_changes.py"),
    f"GET {ISSUE}/comments": Example("api_v2/test_comments.py"),
    f"POST {ISSUE}/comments": Example("api_v2/test_comments.py", 201, _COMMENT),
    f"GET {ISSUE}/comments/{{comment_id}}": Example("api_v2/test_comments.py"),
    f"PUT {ISSUE}/comments/{{comment_id}}": Example("api_v2/test_comments.py", json=_COMMENT),
    f"DELETE {ISSUE}/comments/{{comment_id}}": Example("api_v2/test_comments.py", 204),
    f"GET {ISSUE}/vote": Example("api_v2/test_votes.py", 204, before="PUT"),
    f"PUT {ISSUE}/vote": Example("api_v2/test_votes.py", 204),
    f"DELETE {ISSUE}/vote": Example("api_v2/test_votes.py", 204),
    f"GET {ISSUE}/watch": Example("api_v2/test_votes.py", 204, before="PUT"),
    f"PUT {ISSUE}/watch": Example("api_v2/test_votes.py", 204),
    f"DELETE {ISSUE}/watch": Example("api_v2/test_votes.py", 204),
    f"POST {ISSUES}/export": Example("jobs/test_export.py", 202),
    f"GET {ISSUES}/export/{{repo_name}}-issues-{{task_id}}.zip": Example(
        "jobs/test_export.py", 202
    ),
    f"POST {ISSUES}/import": Example("jobs/test_import.py", 202, upload="archive"),
    f"GET {ISSUES}/import": Example("jobs/test_import.py", 202, upload="archive", before="POST"),
    "GET /repositories": Example("api_v2/test_repositories.py"),
    "GET /repositories/{workspace}": Example("api_v2/test_repositories.py"),
    f"GET {REPOSITORY}": Example("api_v2/test_repositories.py"),
    f"POST {REPOSITORY}": Example(
        "api_v2/test_repositories.py", json={"has_issues": True}, before="DELETE"
    ),
    f"PUT {REPOSITORY}": Example("api_v2/test_repositories.py", json={"description": "text"}),
    f"DELETE {REPOSITORY}": Example("api_v2/test_repositories.py", 204),
    f"GET {REPOSITORY}/watchers": Example("conformance/test_importers.py"),
    f"GET {CONFIG}/groups": Example("api_v2/test_permissions.py"),
    f"GET {CONFIG}/users": Example("api_v2/test_permissions.py"),
    f"GET {CONFIG}/users/{{selected_user_id}}": Example("api_v2/test_permissions.py"),
    f"PUT {CONFIG}/users/{{selected_user_id}}": Example(
        "api_v2/test_permissions.py", json={"permission": "write"}
    ),
    f"DELETE {CONFIG}/users/{{selected_user_id}}": Example("api_v2/test_permissions.py", 204),
    "GET /user": Example("api_v2/test_users.py"),
    "GET /user/emails": Example("api_v2/test_users.py"),
    "GET /user/emails/{email}": Example("api_v2/test_users.py"),
    "GET /user/permissions/repositories": Example("api_v2/test_permissions.py"),
    "GET /user/permissions/workspaces": Example("api_v2/test_workspaces.py"),
    "GET /users/{selected_user}": Example("api_v2/test_users.py"),
    "GET /workspaces": Example("api_v2/test_workspaces.py"),
    f"GET {WORKSPACE}": Example("api_v2/test_workspaces.py"),
    f"GET {WORKSPACE}/members": Example("api_v2/test_workspaces.py"),
    f"GET {WORKSPACE}/members/{{member}}": Example("api_v2/test_workspaces.py"),
    f"GET {WORKSPACE}/permissions": Example("api_v2/test_workspaces.py"),
    f"GET {WORKSPACE}/permissions/repositories": Example("api_v2/test_permissions.py"),
    f"GET {WORKSPACE}/permissions/repositories/{{repo_slug}}": Example(
        "api_v2/test_permissions.py"
    ),
    f"GET {WORKSPACE}/projects": Example("api_v2/test_workspaces.py"),
}
"""By operation, as "METHOD path" of the specification."""

_REASONS = {
    "/hook": "webhooks come later",
    "/permissions-config/groups/": "there are no groups; their list is served, and empty",
    "/projects": "there are no projects; their list is served, and empty",
}


def why_not(operation: str) -> str:
    """Why that operation is not served. Raises LookupError where nobody has said it."""
    for part, reason in _REASONS.items():
        if part in operation:
            return reason
    raise LookupError(f"{operation} is neither in EXAMPLES nor left out for a reason")
