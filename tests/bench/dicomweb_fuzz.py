"""Random DICOMweb requests against a served thoraxd: nothing breaks, nothing leaks, nothing acknowledged is lost.

STOW-RS bodies with faults in them, searches, retrievals, work items, odd paths. No request may be answered with 5xx but
503 with Retry-After; memory and open files do not grow from turn to turn; the incoming folder is empty; no word of a
patient is in the log; and every instance that was acknowledged can be retrieved, whole ones byte by byte.
"""

from __future__ import annotations

import random
import shutil
import socket
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.table import Table

from tests.bench import fuzz_requests
from tests.bench.fuzz_bodies import WORD, Body, Films, valid, wrong
from tests.bench.fuzz_requests import Asked
from tests.bench.runs import RunOption, console, end
from tests.support.peers import processes
from tests.support.peers.servers import redis_server
from tests.support.system import Thoraxd

TURNS = 10  # after each of which the daemon is measured
ALLOWED_MB = 80.0  # between the least of the first and of the second half: an allocator's peaks are no leak
ALLOWED_FILES = 16
KINDS: Mapping[str, int] = {  # of a hundred requests
    "store": 12, "store, wrong": 26, "store, broken off": 2, "search": 24, "retrieve": 24, "work item": 8,
    "whatever": 4,
}  # fmt: skip
ASKED = {
    "search": fuzz_requests.search,
    "retrieve": fuzz_requests.retrieve,
    "work item": fuzz_requests.work_item,
    "whatever": fuzz_requests.whatever,
}

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@dataclass
class Run:
    """What came of all requests so far."""

    seed: int
    base: str
    port: int
    films: Films = field(default_factory=Films)
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    misses: list[str] = field(default_factory=list)
    acknowledged: dict[str, tuple[str, bytes | None]] = field(default_factory=dict)  # instance -> (url, its bytes)
    known: list[tuple[str, str, str]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def one(self, number: int, client: httpx.Client) -> None:
        """Request `number`; the same seed and number make the same request, but for what is known by then."""
        rng = random.Random(self.seed * 1_000_003 + number)
        (kind,) = rng.choices(list(KINDS), list(KINDS.values()))
        try:
            if kind == "store, broken off":
                status = _break_off(rng, valid(rng, self.films), self.port)
            elif kind in ASKED:
                status = self._ask(client, ASKED[kind](rng, self.known[-500:]))
            else:
                status = self._store(client, (valid if kind == "store" else wrong)(rng, self.films))
        except httpx.TransportError as error:
            status = type(error).__name__
            if kind in ("store", "search"):
                self.misses.append(f"request {number} ({kind}): {status}")
        with self.lock:
            self.counts[kind, status] += 1
        if status.startswith("5") and status != "503":
            self.misses.append(f"request {number} ({kind}): {status}")

    def _ask(self, client: httpx.Client, asked: Asked) -> str:
        # Path and query as they are: what httpx would mend is just what is to be sent.
        path, _, query = asked.path.partition("?")
        raw = f"/dicom-web{path}".encode("utf-8", "surrogateescape") + (b"?" + query.encode("latin-1", "replace"))
        url = httpx.URL(self.base).copy_with(raw_path=b"/dicom-web")
        request = client.build_request(asked.method, url, headers=dict(asked.headers), content=asked.content)
        request.extensions["target"] = bytes(byte for byte in raw if byte > 32)
        return self._status(client.send(request))

    def _store(self, client: httpx.Client, body: Body) -> str:
        headers = {"Content-Type": body.content_type.encode("latin-1", "replace"), **body.headers}
        response = client.post(self.base + "/dicom-web" + body.path, content=body.content, headers=headers)
        if response.headers.get("content-type") == "application/dicom+json":
            self._note(response.json(), body)
        if body.whole and not body.headers and response.status_code not in (200, 503):
            self.misses.append(f"a valid Store transaction was answered with {response.status_code}")
        return self._status(response)

    def _note(self, module: dict[str, Any], body: Body) -> None:
        for item in module.get("00081199", {}).get("Value", []):
            uid, url = item["00081155"]["Value"][0], item["00081190"]["Value"][0]
            _, study, _, series, _, instance = url.removeprefix(self.base + "/dicom-web/").split("/")
            with self.lock:
                # The first to be acknowledged is what is kept; of a body that was tampered with any bytes may be.
                self.acknowledged.setdefault(uid, (url, body.whole[uid][1] if uid in body.whole else None))
                self.known.append((study, series, instance))

    def _status(self, response: httpx.Response) -> str:
        if response.status_code == 503 and "retry-after" not in response.headers:
            self.misses.append("503 without Retry-After")
        return str(response.status_code)

    def lost(self, client: httpx.Client) -> int:
        """How many acknowledged instances cannot be had as they were sent; each is a miss."""
        lost = 0
        for url, content in self.acknowledged.values():
            got = client.get(url, headers={"Accept": "application/dicom; transfer-syntax=*"})
            if got.status_code != 200 or (content is not None and got.content != content):
                self.misses.append(f"acknowledged, and not to be had: HTTP {got.status_code}")
                lost += 1
        return lost


def _break_off(rng: random.Random, body: Body, port: int) -> str:
    """A sender that is gone in the middle, or says less than it announced."""
    head = f"POST /dicom-web/studies HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {body.content_type}\r\n"
    how = rng.choice(
        [f"Content-Length: {len(body.content)}", "Transfer-Encoding: chunked", "Content-Length: -1", "X: y"]
    )
    content = body.content[: rng.randrange(len(body.content))]
    if "chunked" in how:
        content = rng.choice([b"%x\r\n" % (len(content) + 10) + content, b"zz\r\n" + content, content])
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        try:
            connection.sendall(f"{head}{how}\r\n\r\n".encode() + content)
            if rng.random() < 0.5:
                connection.shutdown(socket.SHUT_WR)
                return connection.recv(20).decode("latin-1")[9:12] or "closed"
        except OSError as error:
            return type(error).__name__
    return "gone"


@dataclass(frozen=True)
class Size:
    """What the daemon's process has."""

    private_mb: float
    files: int

    @classmethod
    def of(cls, pid: int) -> Size:
        """Once what was asked for last has been let go."""
        time.sleep(1)
        return cls(processes.private_bytes(pid) / 1e6, len(list(Path(f"/proc/{pid}/fd").iterdir())))


@app.command()
def main(
    count: Annotated[int, typer.Option(help="how many requests")] = 20_000,
    senders: Annotated[int, typer.Option(help="at the same time")] = 4,
    seed: Annotated[int, typer.Option()] = 1,
    run: RunOption = Path("bench-out/fuzz"),
) -> None:
    """Fuzz, and say what came of it; exit 1 for any miss."""
    shutil.rmtree(run, ignore_errors=True)
    web = {"timeout_s": 5.0, "store_instance_mb": 2}
    with redis_server(run / "redis") as redis, Thoraxd(
        run / "thoraxd", workers=0, settings={"broker": {"url": redis.url}, "web": web}
    ) as thoraxd:  # fmt: skip
        fuzz = Run(seed, f"http://127.0.0.1:{thoraxd.web_port}", thoraxd.web_port)
        sizes, seconds = [], 0.0
        for turn in range(TURNS):
            seconds += _send(fuzz, range(turn * count // TURNS, (turn + 1) * count // TURNS), senders)
            sizes.append(Size.of(thoraxd.daemon_pid))
        with httpx.Client(trust_env=False, timeout=60) as client:
            if client.get(f"{fuzz.base}/health").status_code != 200:
                fuzz.misses.append("/health is not 200 at the end")
            lost = fuzz.lost(client)
        _look(fuzz, thoraxd, sizes)
    _print(fuzz)
    console.print(f"{count} requests in {seconds:.0f} s; {len(fuzz.acknowledged)} acknowledged, {lost} lost")
    console.print("private memory, MB:", *(f"{size.private_mb:.0f}" for size in sizes))
    console.print("open files:", *(str(size.files) for size in sizes))
    end(fuzz.misses, f"{count} requests: nothing broke, nothing leaked, nothing acknowledged was lost")


def _send(fuzz: Run, numbers: range, senders: int) -> float:
    began = time.monotonic()
    with ThreadPoolExecutor(senders) as pool:
        list(pool.map(lambda first: _some(fuzz, numbers[first::senders]), range(senders)))
    return time.monotonic() - began


def _some(fuzz: Run, numbers: range) -> None:
    with httpx.Client(trust_env=False, timeout=60) as client:
        for number in numbers:
            fuzz.one(number, client)


def _look(fuzz: Run, thoraxd: Thoraxd, sizes: Sequence[Size]) -> None:
    left = list(thoraxd.settings.incoming.iterdir())
    if left:
        fuzz.misses.append(f"{len(left)} files are left in the incoming folder")
    early, late = sizes[: TURNS // 2], sizes[TURNS // 2 :]
    grown = min(size.private_mb for size in late) - min(size.private_mb for size in early)
    if grown > ALLOWED_MB:
        fuzz.misses.append(f"private memory grew by {grown:.0f} MB")
    if min(size.files for size in late) - min(size.files for size in early) > ALLOWED_FILES:
        fuzz.misses.append("more and more files are open")
    text = "".join(log.read_text(errors="replace") for log in thoraxd.logs())
    if WORD.lower() in text.lower():
        fuzz.misses.append("a patient's name is in the log")
    for event in thoraxd.events("web.error") + thoraxd.events("instance.error"):
        fuzz.misses.append(f"{event['event']} in the log: {event.get('kind')} at {event.get('at')}")


def _print(fuzz: Run) -> None:
    statuses = sorted({status for _, status in fuzz.counts})
    table = Table("requests", *statuses, title="answers")
    for kind in KINDS:
        table.add_row(kind, *(str(fuzz.counts[kind, status] or "") for status in statuses))
    console.print(table)


if __name__ == "__main__":
    app()
