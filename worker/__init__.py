"""The worker process: runs imports and exports as jobs from the database, woken by the queue."""

from typing import Any


def __getattr__(name: str) -> Any:
    """Make WorkerSettings for `arq worker.WorkerSettings` on access.

    So importing the package loads no other module and reads no settings.
    """
    if name == "WorkerSettings":
        from worker.queue import worker_settings

        return worker_settings()
    raise AttributeError(name)
