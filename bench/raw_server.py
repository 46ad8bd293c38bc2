"""`python -m bench.raw_server PORT FILE`: answers each request with a file's bytes, unread.

What the load generator is measured with: nothing can answer much faster in Python.
"""

import asyncio
import sys
from pathlib import Path
from typing import cast

import uvloop


class _Answering(asyncio.Protocol):
    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._transport.write(self._answer)


async def _serve(port: int, body: bytes) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Answering(answer), "127.0.0.1", port)
    await server.serve_forever()


def main() -> None:
    """Answer until SIGTERM."""
    uvloop.run(_serve(int(sys.argv[1]), Path(sys.argv[2]).read_bytes()))


if __name__ == "__main__":
    main()
