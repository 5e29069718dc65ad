"""Ledger transactions of the work that Celery workers do.

The row is the job and the lease is the claim: a message that is lost, doubled or late changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import and_, or_, select, update
from sqlalchemy.orm import Session

from daemon.core.records import AnsweredImage, Job, NewOutput, OutputReference, ReportInputs
from daemon.core.states import JobState, StudyEvent, StudyState, advance, advance_job
from daemon.store.cataloguing import Filed, enter
from daemon.store.database import Database
from daemon.store.inserting import insert_once
from daemon.store.schema import InstanceRow, JobRow, OutputRow, StudyRow

# Of NewOutput, as the ledger keeps them; the rest is the catalogue's.
OUTPUT_COLUMNS = (
    "sop_uid",
    "series_uid",
    "sop_class_uid",
    "kind",
    "profile",
    "marking",
    "source_sop_uid",
    "key",
    "digest",
)


class Jobs:
    """What the dispatch loop and the workers write."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def take_unsent(
        self, now: float, resend_s: float, window: int, kinds: Collection[str] = ("report", "reject", "analyse")
    ) -> list[tuple[int, str]]:
        """(id, kind) of jobs to wake a worker for, marked as sent: new ones, and those nobody took up.

        At most `window` jobs are out at a time, so that a long queue is not sent again and again while it waits.
        """
        stale = now - resend_s
        waiting = JobRow.state == JobState.QUEUED
        kind = JobRow.kind.op("||")("")  # an expression: SQLite would else go through all jobs there ever were, by kind
        due = select(JobRow).where(
            JobRow.state.in_((JobState.QUEUED, JobState.RUNNING)),
            or_(JobRow.sent_at.is_(None), JobRow.sent_at < stale),
            or_(waiting, JobRow.lease_until < now),
            kind.in_(kinds),
        )
        with self._database.read() as session:  # nearly always there is none
            if session.scalars(due.limit(1)).first() is None:
                return []
        with self._database.write() as session:
            out = len(session.scalars(select(JobRow.id).where(waiting, JobRow.sent_at >= stale).limit(window)).all())
            # Reports and rejections first: their studies have waited longest.
            first = due.order_by(kind.desc(), JobRow.id).limit(max(0, window - out))
            rows = session.scalars(first.with_for_update(skip_locked=True)).all()
            for row in rows:
                row.sent_at = now
            return [(row.id, row.kind) for row in rows]

    def unsend_all(self) -> None:
        """After a restart: nobody knows whether the messages are still there, and a second one is harmless."""
        with self._database.write() as session:
            session.execute(update(JobRow).where(JobRow.state == JobState.QUEUED).values(sent_at=None))

    def unsend(self, job_ids: Sequence[int]) -> None:
        """The broker did not take these: they are due again."""
        with self._database.write() as session:
            for row in session.scalars(select(JobRow).where(JobRow.id.in_(job_ids), JobRow.state == JobState.QUEUED)):
                row.sent_at = None

    def claim(self, job_id: int, owner: str, now: float, lease_s: float, max_attempts: int) -> Job | None:
        """The job, now under `owner`'s lease; None when there is nothing to do.

        A job whose workers were lost `max_attempts` times is FAILED here instead: it may be what kills them.
        """
        with self._database.write() as session:
            row = session.get(JobRow, job_id, with_for_update=True)
            if row is None or row.state in (JobState.DONE, JobState.SET_ASIDE, JobState.FAILED):
                return None
            if row.state == JobState.RUNNING and (row.lease_until or 0) >= now:
                return None
            if row.attempts >= max_attempts:
                row.state = advance_job(JobState(row.state), JobState.FAILED)
                row.reason = f"given up after {row.attempts} attempts: the worker was lost, or the archive had no image"
                row.finished_at = now
                if row.kind == "report":
                    _fail_report(session, row, row.reason, now)
                elif row.kind == "reject":
                    unwritten_note(session, row.study_uid, row.reason)
                return None
            row.state = advance_job(JobState(row.state), JobState.RUNNING)
            row.owner, row.lease_until, row.attempts = owner, now + lease_s, row.attempts + 1
            return Job(row.id, row.kind, row.study_uid, row.subject, row.attempts)

    def renew(self, job_id: int, owner: str, until: float) -> bool:
        """Hold a lease longer; False when it is another's by now."""
        with self._database.write() as session:
            row = held_job(session, job_id, owner)
            if row is not None:
                row.lease_until = until
            return row is not None

    def give_back(self, job_id: int, owner: str, now: float) -> None:
        """The store failed, not the job: anybody may claim it again, and this attempt does not count."""
        with self._database.write() as session:
            row = held_job(session, job_id, owner)
            if row is not None:
                row.lease_until, row.attempts = now, row.attempts - 1

    def instance(self, sop_uid: str) -> tuple[str, str]:
        """(archive key, eligibility) of one instance."""
        with self._database.read() as session:
            row = session.get_one(InstanceRow, sop_uid)
            return row.key, row.eligibility

    def finish_analysis(
        self,
        job: Job,
        owner: str,
        state: JobState,
        now: float,
        *,
        seconds: float | None = None,
        reason: str = "",
        answer: str = "",
        probability: float | None = None,
        positive: bool | None = None,
    ) -> bool:
        """Record a worker's answer about one image; False when the lease went to another meanwhile."""
        with self._database.write() as session:
            row = held_job(session, job.id, owner)
            if row is None:
                return False
            row.state = advance_job(JobState(row.state), state)
            row.reason, row.answer, row.seconds, row.finished_at = reason, answer, seconds, now
            study = session.get_one(StudyRow, job.study_uid, with_for_update=True)
            study.awaits_place = True
            if probability is not None:
                study.probability = max(probability, study.probability or 0.0)
                study.positive = bool(positive) or bool(study.positive)
            return True

    def report_inputs(self, job: Job) -> ReportInputs | None:
        """What the report is to be made of; None when an image came since (the report is not wanted any more)."""
        with self._database.read() as session:
            study = session.get_one(StudyRow, job.study_uid)
            if study.state != StudyState.ANALYSED or str(study.revision) != job.subject or study.analysed_at is None:
                return None
            rows = session.execute(
                select(InstanceRow, JobRow)
                .join(JobRow, and_(JobRow.subject == InstanceRow.sop_uid, JobRow.kind == "analyse"))
                .where(InstanceRow.study_uid == job.study_uid, JobRow.state.in_((JobState.DONE, JobState.FAILED)))
                .order_by(InstanceRow.received_at, InstanceRow.sop_uid)
            ).all()
            images = tuple(
                AnsweredImage(
                    i.sop_uid, i.key, i.digest, j.state, j.answer, j.reason, j.finished_at or study.analysed_at
                )
                for i, j in rows
            )
            return ReportInputs(
                study.study_uid,
                study.revision,
                study.analysed_at,
                images,
                self._set_aside(session, study.study_uid),
                study.withdrawals,
                self._last_documents(session, study),
            )

    @staticmethod
    def _set_aside(session: Session, study_uid: str) -> tuple[str, ...]:
        """Reasons of the header's verdict and of the picture check."""
        by_header = select(InstanceRow.reason).where(
            InstanceRow.study_uid == study_uid, InstanceRow.eligibility == "SET_ASIDE"
        )
        by_picture = select(JobRow.reason).where(
            JobRow.study_uid == study_uid, JobRow.kind == "analyse", JobRow.state == JobState.SET_ASIDE
        )
        return tuple(sorted([*session.scalars(by_header), *session.scalars(by_picture)]))

    @staticmethod
    def _last_documents(session: Session, study: StudyRow) -> dict[tuple[str, str, bool], OutputReference]:
        """The newest document of each form on the whole study; a withdrawn one is nobody's predecessor."""
        rows = session.scalars(
            select(OutputRow)
            .where(
                OutputRow.study_uid == study.study_uid,
                OutputRow.source_sop_uid == "",
                OutputRow.revision < study.revision,
                OutputRow.withdrawn.is_(False),
            )
            .order_by(OutputRow.revision)
        )
        return {(row.kind, row.profile, row.marking): reference_to(row) for row in rows}

    def finish_report(
        self, job: Job, owner: str, outputs: Sequence[NewOutput], now: float, *, delivered: bool = True
    ) -> bool:
        """Record the archived result objects of one study's revision; False when they are not wanted any more.

        delivered: whether anybody gets them; if not, a study of which nothing was analysed ends here.
        """
        with self._database.write() as session:
            row = held_job(session, job.id, owner)
            if row is None:
                return False
            row.state, row.finished_at = advance_job(JobState(row.state), JobState.DONE), now
            study = session.get_one(StudyRow, job.study_uid, with_for_update=True)
            if study.state != StudyState.ANALYSED or str(study.revision) != job.subject:
                return False
            for output in outputs:
                if not insert_output(session, output, study, now):
                    # Unchanged by the later image: the same object belongs to this revision too.
                    session.get_one(OutputRow, output.sop_uid).revision = study.revision
            study.state = advance(StudyState(study.state), StudyEvent.ENCODED)
            if study.not_analysed and not delivered:
                study.state = advance(StudyState(study.state), StudyEvent.NOT_ANALYSED)
            study.settled_at, study.awaits_place = now, True
            return True

    def fail_report(self, job: Job, owner: str, reason: str, now: float) -> None:
        """No result objects can be made of this study: say why."""
        with self._database.write() as session:
            row = held_job(session, job.id, owner)
            if row is None:
                return
            row.state = advance_job(JobState(row.state), JobState.FAILED)
            row.reason, row.finished_at = reason, now
            _fail_report(session, row, reason, now)


def held_job(session: Session, job_id: int, owner: str) -> JobRow | None:
    """The job's row, locked, if `owner` still has its lease."""
    row = session.get(JobRow, job_id, with_for_update=True)
    return row if row is not None and row.state == JobState.RUNNING and row.owner == owner else None


def unwritten_note(session: Session, study_uid: str, reason: str) -> None:
    """A rejected study says that its rejection note could not be written; `thoraxd reject` asks for it again."""
    session.execute(
        update(StudyRow)
        .where(StudyRow.study_uid == study_uid, StudyRow.state == StudyState.REJECTED)
        .values(reason=f"results withdrawn, but the rejection note could not be written: {reason}")
    )


def insert_output(session: Session, output: NewOutput, study: StudyRow, now: float) -> bool:
    """Record one result, and enter it, if an object, into the catalogue; False when it is on record already."""
    values = {name: getattr(output, name) for name in OUTPUT_COLUMNS}
    values |= {"study_uid": study.study_uid, "revision": study.revision, "created_at": now}
    if not insert_once(session, OutputRow, values):
        return False
    if output.entry is None:
        return True
    filed = Filed(
        study.study_uid,
        output.series_uid,
        output.sop_uid,
        output.sop_class_uid,
        output.transfer_syntax_uid,
        output.key,
        output.size,
        result=True,
    )
    enter(session, filed, output.entry)
    return True


def reference_to(row: OutputRow) -> OutputReference:
    """How another object refers to an archived result."""
    return OutputReference(row.sop_class_uid, row.sop_uid, row.series_uid, row.study_uid)


def _fail_report(session: Session, row: JobRow, reason: str, now: float) -> None:
    study = session.get_one(StudyRow, row.study_uid, with_for_update=True)
    if study.state == StudyState.ANALYSED and str(study.revision) == row.subject:
        study.state = advance(StudyState.ANALYSED, StudyEvent.ENCODING_FAILED)
        study.reason, study.settled_at = reason, now
