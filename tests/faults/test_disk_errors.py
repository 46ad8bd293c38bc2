"""A disk that refuses to sync: nothing is acknowledged that is not on it."""

import re
import shutil
import subprocess
import sys

import pytest

from tests.jobs.working import select
from tests.running.processes import ROOT
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
        for n in range(3):
            new = NewIssue(f"issue {n}")
            number = await db.write(lambda tx: issues.create(tx, alice, repository, new))
            print("acknowledged", number, flush=True)
    finally:
        await db.close()

asyncio.run(main())
"""


@pytest.mark.parametrize("failing", [1, 2, 3, 4])
def test_what_is_acknowledged_is_on_the_disk(settings: Settings, failing: int) -> None:
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
            *(sys.executable, "-c", CREATE, str(settings.database)),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    acknowledged = [int(line.split()[1]) for line in done.stdout.splitlines()]
    assert len(acknowledged) < 3, "every commit waits for the disk"
    assert re.search(r"database .*can't be (opened|written)", done.stderr), done.stderr
    kept = select(settings.database, "SELECT number FROM issue ORDER BY number")
    assert set(acknowledged) <= {number for (number,) in kept}
    assert select(settings.database, "PRAGMA integrity_check") == [("ok",)]
