"""Rendering outside the server: one child process, started when needed, ended when idle."""

import asyncio
import contextlib
import json
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self, cast

from tracker.markup import plain

_ENTRY = Path(__file__).parents[2] / "pail_main.py"  # imports this tracker, no other one
_TIMEOUT = 20  # seconds on the clock for what takes a second of CPU
_ATTEMPTS = 2  # a child can be killed by others than its text, so one death proves nothing

_MOST_WAITING = 8 << 20
"""Characters that may wait for one caller: minutes of work, and never much memory."""

_COST = 1000
"""What waits with a text, in characters."""


class Rendered(NamedTuple):
    """A text's HTML; is_final says that there will be no other, so that it may be kept."""

    html: str
    is_final: bool


class _Died(Exception):
    """The child has gone; killed by its limit on CPU time, or otherwise."""

    def __init__(self, *, exhausted: bool) -> None:
        super().__init__("The renderer's process has died.")
        self.exhausted = exhausted


class _Child:
    """A process of tracker.markup.child and the two pipes to it."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._input = cast(asyncio.StreamWriter, process.stdin)
        self._output = cast(asyncio.StreamReader, process.stdout)

    @classmethod
    async def start(cls, cpu_seconds: float) -> Self:
        """A child that is ready for texts. Raises OSError or _Died."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-P", str(_ENTRY), "-m", "tracker.markup.child", str(cpu_seconds)),
            stdin=PIPE,
            stdout=PIPE,
            start_new_session=True,  # a Ctrl-C is for the server, which then ends its child
        )
        child = cls(process)
        try:
            await child._receive()
        except BaseException:
            await child.end()
            raise
        return child

    async def render(self, markup: str, raw: str) -> tuple[str | None, float]:
        """The HTML, None where the engine failed, and the CPU time that it took in seconds.

        Raises _Died, TimeoutError.
        """
        payload = json.dumps([markup, raw]).encode()
        self._input.write(len(payload).to_bytes(4, "big") + payload)
        # A death is seen by the answer that does not come.
        with contextlib.suppress(ConnectionError):
            await self._input.drain()
        html, seconds = await self._receive()
        return html, seconds

    async def _receive(self) -> Any:
        try:
            async with asyncio.timeout(_TIMEOUT):
                size = int.from_bytes(await self._output.readexactly(4), "big")
                return json.loads(await self._output.readexactly(size))
        except (EOFError, ConnectionError) as error:
            status = await self._process.wait()
            raise _Died(exhausted=status == -signal.SIGPROF) from error

    async def end(self) -> None:
        """Kill the process and close the pipes, which could outlive the loop otherwise."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        with contextlib.suppress(ConnectionError):
            await self._process.communicate()


@dataclass
class _Budget:
    """The child's CPU time that is left for the texts of one call, in seconds."""

    seconds: float


class _Request(NamedTuple):
    markup: str
    raw: str
    budget: _Budget
    future: asyncio.Future[Rendered]

    def settle(self, html: str | None = None, *, is_final: bool = False) -> None:
        """Answer with the HTML, else with the text as it is, if the caller still waits."""
        if not self.future.done():
            html = plain.escaped(self.raw) if html is None else html
            self.future.set_result(Rendered(html, is_final))


class _Queue:
    """Requests that wait: those of a caller in their order, and the callers take turns."""

    def __init__(self) -> None:
        self._callers: dict[int | None, deque[_Request]] = {}
        self._sizes: Counter[int | None] = Counter()
        self._filled = asyncio.Event()

    def put(self, who: int | None, request: _Request) -> bool:
        """Take the request in; False where this caller has enough waiting already."""
        if self._sizes[who] >= _MOST_WAITING:
            return False
        self._sizes[who] += len(request.raw) + _COST
        self._callers.setdefault(who, deque()).append(request)
        self._filled.set()
        return True

    async def get(self) -> _Request:
        """A request of the caller who has waited longest for a turn."""
        await self._filled.wait()
        who, requests = next(iter(self._callers.items()))
        del self._callers[who]
        request = requests.popleft()
        self._sizes[who] -= len(request.raw) + _COST
        if requests:
            self._callers[who] = requests
        else:
            del self._sizes[who]
            if not self._callers:
                self._filled.clear()
        return request

    def settle(self) -> None:
        """Answer whatever waits with the text as it is."""
        for requests in self._callers.values():
            for request in requests:
                request.settle()


class Renderer:
    """Renders texts in a child process that can be killed: some texts would take hours.

    An async context manager. Callers take turns, a text each, so one with many texts delays no
    others. cpu_seconds is what each text may use; a call that has used budget_seconds gets no more
    of its texts rendered; the child ends after idle_seconds without work. The child shares nothing
    with this process but two pipes, and ends when they close, so also when this process is killed.
    """

    def __init__(
        self,
        *,
        cpu_seconds: float = 1.0,
        budget_seconds: float = 3.0,
        idle_seconds: float = 30.0,
    ) -> None:
        self._cpu_seconds = cpu_seconds
        self._budget_seconds = budget_seconds
        self._idle_seconds = idle_seconds
        self._requests = _Queue()
        self._child: _Child | None = None
        self._server: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._server = asyncio.create_task(self._serve())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.cancel()
            await asyncio.wait([server])
        self._requests.settle()
        self._requests = _Queue()

    def render(
        self, texts: Sequence[tuple[str, str]], who: int | None = None
    ) -> list[asyncio.Future[Rendered]]:
        """The HTML of each (markup, raw), in order, as soon as it is made; none of them raises.

        who is the account that asks, None for anonymous requests. A text that takes too long or
        breaks its engine comes back as escaped plain text; that is its final answer. So do texts
        that the call's budget does not reach, that are too much for this caller at once, and all of
        them while no child can be started or after closing; and that is not final. To cancel a
        future is to take its text out of the queue.
        """
        budget = _Budget(self._budget_seconds)
        return [self._one(markup, raw, budget, who) for markup, raw in texts]

    def _one(
        self, markup: str, raw: str, budget: _Budget, who: int | None
    ) -> asyncio.Future[Rendered]:
        request = _Request(markup, raw, budget, asyncio.get_running_loop().create_future())
        html = plain.shortcut(markup, raw)
        if html is not None:
            request.settle(html, is_final=True)
        elif self._server is None or not self._requests.put(who, request):
            request.settle()
        return request.future

    async def _serve(self) -> None:
        try:
            while True:
                request = await self._next()
                if not request.future.done():  # else the caller has gone
                    await self._answer(request)
        finally:
            await self._end_child()

    async def _next(self) -> _Request:
        if self._child is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._idle_seconds):
                    return await self._requests.get()
            await self._end_child()
        return await self._requests.get()

    async def _answer(self, request: _Request) -> None:
        try:
            await self._render(request)
        except Exception:  # nothing may end the server, which others wait for
            await self._end_child()
        finally:
            request.settle()  # unless it is

    async def _render(self, request: _Request) -> None:
        if request.budget.seconds <= 0:
            return
        html = None
        for _ in range(_ATTEMPTS):
            self._child = self._child or await _Child.start(self._cpu_seconds)
            try:
                html, seconds = await self._child.render(request.markup, request.raw)
            except _Died as death:
                request.budget.seconds -= self._cpu_seconds  # a new child costs time as well
                await self._end_child()
                if death.exhausted:
                    break
            else:
                request.budget.seconds -= seconds
                break
        request.settle(html, is_final=True)

    async def _end_child(self) -> None:
        if self._child is not None:
            await self._child.end()
            self._child = None
