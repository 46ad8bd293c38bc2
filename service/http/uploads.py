"""Uploaded files, streamed from a multipart body to the disk and never held in memory."""

import asyncio
import errno
import os
import re
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

from aiohttp import BodyPartReader, web

from service.http import keys, multipart
from service.http.multipart import invalid, parts
from tracker.attachments import File, check_name
from tracker.blobs import Batch, Blobs
from tracker.errors import Invalid, StorageFull, TooLarge

CHUNK = 1 << 18


async def receive(request: web.Request, field: str, folder: Path, *, limit: int) -> Path:
    """Write the one file of the form field to a new file in folder, fsynced.

    Raises Invalid naming the field when there is not exactly one such file or the body is no proper
    multipart, TooLarge beyond limit bytes, StorageFull; nothing is stored then.
    """
    received: list[Path] = []
    try:
        with _translated(request):
            async for part, name, filename in parts(await request.multipart()):
                if name != field:
                    await _skip(part)
                    continue
                if received or not filename:
                    raise invalid(field, "Exactly one file is needed.")
                await _write(part, folder, limit, received)
        if not received:
            raise invalid(field, "This field is required and must be a file.")
        return received[0]
    except BaseException:
        for path in received:
            path.unlink(missing_ok=True)
        raise


async def receive_files(
    request: web.Request, blobs: Blobs, *, limit: int, together: int
) -> list[File]:
    """Store every file of the form, whatever its field is called; all are on the disk then.

    Raises Invalid naming the part when a file's name is none, when there is no file or the body is
    no proper multipart, TooLarge for a file of more than limit bytes or more than so many bytes
    together, StorageFull; nothing is stored then. No byte beyond the limits is ever stored.
    """
    batch = blobs.batch()
    files: list[File] = []
    try:
        with _translated(request):
            async for part, name, filename in parts(await request.multipart()):
                if filename is None:
                    await _skip(part)
                else:
                    filename = _checked(filename, name or "file")
                    left = together - sum(file.size for file in files)
                    if left < limit:
                        refusal = f"There is room for {together} more bytes here."
                        chunks = _chunks(part, left, refusal)
                    else:
                        chunks = _chunks(part, limit)
                    files.append(await _store(chunks, filename, batch))
            await asyncio.to_thread(batch.commit)
    finally:
        batch.discard()
    if not files:
        raise Invalid("Send at least one file.")
    return files


@contextmanager
def _translated(request: web.Request) -> Iterator[None]:
    """Raise our errors for what fails while a form is read."""
    if request.content_type != "multipart/form-data":
        raise Invalid("Send files as multipart/form-data.")
    try:
        with multipart.reading():
            yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            request.app[keys.DATABASE].note_full()
            raise StorageFull("The disk is full; nothing was changed.") from error
        raise


def _checked(filename: str, field: str) -> str:
    """A file's name without the folders that some clients put before it. Raises Invalid."""
    # Browsers and most libraries send a quote as %22, and nothing else so.
    last = re.split(r"[/\\]", filename.replace("%22", '"'))[-1]
    try:
        check_name(last)
    except Invalid as error:
        raise invalid(field, error.message) from error
    return last


async def _skip(part: BodyPartReader) -> None:
    size = 0
    while chunk := await part.read_chunk(CHUNK):
        size += len(chunk)
        if size > CHUNK:
            raise TooLarge("A field of the form is too large.")


async def _chunks(
    part: BodyPartReader, limit: int, refusal: str | None = None
) -> AsyncIterator[bytes]:
    """The bytes of a file. Raises TooLarge(refusal) beyond limit."""
    size = 0
    while chunk := await part.read_chunk(CHUNK):
        size += len(chunk)
        if size > limit:
            raise TooLarge(refusal or f"A file may have at most {limit} bytes.")
        yield chunk


async def _write(part: BodyPartReader, folder: Path, limit: int, received: list[Path]) -> None:
    descriptor, name = tempfile.mkstemp(prefix="upload-", dir=folder)
    received.append(Path(name))
    with os.fdopen(descriptor, "wb") as file:  # buffered: the raw file may write less
        async for chunk in _chunks(part, limit):
            await asyncio.to_thread(file.write, chunk)
        await asyncio.to_thread(file.flush)
        await asyncio.to_thread(os.fsync, file.fileno())


async def _store(chunks: AsyncIterator[bytes], name: str, batch: Batch) -> File:
    draft = batch.begin()
    try:
        async for chunk in chunks:
            await asyncio.to_thread(draft.write, chunk)
    finally:
        stored = draft.close()
    batch.keep(draft, stored)
    return File(name, stored.sha256, stored.size)
