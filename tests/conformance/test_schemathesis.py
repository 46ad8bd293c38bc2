"""Requests made up from our own OpenAPI documents, sent to a real server with a real database.

Checks that run: no 5xx; a status that is described; a Content-Type that is described; JSON as its
schema says, and (in tests.described) with no other member; headers that are described.

Checks that can't run:
* negative_data_rejection: what means nothing here is ignored, in queries and in bodies, and q
  and fields are languages that JSON Schema can't describe.
* positive_data_acceptance: a name that was made up is nobody's and nothing's: 400, rightly.
* missing_required_header: no header is required but the credentials.
* unsupported_method, allow_header_conformance: HEAD and OPTIONS are answered everywhere, and
  described nowhere; tests/test_routes.py has the other methods.
* ignored_auth: it sends wrong credentials with every case, and so gets 429 after the tenth;
  tests/test_routes.py asks every route without any, and with wrong ones.
* use_after_free, ensure_resource_availability: they follow links between operations, which the
  document does not have; the tests of each verb do that.
* object_level_authorization: tests/test_routes.py asks every route as eight people.
"""

import asyncio
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from aiohttp.test_utils import TestClient
from hypothesis import HealthCheck, Phase, settings
from schemathesis import checks

from service.api_v1.dialect import V1
from service.api_v2.dialect import V2
from service.app import build_app
from tests import conftest
from tests.conformance.places import places
from tests.conftest import Api, World
from tests.described import Watch, described
from tracker.settings import Settings

checks.load_all_checks()
CHECKS = checks.CHECKS.get_by_names(
    [
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_schema_conformance",
        "response_headers_conformance",
    ]
)

OLD, NEW = [schemathesis.openapi.from_dict(described(dialect.prefixes[0])) for dialect in (V1, V2)]

few = settings(
    max_examples=8,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


class Server:
    """Pail in a thread, with one of everything in alice/open."""

    def __init__(self, world: World, folder: Path) -> None:
        shutil.copy(world.database, folder / "pail.db")
        self._settings = Settings(data_dir=folder, database=folder / "pail.db")
        self._world = world
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self) -> "Server":
        self._thread.start()
        self._do(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._api.client.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _start(self) -> None:
        app = build_app(self._settings)
        self.watch = Watch(app)
        client = TestClient(conftest.Server(app))
        await client.start_server()
        self._api = Api(client, self._world, self.watch)
        self._places = await places(self._api)

    def place(self, name: str, path: str) -> Any:
        """What stands for that parameter of the path where something is there."""
        if name == "category_id":
            name = path.split("/")[-2].removesuffix("s") + "_id"
        return self._places[name]

    def hold(self, api: str, case: schemathesis.Case) -> None:
        """Send the request to that API as alice, and check what comes back."""
        # What `fields` leaves of an answer is another shape.
        (case.query or {}).pop("fields", None)
        headers = self._world.headers("alice")
        case.call_and_validate(
            base_url=self._api.url + api, headers=headers, checks=CHECKS, allow_redirects=False
        )


@pytest.fixture
def server(world: World, tmp_path: Path) -> Iterator[Server]:
    """A server of its own for each operation."""
    with Server(world, tmp_path) as running:
        yield running
    assert not running.watch.wrong


@NEW.parametrize()
@few
def test_what_is_made_up_gets_a_described_answer(case: schemathesis.Case, server: Server) -> None:
    _hold_both(V2.prefixes[0], case, server)


@OLD.parametrize()
@few
def test_what_is_made_up_gets_a_described_answer_of_the_old_api(
    case: schemathesis.Case, server: Server
) -> None:
    _hold_both(V1.prefixes[0], case, server)


def _hold_both(api: str, case: schemathesis.Case, server: Server) -> None:
    """What is made up, anywhere and where something is."""
    server.hold(api, case)
    if case.path_parameters:
        for name in case.path_parameters:
            case.path_parameters[name] = server.place(name, case.path)
        server.hold(api, case)
