"""Imports and exports by a real worker, beside the raw cost of the same bytes and rows."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from http.client import HTTPResponse
from itertools import chain
from pathlib import Path
from statistics import median
from typing import NamedTuple
from urllib.request import Request, urlopen

import orjson

from bench import processes, samples, world
from bench.checkout import Checkout
from bench.pail import made
from bench.samples import Size
from bench.table import Line

_NAMES = {"zlib": "zlib", "isal": "isal, as Pail"}
_MEMORY = "< 250 MB"
_ROUNDS = 3
_BOUNDARY = "bench-bench-bench"
_CHUNK = 1 << 20
_LOOK = 0.02
_LONGEST = 240.0


def measure(checkouts: Sequence[Checkout]) -> list[Line]:
    """Both archives, in and out; of three rounds the medians, of the long archive one round."""
    return [
        *_measure(checkouts, samples.LARGE, "200 MB of files", ["isal", "isal", "isal", "zlib"]),
        *_measure(checkouts, samples.LONG, "300 MB of db-2.0.json", ["isal"]),
    ]


def _measure(checkouts: Sequence[Checkout], size: Size, what: str, rounds: list[str]) -> list[Line]:
    """rounds are the libraries of the raw work; Pail's own is done once before each."""
    archive = samples.archive(world.DATA, size)
    pail: dict[str, list[_Round]] = {each.name: [] for each in checkouts}
    raw: dict[str, list[tuple[float, float]]] = {}
    for number, library in enumerate(rounds):
        if number < _ROUNDS:
            for checkout in checkouts:
                pail[checkout.name].append(_by_worker(checkout, archive))
        raw.setdefault(library, []).append(_raw(library, archive))
    lines = []
    for name, done in pail.items():
        shown = what if len(pail) == 1 else f"{what} ({name})"
        imported, exported, in_peak, out_peak = map(median, zip(*done, strict=True))
        for library, pairs in raw.items():
            raw_import, raw_export = map(median, zip(*pairs, strict=True))
            lines += [
                _line(f"import, {shown}", imported, raw_import, library, "<= 3"),
                _line(f"export, {shown}", exported, raw_export, library, "<= 2"),
            ]
        lines += [
            Line(f"worker's peak, import, {shown}", f"{in_peak:.0f} MB", wanted=_MEMORY),
            Line(f"worker's peak, export, {shown}", f"{out_peak:.0f} MB", wanted=_MEMORY),
        ]
    return lines


class _Round(NamedTuple):
    """Seconds of an import and an export, and the worker's peaks in MB."""

    imported: float
    exported: float
    in_peak: float
    out_peak: float


def _by_worker(checkout: Checkout, archive: Path) -> _Round:
    """Both over HTTP, each by a worker of its own, so that a peak belongs to one of them."""
    with made(checkout) as (data_dir, token):
        checkout.pail(data_dir, "repo", "create", "bench/tracker")
        with checkout.web(data_dir) as (port, _):
            client = _Client(port, token)
            status = client.import_archive(archive)
            with checkout.worker(data_dir) as pid:
                imported, in_peak = client.seconds(status), processes.peak_rss(pid)
            status = client.export()
            with checkout.worker(data_dir) as pid:
                exported, out_peak = client.seconds(status), processes.peak_rss(pid)
    return _Round(imported, exported, in_peak, out_peak)


class _Client:
    """Asks for imports and exports, and how they get on."""

    def __init__(self, port: int, token: str) -> None:
        self._tracker = f"http://127.0.0.1:{port}/2.0/repositories/bench/tracker/issues"
        self._token = token

    def import_archive(self, archive: Path) -> str:
        """Upload it; the address that tells the status of the import."""
        head = (
            f"--{_BOUNDARY}\r\nContent-Disposition: form-data; "
            'name="archive"; filename="issues.zip"\r\n\r\n'
        ).encode()
        end = f"\r\n--{_BOUNDARY}--\r\n".encode()
        headers = {
            "Content-Type": f"multipart/form-data; boundary={_BOUNDARY}",
            "Content-Length": str(len(head) + archive.stat().st_size + len(end)),
        }
        address = f"{self._tracker}/import"
        with archive.open("rb") as file:
            body = chain([head], iter(partial(file.read, _CHUNK), b""), [end])
            self._ask(Request(address, body, headers, method="POST")).close()
        return address

    def export(self) -> str:
        """The address of the zip, which tells the status of the export until it is made."""
        with self._ask(Request(f"{self._tracker}/export", method="POST")) as answer:
            return str(answer.headers["Location"])

    def seconds(self, address: str) -> float:
        """How long a job took, from its start until it was settled.

        Raises RuntimeError if it fails, TimeoutError if it does not end.
        """
        start = None
        end = time.perf_counter() + _LONGEST
        while (now := time.perf_counter()) < end:
            with self._ask(Request(address)) as answer:
                is_json = answer.headers.get_content_type() == "application/json"
                status = orjson.loads(answer.read())["status"] if is_json else "SUCCESS"
            if status == "STARTED" and start is None:
                start = now
            if status == "SUCCESS" and start is not None:
                return time.perf_counter() - start
            if status == "FAILURE":
                raise RuntimeError(f"{address} failed")
            time.sleep(_LOOK)
        raise TimeoutError(address)

    def _ask(self, request: Request) -> HTTPResponse:
        request.add_header("Authorization", f"Bearer {self._token}")
        answer: HTTPResponse = urlopen(request)
        return answer


def _raw(library: str, archive: Path) -> tuple[float, float]:
    """Seconds of the raw import and export, each in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="raw-", dir=world.DATA) as folder:
        unpacked = Path(folder, "unpacked")
        unpacked.mkdir()
        seconds = []
        for verb, source, target in (
            ("import", archive, unpacked),
            ("export", unpacked, Path(folder, "raw.zip")),
        ):
            command = [sys.executable, "-m", "bench.raw", verb, library, str(source), str(target)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            seconds.append(float(done.stdout))
        return seconds[0], seconds[1]


def _line(what: str, pail: float, raw: float, library: str, wanted: str) -> Line:
    beside = f"{raw:.2f} s (raw, {_NAMES[library]})"
    return Line(what, f"{pail:.2f} s", beside, pail / raw, wanted)
