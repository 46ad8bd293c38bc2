"""How Pail describes itself: a document for each API, and a page on which it can be tried out."""

import asyncio
from collections.abc import Iterable
from typing import Any

from aiohttp import web

from service.api_v2 import objects
from service.http import answers, keys
from service.http.endpoint import V1, Endpoint, is_below
from service.openapi import page
from service.openapi.dialects import Dialect
from tracker.settings import Limits


class Description:
    """The OpenAPI document of one API, made once, when it is first asked for."""

    def __init__(self, dialect: Dialect, endpoints: Iterable[Endpoint], limits: Limits) -> None:
        self._dialect = dialect
        self._endpoints = tuple(endpoints)
        self._limits = limits
        self._lock = asyncio.Lock()
        self._document: dict[str, Any] | None = None

    async def document(self, base: str) -> dict[str, Any]:
        """The document for whoever reaches the API below that address."""
        async with self._lock:
            if self._document is None:
                # In a thread: with what it imports, it takes as long as a hundred answers.
                self._document = await asyncio.to_thread(self._build)
        return {**self._document, "servers": [{"url": base + self._dialect.path}]}

    def _build(self) -> dict[str, Any]:
        # Late: a process that is never asked does without apispec.
        from importlib.metadata import version

        from service.openapi import document

        return document.build(self._dialect, self._endpoints, self._limits, version("pail-tracker"))


async def get_document(request: web.Request) -> web.Response:
    """This document."""
    is_old = is_below(request, V1)
    description = request.app[keys.DESCRIPTION_V1 if is_old else keys.DESCRIPTION_V2]
    return answers.answer(request, await description.document(request[keys.BASE_URL]))


async def get_page(request: web.Request) -> web.FileResponse:
    """The same as a page, on which everything can be tried out."""
    return page.shown()


ENDPOINTS = (
    Endpoint("GET", "/openapi.json", get_document, answers={200: objects.Document}),
    Endpoint("GET", "/docs", get_page, answers={200: "text/html"}),
)
"""Both APIs have them, each its own."""
