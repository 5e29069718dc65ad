"""What the ledger says of each delivery against what the peers wrote down: the count, and every discrepancy."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.table import Table
from sqlalchemy import select

from daemon.store.archive import Archive
from daemon.store.ledger import Ledger
from daemon.store.schema import DeliveryRow, OutputRow
from tests.support.peers.mishaps import dataset_of, read_record


@dataclass
class Arrivals:
    """Of one destination. again: why an object went over the wire once more, by what had become of it before."""

    destination: str
    states: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)  # of dead letters
    mishaps: Counter[str] = field(default_factory=Counter)
    again: Counter[str] = field(default_factory=Counter)
    held: int = 0
    dead_yet_held: int = 0
    twice: int = 0
    misses: list[str] = field(default_factory=list)


def compare(ledger: Ledger, archive: Archive, records: Mapping[str, Path]) -> list[Arrivals]:
    """Each destination's deliveries against its peer's record."""
    with ledger.database.read() as session:
        rows = session.execute(
            select(DeliveryRow, OutputRow.key).join(OutputRow, OutputRow.sop_uid == DeliveryRow.sop_uid)
        ).all()
    found = []
    for destination, path in records.items():
        arrivals = Arrivals(destination)
        lines = read_record(path)
        deliveries = {row.sop_uid: (row, key) for row, key in rows if row.destination == destination}
        _count(arrivals, lines)
        held = {line["uid"]: line["digest"] for line in lines if line["kept"]}
        arrivals.held = len(held)
        arrivals.misses += [
            f"{uid} is at the peer and was never to go there" for uid in held.keys() - deliveries.keys()
        ]
        for uid, (row, key) in deliveries.items():
            digest = hashlib.sha256(dataset_of(archive.read(key).getvalue())).hexdigest()
            _judge(arrivals, row, held.get(uid), digest)
        for line in lines:
            if line["uid"] in held and line["digest"] != held[line["uid"]]:
                arrivals.misses.append(f"{line['uid']} came with other bytes than before")
        found.append(arrivals)
    return found


def _count(arrivals: Arrivals, lines: Sequence[Mapping[str, Any]]) -> None:
    arrivals.mishaps = Counter(line["what"] for line in lines)
    came: dict[str, list[str]] = defaultdict(list)
    for line in lines:
        if line["uid"]:
            came[line["uid"]].append(line["what"])
    for whats in came.values():
        arrivals.again.update(whats[:-1])
    kept = Counter(line["uid"] for line in lines if line["kept"])
    arrivals.misses += [f"{uid} was taken {times} times" for uid, times in kept.items() if times > 1]
    arrivals.twice = sum(len(whats) > 1 for whats in came.values())


def _judge(arrivals: Arrivals, row: DeliveryRow, held: str | None, digest: str) -> None:
    arrivals.states[row.state] += 1
    if row.state == "SENT" and held is None:
        arrivals.misses.append(f"{row.sop_uid} is SENT and not at the peer")
    if held is not None and held != digest:
        arrivals.misses.append(f"{row.sop_uid} is at the peer with other bytes than archived")
    if row.state == "DEAD":
        arrivals.reasons[row.reason] += 1
        arrivals.dead_yet_held += held is not None
        if not row.reason:
            arrivals.misses.append(f"{row.sop_uid} is DEAD without a reason")
    elif row.state != "SENT":
        arrivals.misses.append(f"{row.sop_uid} is {row.state}: {row.reason}")


def table(found: Sequence[Arrivals]) -> Table:
    """All counts, a column a destination."""
    printed = Table("", *(arrivals.destination for arrivals in found))

    def block(title: str, counters: Sequence[Counter[str]]) -> None:
        printed.add_section()
        printed.add_row(f"[b]{title}")
        for name in sorted(set().union(*counters)):
            printed.add_row(f"  {name}", *(str(counter[name] or "") for counter in counters))

    printed.add_row("deliveries", *(str(arrivals.states.total()) for arrivals in found))
    printed.add_row("objects at the peer", *(str(arrivals.held) for arrivals in found))
    printed.add_row("of these dead-lettered", *(str(arrivals.dead_yet_held) for arrivals in found))
    printed.add_row("objects on the wire more than once", *(str(arrivals.twice) for arrivals in found))
    block("in the ledger", [arrivals.states for arrivals in found])
    block("dead letters, by reason", [arrivals.reasons for arrivals in found])
    block("what the peer did", [arrivals.mishaps for arrivals in found])
    block("came again after", [arrivals.again for arrivals in found])
    return printed
