"""How many files a request passes on its way: few enough to read one after the other."""

import asyncio
import logging
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from service.app import build_app
from service.http.connections import AccessLogger, Runner
from tests.conftest import APP, World
from tests.jobs.working import select
from tracker.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
OURS = tuple(f"{ROOT / package}/" for package in ("service", "tracker"))

ISSUE = {"title": "The lid does not close", "content": {"raw": "It stays open by *a finger*."}}

Passed = Callable[..., Awaitable[set[str]]]
"""Sends a request; the files that it passes."""


class Profile:
    """Notes the files of ours whose functions are called, in every thread."""

    def __init__(self) -> None:
        self.files: set[str] = set()

    def __call__(self, frame: FrameType, event: str, argument: Any) -> None:
        """Note a call, as sys.setprofile() tells it."""
        name = frame.f_code.co_filename
        if event == "call" and name.startswith(OURS):
            self.files.add(str(Path(name).relative_to(ROOT)))


@contextmanager
def profiled(profile: Profile) -> Iterator[None]:
    """Note the calls of this thread, and of those that begin in here."""
    sys.setprofile(profile)
    threading.setprofile(profile)
    try:
        yield
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


@pytest.fixture
async def passed(world: World, settings: Settings) -> AsyncIterator[Passed]:
    """Pail as the web process runs it, for alice."""
    profile = Profile()
    with profiled(profile):
        log = logging.getLogger("pail.test")
        app = build_app(replace(settings, cache_bytes=0))
        runner = Runner(app, access_log_class=AccessLogger, access_log=log)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        base = f"http://127.0.0.1:{runner.addresses[0][1]}"
        async with aiohttp.ClientSession(base, headers=world.headers("alice")) as client:

            async def ask(method: str, path: str, **arguments: Any) -> set[str]:
                for _ in range(2):  # the first one opens and loads what the others find
                    profile.files.clear()
                    async with client.request(method, path, **arguments) as answer:
                        assert answer.status < 300
                        await answer.read()
                return profile.files.copy()

            yield ask
        await runner.cleanup()


async def test_a_request_passes_few_files(passed: Passed, settings: Settings) -> None:
    files = await passed("POST", f"{APP}/issues", json=ISSUE)
    assert "tracker/issues.py" in files
    assert len(files) <= 20, sorted(files)
    pending = "SELECT count(*) FROM issue WHERE content_html IS NULL"
    while select(settings.database, pending) != [(0,)]:
        await asyncio.sleep(0.01)  # until the HTML is stored, which happens in the background
    files = await passed("GET", f"{APP}/issues/1")
    assert "tracker/issues.py" in files
    assert len(files) <= 14, sorted(files)
