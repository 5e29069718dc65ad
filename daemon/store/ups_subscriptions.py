"""Ledger transactions of UPS subscriptions: PS3.4 table CC.2.3-2, one row a subscriber and work item.

A global subscription is a row of its own, under the well-known UID: it says what becomes of new work items. Those that
exist when it is made get rows like any other, so that one of them can be left alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pydicom import Dataset
from sqlalchemy import ColumnElement, delete, exists, insert, literal, select, text
from sqlalchemy.orm import Session

from daemon.core.ups import FILTERED, GLOBAL, WELL_KNOWN
from daemon.core.ups_changes import WorkItem, absent
from daemon.core.ups_events import state_report
from daemon.core.ups_json import from_text, model_of, to_text
from daemon.core.ups_matching import Json, identified, matcher
from daemon.store.database import Database
from daemon.store.schema_worklist import SubscriptionRow, WorkItemRow
from daemon.store.ups_events import tell

_CHUNK = 500
# Which global subscriptions end with which.
_ENDING: Mapping[str, Sequence[str]] = {GLOBAL: (GLOBAL, FILTERED), FILTERED: (FILTERED,)}


def subscribers(session: Session, ups_uid: str) -> list[str]:
    """Who is subscribed to a work item."""
    return list(session.scalars(select(SubscriptionRow.receiver).where(SubscriptionRow.ups_uid == ups_uid)))


def join(session: Session, item: WorkItem, now: float) -> list[str]:
    """Subscribe all global subscribers to a new work item that it is for; who they are."""
    _one_at_a_time(session)
    locks: dict[str, bool] = {}
    instance = identified(item.ups_uid, item.attributes.to_json_dict())
    for row in session.scalars(select(SubscriptionRow).where(SubscriptionRow.ups_uid.in_(WELL_KNOWN))):
        if not row.matching or matcher(from_text(row.matching))(instance):
            locks[row.receiver] = locks.get(row.receiver, False) or row.deletion_lock
    for receiver, lock in locks.items():
        session.add(_row(receiver, item.ups_uid, lock, "", now))
    return list(locks)


class Subscriptions:
    """What the Watch service writes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def subscribe(self, receiver: str, ups_uid: str, lock: bool, now: float) -> None:
        """To one work item; its state is told at once. Raises UpsRefused (C307)."""
        with self._database.write() as session:
            item = session.get(WorkItemRow, ups_uid, with_for_update=True)
            if item is None:
                raise absent()
            _put(session, receiver, ups_uid, lock, "", now)
            tell(session, [receiver], ups_uid, [state_report(from_text(item.attributes))], now)

    def subscribe_globally(self, receiver: str, ups_uid: str, lock: bool, matching: Dataset, now: float) -> None:
        """To all work items, or those that match, and to what will be created.

        With a lock the present state of each that the receiver was not subscribed to is told.
        """
        filtered = ups_uid == FILTERED
        with self._database.write() as session:
            _one_at_a_time(session)
            _put(session, receiver, ups_uid, lock, to_text(matching) if filtered else "", now)
            fresh = ~exists().where(
                SubscriptionRow.receiver == receiver, SubscriptionRow.ups_uid == WorkItemRow.ups_uid
            )
            if not lock and not filtered:  # nobody need look at them
                columns = [literal(receiver), WorkItemRow.ups_uid, literal(False), literal(""), literal(now)]
                into = insert(SubscriptionRow).from_select(
                    ["receiver", "ups_uid", "deletion_lock", "matching", "created_at"], select(*columns).where(fresh)
                )
                session.execute(into)
                return
            matches = matcher(matching) if filtered else _any
            for uid, attributes in _items(session, fresh):
                if matches(identified(uid, model_of(attributes))):
                    session.add(_row(receiver, uid, lock, "", now))
                    if lock:
                        tell(session, [receiver], uid, [state_report(from_text(attributes))], now)

    def unsubscribe(self, receiver: str, ups_uid: str) -> bool:
        """From one work item, or globally, which ends all subscriptions; whether there was any.

        Raises UpsRefused (C307).
        """
        with self._database.write() as session:
            if ups_uid not in WELL_KNOWN and session.get(WorkItemRow, ups_uid) is None:
                raise absent()
            whose = [SubscriptionRow.receiver == receiver]
            if ups_uid not in WELL_KNOWN:
                whose.append(SubscriptionRow.ups_uid == ups_uid)
            return _delete(session, whose)

    def suspend(self, receiver: str, ups_uid: str) -> bool:
        """No new work items, present ones stay; whether there was such a global subscription."""
        with self._database.write() as session:
            return _delete(
                session, [SubscriptionRow.receiver == receiver, SubscriptionRow.ups_uid.in_(_ENDING[ups_uid])]
            )


def _any(_: Json) -> bool:
    return True


def _items(session: Session, fresh: ColumnElement[bool]) -> Iterator[tuple[str, str]]:
    """UIDs and attributes of those that are to be subscribed to, in chunks; rows are added meanwhile."""
    after = ""
    while True:
        query = select(WorkItemRow.ups_uid, WorkItemRow.attributes).where(WorkItemRow.ups_uid > after, fresh)
        rows = session.execute(query.order_by(WorkItemRow.ups_uid).limit(_CHUNK)).all()
        if not rows:
            return
        after = rows[-1].ups_uid
        yield from ((row.ups_uid, row.attributes) for row in rows)
        session.flush()
        session.expunge_all()


def _put(session: Session, receiver: str, ups_uid: str, lock: bool, matching: str, now: float) -> None:
    query = select(SubscriptionRow).where(SubscriptionRow.receiver == receiver, SubscriptionRow.ups_uid == ups_uid)
    row = session.scalars(query.with_for_update()).first()
    if row is None:
        session.add(_row(receiver, ups_uid, lock, matching, now))
    else:
        row.deletion_lock, row.matching = lock, matching
    session.flush()


def _row(receiver: str, ups_uid: str, lock: bool, matching: str, now: float) -> SubscriptionRow:
    return SubscriptionRow(receiver=receiver, ups_uid=ups_uid, deletion_lock=lock, matching=matching, created_at=now)


def _delete(session: Session, whose: Sequence[ColumnElement[bool]]) -> bool:
    gone = session.execute(delete(SubscriptionRow).where(*whose).returning(SubscriptionRow.id)).first()
    return gone is not None


def _one_at_a_time(session: Session) -> None:
    """A global subscription and a creation must each see the other; SQLite has one writer anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("LOCK TABLE ups_subscriptions IN SHARE ROW EXCLUSIVE MODE"))
