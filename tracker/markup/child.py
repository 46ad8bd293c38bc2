"""The process in which the engines run, one text at a time, until its parent goes away.

It reads frames (four bytes of length, big endian, then JSON) with [markup, raw] and answers
with frames of [HTML, CPU seconds used], with null for HTML where an engine failed. The first frame
it sends is null: ready.
A text that takes more than its CPU time ends the process by SIGPROF: the signal's default
action needs no help from an interpreter that is deep inside a regular expression.
"""

import contextlib
import json
import os
import resource
import signal
import sys
import time
from typing import BinaryIO

_MEMORY = 1 << 30


def _send(output: BinaryIO, answer: tuple[str | None, float] | None) -> None:
    payload = json.dumps(answer).encode()
    output.write(len(payload).to_bytes(4, "big") + payload)
    output.flush()


def main(cpu_seconds: float) -> None:
    """Serve until standard input ends; cpu_seconds is what each text may use."""
    from tracker.markup import engine

    # What a library prints must not come between the frames.
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    with contextlib.suppress(ValueError, OSError):  # macOS has the limit but not always lets set it
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    _send(output, None)
    while head := sys.stdin.buffer.read(4):
        markup, raw = json.loads(sys.stdin.buffer.read(int.from_bytes(head, "big")))
        start = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, cpu_seconds)
        try:
            html = engine.render(markup, raw)
        except Exception:  # whatever an engine raises on a text means that it can't render it
            html = None
        signal.setitimer(signal.ITIMER_PROF, 0)
        _send(output, (html, time.process_time() - start))


if __name__ == "__main__":
    main(float(sys.argv[1]))
