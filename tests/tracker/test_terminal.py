"""What is printed and logged: lines of ours, whatever they quote."""

import io
import logging
import sys

import pytest

from tests.texts import LONE, SHOWN, STEERING
from tracker.terminal import log_handler, say


def test_a_line_is_a_line_and_a_cell_a_cell(capsys: pytest.CaptureFixture[str]) -> None:
    say("one", None, 3, STEERING, LONE)
    say("wrong", err=True)
    out, err = capsys.readouterr()
    assert out == f"one\t\t3\t{SHOWN}\t\\ud800\n"
    assert err == "wrong\n"


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("ascii", rb"\u043e\xe9"),
        ("latin-1", b"\\u043e\xe9"),
        ("koi8-r", b"\xcf\\xe9"),
        ("utf-8", "\u043e\xe9".encode()),
    ],
)
def test_what_an_encoding_lacks_is_escaped(
    encoding: str, shown: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding))
    say("\u043e\xe9")
    assert written.getvalue() == shown + b"\n"


def test_nobody_listens_to_a_closed_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    say("into the void")


def _logged(monkeypatch: pytest.MonkeyPatch, error: BaseException | None = None) -> str:
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    log = logging.Logger("a test's")
    log.addHandler(log_handler("%(levelname)s %(message)s"))
    log.warning("failed: %s", STEERING, exc_info=error)
    return written.getvalue()


def test_a_record_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _logged(monkeypatch) == f"WARNING failed: {SHOWN}\n"


def test_a_traceback_can_not_be_taken_for_a_record(monkeypatch: pytest.MonkeyPatch) -> None:
    error = ValueError(f"{LONE}\nERROR forged \x1b[31m")
    first, *others = _logged(monkeypatch, error).splitlines()
    assert first == f"WARNING failed: {SHOWN}"
    assert others == [r"  ValueError: \ud800", r"  ERROR forged \x1b[31m"]
