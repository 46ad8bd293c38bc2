"""GET /healthz and GET /readyz."""

from dataclasses import replace

from tests.conftest import Api, Start
from tracker.settings import Settings


async def test_a_process_that_answers_is_healthy(api: Api) -> None:
    assert await api.get("/healthz") == {"status": "ok"}


async def test_ready_is_who_has_a_database_whatever_the_queue_says(
    start: Start, settings: Settings
) -> None:
    for redis_url, state in ((None, "none"), ("redis://127.0.0.1:1/0", "unreachable")):
        api = await start(replace(settings, redis_url=redis_url))
        answer = await api("GET", "/readyz")
        assert answer.status == 200
        assert answer.body == {"database": "ok", "queue": state}


async def test_who_can_not_read_his_database_is_not_ready(api: Api) -> None:
    await api.db.run("ALTER TABLE counter RENAME TO lost")
    answer = await api("GET", "/readyz")
    assert answer.status == 503
    assert answer.body["database"] == "does not answer"
    assert (await api("GET", "/healthz")).status == 200
