"""Ledger transactions of sending results."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import select, update

from daemon.core.records import DueDelivery
from daemon.core.states import (
    STUDY_TRANSITIONS,
    UNDELIVERED,
    DeliveryState,
    JobState,
    StudyEvent,
    StudyState,
    advance,
    advance_delivery,
    advance_job,
)
from daemon.store.database import Database
from daemon.store.schema import DeliveryRow, InstanceRow, JobRow, OutputRow, StudyRow


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
                DueDelivery(
                    **{
                        name: getattr(d, name)
                        for name in ("id", "sop_uid", "study_uid", "attempts", "refusals", "retry_since")
                    },
                    **{
                        name: getattr(o, name)
                        for name in ("sop_class_uid", "key", "digest", "kind", "profile", "marking")
                    },
                )
                for d, o in rows
            ]

    def image_keys(self, study_uid: str) -> list[str]:
        """Archive keys of the study's images that results may refer to."""
        with self._database.read() as session:
            wanted = InstanceRow.study_uid == study_uid, InstanceRow.eligibility != "SET_ASIDE"
            return list(session.scalars(select(InstanceRow.key).where(*wanted)))

    def sent(self, delivery_id: int, status: int, now: float, reason: str = "") -> None:
        """The destination has it; `reason` where it said more than yes."""
        with self._database.write() as session:
            row = session.get_one(DeliveryRow, delivery_id, with_for_update=True)
            if row.state != DeliveryState.WITHDRAWN:  # a person rejected it while it was on its way
                row.state = advance_delivery(DeliveryState(row.state), DeliveryState.SENT)
            row.attempts, row.status, row.sent_at, row.reason = row.attempts + 1, status, now, reason
            row.next_at = now  # where proof of arrival is wanted, it is asked for at once

    def quarantined(self, delivery_id: int, reason: str) -> None:
        """The check before sending found a fault: never sent, until a replay has it checked again."""
        with self._database.write() as session:
            row = session.get_one(DeliveryRow, delivery_id, with_for_update=True)
            if row.state != DeliveryState.WITHDRAWN:
                row.state, row.reason = advance_delivery(DeliveryState(row.state), DeliveryState.QUARANTINED), reason

    def failed(
        self, delivery_id: int, reason: str, status: int | None, next_at: float | None, *, refused: bool = False
    ) -> None:
        """This attempt did not succeed: due again at `next_at`, or, where that is None, given up.

        refused: the destination said no to this object, which counts for itself.
        """
        with self._database.write() as session:
            row = session.get_one(DeliveryRow, delivery_id, with_for_update=True)
            if row.state == DeliveryState.WITHDRAWN:
                return
            to = DeliveryState.DEAD if next_at is None else DeliveryState.PENDING
            row.state = advance_delivery(DeliveryState(row.state), to)
            row.attempts, row.status, row.reason = row.attempts + 1, status, reason
            row.refusals += refused
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
        """After a restart: what the last process had claimed is due at once, and what waited to be tried again too."""
        with self._database.write() as session:
            session.execute(
                update(DeliveryRow)
                .where(DeliveryRow.state == DeliveryState.PENDING, DeliveryRow.next_at > now)
                .values(next_at=now)
            )

    def stop_asking(self, asked: Collection[str]) -> None:
        """Proof is wanted of these destinations alone: what waits for that of another is delivered, and that is all."""
        with self._database.write() as session:
            session.execute(
                update(DeliveryRow)
                .where(
                    DeliveryRow.commitment.is_(True),
                    DeliveryRow.state == DeliveryState.SENT,
                    DeliveryRow.destination.not_in(asked),
                )
                .values(commitment=False)
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

    def replay(
        self,
        studies: Sequence[str],
        destination: str | None,
        *,
        failed_only: bool,
        now: float,
        since: float | None = None,
        until: float | None = None,
    ) -> int:
        """Send the identical objects of these studies again, but what was withdrawn; how many are due now.

        destination, since, until: only what was queued to it, in [since, until). failed_only: not what has arrived.
        """
        count = 0
        for study_uid in studies:
            with self._database.write() as session:
                study = session.get(StudyRow, study_uid, with_for_update=True)
                if study is None or (study.state, StudyEvent.REPLAYED_DELIVERY) not in STUDY_TRANSITIONS:
                    continue  # unknown, or a new image is being answered, and its report replaces these results
                again = {DeliveryState.PENDING, *UNDELIVERED}
                states = again if failed_only else again | {DeliveryState.SENT, DeliveryState.COMMITTED}
                query = (
                    select(DeliveryRow, OutputRow.revision)
                    .join(OutputRow, OutputRow.sop_uid == DeliveryRow.sop_uid)
                    .where(
                        DeliveryRow.study_uid == study_uid,
                        DeliveryRow.state.in_(states),
                        OutputRow.withdrawn.is_(False),
                    )
                )
                if destination is not None:
                    query = query.where(DeliveryRow.destination == destination)
                if since is not None:
                    query = query.where(DeliveryRow.created_at >= since)
                if until is not None:
                    query = query.where(DeliveryRow.created_at < until)
                rows = session.execute(query).all()
                for row, _ in rows:
                    row.state = advance_delivery(DeliveryState(row.state), DeliveryState.PENDING)
                    row.next_at, row.retry_since, row.reason, row.committed_at = now, now, "", None
                    row.refusals = 0
                # Objects of an older revision go again, and say nothing of this one.
                if any(revision == study.revision for _, revision in rows):
                    study.state = advance(StudyState(study.state), StudyEvent.REPLAYED_DELIVERY)
                    study.reason = "" if study.state != StudyState.REJECTED else study.reason
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
                study.reason, study.not_analysed, study.probability, study.positive = "", "", None, None
                study.revision += 1  # a new answer is a new report that names the one before
            return len(rows)


def send_unkept(study: StudyRow, row: DeliveryRow, revision: int, at: float, now: float) -> None:
    """A destination does not keep what it accepted: due again at `at`, and its study is delivered no longer.

    revision: of the object; one of an older revision says nothing of the study.
    """
    row.state = advance_delivery(DeliveryState(row.state), DeliveryState.PENDING)
    row.next_at, row.retry_since = at, now
    state = StudyState(study.state)
    if revision == study.revision and (state, StudyEvent.NOT_COMMITTED) in STUDY_TRANSITIONS:
        study.state, study.settled_at = advance(state, StudyEvent.NOT_COMMITTED), None
