"""The supervisor with real children: they are kept, restarted, and never left behind."""

import json
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from tests.running.processes import Started, eventually, python, started

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/environ").exists(), reason="processes are looked up in Linux's /proc"
)

SUPERVISOR = """
import asyncio, json, sys
from service.up import supervisor

facts = json.loads(sys.argv[1])
async def on_start():
    await asyncio.sleep(0.3)
    return facts["status"]
children = [supervisor.Child(**child) for child in facts["children"]]
sys.exit(supervisor.run(children, on_start=on_start, stop_timeout=facts["stop_timeout"]))
"""

SLEEPER = python("import os, time; print('asleep in group', os.getpgrp()); time.sleep(600)")
DEAF = python(
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "print('deaf'); time.sleep(600)"
)
PARENT = python(
    "import subprocess, sys, time;"
    f"subprocess.Popen({DEAF!r}); subprocess.Popen(['sleep', '600']); time.sleep(600)"
)
WRONG = python("import sys; print('PORT is wrong'); sys.exit(1)")
CRASHING = python("import sys; sys.exit(3)")


def command(*children: Mapping[str, Any], status: int = 0, stop_timeout: float = 20.0) -> list[str]:
    """The command line of a supervisor of children."""
    facts = {"children": children, "status": status, "stop_timeout": stop_timeout}
    return [*python(SUPERVISOR), json.dumps(facts)]


def supervised(
    folder: Path, *children: Mapping[str, Any], **facts: Any
) -> AbstractContextManager[Started]:
    """A supervisor of children, running in folder."""
    return started(folder, command(*children, **facts))


def wait_for_family(run: Started, size: int) -> None:
    """Wait until so many processes live."""
    eventually(lambda: len(run.family()) >= size, f"a family of {size}")


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[Started]:
    with supervised(tmp_path, {"name": "sleeper", "argv": SLEEPER}) as run:
        run.logs("asleep")
        yield run


def test_each_line_of_a_child_carries_its_name(tmp_path: Path) -> None:
    web = python("print('one'); print('two'); import time; time.sleep(600)")
    with supervised(tmp_path, {"name": "web", "argv": web}) as run:
        run.logs("two")
        assert run.log == "web     | one\nweb     | two\n"


def test_a_line_of_a_child_can_not_steer_the_terminal(tmp_path: Path) -> None:
    web = python("print('\\x1b[2J\\r\\u202eweb'); import time; time.sleep(600)")
    with supervised(tmp_path, {"name": "web", "argv": web}) as run:
        run.logs("web     | \\x1b[2J\\r\\u202eweb\n")


def test_an_endless_line_is_cut_and_the_next_one_is_whole(tmp_path: Path) -> None:
    talker = python("print('x' * (3 << 20)); print('still here'); import time; time.sleep(600)")
    with supervised(tmp_path, {"name": "talker", "argv": talker}) as run:
        run.logs("talker  | still here\n")
        assert "too long" in run.log
        assert len(run.log) < 2 << 20


def test_a_child_gets_its_environment_beside_ours(tmp_path: Path) -> None:
    show = python("import os, time; print(os.environ['PORT'], os.environ['TEST_FOLDER'])")
    with supervised(tmp_path, {"name": "web", "argv": show, "env": {"PORT": "81"}}) as run:
        run.logs(f"web     | 81 {tmp_path}")


def test_a_child_that_ends_is_started_again_after_growing_pauses(tmp_path: Path) -> None:
    with supervised(tmp_path, {"name": "worker", "argv": CRASHING}) as run:
        for pause in ("0.2", "0.4", "0.8", "1.6"):
            run.logs(f"worker ended with status 3; starting it again in {pause} s")


def test_a_killed_child_is_started_again_and_what_it_had_started_is_gone(tmp_path: Path) -> None:
    with supervised(tmp_path, {"name": "parent", "argv": PARENT}) as run:
        run.logs("deaf")
        before = run.family()
        eldest = min(pid for pid, line in before.items() if line.strip() == " ".join(PARENT))
        os.kill(eldest, signal.SIGKILL)
        run.logs("was ended by signal 9; starting it again")
        eventually(lambda: run.log.count("deaf") == 2, "the second life")
        assert len(run.family()) == len(before)
        gone = before.keys() - run.family().keys()
        assert len(gone) == 4, "the guard, the parent and both of its children"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_everything_with_status_0(sleeper: Started, number: signal.Signals) -> None:
    assert sleeper.send(number) == 0
    assert not sleeper.family()


def test_a_signal_during_a_pause_ends_everything_with_status_0(tmp_path: Path) -> None:
    with supervised(tmp_path, {"name": "worker", "argv": CRASHING}) as run:
        run.logs("in 1.6 s")
        assert run.send(signal.SIGTERM) == 0


def test_ctrl_c_in_the_terminal_does_not_reach_the_children(sleeper: Started) -> None:
    group = int(sleeper.log.split("group")[1])
    assert group != os.getpgid(sleeper.process.pid)
    assert group in sleeper.family()


def test_a_child_that_does_not_heed_is_killed_and_the_status_says_so(tmp_path: Path) -> None:
    with supervised(tmp_path, {"name": "deaf", "argv": DEAF}, stop_timeout=0.3) as run:
        run.logs("deaf    | deaf")
        assert run.send(signal.SIGTERM) == 1
        assert "deaf did not end in time and is killed" in run.log
        assert not run.family()


def test_a_second_signal_kills_at_once(tmp_path: Path) -> None:
    with supervised(tmp_path, {"name": "deaf", "argv": DEAF}, stop_timeout=600) as run:
        run.logs("deaf    | deaf")
        run.process.send_signal(signal.SIGINT)
        run.logs("stopping")
        assert run.send(signal.SIGINT) == 1
        assert not run.family()


def test_a_child_with_stop_last_is_stopped_after_the_others(tmp_path: Path) -> None:
    slow = (
        "import signal, sys, time\n"
        "def stop(*_):\n"
        "    time.sleep({0}); print('{1} stops'); sys.exit()\n"
        "signal.signal(signal.SIGTERM, stop); print('{1} is up'); time.sleep(600)"
    )
    queue = {"name": "valkey", "argv": python(slow.format(0, "queue")), "stop_last": True}
    worker = {"name": "worker", "argv": python(slow.format(0.5, "worker"))}
    with supervised(tmp_path, queue, worker) as run:
        run.logs("queue is up")
        run.logs("worker is up")
        assert run.send(signal.SIGTERM) == 0
        assert run.log.index("worker stops") < run.log.index("queue stops")


def test_a_child_that_never_starts_well_is_given_up_and_all_end_with_status_1(
    tmp_path: Path,
) -> None:
    web = {"name": "web", "argv": WRONG}
    with supervised(tmp_path, {"name": "sleeper", "argv": SLEEPER}, web) as run:
        assert run.process.wait(30) == 1
        assert run.log.count("web     | PORT is wrong") == 3
        assert "web failed 3 times at its start: giving up" in run.log
        assert not run.family()


def test_a_program_that_does_not_exist_is_given_up_with_its_name(tmp_path: Path) -> None:
    with supervised(tmp_path, {"name": "web", "argv": ["/nowhere/web"]}) as run:
        assert run.process.wait(30) == 1
        assert "/nowhere/web" in run.log


def test_a_status_that_on_start_returns_stops_everything(tmp_path: Path) -> None:
    with supervised(tmp_path, {"name": "sleeper", "argv": SLEEPER}, status=7) as run:
        assert run.process.wait(30) == 7
        assert not run.family()


def test_a_log_that_nobody_reads_any_more_stops_nothing(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    child = python(
        "import pathlib, time\n"
        "for _ in range(20): print('line', flush=True); time.sleep(0.02)\n"
        f"pathlib.Path({str(mark)!r}).touch(); time.sleep(600)"
    )
    shell = ["/bin/sh", "-c", '"$@" 2>&1 >/dev/null | true', "sh"]
    with started(tmp_path, [*shell, *command({"name": "web", "argv": child})]) as run:
        eventually(mark.exists, "the child's end of talking")
        assert run.process.poll() is None


@pytest.mark.faults
def test_kill_9_of_the_supervisor_leaves_no_process_behind(tmp_path: Path) -> None:
    family = ({"name": name, "argv": PARENT} for name in ("web", "worker"))
    with supervised(tmp_path, *family) as run:
        eventually(lambda: run.log.count("deaf") == 2, "both families")
        assert len(run.family()) == 9, "a supervisor, and twice a guard, a parent, two children"
        run.send(signal.SIGKILL)
        run.nobody_is_left()


@pytest.mark.faults
def test_kill_9_at_any_moment_of_the_start_leaves_no_process_behind(tmp_path: Path) -> None:
    for attempt in range(12):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        with supervised(folder, *({"name": f"{n}", "argv": PARENT} for n in range(3))) as run:
            wait_for_family(run, 1 + attempt % 8)
            run.send(signal.SIGKILL)
            run.nobody_is_left()
