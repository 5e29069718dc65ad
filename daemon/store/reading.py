"""Ledger transactions of the reading worklist: its rows in reading order, and whose place is to be decided anew."""

from __future__ import annotations

import heapq
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from sqlalchemy import Select, func, select, tuple_, update
from sqlalchemy.orm import Session

from daemon.core.hl7 import MESSAGES
from daemon.core.priority import Facts
from daemon.core.reading_item import ReadingReference
from daemon.core.states import JobState, StudyState
from daemon.store.database import Database
from daemon.store.orders import standing_urgency
from daemon.store.schema import InstanceRow, JobRow, OutputRow, StudyRow
from daemon.store.schema_catalogue import CatalogueStudyRow
from daemon.store.schema_worklist import WorkItemRow

OPEN = ("SCHEDULED", "IN PROGRESS")  # Procedure Step State, PS3.4 CC.1.1
Place = tuple[float, str]  # (due_at, ups_uid): where in the list an item stands


@dataclass(frozen=True, slots=True)
class ReadingRow:
    """One line of the reading worklist. Times: seconds since the epoch, UTC; catalogue values are "" where unknown."""

    ups_uid: str
    study_uid: str
    revision: int
    state: str  # Procedure Step State
    priority: str  # HIGH | MEDIUM | LOW
    label: str  # why it stands where it stands
    due_at: float
    arrived_at: float
    updated_at: float  # of one that is completed: when it was read
    probability: float | None  # triage probability 0..1; None: not analysed
    positive: bool | None
    findings: tuple[str, ...]  # names of what the detector suspects, the most urgent first
    study_state: str
    patient_name: str
    patient_id: str
    accession_number: str
    study_description: str
    study_date: str
    study_time: str

    @property
    def place(self) -> Place:
        """Where it stands: `after` of the next page."""
        return self.due_at, self.ups_uid

    def waiting_s(self, now: float) -> float:
        """How long it waits."""
        return max(0.0, now - self.arrived_at)


@dataclass(frozen=True, slots=True)
class ToPlace:
    """All that decides a study's place, and what its work item refers to."""

    study_uid: str
    revision: int
    facts: Facts
    listed: bool  # whether it has a work item
    unread: bool  # none that is completed or canceled: a place is of use
    inputs: tuple[ReadingReference, ...]
    outputs: tuple[ReadingReference, ...]


class Reading:
    """What the priority loop writes, and what shows the list reads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, states: Collection[str] = OPEN, limit: int = 50, after: Place | None = None) -> list[ReadingRow]:
        """At most `limit` lines in reading order, of items in these Procedure Step States, behind the place `after`."""
        with self._database.read() as session:
            # One walk along the index a state: no database merges them by itself.
            walks = [session.execute(_walk(state, limit, after)).all() for state in set(states)]
        return [_line(row) for row in heapq.nsmallest(limit, chain(*walks), key=lambda row: (row.due_at, row.ups_uid))]

    def finished(self, limit: int = 50, after: Place | None = None) -> list[ReadingRow]:
        """At most `limit` lines of what is read, the last read first; after: (updated_at, ups_uid) of a line."""
        place = (WorkItemRow.updated_at, WorkItemRow.ups_uid)
        query = _lines("COMPLETED").order_by(*(column.desc() for column in place)).limit(limit)
        if after is not None:
            query = query.where(tuple_(*place) < tuple_(*after))
        with self._database.read() as session:
            return [_line(row) for row in session.execute(query)]

    def counts(self) -> dict[str, int]:
        """How many readings are open, by Procedure Step State."""
        counted = select(WorkItemRow.state, func.count()).where(WorkItemRow.reading, WorkItemRow.state.in_(OPEN))
        with self._database.read() as session:
            found = {row.state: row[1] for row in session.execute(counted.group_by(WorkItemRow.state))}
        return {state: found.get(state, 0) for state in OPEN}

    def awaiting(self, limit: int) -> list[str]:
        """Studies whose place is to be decided."""
        with self._database.read() as session:
            return list(session.scalars(select(StudyRow.study_uid).where(StudyRow.awaits_place).limit(limit)))

    def to_place(self, study_uid: str) -> ToPlace | None:
        """All that decides a study's place; None where there is no such study."""
        with self._database.read() as session:
            study = session.get(StudyRow, study_uid)
            return None if study is None else _to_place(session, study)

    def placed(self, decided: ToPlace, findings: Sequence[str]) -> bool:
        """The place is decided, and for what findings; False, and decided anew, if anything has changed since."""
        with self._database.write() as session:
            study = session.get_one(StudyRow, decided.study_uid, with_for_update=True)
            if replace(_to_place(session, study), listed=decided.listed) != decided:
                return False
            study.awaits_place, study.findings = False, "\n".join(findings)
            return True

    def reconsider_overdue(self, since: float, now: float) -> None:
        """Decide anew the places of those that fell due in (since, now] and wait below the highest priority."""
        overdue = select(WorkItemRow.study_uid).where(
            WorkItemRow.reading,
            WorkItemRow.state == "SCHEDULED",
            WorkItemRow.due_at > since,
            WorkItemRow.due_at <= now,
            WorkItemRow.priority != "HIGH",
        )
        with self._database.write() as session:
            session.execute(update(StudyRow).where(StudyRow.study_uid.in_(overdue)).values(awaits_place=True))


_COLUMNS = (
    WorkItemRow.ups_uid,
    WorkItemRow.study_uid,
    WorkItemRow.revision,
    WorkItemRow.state,
    WorkItemRow.priority,
    WorkItemRow.label,
    WorkItemRow.due_at,
    WorkItemRow.arrived_at,
    WorkItemRow.updated_at,
    StudyRow.probability,
    StudyRow.positive,
    StudyRow.findings,
    StudyRow.state.label("study_state"),
    *(
        func.coalesce(column, "").label(column.key)
        for column in (
            CatalogueStudyRow.patient_name,
            CatalogueStudyRow.patient_id,
            CatalogueStudyRow.accession_number,
            CatalogueStudyRow.study_description,
            CatalogueStudyRow.study_date,
            CatalogueStudyRow.study_time,
        )
    ),
)


def _lines(state: str) -> Select[*tuple[Any, ...]]:
    return (
        select(*_COLUMNS)
        .join(StudyRow, StudyRow.study_uid == WorkItemRow.study_uid)
        .outerjoin(CatalogueStudyRow, CatalogueStudyRow.study_uid == WorkItemRow.study_uid)
        .where(WorkItemRow.reading, WorkItemRow.state == state)
    )


def _walk(state: str, limit: int, after: Place | None) -> Select[*tuple[Any, ...]]:
    """The next items in one state, along the index (reading, state, due_at, ups_uid)."""
    place = (WorkItemRow.due_at, WorkItemRow.ups_uid)
    query = _lines(state)
    if after is not None:
        query = query.where(tuple_(*place) > tuple_(*after))
    return query.order_by(*place).limit(limit)


def _line(row: Any) -> ReadingRow:
    values = row._asdict()
    return ReadingRow(**values | {"findings": tuple(values["findings"].split("\n")) if values["findings"] else ()})


def _to_place(session: Session, study: StudyRow) -> ToPlace:
    instances = session.scalars(
        select(InstanceRow).where(InstanceRow.study_uid == study.study_uid).order_by(InstanceRow.sop_uid)
    ).all()
    outputs = session.scalars(
        select(OutputRow)
        .where(
            OutputRow.study_uid == study.study_uid,
            OutputRow.revision == study.revision,
            OutputRow.withdrawn.is_(False),
            OutputRow.kind.not_in(("rejection", *MESSAGES)),
        )
        .order_by(OutputRow.sop_uid)
    ).all()
    items = _items(session, study.study_uid)
    own = [item for item in items if item.revision == study.revision]
    return ToPlace(
        study.study_uid,
        study.revision,
        Facts(
            _arrived_at(study, items), **_analysis(session, study), urgency=standing_urgency(session, study.study_uid)
        ),
        bool(own),
        all(item.state in OPEN for item in own),
        tuple(_reference(row) for row in instances),
        tuple(_reference(row) for row in outputs),
    )


def _items(session: Session, study_uid: str) -> list[Any]:
    """The readings of a study, the newest revision first."""
    # Chosen and sorted here: SQLite would rather walk all readings along the list's index than those of one study.
    rows = session.execute(
        select(
            WorkItemRow.ups_uid,
            WorkItemRow.reading,
            WorkItemRow.revision,
            WorkItemRow.state,
            WorkItemRow.due_at,
            WorkItemRow.arrived_at,
        ).where(WorkItemRow.study_uid == study_uid)
    )
    return sorted((row for row in rows if row.reading), key=lambda row: -row.revision)


def _reference(row: InstanceRow | OutputRow) -> ReadingReference:
    return ReadingReference(row.study_uid, row.series_uid, row.sop_class_uid, row.sop_uid)


def _arrived_at(study: StudyRow, items: Sequence[Any]) -> float:
    """Since when the study waits: whoever still waits for an earlier revision's reading has not waited in vain."""
    for item in items:
        if item.revision == study.revision or item.state in OPEN:
            return float(item.arrived_at)
    return study.received_at if study.revision == 1 else study.last_instance_at


def _analysis(session: Session, study: StudyRow) -> dict[str, Any]:
    """What the detector says of the study: of each finding the highest probability of its images."""
    if study.state == StudyState.REJECTED:
        return {}
    jobs = session.execute(
        select(JobRow.state, JobRow.answer).where(JobRow.study_uid == study.study_uid, JobRow.kind == "analyse")
    ).all()
    findings: dict[str, float] = {}
    for job in jobs:
        if job.state == JobState.DONE:
            for name, probability in json.loads(job.answer).get("findings", {}).get("labels", {}).items():
                findings[name] = max(probability, findings.get(name, 0.0))
    unanswered = any(job.state not in (JobState.DONE, JobState.SET_ASIDE) for job in jobs)
    return {"probability": study.probability, "findings": findings, "unanswered": unanswered}
