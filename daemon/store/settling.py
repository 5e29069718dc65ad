"""Ledger transactions that move studies: complete, answered, delivering, delivered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session

from daemon.core.records import Wanted
from daemon.core.states import (
    JOB_ANSWERED,
    UNDELIVERED,
    DeliveryState,
    JobState,
    StudyEvent,
    StudyState,
    advance,
)
from daemon.store.database import Database
from daemon.store.inserting import insert_once
from daemon.store.schema import DeliveryRow, InstanceRow, JobRow, OutputRow, StudyRow

BATCH = 200


class Settling:
    """What the settle and deliver loops write about studies."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def _move(
        self, studies: Iterable[str], state: StudyState, decide: Callable[[Session, StudyRow], StudyEvent | None]
    ) -> list[str]:
        """Each study still in `state` goes where `decide` says, each in a transaction of its own."""
        moved = []
        for study_uid in studies:
            with self._database.write() as session:
                study = session.get(StudyRow, study_uid, with_for_update=True)
                if study is None or study.state != state:
                    continue
                happened = decide(session, study)
                if happened is not None:
                    study.state = advance(state, happened)
                    moved.append(study_uid)
        return moved

    def _in_state(self, state: StudyState, *ready: ColumnElement[bool]) -> list[str]:
        """The oldest studies in `state` that are `ready`: those that wait must not hold up those that came later."""
        with self._database.read() as session:
            return list(
                session.scalars(
                    select(StudyRow.study_uid)
                    .where(StudyRow.state == state, *ready)
                    .order_by(StudyRow.last_instance_at)
                    .limit(BATCH)
                )
            )

    def receiving(self) -> list[tuple[str, float]]:
        """Studies that are still being received, with the time of their last instance."""
        with self._database.read() as session:
            rows = session.execute(
                select(StudyRow.study_uid, StudyRow.last_instance_at).where(StudyRow.state == StudyState.RECEIVED)
            )
            return [(uid, at) for uid, at in rows]

    def complete(self, studies: Sequence[tuple[str, float]], now: float) -> list[str]:
        """Call these studies complete, unless an instance arrived since they were looked at."""
        seen = dict(studies)

        def decide(_: Session, study: StudyRow) -> StudyEvent | None:
            if study.last_instance_at != seen[study.study_uid]:
                return None
            study.completed_at = now
            return StudyEvent.COMPLETED

        return self._move(seen, StudyState.RECEIVED, decide)

    def close_answered(self, now: float) -> list[str]:
        """Studies all of whose images are answered: to ANALYSED (with a report to be made), SET_ASIDE or FAILED."""

        def decide(session: Session, study: StudyRow) -> StudyEvent | None:
            jobs = session.scalars(
                select(JobRow).where(JobRow.study_uid == study.study_uid, JobRow.kind == "analyse")
            ).all()
            if any(job.state not in JOB_ANSWERED for job in jobs):
                return None
            failed = sorted({job.reason for job in jobs if job.state == JobState.FAILED})
            done = any(job.state == JobState.DONE for job in jobs)
            if done or failed:
                study.analysed_at = now
                study.not_analysed = study.reason = "" if done else "; ".join(failed)
                _queue_report(session, study, now)
                return StudyEvent.ALL_ANSWERED if done else StudyEvent.ALL_FAILED
            study.settled_at = now
            reasons = session.scalars(
                select(InstanceRow.reason).where(InstanceRow.study_uid == study.study_uid, InstanceRow.reason != "")
            )
            study.reason = "; ".join(sorted({*reasons, *(job.reason for job in jobs)} - {""}))
            return StudyEvent.NOTHING_ELIGIBLE

        return self._move(
            self._in_state(
                StudyState.ANALYSING,
                ~exists().where(
                    JobRow.study_uid == StudyRow.study_uid,
                    JobRow.kind == "analyse",
                    JobRow.state.not_in(JOB_ANSWERED),
                ),
            ),
            StudyState.ANALYSING,
            decide,
        )

    def queue_deliveries(self, wanted: Sequence[Wanted], now: float) -> list[str]:
        """Reported studies get one delivery per destination and object it wants; objects sent before stay sent."""
        if not wanted:
            return []

        def decide(session: Session, study: StudyRow) -> StudyEvent | None:
            outputs = session.scalars(
                select(OutputRow).where(
                    OutputRow.study_uid == study.study_uid,
                    OutputRow.revision == study.revision,
                    OutputRow.withdrawn.is_(False),
                )
            ).all()
            unserved = []
            for want in wanted:
                fitting = [output for output in outputs if _wants(want, output)]
                for output in fitting:
                    insert_delivery(session, output, want.destination, want.commitment, now)
                if not fitting and not _may_have_nothing(want):
                    unserved.append(f"{want.destination}: no result was made for it, replay with --analysis makes one")
            study.reason, study.unserved = "", "; ".join(unserved)  # the settings changed since the results were made
            return StudyEvent.SENDING

        return self._move(self._in_state(StudyState.REPORTED), StudyState.REPORTED, decide)

    def finish_deliveries(self, now: float) -> list[str]:
        """Studies with nothing of this revision left to send: DELIVERED, or FAILED where something was given up."""

        def decide(session: Session, study: StudyRow) -> StudyEvent | None:
            of_revision = _deliveries_of_revision(session, study)
            if any(row.state == DeliveryState.PENDING for row in of_revision):
                return None
            study.settled_at = now
            failures = _given_up(of_revision) | ({study.unserved, study.not_analysed} - {""})
            study.reason = "; ".join(sorted(failures))
            study.awaits_proof = not failures and any(row.commitment for row in of_revision)
            return StudyEvent.GIVEN_UP if failures else StudyEvent.ALL_SENT

        return self._move(
            self._in_state(
                StudyState.DELIVERING,
                ~exists().where(
                    DeliveryRow.study_uid == StudyRow.study_uid,
                    DeliveryRow.state == DeliveryState.PENDING,
                    DeliveryRow.sop_uid == OutputRow.sop_uid,
                    OutputRow.revision == StudyRow.revision,
                ),
            ),
            StudyState.DELIVERING,
            decide,
        )

    def finish_commitments(self, now: float) -> list[str]:
        """Delivered studies whose every proof of arrival is in: COMMITTED; FAILED where one was given up."""

        def decide(session: Session, study: StudyRow) -> StudyEvent | None:
            of_revision = _deliveries_of_revision(session, study)
            failures = _given_up(of_revision)
            if failures:
                study.settled_at, study.reason, study.awaits_proof = now, "; ".join(sorted(failures)), False
                return StudyEvent.GIVEN_UP
            asked = [row for row in of_revision if row.commitment]
            if any(row.state != DeliveryState.COMMITTED for row in asked):
                return None
            if not asked:  # nobody is asked any more: the settings changed
                study.awaits_proof = False
                return None
            study.settled_at, study.awaits_proof = now, False
            return StudyEvent.ALL_COMMITTED

        answered = ~exists().where(
            DeliveryRow.study_uid == StudyRow.study_uid,
            DeliveryRow.commitment,
            DeliveryRow.state == DeliveryState.SENT,
            DeliveryRow.sop_uid == OutputRow.sop_uid,
            OutputRow.revision == StudyRow.revision,
        )
        given_up = exists().where(
            DeliveryRow.study_uid == StudyRow.study_uid,
            DeliveryRow.state.in_(UNDELIVERED),
            DeliveryRow.sop_uid == OutputRow.sop_uid,
            OutputRow.revision == StudyRow.revision,
        )
        waiting = StudyRow.awaits_proof.is_(True)
        return self._move(
            self._in_state(StudyState.DELIVERED, waiting, answered | given_up), StudyState.DELIVERED, decide
        )


def insert_delivery(session: Session, output: OutputRow, destination: str, commitment: bool, now: float) -> None:
    """One object on its way to one destination, unless it is or was already."""
    values: dict[str, Any] = {"destination": destination, "sop_uid": output.sop_uid, "study_uid": output.study_uid}
    values |= {"state": DeliveryState.PENDING, "attempts": 0, "reason": "", "commitment": commitment}
    values |= {"created_at": now, "retry_since": now, "next_at": now}
    insert_once(session, DeliveryRow, values)


def _queue_report(session: Session, study: StudyRow, now: float) -> None:
    values: dict[str, Any] = {"kind": "report", "study_uid": study.study_uid, "subject": str(study.revision)}
    values |= {"state": JobState.QUEUED, "created_at": now, "attempts": 0, "owner": "", "answer": "", "reason": ""}
    insert_once(session, JobRow, values)


def _deliveries_of_revision(session: Session, study: StudyRow) -> Sequence[DeliveryRow]:
    """What an older revision still waits for, or lost, is no news about this one."""
    return session.scalars(
        select(DeliveryRow)
        .join(OutputRow, OutputRow.sop_uid == DeliveryRow.sop_uid)
        .where(DeliveryRow.study_uid == study.study_uid, OutputRow.revision == study.revision)
    ).all()


def _given_up(rows: Sequence[DeliveryRow]) -> set[str]:
    return {f"{row.destination}: {row.reason}" for row in rows if row.state in UNDELIVERED}


# Forms that say nothing of a negative study, or of one without an image that could be read (worker/encode).
_OPTIONAL = frozenset({"gsps", "kos", "parametric-map"})


def _may_have_nothing(want: Wanted) -> bool:
    return set(want.outputs) <= _OPTIONAL


def _wants(want: Wanted, output: OutputRow) -> bool:
    return output.kind in want.outputs and output.marking == want.marking and (output.profile in ("", want.profile))
