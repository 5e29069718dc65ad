"""Ledger transactions of withdrawing a study's results (IHE Imaging Object Change Management)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import product

from sqlalchemy import select
from sqlalchemy.orm import Session

from daemon.core.hl7 import MESSAGES, ORU, WITHDRAWAL
from daemon.core.records import ArchivedMessage, Job, NewOutput, RejectionInputs, Wanted
from daemon.core.states import (
    STUDY_TRANSITIONS,
    DeliveryState,
    JobState,
    StudyEvent,
    StudyState,
    advance,
    advance_delivery,
    advance_job,
)
from daemon.store.cataloguing import hide
from daemon.store.database import Database
from daemon.store.jobs import held_job, insert_output, reference_to, unwritten_note
from daemon.store.schema import DeliveryRow, InstanceRow, JobRow, OutputRow, StudyRow
from daemon.store.settling import insert_delivery

REJECTION = "rejection"  # the kind of the note among the outputs
NOTES = (REJECTION, WITHDRAWAL)


class Rejections:
    """What `thoraxd reject` and the worker that writes the note record."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def reject(self, study_uid: str, reason: str, comment: str, now: float) -> str:
        """Withdraw every result of a study, and stop what is on its way; "" or why that cannot be.

        A job for the rejection note is queued in the same transaction. A study that a later image has opened again is
        answered all the same: what is withdrawn are the results so far. Where the note of the last withdrawal could
        not be written, this asks for it again.
        """
        with self._database.write() as session:
            study = session.get(StudyRow, study_uid, with_for_update=True)
            if study is None:
                return "no such study"
            if (study.state, StudyEvent.REJECTED) not in STUDY_TRANSITIONS:
                return f"a study that is {study.state} has no results to withdraw"
            outputs = session.scalars(
                select(OutputRow).where(
                    OutputRow.study_uid == study_uid, OutputRow.withdrawn.is_(False), OutputRow.kind.not_in(NOTES)
                )
            ).all()
            if not outputs:
                return "" if self._note_again(session, study, reason) else "it has no result to withdraw"
            study.state = advance(StudyState(study.state), StudyEvent.REJECTED)
            if study.state == StudyState.REJECTED:
                study.reason, study.settled_at = f"results withdrawn ({reason})", now
            study.withdrawals += 1
            study.awaits_place = True
            for output in outputs:
                output.withdrawn = True
            hide(session, study_uid, [output.sop_uid for output in outputs])
            for row in session.scalars(select(DeliveryRow).where(DeliveryRow.study_uid == study_uid)):
                if row.state in (DeliveryState.PENDING, DeliveryState.DEAD, DeliveryState.QUARANTINED):
                    row.state = advance_delivery(DeliveryState(row.state), DeliveryState.WITHDRAWN)
            told = json.dumps({"reason": reason, "comment": comment, "at": now})
            job = JobRow(kind="reject", study_uid=study_uid, subject=str(study.withdrawals), created_at=now)
            job.state, job.answer = JobState.QUEUED, told
            session.add(job)
            return ""

    @staticmethod
    def _note_again(session: Session, study: StudyRow, reason: str) -> bool:
        lost = session.scalars(
            select(JobRow).where(
                JobRow.study_uid == study.study_uid,
                JobRow.kind == "reject",
                JobRow.subject == str(study.withdrawals),
                JobRow.state == JobState.FAILED,
            )
        ).one_or_none()
        if lost is None:
            return False
        lost.state, lost.attempts, lost.sent_at, lost.reason = (
            advance_job(JobState.FAILED, JobState.QUEUED),
            0,
            None,
            "",
        )
        study.reason = f"results withdrawn ({reason})" if study.state == StudyState.REJECTED else study.reason
        return True

    def inputs(self, job: Job) -> RejectionInputs:
        """What the note is to be made of."""
        with self._database.read() as session:
            told = json.loads(session.get_one(JobRow, job.id).answer)
            images = session.scalars(
                select(InstanceRow.key)
                .where(InstanceRow.study_uid == job.study_uid, InstanceRow.eligibility != "SET_ASIDE")
                .order_by(InstanceRow.received_at)
            ).all()
            outputs = session.scalars(
                select(OutputRow)
                .where(OutputRow.study_uid == job.study_uid, OutputRow.withdrawn)
                .order_by(OutputRow.series_uid, OutputRow.sop_uid)
            ).all()
            objects = [output for output in outputs if output.kind not in MESSAGES]
            messages = sorted((output for output in outputs if output.kind == ORU), key=lambda row: row.revision)
            last = {row.marking: ArchivedMessage(row.sop_uid, row.key, row.marking) for row in messages}
            return RejectionInputs(
                study_uid=job.study_uid,
                generation=int(job.subject),
                rejected_at=told["at"],
                reason=told["reason"],
                comment=told["comment"],
                header_keys=(*images, *(output.key for output in objects)),
                withdrawn=tuple(reference_to(output) for output in objects),
                messages=tuple(last.values()),
            )

    def finish(self, job: Job, owner: str, notes: Sequence[NewOutput], wanted: tuple[Wanted, ...], now: float) -> bool:
        """Record the archived notes and send them wherever results of the study went; False when the lease is lost."""
        with self._database.write() as session:
            row = held_job(session, job.id, owner)
            if row is None:
                return False
            row.state, row.finished_at = advance_job(JobState(row.state), JobState.DONE), now
            study = session.get_one(StudyRow, job.study_uid, with_for_update=True)
            for note in notes:
                insert_output(session, note, study, now)
            reached = set(
                session.scalars(
                    select(DeliveryRow.destination).where(DeliveryRow.study_uid == job.study_uid).distinct()
                )
            )
            for want, note in product(wanted, notes):
                if want.destination in reached and _tells(note, want):
                    output = session.get_one(OutputRow, note.sop_uid)
                    insert_delivery(session, output, want.destination, want.commitment, now)
            return True

    def fail(self, job: Job, owner: str, reason: str, now: float) -> None:
        """No note can be written: the study says so."""
        with self._database.write() as session:
            row = held_job(session, job.id, owner)
            if row is None:
                return
            row.state, row.reason, row.finished_at = advance_job(JobState(row.state), JobState.FAILED), reason, now
            unwritten_note(session, job.study_uid, reason)


def _tells(note: NewOutput, want: Wanted) -> bool:
    """Whether a destination is told by this note: by an HL7 message where it gets those, else by a DICOM object."""
    if note.kind == WITHDRAWAL:
        return ORU in want.outputs and note.marking == want.marking
    return ORU not in want.outputs
