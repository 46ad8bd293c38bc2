"""How long a client may keep the server waiting before its connection is cut off."""

from dataclasses import dataclass

from aiohttp import web


@dataclass(slots=True)
class Timeouts:
    """Seconds, under app[TIMEOUTS]; tests set shorter ones there at any time.

    headers is for all headers of a request, from its first byte or from the start of the
    connection; between requests a connection may be idle for aiohttp's keepalive_timeout. body is
    for the next byte of a body that is being read. reader is for a client to read some of a long
    answer or of a download.
    """

    headers: float = 15.0
    body: float = 30.0
    reader: float = 30.0


TIMEOUTS = web.AppKey("timeouts", Timeouts)
