"""Ledger transactions of UPS event reports: kept from the change that they tell of until their receiver has heard."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from pydicom import Dataset
from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from daemon.core.ups import GLOBAL
from daemon.core.ups_events import SCP_STATUS_CHANGE, UpsEvent, scp_status_change
from daemon.core.ups_json import from_text, to_text
from daemon.store.database import Database
from daemon.store.schema_worklist import SubscriptionRow, UpsEventRow


@dataclass(frozen=True, slots=True)
class DueEvent:
    """One event to be told now."""

    id: int
    receiver: str
    ups_uid: str
    type: int
    information: Dataset
    attempts: int  # before this one
    created_at: float


def tell(session: Session, receivers: Collection[str], ups_uid: str, events: Iterable[UpsEvent], now: float) -> None:
    """Put the events on record for each receiver, in their order, within the transaction that they tell of."""
    rows = [
        {
            "receiver": receiver,
            "ups_uid": ups_uid,
            "event_type": event.type,
            "information": information,
            "attempts": 0,
            "next_at": now,
            "created_at": now,
        }
        for event, information in ((event, to_text(event.information)) for event in (events if receivers else ()))
        for receiver in sorted(receivers)
    ]
    if rows:
        session.execute(insert(UpsEventRow), rows)


class UpsEvents:
    """What those who tell events read and write. One at a time tells a receiver."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def due(self, receiver: str, now: float, limit: int) -> list[DueEvent]:
        """The next events of a receiver, in order; none while the first of them is not due."""
        query = select(UpsEventRow).where(UpsEventRow.receiver == receiver).order_by(UpsEventRow.id).limit(limit)
        with self._database.read() as session:
            rows = session.scalars(query).all()
        return [_due(row) for row in rows] if rows and rows[0].next_at <= now else []

    def told(self, ids: Collection[int]) -> None:
        """Their receiver has heard these."""
        with self._database.write() as session:
            session.execute(delete(UpsEventRow).where(UpsEventRow.id.in_(ids)))

    def untold(self, event_id: int, next_at: float) -> None:
        """Its receiver has not heard this one, nor those after it: due again at `next_at`."""
        with self._database.write() as session:
            session.execute(
                update(UpsEventRow)
                .where(UpsEventRow.id == event_id)
                .values(next_at=next_at, attempts=UpsEventRow.attempts + 1)
            )

    def drop(self, before: float) -> dict[str, int]:
        """Give up what has waited since then; how many, by receiver."""
        dropped: dict[str, int] = {}
        with self._database.write() as session:
            old = delete(UpsEventRow).where(UpsEventRow.created_at < before).returning(UpsEventRow.receiver)
            for receiver in session.scalars(old):
                dropped[receiver] = dropped.get(receiver, 0) + 1
        return dropped

    def tell_all(self, status: str, now: float) -> int:
        """SCP Status Change to every subscriber that is not about to hear one anyway; to how many."""
        with self._database.write() as session:
            waiting = select(UpsEventRow.receiver).where(UpsEventRow.event_type == SCP_STATUS_CHANGE)
            subscribers = select(SubscriptionRow.receiver).where(SubscriptionRow.receiver.not_in(waiting)).distinct()
            receivers = session.scalars(subscribers).all()
            tell(session, receivers, GLOBAL, [scp_status_change(status)], now)
        return len(receivers)


def _due(row: UpsEventRow) -> DueEvent:
    information = from_text(row.information)
    return DueEvent(row.id, row.receiver, row.ups_uid, row.event_type, information, row.attempts, row.created_at)
