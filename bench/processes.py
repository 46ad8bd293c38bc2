"""Pail's processes, started and watched as anybody would: by command line, HTTP and /proc."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PATIENCE = 20.0
_CPUCLOCK_SCHED = 2
_HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def free_port() -> int:
    """A TCP port on which nobody listened a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(
    command: list[str], environment: dict[str, str], log: Path, folder: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A process in a session of its own, ended with SIGTERM; what it says goes to log.

    It runs in the present folder or in another one.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=surroundings(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def surroundings(environment: dict[str, str]) -> dict[str, str]:
    """The environment of a process: settings of whoever runs the benchmark don't count."""
    inherited = {key: value for key, value in os.environ.items() if not _is_ours(key)}
    return {**inherited, **environment}


def _is_ours(variable: str) -> bool:
    return variable.startswith("PAIL_") or variable in {
        "HOST",
        "PORT",
        "DATABASE_URL",
        "REDIS_URL",
        "WEB_CONCURRENCY",
    }


@contextmanager
def answering(
    command: list[str],
    environment: dict[str, str],
    log: Path,
    port: int,
    folder: Path | None = None,
) -> Iterator[int]:
    """A process that serves on a port; yields its id once it answers."""
    with running(command, environment, log, folder) as process:
        seconds_to_answer(port)
        yield process.pid


@contextmanager
def web(data_dir: Path, **more: str) -> Iterator[int]:
    """`python -m service` on that data directory, with more in its environment.

    Yields the port once it answers.
    """
    port = free_port()
    environment = {"PAIL_DATA_DIR": str(data_dir), "PORT": str(port), **more}
    with answering([sys.executable, "-m", "service"], environment, data_dir / "web.log", port):
        yield port


@contextmanager
def worker(data_dir: Path) -> Iterator[int]:
    """`python -m worker` on that data directory, without a queue; yields its process id."""
    environment = {"PAIL_DATA_DIR": str(data_dir)}
    log = data_dir / "worker.log"
    with running([sys.executable, "-m", "worker"], environment, log) as process:
        yield process.pid


def seconds_to_answer(port: int) -> float:
    """Seconds from now until /healthz answers that all is well. Raises TimeoutError."""
    start = time.perf_counter()
    while time.perf_counter() - start < _PATIENCE:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE) as connection:
                connection.sendall(_HEALTH)
                if connection.recv(64).startswith(b"HTTP/1.1 20"):
                    return time.perf_counter() - start
        except OSError:
            pass
        time.sleep(0.005)
    raise TimeoutError(f"Nothing answers on port {port}.")


def peak_rss(pid: int) -> float:
    """The most memory a process has had so far, in MB; not a number where there is no /proc."""
    return _memory(pid, "status", "VmHWM")


def rss(pid: int) -> float:
    """A process's memory, in MB."""
    return _memory(pid, "status", "VmRSS")


def pss(pid: int) -> float:
    """A process's memory in MB, where pages of several processes are shared out among them."""
    return _memory(pid, "smaps_rollup", "Pss")


def cpu_seconds(pid: int) -> float:
    """The time on a processor that a process with all its threads has had so far.

    The kernel's clock of that process (see clock_getcpuclockid in its manual) counts in
    nanoseconds and knows the threads that have ended; /proc/PID/stat counts in 10 ms.
    """
    return time.clock_gettime((~pid << 3) | _CPUCLOCK_SCHED)


def _memory(pid: int, file: str, name: str) -> float:
    try:
        found = re.search(rf"^{name}:\s+(\d+) kB", Path(f"/proc/{pid}/{file}").read_text(), re.M)
    except OSError:
        found = None
    return int(found[1]) / 1024 if found else float("nan")


def family(pid: int) -> list[int]:
    """The process and all that descend from it."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    if not children.exists():
        return [pid]
    return [pid, *(each for child in children.read_text().split() for each in family(int(child)))]


def name(pid: int) -> str:
    """What a process is, in short."""
    words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")[:-1]
    first = Path(words[0]).name
    return f"{first} {words[-1]}" if first.startswith("python") else first
