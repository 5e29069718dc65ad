"""Ledger transactions of pulling studies from elsewhere: the row is the order, so that a kill loses none."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from daemon.core.pulls import PullState, Why
from daemon.store.database import Database
from daemon.store.schema import InstanceRow, OutputRow, StudyRow
from daemon.store.schema_feedback import PullRow

_CHUNK = 500  # values in one IN (…)


@dataclass(frozen=True, slots=True)
class Wish:
    """One study to be queued. announced: how many instances the source says it has; sender: whom they come from."""

    study_uid: str
    why: Why
    analyse: bool = True
    announced: int | None = None
    sender: str = ""


@dataclass(frozen=True, slots=True)
class DuePull:
    """One study to be fetched now."""

    id: int
    study_uid: str
    why: Why
    attempts: int  # before this one


@dataclass(frozen=True, slots=True)
class Pulled:
    """How far one study is. expected: instances that are to come; fetched: of those, how many are here."""

    study_uid: str
    state: PullState
    why: Why
    attempts: int
    expected: int | None
    fetched: int | None
    reason: str


class Pulls:
    """What `thoraxd pull` and the pull loops write."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def queue(self, source: str, wishes: Iterable[Wish], now: float) -> list[str]:
        """Queue these, or queue them again; those that are queued now. A study that is here already is no prior."""
        queued = []
        with self._database.write() as session:
            for wish in wishes:
                row = session.scalars(
                    select(PullRow)
                    .where(PullRow.source == source, PullRow.study_uid == wish.study_uid)
                    .with_for_update()
                ).first()
                if wish.why is Why.PRIOR and (row is not None or session.get(StudyRow, wish.study_uid) is not None):
                    continue
                if row is None:
                    row = PullRow(source=source, study_uid=wish.study_uid)
                    session.add(row)
                elif row.why == Why.PRIOR:  # somebody is to read it now
                    study = session.get(StudyRow, wish.study_uid)
                    if study is not None:
                        study.awaits_place = True
                row.why, row.analyse, row.announced, row.sender = wish.why, wish.analyse, wish.announced, wish.sender
                row.state, row.reason, row.attempts = PullState.WAITING, "", 0
                row.asked_at = row.next_at = now
                row.finished_at = None
                session.flush()
                queued.append(wish.study_uid)
        return queued

    def release(self, now: float) -> None:
        """After a start: what was under way, or waited for its next attempt, is due."""
        with self._database.write() as session:
            session.execute(
                update(PullRow).where(PullRow.state == PullState.WAITING, PullRow.next_at > now).values(next_at=now)
            )

    def due(self, source: str, now: float, lease_s: float) -> DuePull | None:
        """The study to fetch next; what was asked for before priors. Its next_at moves `lease_s` ahead."""
        query = (
            select(PullRow)
            .where(PullRow.source == source, PullRow.state == PullState.WAITING, PullRow.next_at <= now)
            .order_by(PullRow.why == Why.PRIOR, PullRow.next_at, PullRow.id)
            .limit(1)
        )
        with self._database.read() as session:  # nearly always there is none
            if session.scalars(query).first() is None:
                return None
        with self._database.write() as session:
            row = session.scalars(query.with_for_update(skip_locked=True)).first()
            if row is None:
                return None
            row.next_at = now + lease_s
            return DuePull(row.id, row.study_uid, Why(row.why), row.attempts)

    def ended(
        self, pull: DuePull, state: PullState, counts: tuple[int, int] | None, now: float, reason: str = ""
    ) -> None:
        """All of it is here, or it is given up. counts: (expected, fetched), where they are known."""
        with self._database.write() as session:
            row = session.get_one(PullRow, pull.id, with_for_update=True)
            row.state, row.reason, row.attempts, row.finished_at = state, reason, row.attempts + 1, now
            if counts is not None:
                row.expected, row.fetched = counts

    def again(
        self, pull: DuePull, next_at: float, reason: str, counts: tuple[int, int] | None = None, *, counted: bool = True
    ) -> None:
        """Not yet. counts: (expected, fetched), where they are known. counted: whether it was an attempt."""
        with self._database.write() as session:
            row = session.get_one(PullRow, pull.id, with_for_update=True)
            row.next_at, row.reason, row.attempts = next_at, reason, row.attempts + counted
            if counts is not None:
                row.expected, row.fetched = counts

    def give_up_unreachable(self, source: str, asked_before: float, reason: str, now: float) -> int:
        """Give up what was asked for before, of a source that has been down ever since; how many."""
        with self._database.write() as session:
            given_up = session.execute(
                update(PullRow)
                .where(PullRow.source == source, PullRow.state == PullState.WAITING, PullRow.asked_at < asked_before)
                .values(state=PullState.FAILED, reason=reason, finished_at=now)
                .returning(PullRow.id)
            )
            return len(given_up.all())

    def progress(self, source: str, study_uids: Sequence[str]) -> list[Pulled]:
        """How far these are, in their order; those that were never queued are left out."""
        found: dict[str, Pulled] = {}
        with self._database.read() as session:
            for chunk in _chunks(study_uids):
                rows = select(PullRow).where(PullRow.source == source, PullRow.study_uid.in_(chunk))
                for row in session.scalars(rows):
                    state, why = PullState(row.state), Why(row.why)
                    counts = (row.expected, row.fetched)
                    found[row.study_uid] = Pulled(row.study_uid, state, why, row.attempts, *counts, row.reason)
        return [found[uid] for uid in study_uids if uid in found]

    def unseen(self, source: str, announced: dict[str, int | None]) -> list[str]:
        """Of studies, by their number of instances there: never received nor pulled but as a prior, or grown since."""
        uids = list(announced)
        with self._database.read() as session:
            here = _present(session, StudyRow.study_uid, uids)
            pulled, settled = set(), set()
            for chunk in _chunks(uids):
                columns = select(PullRow.study_uid, PullRow.announced, PullRow.why)
                there = columns.where(PullRow.source == source, PullRow.study_uid.in_(chunk))
                for uid, count, why in session.execute(there):
                    pulled.add(uid)
                    if why != Why.PRIOR and count == announced[uid]:
                        settled.add(uid)
        return [uid for uid in uids if uid not in settled and (uid in pulled or uid not in here)]

    def here(self, sop_uids: Sequence[str]) -> set[str]:
        """Which of these instances are on record, received or made by us."""
        with self._database.read() as session:
            return _present(session, InstanceRow.sop_uid, sop_uids) | _present(session, OutputRow.sop_uid, sop_uids)

    def begun(self, study_uids: Sequence[str]) -> set[str]:
        """Which of these studies we have received something of."""
        with self._database.read() as session:
            return _present(session, StudyRow.study_uid, study_uids)

    def is_prior(self, study_uid: str) -> bool:
        """Whether this study came for comparison only, from those that it was asked of, and nobody is to read it."""
        with self._database.read() as session:
            rows = _of(session, study_uid)
            others = select(InstanceRow.sop_uid).where(
                InstanceRow.study_uid == study_uid, InstanceRow.calling_ae.not_in([row.sender for row in rows])
            )
            only = bool(rows) and all(row.why == Why.PRIOR for row in rows)
            return only and session.scalars(others.limit(1)).first() is None

    def is_kept_aside(self, study_uid: str, calling_ae: str) -> bool:
        """Whether what this sender brings is of a prior, asked of it, that is not to be analysed.

        What a modality or the PACS sends unasked is not: a study that another was compared with may yet be to be read.
        """
        with self._database.read() as session:
            rows = _of(session, study_uid)
            aside = all(row.why == Why.PRIOR and not row.analyse for row in rows)
            return aside and calling_ae in {row.sender for row in rows}


def _of(session: Session, study_uid: str) -> Sequence[PullRow]:
    return session.scalars(select(PullRow).where(PullRow.study_uid == study_uid)).all()


def _present(session: Session, column: object, values: Collection[str]) -> set[str]:
    found: set[str] = set()
    for chunk in _chunks(list(values)):
        found |= set(session.scalars(select(column).where(column.in_(chunk))))  # type: ignore[call-overload,attr-defined]
    return found


def _chunks(values: Sequence[str]) -> Iterable[Sequence[str]]:
    return (values[start : start + _CHUNK] for start in range(0, len(values), _CHUNK))
