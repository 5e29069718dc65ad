"""10,000 deliveries to peers that fail at random, by a daemon that is killed now and then.

A DIMSE and a STOW-RS peer, each a process of its own, refuse connections and associations, abort and close anywhere,
answer with failures and warnings, keep objects without saying so, and fall silent (tests/support/peers/failing_*.py).
They write down what came. In the end every object is at its peer once, with the archived bytes, and SENT in the ledger,
or it is DEAD there with its reason.
"""

from __future__ import annotations

import random
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy import func, select

from daemon.core.log import configure
from daemon.store.archive import Archive
from daemon.store.schema import DeliveryRow, StudyRow
from tests.bench.arrivals import Arrivals, compare, table
from tests.bench.plain_senders import compare_rates, environment
from tests.bench.runs import RunOption, console, end
from tests.bench.stock import copy_ledger, prepare
from tests.support.peers import processes
from tests.support.peers.programs import free_port, listens, running
from tests.support.peers.servers import postgres_server
from tests.support.system import Thoraxd

RETRY = {"first_s": 0.2, "factor": 1.5, "longest_s": 2.0, "give_up_s": 900.0, "refused_attempts": 5}
TIMEOUT_S = 2.0
NOBODY = "redis://127.0.0.1:1/0"  # no worker is needed
PATIENCE_S = 900.0

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def destinations(ports: Mapping[str, int]) -> list[dict[str, Any]]:
    """Two that want different objects of each study, two of each kind: none is delivered twice."""
    dimse = {"name": "dimse", "ae_title": "FAILING", "host": "127.0.0.1", "port": ports["dimse"]}
    stow = {"name": "stow", "kind": "stow", "url": f"http://127.0.0.1:{ports['stow']}/dicom-web"}
    return [
        dimse | {"timeout_s": TIMEOUT_S},
        stow | {"timeout_s": TIMEOUT_S, "profile": "ohif", "marking": False},
    ]


@dataclass(frozen=True, slots=True)
class Run:
    """What is asked of one run. kills: of the daemon. trouble: scales every chance of a mishap."""

    folder: Path
    stock: Path
    studies: int
    seed: int
    kills: int
    trouble: float = 1.0
    postgres: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it. seconds: from the daemon's first start to the last delivery's end."""

    arrivals: list[Arrivals]
    seconds: float
    kills: int

    @property
    def misses(self) -> list[str]:
        """All discrepancies."""
        return [f"{arrivals.destination}: {miss}" for arrivals in self.arrivals for miss in arrivals.misses]


def deliver(run: Run) -> Outcome:
    """Stock up, deliver, compare."""
    ports = {"dimse": free_port(), "stow": free_port()}
    there = destinations(ports)
    prepare(run.stock, run.studies, there)
    shutil.rmtree(run.folder, ignore_errors=True)
    run.folder.mkdir(parents=True)
    records = {name: run.folder / f"{name}.jsonl" for name in ports}
    with ExitStack() as stack:
        for name, port in ports.items():
            stack.enter_context(_peer(name, port, records[name], run))
        database = stack.enter_context(postgres_server()).url if run.postgres else ""
        system = Thoraxd(
            run.folder / "thoraxd",
            destinations=there,
            workers=0,
            settings={
                "broker": {"url": NOBODY},
                "retry": RETRY,
                "database": {"url": database},
                "archive": {"url": str(run.stock / "archive")},
                "log": {"format": "json", "level": "warning"},
            },
        )
        copy_ledger(run.stock, system.settings.database_url)
        stack.callback(system.close)
        started = time.monotonic()
        system.start()
        kills = _until_settled(system, run)
        seconds = time.monotonic() - started
        system.stop()
        return Outcome(compare(system.ledger, Archive(system.settings.archive_url), records), seconds, kills)


@contextmanager
def _peer(name: str, port: int, record: Path, run: Run) -> Iterator[None]:
    module = f"tests.support.peers.failing_{name}"
    command = [sys.executable, "-m", module, str(port), str(record), str(run.seed), str(run.trouble)]
    with running(command, run.folder / f"{name}.log", lambda: listens(port), environment=environment()):
        yield


def _until_settled(system: Thoraxd, run: Run) -> int:
    """Wait until nothing is left to send; meanwhile kill and start the daemon `kills` times, spread over the work."""
    chance, kills, deadline = random.Random(run.seed), 0, time.monotonic() + PATIENCE_S
    expected = run.studies * 4
    moments = sorted(chance.uniform(0.05, 0.9) for _ in range(run.kills))
    while (done := _done(system)) < expected:
        if time.monotonic() > deadline:
            console.print(f"{expected - done} deliveries are still pending after {PATIENCE_S:.0f} s")
            break
        if not processes.command(system.daemon_pid):
            raise RuntimeError(f"the daemon ended:\n{system.log.read_text()[-2000:]}")
        if kills < run.kills and done / expected >= moments[kills]:
            system.kill_daemon()
            kills += 1
            system.start_daemon(wait=False)
        time.sleep(0.2)
    return kills


def _done(system: Thoraxd) -> int:
    """Deliveries that wait for nothing any more, as soon as all of them are queued; before that none."""
    with system.ledger.database.read() as session:
        if session.scalar(select(func.count()).where(StudyRow.state == "REPORTED")):
            return 0
        return session.scalar(select(func.count()).where(DeliveryRow.state != "PENDING")) or 0


@app.command()
def main(
    folder: RunOption = Path("bench-out/deliveries"),
    stock: Annotated[Path, typer.Option(help="where the result objects are made, or were")] = Path("bench-out/stock"),
    studies: Annotated[int, typer.Option(help="four deliveries each")] = 2500,
    seed: Annotated[int, typer.Option(help="of what the peers do and when the daemon is killed")] = 7,
    kills: Annotated[int, typer.Option(help="of the daemon, -9")] = 6,
    postgres: Annotated[bool, typer.Option("--postgres", help="the ledger on PostgreSQL")] = False,
) -> None:
    """Every object arrives exactly once or is dead-lettered with its reason."""
    configure("error", "text")
    run = Run(folder.resolve(), stock.resolve(), studies, seed, kills, postgres=postgres)
    outcome = deliver(run)
    console.print(table(outcome.arrivals))
    total = sum(arrivals.states.total() for arrivals in outcome.arrivals)
    rate = total / outcome.seconds
    console.print(
        f"{total} deliveries in {outcome.seconds:.0f} s, {rate:.0f} a second; daemon killed {outcome.kills} times",
        highlight=False,
    )
    compare_rates(run.stock, run.folder, console)
    misses = outcome.misses + ([] if total == studies * 4 else [f"{total} deliveries, not {studies * 4}"])
    end(misses, f"every object arrived exactly once or is dead-lettered with its reason (seed {seed})")


if __name__ == "__main__":
    app()
