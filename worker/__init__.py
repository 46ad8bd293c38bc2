"""The background face: takes jobs from the queue (and from the table, when the queue is silent)."""

from typing import Any


def __getattr__(name: str) -> Any:
    """`arq worker.WorkerSettings`: made when asked for, so that importing the package costs nothing
    and needs no settings.
    """
    if name == "WorkerSettings":
        from worker.queue import worker_settings

        return worker_settings()
    raise AttributeError(name)
