"""The calls of API 1.0: those of the page about its issues, and those that clients make beside."""

from pathlib import Path

from tests.conformance import official

PAGE_FILE: Path = official.FOLDER.parent / "bitbucket-1.0-issues.ja.txt"
"""The page; not part of the project."""

REPOSITORY = "/repositories/{accountname}/{repo_slug}"
ISSUES = f"{REPOSITORY}/issues"
ISSUE = f"{ISSUES}/{{issue_id}}"
COMMENT = f"{ISSUE}/comments/{{comment_id}}"

PAGE = {
    f"GET {ISSUES}": "api_v1/test_list_issues.py",
    f"GET {ISSUE}": "api_v1/test_issues.py",
    f"GET {ISSUE}/followers": "api_v1/test_followers.py",
    f"POST {ISSUES}": "api_v1/test_issues.py",
    f"PUT {ISSUE}": "api_v1/test_issues.py",
    f"DELETE {ISSUE}": "api_v1/test_issues.py",
    f"GET {ISSUE}/comments": "api_v1/test_comments.py",
    f"GET {COMMENT}": "api_v1/test_comments.py",
    f"POST {ISSUE}/comments": "api_v1/test_comments.py",
    f"PUT {COMMENT}": "api_v1/test_comments.py",
    **{
        f"{method} {ISSUES}/{kind}{tail}": "api_v1/test_categories.py"
        for kind in ("components", "versions", "milestones")
        for method, tail in (
            ("GET", ""),
            ("GET", "/{object_id}"),
            ("POST", ""),
            ("PUT", "/{object_id}"),
            ("DELETE", "/{object_id}"),
        )
    },
}
"""By "METHOD path", in the order of the page: the file below tests/ that says most of it."""

BESIDE = {
    f"DELETE {COMMENT}": "api_v1/test_comments.py",
    f"GET {REPOSITORY}": "api_v1/test_repositories.py",
    "GET /user": "api_v1/test_people.py",
    "GET /user/repositories": "api_v1/test_people.py",
    "GET /users/{accountname}": "api_v1/test_people.py",
    f"POST {ISSUES}/export": "api_v1/test_exports.py",
    f"GET {ISSUES}/export": "api_v1/test_exports.py",
    f"GET {ISSUES}/export/zip": "api_v1/test_exports.py",
}
"""What that page does not have, and clients ask for all the same."""

NOT_SERVED = {
    f"GET {REPOSITORY}/events": "what it answered is not on record",
    "POST /oauth/request_token": "tokens go into Basic or Bearer instead",
    "POST /oauth/access_token": "tokens go into Basic or Bearer instead",
}
"""What some clients ask for as well, and why it is not there."""
