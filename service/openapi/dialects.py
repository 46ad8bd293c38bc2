"""What differs between the documents of API 1.0 and API 2.0."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from marshmallow import Schema

from service.api_v1 import objects as v1
from service.api_v2 import objects as v2
from service.openapi import examples


@dataclass(frozen=True, slots=True)
class Dialect:
    """One of the APIs, as its document describes it.

    path is where it is; about is the document's description; statuses are errors that every
    operation of it can fail with beside the usual ones; forms are bodies that are written as forms
    as often as in JSON; fields is the parameter that picks parts of an answer; examples are bodies
    by operation.
    """

    path: str
    about: str
    error: type[Schema]
    examples: Mapping[str, Any]
    statuses: Mapping[int, str] = field(default_factory=dict)
    has_forms: bool = False
    has_fields: bool = False


V1 = Dialect(
    "/1.0",
    """\
The issue tracker part of Bitbucket's API 1.0, and what its clients ask for beside it: the same
tracker as API 2.0 shows.

* A token goes into HTTP Basic (with your user name or e-mail address) or into Bearer; OAuth 1.0a
  is not served. The scopes that it needs stand at each operation.
* Every GET answers HEAD, too. A slash at the end of a path changes nothing; `/api/1.0` and
  `/!api/1.0` are the same API.
* A body is a form, or JSON with the same names. Parameters and members that mean nothing here are
  ignored; of `format`, json is the only one that is served.
* What you may not see is answered as what is not there: 404, whose message is `Not Found`.
""",
    v1.Error,
    examples.V1,
    statuses={406: "`format` names another format than json."},
    has_forms=True,
)

V2 = Dialect(
    "/2.0",
    """\
The issue tracker part of Bitbucket Cloud's API 2.0, and what stands around it.

* A token goes into HTTP Basic (with your user name or e-mail address) or into Bearer. The scopes
  that it needs stand at each operation.
* Every GET answers HEAD, too. A slash at the end of a path changes nothing; `/api/2.0` and
  `/!api/2.0` are the same API.
* Parameters and members that mean nothing here are ignored. A body without objects inside may
  also be a form.
* What you may not see is answered as what is not there: 404.
""",
    v2.Error,
    examples.V2,
    has_fields=True,
)
