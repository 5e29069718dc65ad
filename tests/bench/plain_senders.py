"""How fast the deliver loop is beside DCMTK's dcmsend: the same objects to the same healthy peer, one after the other.

storescu is no measure: it does not propose Comprehensive 3D SR (DCMTK 3.6.7).
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from rich.console import Console
from sqlalchemy import select

from daemon.core.records import Wanted
from daemon.deliver import Deliver
from daemon.dimse.scu import send
from daemon.sections import Destination, RetrySettings
from daemon.store.archive import Archive
from daemon.store.database import Database
from daemon.store.ledger import Ledger
from daemon.store.schema import DeliveryRow, OutputRow
from tests.bench.stock import copy_ledger
from tests.support.peers import dcmtk
from tests.support.peers.mishaps import read_record
from tests.support.peers.programs import free_port, listens, running
from tests.support.system import ROOT

OBJECTS = 800
WANTED = Wanted("dimse", ("sr", "gsps"), "air", True)


def environment() -> dict[str, str]:
    """Of a peer's process."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def compare_rates(stock: Path, folder: Path, console: Console) -> None:
    """Print objects a second of the deliver loop and of dcmsend, and the ratio."""
    archive = Archive(str(stock / "archive"))
    ledger = _queued(stock, folder)
    paths = _paths(ledger, archive)
    ways: dict[str, Callable[[int], object]] = {
        "deliver loop": lambda port: _by_deliver(ledger, archive, port),
        "dcmsend": lambda port: dcmtk.dcmsend(paths, port).finish(),
    }
    rates = {name: _rate(way, folder / f"{name}.jsonl", len(paths)) for name, way in ways.items()}
    ledger.close()
    mine, plain = rates.values()
    console.print(
        f"healthy peer, {len(paths)} objects: deliver loop {mine:.0f} a second, dcmsend {plain:.0f}, "
        f"ratio {mine / plain:.2f}",
        highlight=False,
    )


def _queued(stock: Path, folder: Path) -> Ledger:
    """A ledger of its own in which OBJECTS are to be sent."""
    url = f"sqlite:///{folder}/healthy.sqlite"
    copy_ledger(stock, url)
    ledger, queued = Ledger(Database(url)), 1
    while queued:
        queued = len(ledger.settling.queue_deliveries([WANTED], time.time()))
    return ledger


def _paths(ledger: Ledger, archive: Archive) -> list[Path]:
    with ledger.database.write() as session:
        rows = session.execute(
            select(DeliveryRow, OutputRow.key)
            .join(OutputRow, OutputRow.sop_uid == DeliveryRow.sop_uid)
            .order_by(DeliveryRow.id)
        ).all()
        for row, _ in rows[OBJECTS:]:
            session.delete(row)
        return [Path(archive.path(key)) for _, key in rows[:OBJECTS]]


def _rate(way: Callable[[int], object], record: Path, expected: int) -> float:
    """Objects a second of one way to a fresh healthy peer, which must have taken all of them."""
    port = free_port()
    command = [sys.executable, "-m", "tests.support.peers.failing_dimse", str(port), str(record), "0", "0"]
    with running(command, record.with_suffix(".log"), lambda: listens(port), environment=environment()):
        started = time.monotonic()
        way(port)
        seconds = time.monotonic() - started
    taken = sum(line["kept"] for line in read_record(record))
    if taken != expected:
        raise RuntimeError(f"{record.stem}: {taken} of {expected} objects arrived")
    return expected / seconds


def _by_deliver(ledger: Ledger, archive: Archive, port: int) -> None:
    there = Destination(name="dimse", ae_title="FAILING", host="127.0.0.1", port=port)
    way = partial(send, there, "THORAXD")
    loop = Deliver("dimse", way, there.timeout_s, ledger, archive, RetrySettings(), time.time)
    while not loop.turn():
        pass
