"""Keeps a few processes running, starts again what ends, and takes them all along when it goes.

Every child lives in a process group of its own: a terminal's Ctrl-C reaches the supervisor alone,
and what a child leaves behind (a pool's processes, say) is ended with its group. The group is led
by a guard, a shell of one line that waits for the end of a pipe which only the supervisor holds
open, and then kills the group. So nothing survives a kill -9 of the supervisor either, on any
system and at any moment: Linux's PR_SET_PDEATHSIG would end the children, but not theirs.
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
GOOD_LIFE = 30.0
"""Seconds: pauses before a restart double from first to longest; a good life resets them."""

TRIAL = 3.0
TRIALS = 3
"""A child whose first TRIALS lives all end with status 1 within TRIAL seconds is given up."""

LINE_LIMIT = 1 << 20
"""Bytes; of a child's longer line the log holds the end, so that the supervisor stays small."""

_GUARD = 'trap "" HUP INT TERM; read -r line; kill -KILL 0'


class CannotStart(Exception):
    """Something stands in the way of a start; str(error) is one sentence that says what."""


@dataclass(frozen=True, slots=True, eq=False)
class Child:
    """A process to keep: its name in the log, its command line, what is added to our environment.

    One that outlives the others (a queue, for instance) is stopped after them.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    outlives: bool = False


def run(
    children: Sequence[Child],
    *,
    beside: Callable[[], Awaitable[int]] | None = None,
    patience: float = 8.0,
) -> int:
    """Keep children running until SIGINT, SIGTERM or SIGHUP, and return the exit status.

    Their output goes to stderr, line by line, with their names before it. beside is awaited once
    while they run; a status other than 0 from it stops everything. A stop is SIGTERM for all and,
    patience seconds later, SIGKILL; a second signal kills at once.

    Returns 0 when every child ended by itself after a signal; 1 when one had to be killed or was
    given up because it never started well; else the status that beside returned.
    """
    return asyncio.run(_Supervisor(children, patience).run(beside))


@contextlib.contextmanager
def process_group() -> Iterator[int]:
    """The id of a new process group; all in it are killed when the block or this process ends."""
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


class _Life(NamedTuple):
    process: int
    group: int


class _Supervisor:
    def __init__(self, children: Sequence[Child], patience: float) -> None:
        self._children = children
        self._patience = patience
        self._width = max(7, *(len(child.name) for child in children))
        self._alive: dict[Child, _Life] = {}
        self._stopping = asyncio.Event()
        self._status = 0

    async def run(self, beside: Callable[[], Awaitable[int]] | None) -> int:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup
                asyncio.get_running_loop().add_signal_handler(number, self._signalled)
        async with asyncio.TaskGroup() as tasks:
            keepers = {child: tasks.create_task(self._keep(child)) for child in self._children}
            if beside:
                companion = tasks.create_task(self._accompany(beside))
            await self._stopping.wait()
            if beside:
                companion.cancel()
            await self._end({c: k for c, k in keepers.items() if not c.outlives}, self._patience)
            await self._end({c: k for c, k in keepers.items() if c.outlives}, 1.0)
        return self._status

    async def _accompany(self, beside: Callable[[], Awaitable[int]]) -> None:
        if status := await beside():
            self._halt(status)

    def _signalled(self) -> None:
        if self._stopping.is_set():
            self._kill(self._alive)
        else:
            self._say("stopping")
            self._halt(0)

    def _halt(self, status: int) -> None:
        self._status = self._status or status
        self._stopping.set()

    async def _end(self, keepers: Mapping[Child, asyncio.Task[None]], patience: float) -> None:
        if not keepers:
            return
        for child in keepers.keys() & self._alive.keys():
            _send(self._alive[child].process, signal.SIGTERM)
        _, late = await asyncio.wait(keepers.values(), timeout=patience)
        self._kill(child for child, keeper in keepers.items() if keeper in late)

    def _kill(self, children: Iterable[Child]) -> None:
        for child in self._alive.keys() & set(children):
            self._status = 1
            self._say(f"{child.name} did not end in time and is killed")
            _send(-self._alive[child].group, signal.SIGKILL)

    async def _keep(self, child: Child) -> None:
        proved, failures, pause = False, 0, FIRST_PAUSE
        while not self._stopping.is_set():
            born = time.monotonic()
            status = await self._live(child)
            life = time.monotonic() - born
            if self._stopping.is_set():
                return
            failures += 1
            proved = proved or status != 1 or life >= TRIAL
            if not proved and failures == TRIALS:
                self._say(f"{child.name} failed {failures} times at its start: giving up")
                self._halt(1)
                return
            if life >= GOOD_LIFE:
                pause = FIRST_PAUSE
            self._say(f"{child.name} {_ending(status)}; starting it again in {pause:g} s")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _live(self, child: Child) -> int:
        try:
            with process_group() as group:
                return await self._live_in(group, child)
        except OSError as error:  # no such program; no more processes, or descriptors, for us
            self._say(f"{child.name} can't be started: {error}")
            return 1

    async def _live_in(self, group: int, child: Child) -> int:
        # A pipe of our own: asyncio's would make wait() wait for a child's heirs to close it too.
        ours, theirs = os.pipe()
        relay = asyncio.create_task(self._relay(child.name, ours))
        try:
            process = await asyncio.create_subprocess_exec(
                *child.argv,
                stdin=subprocess.DEVNULL,
                stdout=theirs,
                stderr=theirs,
                env={**os.environ, **child.env},
                process_group=group,
            )
        finally:
            os.close(theirs)
        self._alive[child] = _Life(process.pid, group)
        if self._stopping.is_set():
            _send(process.pid, signal.SIGTERM)
        status = await process.wait()
        del self._alive[child]
        _send(-group, signal.SIGKILL)  # what it left behind, so that nobody holds the pipe open
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
        with contextlib.suppress(OSError):  # nobody reads the log any more
            say(f"{name:<{self._width}} | {text}", err=True)


def _send(pid: int, number: signal.Signals) -> None:
    # A group of which only unreaped processes are left: Linux doesn't mind, macOS forbids.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def _ending(status: int) -> str:
    if status < 0:
        return f"was ended by signal {-status}"
    return f"ended with status {status}"
