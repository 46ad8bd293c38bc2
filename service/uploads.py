"""An uploaded file, streamed from a multipart body to the disk and never held in memory."""

import asyncio
import errno
import os
import tempfile
from pathlib import Path

from aiohttp import BodyPartReader, MultipartReader, web
from aiohttp.http_exceptions import BadHttpMessage

from tracker.errors import Invalid, StorageFull, TooLarge

CHUNK = 1 << 18
MOST_PARTS = 20
"""Form fields beside the file are tolerated, but not without end."""

_MALFORMED = (
    ValueError,
    LookupError,
    RuntimeError,
    AssertionError,
    EOFError,
    BadHttpMessage,
    web.RequestPayloadError,
    ConnectionError,
)
"""What aiohttp's reader raises for bodies that are no proper multipart."""


async def receive(request: web.Request, field: str, folder: Path, *, limit: int) -> Path:
    """Write the one file of the form field to a new file in folder, fsynced.

    Raises Invalid naming the field when there is not exactly one such file or the body is no
    proper multipart, TooLarge beyond limit bytes, StorageFull; nothing is left behind then.
    """
    if request.content_type != "multipart/form-data":
        raise Invalid(f"Send the file as multipart/form-data in the field {field!r}.")
    received: list[Path] = []
    try:
        await _receive_parts(await request.multipart(), field, folder, limit, received)
        if not received:
            raise _invalid(field, "This field is required and must be a file.")
        return received[0]
    except _MALFORMED as error:
        _remove(received)
        raise Invalid("The body is not a proper multipart/form-data.") from error
    except OSError as error:
        _remove(received)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull("The disk is full; nothing was changed.") from error
        raise
    except BaseException:
        _remove(received)
        raise


def _invalid(field: str, words: str) -> Invalid:
    return Invalid(f"{field}: {words}", {field: [words]})


def _remove(paths: list[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


async def _receive_parts(
    reader: MultipartReader, field: str, folder: Path, limit: int, received: list[Path]
) -> None:
    for _ in range(MOST_PARTS):
        part = await reader.next()
        if part is None:
            return
        if not isinstance(part, BodyPartReader):
            raise _invalid(field, "A multipart inside a multipart is not a file.")
        if part.name != field:
            await _skip(part)
            continue
        if received or not part.filename:
            raise _invalid(field, "Exactly one file is needed.")
        if "Content-Encoding" in part.headers or "Content-Transfer-Encoding" in part.headers:
            raise _invalid(field, "The file must be sent as it is, without an encoding.")
        await _write(part, folder, limit, received)
    raise Invalid(f"The form has more than {MOST_PARTS} fields.")


async def _skip(part: BodyPartReader) -> None:
    size = 0
    while chunk := await part.read_chunk(CHUNK):
        size += len(chunk)
        if size > CHUNK:
            raise TooLarge(f"The field {part.name!r} is too large.")


async def _write(part: BodyPartReader, folder: Path, limit: int, received: list[Path]) -> None:
    descriptor, name = tempfile.mkstemp(prefix="upload-", dir=folder)
    received.append(Path(name))
    size = 0
    with os.fdopen(descriptor, "wb", buffering=0) as file:
        while chunk := await part.read_chunk(CHUNK):
            size += len(chunk)
            if size > limit:
                raise TooLarge(f"An archive may have at most {limit} bytes.")
            await asyncio.to_thread(file.write, chunk)
        await asyncio.to_thread(os.fsync, file.fileno())
