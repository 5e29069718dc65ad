"""Ledger transactions of orders: what HL7 v2 senders said, and what it means for a study.

An order is known by its sender and its placer number, or else its filler number, accession number or Study Instance
UID; where it has several studies, by those too. The newest message counts, by its own time (MSH-7), then by arrival.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import structlog
from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from daemon.core.orders import WITHDRAWN, Order, OrderMessage
from daemon.core.priority import URGENCIES, Urgency
from daemon.store.database import Database
from daemon.store.inserting import insert_once
from daemon.store.schema import StudyRow
from daemon.store.schema_catalogue import CatalogueStudyRow
from daemon.store.schema_orders import OrderMessageRow, OrderRow

log = structlog.get_logger()

REMEMBERED_S = 30 * 86400.0  # a repetition is known for so long
_NUMBERS = ("placer_number", "filler_number", "accession_number", "study_uid")


class Orders:
    """What the order server writes, and what the priority of a reading asks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, message: OrderMessage, now: float) -> int | None:
        """Record a message's orders, durably; how many studies may have another place now.

        None: the sender has sent the same message before, and nothing was changed.
        """
        # a time ahead of ours would shut out whatever follows
        message = replace(message, message_at=min(message.message_at, now))
        with self._database.write() as session:
            if not _is_new(session, message, now):
                return None
            touched: set[str] = set()
            for order in message.orders:
                touched |= _apply(session, message, order, now)
            session.flush()
            session.execute(update(StudyRow).where(StudyRow.study_uid.in_(touched)).values(awaits_place=True))
            return len(touched)

    def urgency_of(self, study_uid: str) -> Urgency | None:
        """How urgent the orders are that a study fulfils; None where no order says."""
        with self._database.read() as session:
            return standing_urgency(session, study_uid)

    def newest(self, limit: int) -> list[dict[str, Any]]:
        """The orders that arrived last, with the study that each is for, if we have it; without patient data."""
        with self._database.read() as session:
            rows = session.scalars(select(OrderRow).order_by(OrderRow.received_at.desc()).limit(limit)).all()
            return [
                {name: getattr(row, name) for name in ("id", "received_at", "message_at", "sender")}
                | {"control": row.control, "urgency": row.urgency, "stands": row.control not in WITHDRAWN}
                | {"studies": sorted(_studies_of(session, row))}
                for row in rows
            ]


def standing_urgency(session: Session, study_uid: str) -> Urgency | None:
    """The most urgent of the orders for a study that stand: those that name it, else those of its accession number.

    An accession number links only where order and image do not name different patients.
    """
    stands = OrderRow.control.not_in(WITHDRAWN)
    orders = session.scalars(select(OrderRow).where(OrderRow.study_uid == study_uid, stands)).all()
    filed = session.get(CatalogueStudyRow, study_uid)
    if not orders and filed is not None and filed.accession_number:
        by_accession = select(OrderRow).where(OrderRow.accession_number == filed.accession_number, stands)
        orders = [row for row in session.scalars(by_accession) if _same_patient(row, filed)]
    told = {row.urgency for row in orders}
    return next((urgency for urgency in URGENCIES if urgency in told), None)


def _same_patient(row: OrderRow, filed: CatalogueStudyRow) -> bool:
    if row.patient_id and filed.patient_id and row.patient_id != filed.patient_id:
        log.warning("order.of_another_patient", study=filed.study_uid, order=row.id)
        return False
    return True


def _is_new(session: Session, message: OrderMessage, now: float) -> bool:
    """Whether this is no repetition. A sender that counts from 1 again has other content under a number."""
    session.execute(delete(OrderMessageRow).where(OrderMessageRow.received_at < now - REMEMBERED_S))
    values = {"sender": message.sender, "message_id": message.message_id, "digest": message.digest, "received_at": now}
    if insert_once(session, OrderMessageRow, values):
        return True
    known = session.get_one(OrderMessageRow, (message.sender, message.message_id), with_for_update=True)
    if known.digest == message.digest:
        return False
    known.digest, known.received_at = message.digest, now
    return True


def _apply(session: Session, message: OrderMessage, order: Order, now: float) -> set[str]:
    """Record one order; the studies that it concerns."""
    rows = list(_known(session, message.sender, order))
    for row in rows:
        if message.message_at >= row.message_at:
            for name in (*_NUMBERS, "patient_id", "urgency", "control"):
                setattr(row, name, getattr(order, name) or getattr(row, name))  # an empty field changes nothing
            row.message_id, row.message_at, row.received_at = message.message_id, message.message_at, now
    if not rows:
        told = {name: getattr(order, name) for name in (*_NUMBERS, "patient_id", "control")}
        row = OrderRow(sender=message.sender, urgency=order.urgency or "", **told)
        row.message_id, row.message_at, row.received_at = message.message_id, message.message_at, now
        session.add(row)
        session.flush()
        rows.append(row)
    return {study_uid for row in rows for study_uid in _studies_of(session, row)}


def _known(session: Session, sender: str, order: Order) -> Iterator[OrderRow]:
    """The rows of this order: of the first of its numbers that both have, and of no other study."""
    by = next((name for name in _NUMBERS if getattr(order, name)), None)
    if by is None:
        return
    same = getattr(OrderRow, by) == getattr(order, by)
    if by == "placer_number" and order.filler_number:  # first told of by the filler alone
        same = or_(same, (OrderRow.placer_number == "") & (OrderRow.filler_number == order.filler_number))
    for row in session.scalars(select(OrderRow).where(OrderRow.sender == sender, same).with_for_update()):
        if all(
            getattr(row, name) in ("", getattr(order, name)) or not getattr(order, name)
            for name in ("accession_number", "study_uid")
        ):
            yield row


def _studies_of(session: Session, row: OrderRow) -> set[str]:
    """The studies of ours that an order is for, or whose accession number it has."""
    of_accession = select(CatalogueStudyRow.study_uid).where(
        CatalogueStudyRow.accession_number == row.accession_number, CatalogueStudyRow.accession_number != ""
    )
    uids = {row.study_uid, *session.scalars(of_accession)}
    return set(session.scalars(select(StudyRow.study_uid).where(StudyRow.study_uid.in_(uids))))
