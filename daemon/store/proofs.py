"""Ledger transactions of proving, by a search, that a destination keeps what it was sent."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from daemon.core.records import SentObject
from daemon.core.states import DeliveryState, advance_delivery
from daemon.store.database import Database
from daemon.store.deliveries import send_unkept
from daemon.store.schema import DeliveryRow, OutputRow, StudyRow


class Proofs:
    """What the prove loop reads and writes. Each write does nothing to a delivery that is SENT no more."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def due(self, destination: str, now: float, limit: int) -> list[SentObject]:
        """Objects that were sent and shall be looked for now, the longest due first; none that was withdrawn."""
        with self._database.read() as session:
            rows = session.execute(
                select(DeliveryRow, OutputRow.series_uid)
                .join(OutputRow, OutputRow.sop_uid == DeliveryRow.sop_uid)
                .where(
                    DeliveryRow.destination == destination,
                    DeliveryRow.state == DeliveryState.SENT,
                    DeliveryRow.commitment,
                    DeliveryRow.next_at <= now,
                    OutputRow.withdrawn.is_(False),
                )
                .order_by(DeliveryRow.next_at, DeliveryRow.id)
                .limit(limit)
            )
            return [
                SentObject(row.id, row.study_uid, series_uid, row.sop_uid, row.refusals, row.sent_at or now)
                for row, series_uid in rows
            ]

    def proven(self, delivery_id: int, now: float) -> None:
        """The destination shows the object."""
        with self._database.write() as session:
            row = _sent(session, delivery_id)
            if row is not None:
                row.state = advance_delivery(DeliveryState.SENT, DeliveryState.COMMITTED)
                row.committed_at, row.reason = now, ""

    def look_again(self, delivery_id: int, at: float, reason: str) -> None:
        """No proof yet, and no reason to send the object again."""
        with self._database.write() as session:
            row = _sent(session, delivery_id)
            if row is not None:
                row.next_at, row.reason = at, reason

    def send_again(self, sent: SentObject, now: float, reason: str) -> None:
        """The destination does not have it: to be sent once more, and its study is delivered no longer."""
        with self._database.write() as session:
            study = session.get_one(
                StudyRow, sent.study_uid, with_for_update=True
            )  # before the delivery, as everywhere
            row = _sent(session, sent.id)
            if row is None:
                return
            row.reason, row.refusals = reason, row.refusals + 1
            send_unkept(study, row, session.get_one(OutputRow, row.sop_uid).revision, now, now)

    def given_up(self, delivery_id: int, reason: str) -> None:
        """No proof came in time."""
        with self._database.write() as session:
            row = _sent(session, delivery_id)
            if row is not None:
                row.state, row.reason = advance_delivery(DeliveryState.SENT, DeliveryState.DEAD), reason


def _sent(session: Session, delivery_id: int) -> DeliveryRow | None:
    """The delivery, locked; None where it was replayed, or its object withdrawn, since it was looked at."""
    row = session.get_one(DeliveryRow, delivery_id, with_for_update=True)
    if row.state != DeliveryState.SENT or session.get_one(OutputRow, row.sop_uid).withdrawn:
        return None
    return row
