"""Ledger transactions of storage commitment as SCP: what modalities ask us to keep, and what they have been told."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from daemon.core.commitment import CommitmentRequest, Reference
from daemon.core.states import PromiseState
from daemon.store.database import Database
from daemon.store.schema import InstanceRow, OutputRow, PromiseRow

MOST_OPEN = 1000  # of one AE title
_CHUNK = 500  # values in one IN (…)


class Noted(Enum):
    """What became of a request."""

    RECORDED = auto()
    UID_IN_USE = auto()  # by another request of the same AE title
    TOO_MANY = auto()  # of this AE title are open


@dataclass(frozen=True, slots=True)
class DuePromise:
    """One result to be told now."""

    id: int
    calling_ae: str
    request: CommitmentRequest
    asked_at: float
    attempts: int  # before this one


@dataclass(frozen=True, slots=True)
class OnRecord:
    """What we have of one instance. digest: SHA-256 of the archived file, hex."""

    sop_class_uid: str
    key: str
    digest: str


class Promises:
    """What an N-ACTION and the vouch loop write."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self, request: CommitmentRequest, calling_ae: str, now: float, next_at: float) -> Noted:
        """Put a request on record, durably; its result is due at `next_at`. The same once more is due once more."""
        asked = json.dumps([[item.sop_class_uid, item.sop_uid] for item in request.references])
        with self._database.write() as session:
            row = session.scalars(
                select(PromiseRow)
                .where(PromiseRow.transaction_uid == request.transaction_uid, PromiseRow.calling_ae == calling_ae)
                .with_for_update()
            ).first()
            if row is None:
                if _open(session, calling_ae) >= MOST_OPEN:
                    return Noted.TOO_MANY
                row = PromiseRow(transaction_uid=request.transaction_uid, calling_ae=calling_ae, asked=asked)
                session.add(row)
            elif row.asked != asked:
                return Noted.UID_IN_USE
            row.state, row.reason, row.attempts = PromiseState.OPEN, "", 0
            row.asked_at, row.next_at = now, next_at
            return Noted.RECORDED

    def due(self, calling_ae: str | None, others: Collection[str], now: float, lease_s: float) -> DuePromise | None:
        """The next result to tell `calling_ae`, or, where that is None, whoever is not among `others`.

        Those never tried come first. Its next_at moves `lease_s` ahead.
        """
        whose = PromiseRow.calling_ae.not_in(others) if calling_ae is None else PromiseRow.calling_ae == calling_ae
        query = (
            select(PromiseRow)
            .where(PromiseRow.state == PromiseState.OPEN, PromiseRow.next_at <= now, whose)
            .order_by(PromiseRow.attempts, PromiseRow.next_at)
            .limit(1)
        )
        with self._database.read() as session:  # nearly always there is none
            if session.scalars(query).first() is None:
                return None
        with self._database.write() as session:
            row = session.scalars(query.with_for_update(skip_locked=True)).first()
            if row is None:
                return None
            row.next_at = now + lease_s
            references = tuple(Reference(*item) for item in json.loads(row.asked))
            request = CommitmentRequest(row.transaction_uid, references)
            return DuePromise(row.id, row.calling_ae, request, row.asked_at, row.attempts)

    def told(self, promise: DuePromise, now: float) -> None:
        """The modality has heard the result."""
        with self._database.write() as session:
            row = session.get_one(PromiseRow, promise.id, with_for_update=True)
            if row.asked_at == promise.asked_at:  # else it was asked once more meanwhile
                row.state, row.told_at, row.reason, row.attempts = PromiseState.TOLD, now, "", row.attempts + 1

    def untold(self, promise: DuePromise, why: str, next_at: float | None) -> None:
        """The modality did not hear it: due again at `next_at`, as is all that it did not hear before; or DEAD."""
        with self._database.write() as session:
            row = session.get_one(PromiseRow, promise.id, with_for_update=True)
            if row.asked_at != promise.asked_at:
                return
            row.reason, row.attempts = why, row.attempts + 1
            if next_at is None:
                row.state = PromiseState.DEAD
                return
            row.next_at = next_at
            session.execute(
                update(PromiseRow)
                .where(
                    PromiseRow.calling_ae == promise.calling_ae,
                    PromiseRow.state == PromiseState.OPEN,
                    PromiseRow.attempts > 0,
                    PromiseRow.next_at < next_at,
                )
                .values(next_at=next_at)
            )

    def on_record(self, sop_uids: Sequence[str]) -> dict[str, OnRecord]:
        """What we have of these instances, received or made by us; unknown ones are left out."""
        found: dict[str, OnRecord] = {}
        with self._database.read() as session:
            for start in range(0, len(sop_uids), _CHUNK):
                chunk = sop_uids[start : start + _CHUNK]
                for table in (OutputRow, InstanceRow):
                    columns = select(table.sop_uid, table.sop_class_uid, table.key, table.digest)
                    for sop_uid, *rest in session.execute(columns.where(table.sop_uid.in_(chunk))):
                        found[sop_uid] = OnRecord(*rest)
        return found


def _open(session: Session, calling_ae: str) -> int:
    query = select(func.count(PromiseRow.id)).where(
        PromiseRow.calling_ae == calling_ae, PromiseRow.state == PromiseState.OPEN
    )
    return session.scalar(query) or 0
