"""The load generator: as many answers as possible over connections that stay open.

One thread, epoll and plain sockets, and nothing in between: of an answer the head is read, and
the rest of its bytes is counted and discarded by the kernel. Needs Linux. `python -m bench client`
measures what it reaches.
"""

import select
import socket
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass

_LENGTH = b"Content-Length: "
_FIRST = 1 << 14
_BUFFER = 1 << 20
_LONGEST = 60.0
_LONGEST_ROUND = 600.0
_MOST_WRITERS = 16

_buffer = bytearray(_BUFFER)


@dataclass(frozen=True, slots=True)
class Figures:
    """What one measurement found."""

    rate: float
    """Answers a second."""
    p50: float
    """Milliseconds of the median answer."""
    p99: float
    cpu: float = 0.0
    """Microseconds of the server's CPU time for each answer."""
    child_cpu: float = 0.0
    """The same of the server's child processes."""
    refused: int = 0
    """Answers with another status than 2xx."""
    writes: float = 0.0
    """Writes a second that were answered meanwhile."""

    def __str__(self) -> str:
        return f"{self.rate:,.0f}/s, p50 {self.p50:.2f} ms, p99 {self.p99:.2f} ms"


def median(figures: Sequence[Figures]) -> Figures:
    """The median of each figure."""
    return Figures(*map(statistics.median_high, zip(*map(astuple, figures), strict=True)))


Cpu = Callable[[], tuple[float, float]]
"""Seconds of CPU time so far: of the server and of its child processes."""


def measure(
    port: int,
    messages: Iterator[bytes],
    *,
    connections: int,
    seconds: float,
    cpu: Cpu = lambda: (0.0, 0.0),
    writes: tuple[Iterator[bytes], float] | None = None,
) -> Figures:
    """Each connection asks again as soon as it is answered, for so many seconds.

    What is answered in the fifth of that time before counts for nothing. writes are requests that
    are sent meanwhile over other connections, and how many a second. Raises OSError when the server
    hangs up, TimeoutError when it does not answer any more.
    """
    with _Loop(port, messages, connections, writes) as loop:
        loop.run(seconds / 5)
        loop.forget()
        before, start = cpu(), time.perf_counter()
        loop.run(seconds)
        elapsed, after = time.perf_counter() - start, cpu()
        taken, refused, written = sorted(loop.taken), loop.refused, loop.written
        loop.finish()
    count = len(taken)
    own, child = (1e6 * (b - a) / max(count, 1) for a, b in zip(before, after, strict=True))
    p50, p99 = (1000 * taken[count * part // 100] if taken else float("nan") for part in (50, 99))
    return Figures(count / elapsed, p50, p99, own, child, refused, written / elapsed)


def each_once(port: int, messages: Iterator[bytes]) -> None:
    """Send these requests one after the other. Raises ValueError if one is refused."""
    with _Loop(port, messages, 1, None) as loop:
        loop.wait(_LONGEST_ROUND)
        if loop.refused:
            raise ValueError(f"{loop.refused} requests were refused")


class _Client:
    """A connection; left is how much of an answer is still to come, None between answers."""

    __slots__ = ("left", "messages", "receive", "send", "sent", "socket")

    def __init__(self, port: int, messages: Iterator[bytes]) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.receive = self.socket.recv_into
        self.send = self.socket.send
        self.messages = messages
        self.left: int | None = None
        self.sent: float | None = None

    def ask(self) -> None:
        """Send the next request."""
        self.sent = time.perf_counter()
        self.send(next(self.messages))


class _Loop:
    """The connections, and what was answered on them."""

    def __init__(
        self,
        port: int,
        messages: Iterator[bytes],
        connections: int,
        writes: tuple[Iterator[bytes], float] | None,
    ) -> None:
        self.taken: list[float] = []
        self.refused = self.written = 0
        self._epoll = select.epoll()
        self._clients: dict[int, _Client] = {}
        for _ in range(connections):
            self._add(_Client(port, messages)).ask()
        self._port = port
        self._writers: list[_Client] = []
        self._due, self._pause = float("inf"), 0.0
        if writes is not None:
            self._writes = writes[0]
            self._due, self._pause = time.perf_counter(), 1 / writes[1]

    def _add(self, client: _Client) -> _Client:
        self._clients[client.socket.fileno()] = client
        self._epoll.register(client.socket, select.EPOLLIN)
        return client

    def __enter__(self) -> "_Loop":
        return self

    def __exit__(self, *_: object) -> None:
        for client in self._clients.values():
            client.socket.close()
        self._epoll.close()

    def forget(self) -> None:
        """Count from here."""
        self.taken.clear()
        self.refused = self.written = 0

    def finish(self) -> None:
        """Ask no more; wait for what is under way, so that it costs no later measurement."""
        for client in self._clients.values():
            client.messages = iter(())
        self._due = float("inf")
        self.wait(_LONGEST)

    def wait(self, seconds: float) -> None:
        """Until there is nothing more to ask and to be answered. Raises TimeoutError."""
        end = time.perf_counter() + seconds
        while any(client.sent is not None for client in self._clients.values()):
            if time.perf_counter() > end:
                raise TimeoutError("A request was not answered.")
            self._turn(1.0)

    def run(self, seconds: float) -> None:
        """Ask and be answered for so long."""
        now = time.perf_counter()
        end = now + seconds
        while now < end:
            if now >= self._due:
                self._write()
            self._turn(max(0.0, min(end, self._due) - now))
            now = time.perf_counter()

    def _write(self) -> None:
        """Send the write that is due, over one more connection where all others wait."""
        self._due += self._pause
        for writer in self._writers:
            if writer.sent is None:
                break
        else:
            if len(self._writers) == _MOST_WRITERS:
                return
            writer = self._add(_Client(self._port, self._writes))
            self._writers.append(writer)
        writer.ask()

    def _turn(self, seconds: float) -> None:
        """Whatever has arrived, or arrives in so many seconds."""
        for descriptor, _ in self._epoll.poll(seconds):
            client = self._clients[descriptor]
            left = self._begin(client) if client.left is None else client.left
            while left:
                try:
                    size = min(left, _BUFFER)
                    left -= client.receive(_buffer, size, socket.MSG_TRUNC)
                except BlockingIOError:
                    break
            if left:
                client.left = left
            else:
                client.left = None
                self._answered(client)

    def _begin(self, client: _Client) -> int:
        """Read the head of an answer; how much of it has not arrived yet."""
        size = client.receive(_buffer, _FIRST)
        if not size:
            raise ConnectionError("The server has hung up.")
        head = _buffer.find(b"\r\n\r\n", 0, size)
        at = _buffer.find(_LENGTH, 0, head) + len(_LENGTH)
        if head < 0 or at < len(_LENGTH):
            raise ValueError(f"no length in {bytes(_buffer[:size])!r}")
        if _buffer[9] != 50:  # the first digit of the status: not 2xx
            self.refused += 1
        return head + 4 + int(_buffer[at : _buffer.find(b"\r", at)]) - size

    def _answered(self, client: _Client) -> None:
        if client in self._writers:
            client.sent = None
            self.written += 1
            return
        now = time.perf_counter()
        if client.sent is not None:
            self.taken.append(now - client.sent)
        message = next(client.messages, None)
        if message is None:
            client.sent = None
        else:
            client.sent = now
            client.send(message)
