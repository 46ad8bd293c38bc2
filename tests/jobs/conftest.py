"""Pail and a worker for it."""

from collections.abc import AsyncIterator

import pytest

from tests.conftest import Api
from tests.jobs.working import working
from tracker.settings import Settings


@pytest.fixture
async def pail(api: Api, settings: Settings) -> AsyncIterator[Api]:
    """Pail with a worker that does its jobs."""
    async with working(settings):
        yield api
