"""`python -m bench.bare PORT FILE STATUS`: an aiohttp handler that gives a file's bytes, always.

What Pail's answers are compared with: the same framework, loop and bytes, and nothing else.
"""

import sys
from pathlib import Path

import uvloop
from aiohttp import web


def main() -> None:
    """Answer until SIGTERM."""
    port, path, status = int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    body = path.read_bytes()

    async def answer(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(status=status, body=body, content_type="application/json")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    loop = uvloop.new_event_loop()
    web.run_app(app, host="127.0.0.1", port=port, access_log=None, print=None, loop=loop)


if __name__ == "__main__":
    main()
