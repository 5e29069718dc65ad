"""Ledger transactions of storage commitment as SCU: what was asked of which destination, and what came of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple
from uuid import uuid4

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from daemon.core.commitment import (
    CommitmentRequest,
    CommitmentResult,
    Move,
    Reference,
    failure_text,
    move_of,
)
from daemon.core.states import (
    DeliveryState,
    advance_delivery,
)
from daemon.sections import RetrySettings
from daemon.store.database import Database
from daemon.store.deliveries import send_unkept
from daemon.store.schema import CommitmentReferenceRow, CommitmentRequestRow, DeliveryRow, OutputRow, StudyRow

_ABOUT = "storage commitment"  # how our reasons begin


@dataclass(frozen=True, slots=True)
class Taken:
    """What one result did: objects by committed, sent_again, given_up, nothing_new, left_out and never_asked.

    left_out: of the request, in neither of the result's lists; they are asked for again in their time. never_asked: in
    the result and not in the request; of no concern.
    """

    destination: str
    objects: Counter[str]


class Commitments:
    """What the commit loop and the arrival of a result write."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ask(
        self, destination: str, now: float, *, quiet_s: float, wait_s: float, limit: int
    ) -> CommitmentRequest | None:
        """A new transaction on what this destination has accepted and not yet proven, on record before it is sent.

        Of at most `limit` objects, the oldest first, and once nothing new has come for `quiet_s`: what is sent together
        is asked about together, after the destination had time to file it. They are not asked about again for
        `wait_s`. What was withdrawn needs no proof. None: there is nothing to ask about.
        """
        with self._database.write() as session:
            rows = session.execute(
                select(DeliveryRow, OutputRow.sop_class_uid)
                .join(OutputRow, OutputRow.sop_uid == DeliveryRow.sop_uid)
                .where(
                    DeliveryRow.commitment.is_(True),
                    DeliveryRow.destination == destination,
                    DeliveryRow.state == DeliveryState.SENT,
                    DeliveryRow.next_at <= now,
                    OutputRow.withdrawn.is_(False),
                )
                .order_by(DeliveryRow.next_at, DeliveryRow.id)
                .limit(limit)
                .with_for_update(of=DeliveryRow, skip_locked=True)
            ).all()
            if not rows or (len(rows) < limit and not _settled(rows[0][0].next_at, rows[-1][0].next_at, now, quiet_s)):
                return None
            transaction_uid = f"2.25.{uuid4().int}"
            session.add(CommitmentRequestRow(transaction_uid=transaction_uid, destination=destination, asked_at=now))
            session.flush()
            for row, _ in rows:
                session.add(CommitmentReferenceRow(transaction_uid=transaction_uid, delivery_id=row.id))
                row.next_at = now + wait_s
            return CommitmentRequest(transaction_uid, tuple(Reference(cls, row.sop_uid) for row, cls in rows))

    def unasked(self, transaction_uid: str, why: str, next_at: float) -> None:
        """The request did not reach its destination, or was not taken: due again at `next_at`."""
        with self._database.write() as session:
            session.execute(
                update(DeliveryRow)
                .where(
                    DeliveryRow.id.in_(
                        select(CommitmentReferenceRow.delivery_id).where(
                            CommitmentReferenceRow.transaction_uid == transaction_uid
                        )
                    ),
                    DeliveryRow.state == DeliveryState.SENT,
                )
                .values(next_at=next_at, reason=f"{_ABOUT}: {why}")
            )

    def give_up(self, destination: str, now: float, give_up_s: float) -> list[str]:
        """Objects that this destination accepted so long ago and never proved: DEAD; their SOP Instance UIDs."""
        with self._database.write() as session:
            rows = session.scalars(
                select(DeliveryRow)
                .join(OutputRow, OutputRow.sop_uid == DeliveryRow.sop_uid)
                .where(
                    DeliveryRow.commitment.is_(True),
                    DeliveryRow.destination == destination,
                    DeliveryRow.state == DeliveryState.SENT,
                    DeliveryRow.sent_at <= now - give_up_s,
                    OutputRow.withdrawn.is_(False),
                )
                .with_for_update(of=DeliveryRow, skip_locked=True)
            ).all()
            for row in rows:
                row.state = advance_delivery(DeliveryState.SENT, DeliveryState.DEAD)
                why = (
                    row.reason
                    if row.reason.startswith(_ABOUT)
                    else f"{_ABOUT}: no answer (does the destination know our AE title, host and port?)"
                )
                row.reason = f"{why}, given up after {give_up_s:g} s"
            return [row.sop_uid for row in rows]

    def take(self, result: CommitmentResult, retry: RetrySettings, now: float) -> Taken | None:
        """What a destination says of a transaction; None where there is no such transaction.

        The Transaction UID alone is checked: it is a random number that only its destination has been told, and a PACS
        may report under any AE title and from any address. It gives a say about the objects of that transaction at
        that destination, and of no other. The same result again changes nothing.
        """
        with self._database.read() as session:  # a stranger's reports keep nobody from writing
            request = session.get(CommitmentRequestRow, result.transaction_uid)
            if request is None:
                return None
        with self._database.write() as session:
            request = session.get_one(CommitmentRequestRow, result.transaction_uid, with_for_update=True)
            request.reported_at = now
            failures, objects = result.failures(), Counter[str]()
            for asked in _lock(session, request.transaction_uid):
                sop_uid = asked.delivery.sop_uid
                if sop_uid in failures:
                    objects[_apply(asked, failures.pop(sop_uid), retry, now)] += 1
                else:
                    objects["left_out"] += 1
            return Taken(request.destination, objects + Counter(never_asked=len(failures)))


def _settled(oldest: float, newest: float, now: float, quiet_s: float) -> bool:
    return now - newest >= quiet_s or now - oldest >= 10 * quiet_s  # where it never is quiet


class _Asked(NamedTuple):
    request: CommitmentRequestRow
    delivery: DeliveryRow
    output: OutputRow
    study: StudyRow


def _lock(session: Session, transaction_uid: str) -> list[_Asked]:
    """A transaction's objects; the studies are locked before the deliveries, as everywhere."""
    query = (
        select(CommitmentRequestRow, DeliveryRow, OutputRow, StudyRow)
        .join(CommitmentReferenceRow, CommitmentReferenceRow.transaction_uid == CommitmentRequestRow.transaction_uid)
        .join(DeliveryRow, DeliveryRow.id == CommitmentReferenceRow.delivery_id)
        .join(OutputRow, OutputRow.sop_uid == DeliveryRow.sop_uid)
        .join(StudyRow, StudyRow.study_uid == DeliveryRow.study_uid)
        .where(CommitmentRequestRow.transaction_uid == transaction_uid)
        .order_by(StudyRow.study_uid, DeliveryRow.id)
        .execution_options(populate_existing=True)
    )
    session.execute(query.with_for_update(of=StudyRow)).all()
    return [_Asked(*row) for row in session.execute(query.with_for_update(of=DeliveryRow))]


def _apply(asked: _Asked, failure: int | None, retry: RetrySettings, now: float) -> str:
    """Do what the answer about one object asks for; the name under which it counts."""
    row = asked.delivery
    move = move_of(
        DeliveryState(row.state),
        failure,
        asked_at=asked.request.asked_at,
        sent_at=row.sent_at,
        withdrawn=asked.output.withdrawn,
    )
    if move is Move.COMMIT:
        row.state = advance_delivery(DeliveryState(row.state), DeliveryState.COMMITTED)
        row.committed_at, row.reason = now, ""
        return "committed"
    if move is Move.NOTHING or failure is None:
        return "nothing_new"
    return _fail(asked, failure, retry, now)


def _fail(asked: _Asked, failure: int, retry: RetrySettings, now: float) -> str:
    """The destination does not keep this object: sent again, or given up after so many answers of that kind."""
    row, study = asked.delivery, asked.study
    row.reason, row.refusals = failure_text(failure), row.refusals + 1
    if row.refusals >= retry.refused_attempts:
        row.state = advance_delivery(DeliveryState(row.state), DeliveryState.DEAD)
        return "given_up"
    send_unkept(study, row, asked.output.revision, now + retry.wait_s(row.refusals), now)
    return "sent_again"
