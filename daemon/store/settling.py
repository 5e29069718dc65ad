"""Ledger transactions that move studies: complete, answered, delivering, delivered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session

from daemon.core.records import Wanted
from daemon.core.states import JOB_ANSWERED, DeliveryState, JobState, StudyEvent, StudyState, advance
from daemon.store.database import Database
from daemon.store.intake import insert_once
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
            if any(job.state == JobState.DONE for job in jobs):
                study.analysed_at = now
                values: dict[str, Any] = {"kind": "report", "study_uid": study.study_uid}
                values |= {"subject": str(study.revision), "state": JobState.QUEUED, "created_at": now}
                values |= {"attempts": 0, "owner": "", "answer": "", "reason": ""}
                insert_once(session, JobRow, values)
                return StudyEvent.ALL_ANSWERED
            study.settled_at = now
            failed = sorted({job.reason for job in jobs if job.state == JobState.FAILED})
            if failed:
                study.reason = "; ".join(failed)
                return StudyEvent.ALL_FAILED
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
                select(OutputRow).where(OutputRow.study_uid == study.study_uid, OutputRow.revision == study.revision)
            ).all()
            unserved = []
            for want in wanted:
                fitting = [output for output in outputs if _wants(want, output)]
                if not fitting:
                    unserved.append(f"{want.destination}: no result was made for it, replay with --analysis makes one")
                for output in fitting:
                    values: dict[str, Any] = {"destination": want.destination, "sop_uid": output.sop_uid}
                    values |= {"study_uid": study.study_uid, "state": DeliveryState.PENDING, "attempts": 0}
                    values |= {"created_at": now, "retry_since": now, "next_at": now, "reason": ""}
                    insert_once(session, DeliveryRow, values)
            study.reason = "; ".join(unserved)  # the settings changed since the results were made
            return StudyEvent.SENDING

        return self._move(self._in_state(StudyState.REPORTED), StudyState.REPORTED, decide)

    def finish_deliveries(self, now: float) -> list[str]:
        """Studies with nothing left to send: DELIVERED, or FAILED where a delivery was given up."""

        def decide(session: Session, study: StudyRow) -> StudyEvent | None:
            counts = dict(
                session.execute(
                    select(DeliveryRow.state, func.count())
                    .where(DeliveryRow.study_uid == study.study_uid)
                    .group_by(DeliveryRow.state)
                ).all()
            )
            if counts.get(DeliveryState.PENDING):
                return None
            study.settled_at = now
            if not counts.get(DeliveryState.DEAD):
                return StudyEvent.GIVEN_UP if study.reason else StudyEvent.ALL_SENT
            dead = session.execute(
                select(DeliveryRow.destination, DeliveryRow.reason).where(
                    DeliveryRow.study_uid == study.study_uid, DeliveryRow.state == DeliveryState.DEAD
                )
            )
            given_up = {f"{destination}: {reason}" for destination, reason in dead}
            study.reason = "; ".join(sorted(given_up | {study.reason} - {""}))
            return StudyEvent.GIVEN_UP

        return self._move(
            self._in_state(
                StudyState.DELIVERING,
                ~exists().where(
                    DeliveryRow.study_uid == StudyRow.study_uid, DeliveryRow.state == DeliveryState.PENDING
                ),
            ),
            StudyState.DELIVERING,
            decide,
        )


def _wants(want: Wanted, output: OutputRow) -> bool:
    return output.kind in want.outputs and output.marking == want.marking and (output.profile in ("", want.profile))
