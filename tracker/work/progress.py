"""The progress of a job: written by the threads that work, read by what reports it."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from tracker.vocabulary import Phase

P = ParamSpec("P")
T = TypeVar("T")


class Stopped(Exception):
    """The job was cancelled: threads that work on it stop."""


class Progress:
    """Phase, total and count of a running job (rows, or bytes while an archive is checked)."""

    def __init__(self) -> None:
        self.phase = Phase.INITIALIZING
        self.total = 0
        self.count = 0
        self.ticks = 0
        self._is_stopped = False

    def begin(self, phase: Phase, total: int | None = None) -> None:
        """Enter a phase; with a total the count begins anew, without it goes on."""
        self.phase = phase
        if total is not None:
            self.total, self.count = total, 0
        self.tick()

    def tick(self, count: int = 0) -> None:
        """So many more are done; 0 says that the work goes on. Raises Stopped when it is over."""
        if self._is_stopped:
            raise Stopped
        self.count += count
        self.ticks += 1

    def at(self, count: int, total: int) -> None:
        """So many of so many are done. Raises Stopped when it is over."""
        self.count, self.total = count, total
        self.tick()

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function in a thread to its end.

        When this task is cancelled, the function's next tick raises Stopped; the cancellation goes
        on when the function has ended, so that nothing is removed while it works with it.
        """
        work = asyncio.ensure_future(asyncio.to_thread(function, *args, **kwargs))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            self._is_stopped = True
            await asyncio.wait([work])
            work.exception()
            raise
