"""The endpoints that describe a dialect: its OpenAPI document, and a page to try it out."""

import asyncio
from typing import Any

from aiohttp import web
from marshmallow import INCLUDE, Schema, fields

from service.http import answers
from service.http.dialect import DIALECT, Dialect
from service.http.endpoint import Routes
from service.http.links import BASE_URL
from service.openapi import page
from tracker.settings import Limits

routes = Routes()
"""Of every dialect."""


class Document(Schema):
    """An OpenAPI document."""

    class Meta:
        unknown = INCLUDE

    openapi = fields.String(required=True)
    info = fields.Dict(required=True)
    paths = fields.Dict(required=True)


class Documents:
    """The documents of the dialects, each made once, when it is first asked for."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lock = asyncio.Lock()
        self._documents: dict[tuple[str, ...], dict[str, Any]] = {}

    async def get(self, dialect: Dialect, base: str) -> dict[str, Any]:
        """The document of a dialect for a client that reaches it below the base address."""
        key = dialect.prefixes
        async with self._lock:
            if key not in self._documents:
                # In a thread: with what it imports, it takes as long as a hundred answers.
                self._documents[key] = await asyncio.to_thread(self._build, dialect)
        return {**self._documents[key], "servers": [{"url": base + key[0]}]}

    def _build(self, dialect: Dialect) -> dict[str, Any]:
        # Late: a process that is never asked does without apispec.
        from importlib.metadata import version

        from service.openapi import document

        return document.build(dialect, self._limits, version("pail-tracker"))


DOCUMENTS = web.AppKey("documents", Documents)


@routes.get("/openapi.json", answers={200: Document})
async def get_document(request: web.Request) -> web.Response:
    """Get this document."""
    documents = request.app[DOCUMENTS]
    return answers.answer(request, await documents.get(request[DIALECT], request[BASE_URL]))


@routes.get("/docs", answers={200: "text/html"})
async def get_page(request: web.Request) -> web.FileResponse:
    """Get this document as a page on which every operation can be tried out."""
    return page.shown()
