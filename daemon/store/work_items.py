"""Ledger transactions of unified procedure steps: each change, its subscribers and its events in one transaction.

A change reads the row under a lock, has it judged by a pure function, and writes: of two that claim an instance at
once the second sees the first one's Transaction UID. SQLite has one writer at a time (BEGIN IMMEDIATE).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Executable, delete, exists, or_, select, tuple_
from sqlalchemy.orm import Session

from daemon.core.errors import UpsRefused
from daemon.core.ups import DUPLICATE, FINAL, MEANINGS, State
from daemon.core.ups_changes import Outcome, WorkItem, absent
from daemon.core.ups_events import UpsEvent
from daemon.core.ups_json import quoted
from daemon.core.ups_matching import Narrowed
from daemon.store.database import Database
from daemon.store.inserting import insert_once
from daemon.store.patterns import like
from daemon.store.schema_worklist import SubscriptionRow, WorkItemRow
from daemon.store.ups_events import tell
from daemon.store.ups_subscriptions import join, subscribers
from daemon.store.work_item import columns_of, due_at_of, item_of, says_otherwise

_PAGE = 200
_DELETED_AT_ONCE = 200

# Judges an instance, and whether anybody is subscribed to it. Raises UpsRefused.
Decide = Callable[[WorkItem, bool], Outcome]


@dataclass(frozen=True, slots=True)
class Place:
    """That a work item is the reading of a revision of a study. Times: seconds since the epoch, UTC."""

    revision: int
    due_at: float
    arrived_at: float


class WorkItems:
    """What N-CREATE, N-SET, N-ACTION, their RESTful equivalents and the priority loop write, and what searches read."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, ups_uid: str) -> WorkItem:
        """One instance. Raises UpsRefused (C307)."""
        with self._database.read() as session:
            row = session.get(WorkItemRow, ups_uid)
        if row is None:
            raise absent()
        return item_of(row)

    def create(self, item: WorkItem, events: Iterable[UpsEvent], now: float, reading: Place | None = None) -> None:
        """Put a new instance on record, and tell whoever is subscribed globally. Raises UpsRefused (0111)."""
        with self._database.write() as session:
            row = columns_of(item, now) | {
                "ups_uid": item.ups_uid,
                "reading": reading is not None,
                "revision": reading.revision if reading else 0,
                "due_at": reading.due_at if reading else due_at_of(item),
                "arrived_at": reading.arrived_at if reading else now,
                "created_at": now,
            }
            if not insert_once(session, WorkItemRow, row):
                raise UpsRefused(DUPLICATE, MEANINGS[DUPLICATE])
            tell(session, join(session, item, now), item.ups_uid, events, now)

    def change(self, ups_uid: str, decide: Decide, now: float, due_at: float | None = None) -> int:
        """Do what `decide` makes of the instance; its status. due_at: more exactly than the attributes say it.

        Raises UpsRefused: C307, or what `decide` raises.
        """
        with self._database.write() as session:
            row = session.get(WorkItemRow, ups_uid, with_for_update=True)
            if row is None:
                raise absent()
            return _change(session, row, decide, now, due_at)

    def readings(self, study_uid: str) -> list[tuple[int, WorkItem]]:
        """The reading work items of a study with their revisions, in order."""
        query = select(WorkItemRow).where(WorkItemRow.study_uid == study_uid, WorkItemRow.reading)
        with self._database.read() as session:
            return [(row.revision, item_of(row)) for row in session.scalars(query.order_by(WorkItemRow.revision))]

    def scan(self, narrowed: Narrowed) -> Iterator[tuple[str, str]]:
        """UIDs and attributes (JSON) of instances that may match, those due first; pages are read one by one."""
        after: tuple[float, str] | None = None
        while True:
            with self._database.read() as session:
                rows = session.execute(_page(narrowed, after, session.get_bind().dialect.name)).all()
            if not rows:
                return
            yield from ((row.ups_uid, row.attributes) for row in rows)
            after = (rows[-1].due_at, rows[-1].ups_uid)

    def unclaimed(self, due_before: float) -> list[str]:
        """Readings that were due before and that nobody has claimed, some of them, the oldest first."""
        query = (
            select(WorkItemRow.ups_uid)
            .where(WorkItemRow.reading, WorkItemRow.state == str(State.SCHEDULED), WorkItemRow.due_at < due_before)
            .order_by(WorkItemRow.due_at)
            .limit(_DELETED_AT_ONCE)
        )
        with self._database.read() as session:
            return list(session.scalars(query))

    def delete_old(self, before: float) -> int:
        """Delete instances that were finished before, unless a deletion lock holds them (CC.2.1.3); how many."""
        locked = exists().where(SubscriptionRow.ups_uid == WorkItemRow.ups_uid, SubscriptionRow.deletion_lock)
        query = (
            select(WorkItemRow.ups_uid)
            .where(WorkItemRow.state.in_([str(state) for state in FINAL]), WorkItemRow.updated_at < before, ~locked)
            .limit(_DELETED_AT_ONCE)
        )
        with self._database.read() as session:  # nearly always there is none
            if session.scalars(query).first() is None:
                return 0
        with self._database.write() as session:
            gone = session.scalars(query.with_for_update()).all()
            session.execute(delete(SubscriptionRow).where(SubscriptionRow.ups_uid.in_(gone)))
            session.execute(delete(WorkItemRow).where(WorkItemRow.ups_uid.in_(gone)))
        return len(gone)


def _change(session: Session, row: WorkItemRow, decide: Decide, now: float, due_at: float | None) -> int:
    before, receivers = item_of(row), subscribers(session, row.ups_uid)
    outcome = decide(before, bool(receivers))
    if outcome.item is not None:
        for column, value in columns_of(outcome.item, now).items():
            setattr(row, column, value)
        if due_at is not None:
            row.due_at = due_at
        elif says_otherwise(before, outcome.item):
            row.due_at = due_at_of(outcome.item)
    tell(session, receivers, row.ups_uid, outcome.events, now)
    return outcome.code


def _page(narrowed: Narrowed, after: tuple[float, str] | None, dialect: str) -> Executable:
    """The keys of a page are found first: that needs no row where an index has all that is asked for."""
    place = (WorkItemRow.due_at, WorkItemRow.ups_uid)
    conditions: list[ColumnElement[bool]] = [
        getattr(WorkItemRow, column).in_(values) for column, values in narrowed.columns.items()
    ]
    conditions += [
        or_(*(like(getattr(WorkItemRow, column), pattern, dialect) for pattern in patterns))
        for column, patterns in narrowed.patterns.items()
    ]
    conditions += [WorkItemRow.attributes.contains(quoted(text), autoescape=True) for text in narrowed.texts]
    since, until = narrowed.due
    conditions += [] if since is None else [WorkItemRow.due_at >= since]
    conditions += [] if until is None else [WorkItemRow.due_at < until]
    if after is not None:
        conditions.append(tuple_(*place) > tuple_(*after))
    page = select(WorkItemRow.ups_uid).where(*conditions).order_by(*place).limit(_PAGE).subquery()
    columns = (WorkItemRow.ups_uid, WorkItemRow.attributes, WorkItemRow.due_at)
    return select(*columns).join(page, page.c.ups_uid == WorkItemRow.ups_uid).order_by(*place)
