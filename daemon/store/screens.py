"""What the pages show and no other program asks for: reads only, each bounded however many studies there are."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from daemon.core.states import UNDELIVERED, DeliveryState, JobState, StudyState
from daemon.store.database import Database
from daemon.store.finding_names import FindingNames
from daemon.store.schema import DeliveryRow, InstanceRow, JobRow, StudyRow
from daemon.store.schema_feedback import FeedbackRow
from daemon.store.schema_worklist import WorkItemRow

WORK_STATES = ("SCHEDULED", "IN PROGRESS", "COMPLETED", "CANCELED")  # PS3.4 CC.1.1
_NEWEST = 100  # studies whose changes of state the worklist shows at once


@dataclass(frozen=True, slots=True)
class Film:
    """One image. findings: the detector's answer, without the heat map; None: why stands in reason."""

    sop_uid: str
    key: str
    state: str  # of its job; "" where it is not for the detector
    reason: str
    findings: Mapping[str, Any] | None
    model: Mapping[str, str]
    heat: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Glance:
    """One study in a line. findings: names of the lesions that a reader is shown."""

    study_uid: str
    state: str
    reason: str
    not_analysed: str
    revision: int
    probability: float | None
    positive: bool | None
    findings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Backlog:
    """What a destination has still to get. oldest: since when the oldest waits, seconds since the epoch, UTC."""

    pending: int
    lost: int  # dead or quarantined
    oldest: float | None
    reason: str  # of what failed last


class Screens:
    """Reads for the pages."""

    def __init__(self, database: Database) -> None:
        self._database, self._names = database, FindingNames()

    def glances(self, study_uids: Sequence[str]) -> dict[str, Glance]:
        """Studies by UID; a page of them."""
        with self._database.read() as session:
            studies = list(session.scalars(select(StudyRow).where(StudyRow.study_uid.in_(study_uids))))
            names = self._names.of(session, study_uids)
        return {
            row.study_uid: Glance(
                row.study_uid, row.state, row.reason, row.not_analysed, row.revision, row.probability, row.positive,
                names.get(row.study_uid, ()),
            )
            for row in studies
        }  # fmt: skip

    def films(self, study_uid: str) -> list[Film]:
        """The images of a study, also those that are not for the detector; in the order of arrival."""
        its = (JobRow.subject == InstanceRow.sop_uid) & (JobRow.study_uid == study_uid) & (JobRow.kind == "analyse")
        reason = func.coalesce(JobRow.reason, InstanceRow.reason)
        query = (
            select(InstanceRow.sop_uid, InstanceRow.key, JobRow.state, reason, JobRow.answer)
            .outerjoin(JobRow, its)
            .where(InstanceRow.study_uid == study_uid)
            .order_by(InstanceRow.received_at, InstanceRow.sop_uid)
        )
        with self._database.read() as session:
            return [_film(*row) for row in session.execute(query)]

    def film_key(self, study_uid: str) -> str | None:
        """Archive key of the image that stands for the study: the first that is analysed, else the first at all."""
        query = (
            select(InstanceRow.key)
            .where(InstanceRow.study_uid == study_uid)
            .order_by(InstanceRow.eligibility, InstanceRow.received_at)  # ASK_PICTURE, ELIGIBLE, SET_ASIDE
            .limit(1)
        )
        with self._database.read() as session:
            return session.scalars(query).first()

    def work_items(self, study_uids: Sequence[str]) -> dict[str, WorkItemRow]:
        """The reading work item of each study: that of its newest revision."""
        query = (
            select(WorkItemRow)
            .where(WorkItemRow.study_uid.in_(study_uids))
            .order_by(WorkItemRow.revision, WorkItemRow.created_at)
        )
        with self._database.read() as session:
            # Not a condition: SQLite would rather go through all readings than through those of these studies.
            return {row.study_uid: row for row in session.scalars(query) if row.reading}

    # What has changed

    def worklist_mark(self) -> Hashable:
        """Another value whenever the worklist may look different."""
        with self._database.read() as session:
            touched = [
                session.scalar(select(func.max(WorkItemRow.updated_at)).where(WorkItemRow.state == state))
                for state in WORK_STATES
            ]
            newest = session.execute(
                select(StudyRow.study_uid, StudyRow.state, StudyRow.revision)
                .order_by(StudyRow.received_at.desc())
                .limit(_NEWEST)
            )
            return (*touched, *map(tuple, newest))

    def study_mark(self, study_uid: str) -> Hashable:
        """Another value whenever the study's page may look different."""
        with self._database.read() as session:
            study = session.execute(
                select(StudyRow.state, StudyRow.revision, StudyRow.reason, StudyRow.withdrawals).where(
                    StudyRow.study_uid == study_uid
                )
            ).first()
            sent = session.execute(
                select(DeliveryRow.id, DeliveryRow.state, DeliveryRow.attempts).where(
                    DeliveryRow.study_uid == study_uid
                )
            )
            work = session.execute(
                select(WorkItemRow.ups_uid, WorkItemRow.state).where(WorkItemRow.study_uid == study_uid)
            )
            said = session.scalar(select(func.max(FeedbackRow.id)).where(FeedbackRow.study_uid == study_uid))
            return (tuple(study or ()), tuple(map(tuple, sent)), tuple(map(tuple, work)), said)

    # The queue

    def study_counts(self) -> dict[str, int]:
        """Studies by state."""
        with self._database.read() as session:
            counted = session.execute(select(StudyRow.state, func.count()).group_by(StudyRow.state))
            return {row.state: row[1] for row in counted}

    def jobs_open(self) -> dict[str, tuple[int, float]]:
        """(how many, since when the oldest) of jobs that are QUEUED and RUNNING."""
        query = (
            select(JobRow.state, func.count(), func.min(JobRow.created_at))
            .where(JobRow.state.in_((JobState.QUEUED, JobState.RUNNING)))
            .group_by(JobRow.state)
        )
        with self._database.read() as session:
            return {state: (count, oldest) for state, count, oldest in session.execute(query)}

    def busy_workers(self, now: float) -> int:
        """Workers that hold a lease."""
        query = select(func.count(JobRow.owner.distinct())).where(
            JobRow.state == JobState.RUNNING, JobRow.lease_until > now
        )
        with self._database.read() as session:
            return session.scalar(query) or 0

    def backlog(self, destination: str) -> Backlog:
        """What a destination has still to get."""
        here = DeliveryRow.destination == destination
        with self._database.read() as session:
            pending, oldest = session.execute(
                select(func.count(), func.min(DeliveryRow.created_at)).where(
                    here, DeliveryRow.state == DeliveryState.PENDING
                )
            ).one()
            lost = session.scalar(select(func.count()).where(here, DeliveryRow.state.in_(UNDELIVERED)))
            reason = session.scalars(
                select(DeliveryRow.reason)
                .where(here, DeliveryRow.state.in_((DeliveryState.PENDING, *UNDELIVERED)), DeliveryRow.reason != "")
                .order_by(DeliveryRow.next_at.desc())
                .limit(1)
            ).first()
        return Backlog(pending, lost or 0, oldest, reason or "")

    def failures(self, limit: int) -> list[tuple[str, str, float]]:
        """(study, reason, since when) of studies that FAILED, the newest first."""
        query = (
            select(StudyRow.study_uid, StudyRow.reason, StudyRow.last_instance_at)
            .where(StudyRow.state == StudyState.FAILED)
            .order_by(StudyRow.last_instance_at.desc())
            .limit(limit)
        )
        with self._database.read() as session:
            return [(study_uid, reason, since) for study_uid, reason, since in session.execute(query)]

    def last_model(self) -> Mapping[str, str]:
        """Identity of the model that gave the last answer; {} where there is none yet."""
        query = (
            select(JobRow.answer)
            .where(JobRow.state == JobState.DONE, JobRow.kind == "analyse")
            .order_by(JobRow.sent_at.desc())
            .limit(1)
        )
        with self._database.read() as session:
            answer = session.scalars(query).first()
        return json.loads(answer)["identity"] if answer else {}


def _film(sop_uid: str, key: str, state: str | None, reason: str, answer: str | None) -> Film:
    said = json.loads(answer) if state == JobState.DONE and answer else {}
    findings = dict(said["findings"]) if said else None
    heat = findings.pop("heat", None) if findings else None
    return Film(sop_uid, key, state or "", reason, findings, said.get("identity", {}), heat)
