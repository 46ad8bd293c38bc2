"""Group commit: short writes that come at the same time share one commit, and so one wait.

Their statements run on the event loop's thread, with no trip to another thread between them. The
commit, which waits for the disk, runs in the writer's thread, and the loop goes on meanwhile.
"""

import asyncio
import math
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, NamedTuple, TypeVar

from tracker import errors
from tracker.database.connections import BUSY_TIMEOUT
from tracker.database.interface import Transaction
from tracker.database.statements import (
    STEPS,
    AtOnce,
    SqliteTransaction,
    Thread,
    result_of,
    to_the_end,
)
from tracker.database.translation import is_busy, raise_ours

_MOST = 64
"""Writes of one group."""

_MOST_SECONDS = 0.005
"""After which a group takes no further write, because everything else waits for its statements."""

_SECONDS = 0.01
"""What one write may take on the event loop; a longer one is done in the writer's thread."""

_GATHERING = 0.001
"""Seconds for which a group waits for writes that are expected."""

T = TypeVar("T")

Work = Callable[[Transaction], Coroutine[Any, Any, Any]]
Answer = Callable[[asyncio.Future[Any]], None]
"""Tells a future what a write has returned or raised."""


class _Write(NamedTuple):
    work: Work
    future: asyncio.Future[Any]


class _Broken(Exception):
    """A group can't go on: each of its writes has to be done alone."""


class Groups:
    """The queue of short writes.

    Whoever uses the writer's connection holds the lock. alone() does one write in a transaction of
    its own in the writer's thread; the lock is held for it.
    """

    def __init__(
        self, writer: Thread, lock: asyncio.Lock, alone: Callable[[Work], Coroutine[Any, Any, Any]]
    ) -> None:
        self._writer = writer
        self._connection = writer.connection
        self._transaction = SqliteTransaction(AtOnce(self._connection))
        self._lock = lock
        self._alone = alone
        self._waiting: deque[_Write] = deque()
        self._expected = 1
        self._is_gathered = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._end = math.inf
        self._connection.set_progress_handler(lambda: time.monotonic() > self._end, STEPS)

    async def write(self, work: Callable[[Transaction], Coroutine[Any, Any, T]]) -> T:
        """What work makes, as soon as it is committed together with the others of its group.

        Of a group that can't be committed all writes raise. Once it is queued it is done, also
        when the task that awaits it is cancelled.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Write(work, future))
        if len(self._waiting) >= self._expected:
            self._is_gathered.set()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._serve())
        return await to_the_end(future)

    async def close(self) -> None:
        """Wait until nothing is queued."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def _serve(self) -> None:
        while self._waiting:
            await self._gather()
            async with self._lock:
                group = [self._waiting.popleft() for _ in range(min(_MOST, len(self._waiting)))]
                await self._do(group)
            # Whoever is answered now asks again soon, and so does who waits already.
            self._expected = min(_MOST, len(group) + len(self._waiting))

    async def _gather(self) -> None:
        """Wait for as many writes as came together the last time, but not for long."""
        if len(self._waiting) < self._expected:
            self._is_gathered.clear()
            try:
                async with asyncio.timeout(_GATHERING):
                    await self._is_gathered.wait()
            except TimeoutError:
                pass  # they come later, or never

    async def _do(self, group: list[_Write]) -> None:
        """Do the writes of a group and answer them. Those that don't fit into it wait again."""
        try:
            answers = await self._committed(group)
        except _Broken:
            answers = [await self._done_alone(write) for write in group]
        except Exception as error:
            answers = [partial(_fail, error)] * len(group)
        for write, answer in zip(group, answers, strict=True):
            answer(write.future)

    async def _committed(self, group: list[_Write]) -> list[Answer]:
        """The answers of a group, once they may be given."""
        try:
            await self._begin()
            end = time.monotonic() + _MOST_SECONDS
            answers = [self._done(group[0])]
            while len(answers) < len(group) and time.monotonic() < end:
                answers.append(self._done(group[len(answers)]))
            self._waiting.extendleft(reversed(group[len(answers) :]))
            del group[len(answers) :]
            await to_the_end(self._writer.call(lambda: self._connection.execute("COMMIT")))
            return answers
        except BaseException as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error):
                raise_ours(error)
            raise

    async def _begin(self) -> None:
        """Begin a transaction: here, or in the writer's thread while others hold the lock."""
        self._connection.execute("PRAGMA busy_timeout = 0")
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            return
        except sqlite3.OperationalError as error:
            if not is_busy(error):
                raise
        finally:
            self._connection.execute(f"PRAGMA busy_timeout = {int(BUSY_TIMEOUT * 1000)}")
        await to_the_end(self._writer.call(lambda: self._connection.execute("BEGIN IMMEDIATE")))

    def _done(self, write: _Write) -> Answer:
        """The answer to a write, which alone is undone where it fails. Raises _Broken."""
        self._connection.execute("SAVEPOINT one")
        try:
            result = result_of(self._limited(write.work))
        except Exception as error:
            is_ours = isinstance(error, errors.TrackerError)
            if is_ours and isinstance(error.__cause__, sqlite3.Error):
                # It takes too long here, the disk is full, ...: the transaction may be gone.
                raise _Broken from error
            self._connection.execute("ROLLBACK TO one")
            answer: Answer = partial(_fail, error)
        else:
            answer = partial(_succeed, result)
        self._connection.execute("RELEASE one")
        return answer

    async def _limited(self, work: Work) -> Any:
        self._end = time.monotonic() + _SECONDS
        try:
            return await work(self._transaction)
        finally:
            self._end = math.inf

    async def _done_alone(self, write: _Write) -> Answer:
        try:
            return partial(_succeed, await self._alone(write.work))
        except Exception as error:
            return partial(_fail, error)


def _succeed(result: Any, future: asyncio.Future[Any]) -> None:
    if not future.done():
        future.set_result(result)


def _fail(error: Exception, future: asyncio.Future[Any]) -> None:
    if not future.done():
        future.set_exception(error)
