"""API 2.0 as a value: where it is, its endpoints, and the forms that only it has."""

from collections.abc import Mapping
from typing import Any

from service.api_v2 import (
    attachments,
    categories,
    changes,
    code,
    comments,
    described,
    examples,
    issues,
    jobs,
    objects,
    paging,
    partial,
    permissions,
    repositories,
    users,
    votes,
    workspaces,
)
from service.http.dialect import Description, Dialect, Json
from service.http.endpoint import PARAMETERS
from service.openapi import endpoints as openapi

_ABOUT = """\
The issue tracker part of Bitbucket Cloud's API 2.0, and what stands around it.

* A token goes into HTTP Basic (with your user name or e-mail address) or into Bearer. Each
  operation names the scopes that it needs.
* Every GET answers HEAD, too. A slash at the end of a path changes nothing; `/api/2.0` and
  `/!api/2.0` are the same API.
* Unknown parameters and members are ignored. A body without objects inside may also be a form.
* What you may not see is answered as what is absent: 404.
"""


def error(status: int, message: str, more: Mapping[str, Any]) -> Json:
    """{"type": "error", "error": {"message": ..., **more}}."""
    return {"type": "error", "error": {"message": message, **more}}


V2 = Dialect(
    prefixes=("/2.0", "/api/2.0", "/!api/2.0"),
    endpoints=(
        *issues.routes,
        *comments.routes,
        *changes.routes,
        *votes.routes,
        *attachments.routes,
        *categories.routes,
        *repositories.routes,
        *users.routes,
        *workspaces.routes,
        *permissions.routes,
        *jobs.routes,
        *code.routes,
        *openapi.routes,
    ),
    read_query=partial.read_query,
    error=error,
    description=Description(
        about=_ABOUT,
        error=objects.Error,
        path_parameters={
            **PARAMETERS,
            "change_id": "The change's id.",
            "path": "The attachment's file name.",
            "repo_name": "The repository's slug.",
            "task_id": "The export's UUID.",
            "selected_user": "The person's UUID in braces, or account id.",
            "member": "The person's UUID in braces, or account id.",
            "email": "One of your own e-mail addresses.",
        },
        examples=examples.BODIES,
        page=objects.Page,
        page_parameters=paging.PageParameters(),
        answer_parameters=partial.PARAMETERS,
        attribute_functions=described.ATTRIBUTE_FUNCTIONS,
    ),
)
"""Clients look for it below each of the prefixes, as Bitbucket answered."""
