"""A disk that refuses to sync: nothing is acknowledged that is not on it."""

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from aiohttp import ClientSession

from tests.conftest import APP, World
from tests.jobs.working import select
from tests.running.processes import ROOT, eventually
from tracker.settings import Settings

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(shutil.which("strace") is None, reason="strace injects the errors"),
]

CREATE = """
import asyncio, sys
from pathlib import Path
from tracker import issues
from tracker.access.rights import ADMINISTRATOR, Actor, find_repository
from tracker.database import connect
from tracker.issues import NewIssue

async def main():
    db = await connect(Path(sys.argv[1]))
    try:
        alice = Actor((await db.one("SELECT id FROM account WHERE username = 'alice'"))["id"])
        repository = await find_repository(db, ADMINISTRATOR, "alice", "app")

        async def create(n):
            new = NewIssue(f"issue {n}")
            number = await db.write(
                lambda tx: issues.create(tx, alice, repository, new), short=sys.argv[2] == "group"
            )
            print("acknowledged", number, flush=True)

        if sys.argv[2] == "group":
            for n in range(3):
                await asyncio.gather(*(create(n) for _ in range(5)))
        else:
            for n in range(3):
                await create(n)
    finally:
        await db.close()

asyncio.run(main())
"""


@pytest.mark.parametrize("kind", ["alone", "group"])
@pytest.mark.parametrize("failing", [1, 2, 3, 4])
def test_what_is_acknowledged_is_on_the_disk(settings: Settings, failing: int, kind: str) -> None:
    # strace counts in each thread: opening has three calls in its own, the writer its first commit
    # two and each further one.
    inject = f"inject=fsync,fdatasync:error=EIO:when={failing}+"
    done = subprocess.run(
        [
            *(
                "strace",
                "-f",
                "-qq",
                "-o",
                "/dev/null",
                "-e",
                "trace=fsync,fdatasync",
                "-e",
                inject,
            ),
            *(sys.executable, "-c", CREATE, str(settings.database), kind),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    acknowledged = [int(line.split()[1]) for line in done.stdout.splitlines()]
    assert len(acknowledged) < (3 if kind == "alone" else 15), "every commit waits for the disk"
    assert re.search(r"database .*can't be (opened|written)", done.stderr), done.stderr
    kept = select(settings.database, "SELECT number FROM issue ORDER BY number")
    assert set(acknowledged) <= {number for (number,) in kept}
    assert select(settings.database, "PRAGMA integrity_check") == [("ok",)]


class _Trace:
    """What a process has read, written and synced, and when."""

    _LINE = re.compile(r"(\d+) +(\d+\.\d+) (?:<\.\.\. )?(\w+)(?:\((\d+))?(.*)")

    def __init__(self, text: str) -> None:
        self.syncs: list[tuple[float, float]] = []
        self.asked: dict[str, float] = {}
        self.early: list[str] = []
        self.answers = 0
        begun: dict[str, float] = {}
        for line in text.splitlines():
            if match := self._LINE.match(line):
                thread, moment, call, number, rest = match.groups()
                now = float(moment)
                if call == "fdatasync" or call == "fsync":
                    if "resumed" not in line:
                        begun[thread] = now
                    if "unfinished" not in line:
                        self.syncs.append((begun[thread], now))
                elif "POST /2.0" in rest:
                    self.asked[number or ""] = now
                elif "HTTP/1.1 201" in rest:
                    self.answers += 1
                    asked = self.asked[number or ""]
                    if not any(asked <= start and end <= now for start, end in self.syncs):
                        self.early.append(line)


async def _create(port: int, headers: dict[str, str], count: int) -> None:
    url = f"http://127.0.0.1:{port}{APP}/issues"
    async with ClientSession(headers=headers) as client:
        for _ in range(count):
            async with client.post(url, json={"title": "t"}) as answer:
                assert answer.status == 201


def test_no_creation_is_acknowledged_before_a_sync_that_began_after_it(
    tmp_path: Path, world: World
) -> None:
    data, log, trace = tmp_path / "data", tmp_path / "log", tmp_path / "trace"
    data.mkdir()
    shutil.copy(world.database, data / "pail.db")
    calls = "fsync,fdatasync,read,recvfrom,recvmsg,write,writev,sendto,sendmsg"
    command = ["strace", "-f", "-ttt", "-qq", "-s", "40", "-e", f"trace={calls}", "-o", str(trace)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, sys.executable, "-m", "service"],
            cwd=ROOT,
            env={**os.environ, "PAIL_DATA_DIR": str(data), "PORT": "0"},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        eventually(lambda: "Listening on" in log.read_text(), "the web process")
        port = int(log.read_text().partition("Listening on http://127.0.0.1:")[2].split()[0])

        async def ask() -> None:
            await asyncio.gather(*(_create(port, world.headers("bob"), 10) for _ in range(8)))

        asyncio.run(ask())
    finally:
        os.killpg(process.pid, signal.SIGTERM)  # strace itself goes on until its child has ended
        process.wait()
    seen = _Trace(trace.read_text(errors="replace"))
    assert seen.answers == 80
    assert seen.early == []
    assert len(seen.syncs) < 80, "several share one"
