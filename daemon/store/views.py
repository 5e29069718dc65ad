"""What people and programs may ask the ledger: reads only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from daemon.core.states import UNDELIVERED, DeliveryState, JobState
from daemon.store.database import Database
from daemon.store.schema import DeliveryRow, InstanceRow, JobRow, OutputRow, StudyRow


class Views:
    """Reports on studies, as plain values fit for JSON."""

    def __init__(self, database: Database, path_of: Callable[[str], str]) -> None:
        self._database = database
        self._path_of = path_of

    def study_uids(
        self, *, state: str | None = None, since: float | None = None, limit: int | None = None
    ) -> list[str]:
        """Study UIDs, the newest first."""
        query = select(StudyRow.study_uid).order_by(StudyRow.received_at.desc(), StudyRow.study_uid)
        if state is not None:
            query = query.where(StudyRow.state == state)
        if since is not None:
            query = query.where(StudyRow.received_at >= since)
        with self._database.read() as session:
            return list(session.scalars(query.limit(limit) if limit is not None else query))

    def named(self, beginning: str) -> list[str]:
        """The study of this UID; else those whose UIDs begin so, two at most: where they are two, it is ambiguous."""
        with self._database.read() as session:
            if session.get(StudyRow, beginning) is not None:
                return [beginning]
            begun = select(StudyRow.study_uid).where(StudyRow.study_uid.startswith(beginning, autoescape=True))
            return list(session.scalars(begun.order_by(StudyRow.study_uid).limit(2)))

    def delivered_study_uids(
        self, destination: str | None, since: float | None, until: float | None, *, failed_only: bool
    ) -> list[str]:
        """Studies with a delivery to `destination` (None: any) queued in [since, until).

        failed_only: only what was given up, quarantined or still waits.
        """
        query = select(DeliveryRow.study_uid).distinct()
        if failed_only:
            query = query.where(DeliveryRow.state.in_((DeliveryState.PENDING, *UNDELIVERED)))
        if destination is not None:
            query = query.where(DeliveryRow.destination == destination)
        if since is not None:
            query = query.where(DeliveryRow.created_at >= since)
        if until is not None:
            query = query.where(DeliveryRow.created_at < until)
        with self._database.read() as session:
            return list(session.scalars(query))

    def dead_letters(self, destination: str | None) -> list[dict[str, Any]]:
        """Every object that was given up or quarantined, with its reason; the oldest first."""
        query = (
            select(DeliveryRow, OutputRow)
            .join(OutputRow, OutputRow.sop_uid == DeliveryRow.sop_uid)
            .where(DeliveryRow.state.in_(UNDELIVERED))
            .order_by(DeliveryRow.created_at, DeliveryRow.id)
        )
        if destination is not None:
            query = query.where(DeliveryRow.destination == destination)
        with self._database.read() as session:
            return [
                {"study_uid": row.study_uid, "output": output.kind, "created_at": row.created_at, **_delivery(row)}
                for row, output in session.execute(query)
            ]

    def studies(self, study_uids: Sequence[str]) -> list[dict[str, Any]]:
        """One report per study, in the order asked for; unknown ones are left out."""
        reports: list[dict[str, Any]] = []
        with self._database.read() as session:
            for start in range(0, len(study_uids), 200):
                reports += self._page(session, study_uids[start : start + 200])
        return reports

    def _page(self, session: Session, uids: Sequence[str]) -> list[dict[str, Any]]:
        studies = {row.study_uid: row for row in session.scalars(select(StudyRow).where(StudyRow.study_uid.in_(uids)))}
        instances = _by_study(session, InstanceRow, uids, InstanceRow.received_at)
        jobs = _by_study(session, JobRow, uids, JobRow.id)
        outputs = _by_study(session, OutputRow, uids, OutputRow.created_at)
        deliveries = _by_study(session, DeliveryRow, uids, DeliveryRow.id)
        return [
            self._report(studies[uid], instances[uid], jobs[uid], outputs[uid], deliveries[uid])
            for uid in uids
            if uid in studies
        ]

    def _report(
        self,
        study: StudyRow,
        instances: list[InstanceRow],
        jobs: list[JobRow],
        outputs: list[OutputRow],
        deliveries: list[DeliveryRow],
    ) -> dict[str, Any]:
        by_subject = {job.subject: job for job in jobs if job.kind == "analyse"}
        return {
            "study_uid": study.study_uid,
            "state": study.state,
            "reason": study.reason,
            "not_analysed": study.not_analysed,
            "probability": study.probability,
            "positive": study.positive,
            "revision": study.revision,
            "received_at": study.received_at,
            "completed_at": study.completed_at,
            "settled_at": study.settled_at,
            "instances": [_instance(row, by_subject.get(row.sop_uid)) for row in instances],
            "outputs": self._outputs(outputs),
            "deliveries": _by_destination(deliveries),
        }

    def _outputs(self, outputs: list[OutputRow]) -> dict[str, list[dict[str, Any]]]:
        kinds: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in outputs:
            kinds[row.kind].append(
                {
                    "sop_uid": row.sop_uid,
                    "sop_class_uid": row.sop_class_uid,
                    "series_uid": row.series_uid,
                    "profile": row.profile,
                    "marking": row.marking,
                    "source_sop_uid": row.source_sop_uid,
                    "revision": row.revision,
                    "withdrawn": row.withdrawn,
                    "path": self._path_of(row.key),
                }
            )
        return dict(kinds)

    def object_deliveries(self, study_uid: str) -> list[dict[str, Any]]:
        """Every object of a study on its way to every destination, with its last answer."""
        with self._database.read() as session:
            rows = session.execute(
                select(DeliveryRow, OutputRow.kind)
                .join(OutputRow, OutputRow.sop_uid == DeliveryRow.sop_uid)
                .where(DeliveryRow.study_uid == study_uid)
                .order_by(DeliveryRow.id)
            )
            return [_delivery(row) | {"output": kind} for row, kind in rows]

    def answers(self, study_uid: str) -> list[tuple[str, str]]:
        """(archive key, findings JSON) of each analysed image of a study."""
        with self._database.read() as session:
            rows = session.execute(
                select(InstanceRow.key, JobRow.answer)
                .join(JobRow, (JobRow.subject == InstanceRow.sop_uid) & (JobRow.kind == "analyse"))
                .where(InstanceRow.study_uid == study_uid, JobRow.state == JobState.DONE)
                .order_by(InstanceRow.received_at)
            )
            return [(key, answer) for key, answer in rows]

    def keys(self, study_uid: str) -> dict[str, str]:
        """Archive key of each image and result object of a study, by SOP Instance UID."""
        with self._database.read() as session:
            return {
                sop_uid: key
                for table in (InstanceRow, OutputRow)
                for sop_uid, key in session.execute(
                    select(table.sop_uid, table.key).where(table.study_uid == study_uid)
                )
            }


def _by_study(session: Session, table: Any, uids: Sequence[str], order: Any) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = defaultdict(list)
    for row in session.scalars(select(table).where(table.study_uid.in_(uids)).order_by(order)):
        found[row.study_uid].append(row)
    return found


def _instance(row: InstanceRow, job: JobRow | None) -> dict[str, Any]:
    """An instance's own verdict, or, where a worker has looked at it, what came of that."""
    state = job.state if job is not None else row.eligibility
    reason = job.reason if job is not None else row.reason
    return {
        "sop_uid": row.sop_uid,
        "sop_class_uid": row.sop_class_uid,
        "transfer_syntax_uid": row.transfer_syntax_uid,
        "calling_ae": row.calling_ae,
        "state": state,
        "reason": reason,
        "attempts": job.attempts if job is not None else 0,
        "seconds": job.seconds if job is not None else None,
    }


def _delivery(row: DeliveryRow) -> dict[str, Any]:
    """One object on its way to one destination. status: four hexadecimal digits."""
    return {
        "destination": row.destination,
        "sop_uid": row.sop_uid,
        "state": row.state,
        "attempts": row.attempts,
        "status": None if row.status is None else f"{row.status:04X}",
        "reason": row.reason,
        "next_at": row.next_at if row.state == DeliveryState.PENDING else None,
        "sent_at": row.sent_at,
        "commitment": row.commitment,
        "committed_at": row.committed_at,
    }


# From the best that can be said of an object's way to the worst.
_BEST_FIRST = ("WITHDRAWN", "COMMITTED", "SENT", "PENDING", "QUARANTINED", "DEAD")


def _by_destination(rows: list[DeliveryRow]) -> list[dict[str, Any]]:
    """One line a destination: the worst state of its objects, and the most attempts any of them took."""
    lines: dict[str, dict[str, Any]] = {}
    for row in rows:
        line = lines.setdefault(
            row.destination, {"destination": row.destination, "state": row.state, "attempts": 0, "reason": ""}
        )
        if _BEST_FIRST.index(row.state) >= _BEST_FIRST.index(line["state"]):
            line["state"], line["reason"] = row.state, row.reason or line["reason"]
        line["attempts"] = max(line["attempts"], row.attempts)
    return list(lines.values())
