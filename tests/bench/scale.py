"""How long the pages of a ledger with 100,000 studies take, beside the same pages of one with 100.

`thoraxd serve` itself, without workers, answers over HTTP, on SQLite and on a PostgreSQL of its own; one client asks
both ledgers in turn, on connections that are kept. Times are the client's, from request to the whole answer.
"""

from __future__ import annotations

import shutil
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import httpx
import typer

from daemon.store import migrate
from tests.bench.runs import RunOption, console, end
from tests.bench.scale_rows import accession, fill, moment, patient, study_uid
from tests.support.peers.servers import postgres_server
from tests.support.system import Thoraxd

SMALL = 100
WITHIN_MS, WITHIN_RATIO = 100.0, 3.0
WARM_UP = 10

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@dataclass(frozen=True, slots=True)
class Page:
    """One page: what it is, and where; {middle} is half the ledger. scan: no index helps, each study is looked at."""

    name: str
    path: str
    accept: str = "application/dicom+json"
    scan: bool = False
    sought: str = ""  # asked for with POST, as the page's search does


@dataclass(frozen=True, slots=True)
class Times:
    """Of one page in one ledger, in milliseconds."""

    p50: float
    p95: float
    results: int | None  # data sets in the answer; None: no DICOM JSON


def pages() -> Iterator[Page]:
    """Whose studies are among the newest 100, so that they are the same in every ledger."""
    name, day = patient(40)[0], f"{moment(60):%Y%m%d}-{moment(0):%Y%m%d}"
    words, number = quote(" ".join(reversed(name.split("^")))), accession(50)
    search = "/dicom-web/studies?limit=100"
    readings = "/dicom-web/workitems?limit=50"
    yield Page("the worklist, `/`", "/", "text/html")
    yield Page("the queue, `/queue`", "/queue", "text/html")
    yield Page("the page's search by name", "/", "text/html", sought=name.replace("^", " "))
    yield Page("the page's search by Patient ID", "/", "text/html", sought=patient(40)[1])
    yield Page("the study that is read next", "/dicom-web/workitems?limit=1&00741000=SCHEDULED")
    yield Page("UPS-RS: by Patient ID", f"{readings}&PatientID={patient(40)[1]}")
    yield Page("UPS-RS: by name, `Abc*`", f"{readings}&PatientName={quote(name)}*")
    yield Page("UPS-RS: by Accession Number", f"{readings}&ReferencedRequestSequence.AccessionNumber={number}")
    yield Page("UPS-RS: by part of a name, `*bc*`", f"{readings}&PatientName=*{quote(name[3:])}*", scan=True)
    yield Page("studies: newest 100", search)
    yield Page("100 studies from the middle", f"{search}&offset={{middle}}")
    yield Page("by date range", f"{search}&StudyDate={day}")
    yield Page("by name, `Abc*`", f"{search}&PatientName={quote(name)}*")
    yield Page("by name, fuzzy", f"{search}&PatientName={words}&fuzzymatching=true")
    yield Page("by a modality that there is not", f"{search}&ModalitiesInStudy=MR")
    yield Page("by how all Patient IDs begin, `P*`", f"{search}&PatientID=P*")
    yield Page("by Accession Number", f"{search}&AccessionNumber={number}")
    yield Page("series of a study", f"/dicom-web/studies/{study_uid(50)}/series")
    yield Page("instances of a study", f"/dicom-web/studies/{study_uid(50)}/instances")
    yield Page("newest 100 series", "/dicom-web/series?limit=100")
    yield Page("newest 100 instances", "/dicom-web/instances?limit=100")
    yield Page("by part of a name, `*bc*`", f"{search}&PatientName=*{quote(name[3:])}*", scan=True)
    yield Page("by a name that nobody has, `*xyz*`", f"{search}&PatientName=*xyzxyz*", scan=True)
    yield Page("by part of an Accession Number, `*123`", f"{search}&AccessionNumber=*{number[3:]}", scan=True)


@contextmanager
def served(folder: Path, studies: int, *, postgres: bool) -> Iterator[httpx.Client]:
    """A filled ledger behind `thoraxd serve`, until the block ends."""
    settings: dict[str, dict[str, str]] = {"broker": {"url": "redis://127.0.0.1:1/0"}}  # no worker is waited for
    with ExitStack() as stack:
        if postgres:
            settings["database"] = {"url": stack.enter_context(postgres_server()).url}
        thoraxd = Thoraxd(folder, workers=0, settings=settings)
        stack.callback(thoraxd.close)
        migrate.upgrade(thoraxd.ledger.database.engine)
        fill(thoraxd.ledger.database, studies)
        thoraxd.start_daemon()
        yield stack.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{thoraxd.web_port}", timeout=60))


def measure(clients: dict[int, httpx.Client], page: Page, requests: int) -> dict[int, Times]:
    """Times by number of studies; the ledgers are asked in turn, so that what else the machine does hits them alike.

    Raises RuntimeError where a page is not answered with 200, 204 (nothing matches) or 206 (there is more).
    """
    seconds: dict[int, list[float]] = {studies: [] for studies in clients}
    results: dict[int, int | None] = {}
    for number in range(WARM_UP + requests):
        for studies, client in clients.items():
            path = page.path.format(middle=studies // 2 if studies > SMALL else 0)
            started = time.perf_counter()
            method, form = ("POST", {"q": page.sought}) if page.sought else ("GET", None)
            response = client.request(method, path, headers={"Accept": page.accept}, data=form)
            if number >= WARM_UP:
                seconds[studies].append((time.perf_counter() - started) * 1000)
            if response.status_code not in (200, 204, 206):
                raise RuntimeError(f"{page.name}: HTTP {response.status_code}")
            is_json = "json" in response.headers.get("content-type", "")
            results[studies] = len(response.json()) if is_json else None
    return {
        studies: Times(statistics.median(taken), statistics.quantiles(taken, n=20)[18], results[studies])
        for studies, taken in seconds.items()
    }


def line(page: Page, few: Times, many: Times) -> str:
    """Of the table in docs/benchmarks.md."""
    found = "" if many.results is None else f"{few.results}; {many.results}"
    times = " | ".join(f"{each.p50:.1f}, {each.p95:.1f} ms" for each in (few, many))
    return f"| {page.name} | {times} | {many.p50 / few.p50:.1f} | {found} |"


def shortfall(page: Page, few: Times, many: Times) -> bool:
    """Whether a page takes longer than it may: of one that scans, the ratio is told, not held to."""
    return many.p95 > WITHIN_MS or (not page.scan and many.p50 / few.p50 > WITHIN_RATIO)


@app.command()
def main(
    run: RunOption = Path("bench-out/scale"),
    studies: Annotated[int, typer.Option(help="in the large ledger")] = 100_000,
    requests: Annotated[int, typer.Option(help="a page")] = 50,
    postgres: Annotated[bool, typer.Option(help="also on PostgreSQL")] = True,
) -> None:
    """Every page within 100 ms (p95), and within three times its time (p50) with 100 studies."""
    if run.exists():
        shutil.rmtree(run)
    faults: list[str] = []
    for kind in ("SQLite", "PostgreSQL") if postgres else ("SQLite",):
        folder, on = run.resolve() / kind, {"postgres": kind == "PostgreSQL"}
        console.print(f"\n| {kind} | {SMALL} studies: p50, p95 | {studies}: p50, p95 | ratio | results |", markup=False)
        with served(folder / "few", SMALL, **on) as few, served(folder / "many", studies, **on) as many:
            for page in pages():
                times = measure({SMALL: few, studies: many}, page, requests)
                console.print(line(page, times[SMALL], times[studies]), markup=False, highlight=False, soft_wrap=True)
                faults += [f"{kind}: {page.name}"] if shortfall(page, times[SMALL], times[studies]) else []
    end(
        faults, f"each page within {WITHIN_MS:g} ms, and, where an index helps, within {WITHIN_RATIO:g} times {SMALL}'s"
    )


if __name__ == "__main__":
    app()
