"""Runs the processes of `pail up`, restarts those that end, and stops all when it ends itself.

Each child runs in its own process group: Ctrl-C in a terminal reaches the supervisor alone, and
processes that a child leaves behind are killed with its group. The first process of each group is
a guard, a one-line shell that reads from a pipe. Only the supervisor holds the other end. When
the supervisor ends, even by kill -9, the pipe closes and the guard kills its group. Linux's
PR_SET_PDEATHSIG would end the children only, not the processes that they started.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tracker.terminal import say

FIRST_PAUSE = 0.2
LONGEST_PAUSE = 10.0
STABLE_SECONDS = 30.0
"""Seconds. The pause before a restart doubles from FIRST_PAUSE to LONGEST_PAUSE, and is FIRST_PAUSE
again after a child that ran for STABLE_SECONDS."""

START_SECONDS = 3.0
START_ATTEMPTS = 3
"""A child that ends with status 1 within START_SECONDS in each of its first START_ATTEMPTS runs is
given up, and everything stops."""

LINE_LIMIT = 1 << 20
"""Bytes. Of a longer line only the end is logged, to limit the memory of the supervisor."""

_GUARD = 'trap "" HUP INT TERM; read -r line; kill -KILL 0'


class CannotStart(Exception):
    """Pail can't start; str(error) is one sentence that says why."""


@dataclass(frozen=True, slots=True, eq=False)
class Child:
    """A process to keep running.

    name is its name in the log, argv its command line; env is added to the environment of the
    supervisor. A child with stop_last (the queue) is stopped after the others.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    stop_last: bool = False


def run(
    children: Sequence[Child],
    *,
    on_start: Callable[[], Awaitable[int]] | None = None,
    stop_timeout: float = 8.0,
) -> int:
    """Keep children running until SIGINT, SIGTERM or SIGHUP, and return the exit status.

    Their output goes to stderr, each line with the name of the child before it. on_start is
    awaited once while they run; a status other than 0 from it stops everything. A stop sends
    SIGTERM and, stop_timeout seconds later, SIGKILL; a second signal kills at once.

    Returns 0 if every child ended by itself after a signal; 1 if one was killed or failed at each
    of its first starts; else the status that on_start returned.
    """
    return asyncio.run(_Supervisor(children, stop_timeout).run(on_start))


@contextlib.contextmanager
def process_group() -> Iterator[int]:
    """Yield the id of a new process group; it is killed when the block or this process ends."""
    with subprocess.Popen(  # noqa: S603 - a constant
        ["/bin/sh", "-c", _GUARD],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        process_group=0,
    ) as guard:
        try:
            yield guard.pid
        finally:
            _send(-guard.pid, signal.SIGKILL)


class _Ids(NamedTuple):
    process: int
    group: int


class _Supervisor:
    def __init__(self, children: Sequence[Child], stop_timeout: float) -> None:
        self._children = children
        self._stop_timeout = stop_timeout
        self._width = max(7, *(len(child.name) for child in children))
        self._alive: dict[Child, _Ids] = {}
        self._stopping = asyncio.Event()
        self._status = 0

    async def run(self, on_start: Callable[[], Awaitable[int]] | None) -> int:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup
                asyncio.get_running_loop().add_signal_handler(number, self._signalled)
        async with asyncio.TaskGroup() as tasks:
            kept = {child: tasks.create_task(self._keep(child)) for child in self._children}
            if on_start:
                start = tasks.create_task(self._await(on_start))
            await self._stopping.wait()
            if on_start:
                start.cancel()
            await self._end({c: t for c, t in kept.items() if not c.stop_last}, self._stop_timeout)
            await self._end({c: t for c, t in kept.items() if c.stop_last}, 1.0)
        return self._status

    async def _await(self, on_start: Callable[[], Awaitable[int]]) -> None:
        if status := await on_start():
            self._stop(status)

    def _signalled(self) -> None:
        if self._stopping.is_set():
            self._kill(self._alive)
        else:
            self._say("stopping")
            self._stop(0)

    def _stop(self, status: int) -> None:
        self._status = self._status or status
        self._stopping.set()

    async def _end(self, kept: Mapping[Child, asyncio.Task[None]], seconds: float) -> None:
        if not kept:
            return
        for child in kept.keys() & self._alive.keys():
            _send(self._alive[child].process, signal.SIGTERM)
        _, late = await asyncio.wait(kept.values(), timeout=seconds)
        self._kill(child for child, task in kept.items() if task in late)

    def _kill(self, children: Iterable[Child]) -> None:
        for child in self._alive.keys() & set(children):
            self._status = 1
            self._say(f"{child.name} did not end in time and is killed")
            _send(-self._alive[child].group, signal.SIGKILL)

    async def _keep(self, child: Child) -> None:
        started, failures, pause = False, 0, FIRST_PAUSE
        while not self._stopping.is_set():
            start = time.monotonic()
            status = await self._run(child)
            seconds = time.monotonic() - start
            if self._stopping.is_set():
                return
            failures += 1
            started = started or status != 1 or seconds >= START_SECONDS
            if not started and failures == START_ATTEMPTS:
                self._say(f"{child.name} failed {failures} times at its start: giving up")
                self._stop(1)
                return
            if seconds >= STABLE_SECONDS:
                pause = FIRST_PAUSE
            self._say(f"{child.name} {_describe(status)}; starting it again in {pause:g} s")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _run(self, child: Child) -> int:
        try:
            with process_group() as group:
                return await self._run_in(group, child)
        except OSError as error:  # no such program; too many processes or open files
            self._say(f"{child.name} can't be started: {error}")
            return 1

    async def _run_in(self, group: int, child: Child) -> int:
        # Not asyncio's pipe: its wait() also waits until the child's children close it.
        output, child_output = os.pipe()
        relay = asyncio.create_task(self._relay(child.name, output))
        try:
            process = await asyncio.create_subprocess_exec(
                *child.argv,
                stdin=subprocess.DEVNULL,
                stdout=child_output,
                stderr=child_output,
                env={**os.environ, **child.env},
                process_group=group,
            )
        finally:
            os.close(child_output)
        self._alive[child] = _Ids(process.pid, group)
        if self._stopping.is_set():
            _send(process.pid, signal.SIGTERM)
        status = await process.wait()
        del self._alive[child]
        _send(-group, signal.SIGKILL)  # also its own children, which would hold the pipe open
        await asyncio.wait([relay], timeout=1.0)
        relay.cancel()
        return status

    async def _relay(self, name: str, descriptor: int) -> None:
        reader = asyncio.StreamReader(LINE_LIMIT)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", buffering=0)
        )
        with contextlib.closing(transport):
            while True:
                try:
                    line = await reader.readline()
                except ValueError:
                    line = b"(the beginning of a line too long for the log)\n"
                if not line:
                    return
                self._say(line.decode(errors="backslashreplace").rstrip("\r\n"), name)

    def _say(self, text: str, name: str = "pail") -> None:
        with contextlib.suppress(OSError):  # stderr is closed
            say(f"{name:<{self._width}} | {text}", err=True)


def _send(pid: int, number: signal.Signals) -> None:
    # macOS raises PermissionError for a group that has only zombies left.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def _describe(status: int) -> str:
    if status < 0:
        return f"was ended by signal {-status}"
    return f"ended with status {status}"
