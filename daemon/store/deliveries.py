"""Ledger transactions of sending results."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import select, update

from daemon.core.records import DueDelivery
from daemon.core.states import (
    DELIVERY_TRANSITIONS,
    STUDY_TRANSITIONS,
    DeliveryState,
    JobState,
    StudyEvent,
    StudyState,
    advance,
    advance_delivery,
    advance_job,
)
from daemon.store.database import Database
from daemon.store.schema import DeliveryRow, JobRow, OutputRow, StudyRow


class Deliveries:
    """What the deliver loop and `thoraxd replay` write."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def due(self, destination: str, now: float, lease_s: float, limit: int) -> list[DueDelivery]:
        """Objects to send now, oldest first; their next_at moves `lease_s` ahead, so that nobody else takes them."""
        with self._database.write() as session:
            rows = session.execute(
                select(DeliveryRow, OutputRow)
                .join(OutputRow, OutputRow.sop_uid == DeliveryRow.sop_uid)
                .where(
                    DeliveryRow.destination == destination,
                    DeliveryRow.state == DeliveryState.PENDING,
                    DeliveryRow.next_at <= now,
                )
                .order_by(DeliveryRow.next_at, DeliveryRow.id)
                .limit(limit)
                .with_for_update(of=DeliveryRow, skip_locked=True)
            ).all()
            for row, _ in rows:
                row.next_at = now + lease_s
            return [
                DueDelivery(d.id, d.sop_uid, o.sop_class_uid, d.study_uid, o.key, o.digest, d.attempts, d.retry_since)
                for d, o in rows
            ]

    def sent(self, delivery_id: int, status: int, now: float) -> None:
        """The destination answered 0000."""
        with self._database.write() as session:
            row = session.get_one(DeliveryRow, delivery_id, with_for_update=True)
            row.state = advance_delivery(DeliveryState(row.state), DeliveryState.SENT)
            row.attempts, row.status, row.sent_at, row.reason = row.attempts + 1, status, now, ""

    def failed(self, delivery_id: int, reason: str, status: int | None, next_at: float | None) -> None:
        """This attempt did not succeed: due again at `next_at`, or, where that is None, given up."""
        with self._database.write() as session:
            row = session.get_one(DeliveryRow, delivery_id, with_for_update=True)
            to = DeliveryState.DEAD if next_at is None else DeliveryState.PENDING
            row.state = advance_delivery(DeliveryState(row.state), to)
            row.attempts, row.status, row.reason = row.attempts + 1, status, reason
            row.next_at = row.next_at if next_at is None else next_at

    def release(self, delivery_ids: Sequence[int], now: float) -> None:
        """These were claimed but not tried: they are due again."""
        if not delivery_ids:
            return
        with self._database.write() as session:
            session.execute(
                update(DeliveryRow)
                .where(DeliveryRow.id.in_(delivery_ids), DeliveryRow.state == DeliveryState.PENDING)
                .values(next_at=now)
            )

    def release_claims(self, now: float) -> None:
        """After a restart: what the last process had claimed is due at once."""
        with self._database.write() as session:
            session.execute(
                update(DeliveryRow)
                .where(DeliveryRow.state == DeliveryState.PENDING, DeliveryRow.next_at > now, DeliveryRow.attempts == 0)
                .values(next_at=now)
            )

    def bury_unknown(self, known: Collection[str]) -> int:
        """Give up what waits for a destination that the settings no longer name; how many."""
        with self._database.write() as session:
            rows = session.scalars(
                select(DeliveryRow).where(
                    DeliveryRow.state == DeliveryState.PENDING, DeliveryRow.destination.not_in(known)
                )
            ).all()
            for row in rows:
                row.state = advance_delivery(DeliveryState.PENDING, DeliveryState.DEAD)
                row.reason = "the settings name no such destination"
            return len(rows)

    def replay(self, studies: Sequence[str], destination: str | None, *, failed_only: bool, now: float) -> int:
        """Send the identical objects of these studies again; how many deliveries are due now."""
        count = 0
        for study_uid in studies:
            with self._database.write() as session:
                study = session.get(StudyRow, study_uid, with_for_update=True)
                if study is None or (study.state, StudyEvent.REPLAYED_DELIVERY) not in STUDY_TRANSITIONS:
                    continue  # unknown, or a new image is being answered, and its report replaces these results
                states = [DeliveryState.DEAD, DeliveryState.PENDING] + ([] if failed_only else [DeliveryState.SENT])
                query = select(DeliveryRow).where(DeliveryRow.study_uid == study_uid, DeliveryRow.state.in_(states))
                if destination is not None:
                    query = query.where(DeliveryRow.destination == destination)
                rows = session.scalars(query).all()
                for row in rows:
                    assert DeliveryState.PENDING in DELIVERY_TRANSITIONS[DeliveryState(row.state)]
                    row.state, row.next_at, row.retry_since, row.reason = DeliveryState.PENDING, now, now, ""
                if rows:
                    study.state = advance(StudyState(study.state), StudyEvent.REPLAYED_DELIVERY)
                    study.reason = ""
                count += len(rows)
        return count

    def replay_analysis(self, study_uid: str) -> int:
        """Ask for the analysis of this study's images again; how many jobs were queued."""
        with self._database.write() as session:
            study = session.get(StudyRow, study_uid, with_for_update=True)
            if study is None or study.state == StudyState.RECEIVED:
                return 0
            rows = session.scalars(
                select(JobRow).where(
                    JobRow.study_uid == study_uid,
                    JobRow.kind == "analyse",
                    JobRow.state.in_((JobState.DONE, JobState.SET_ASIDE, JobState.FAILED)),
                )
            ).all()
            for row in rows:
                row.state = advance_job(JobState(row.state), JobState.QUEUED)
                row.sent_at = row.finished_at = row.seconds = None
                row.attempts, row.reason, row.answer = 0, "", ""
            if rows:
                study.state = advance(StudyState(study.state), StudyEvent.REPLAYED_ANALYSIS)
                study.reason, study.probability, study.positive = "", None, None
                study.revision += 1  # a new answer is a new report that names the one before
            return len(rows)
