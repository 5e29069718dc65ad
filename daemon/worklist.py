"""THE use case of the worklist: unified procedure steps, their subscribers, and the readings that we put on it.

DIMSE (PS3.4 Annex CC) and UPS-RS (PS3.18 chapter 11) both end here, so that the same request has the same effect and
the same events. Requests that fail raise UpsRefused with the standard's status code; what is returned is 0000 or a
warning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice

import structlog
from pydicom import Dataset
from pydicom.uid import generate_uid

from daemon.core.errors import NotArchived, UnreadableDataSet, UpsRefused
from daemon.core.header import read_header
from daemon.core.reading_item import ReadingItem
from daemon.core.ups import (
    FILTERED,
    INVALID_ARGUMENT,
    NOT_FOR_THIS_INSTANCE,
    SUCCESS,
    UNKNOWN_RECEIVER,
    WELL_KNOWN,
    State,
)
from daemon.core.ups_changes import (
    Outcome,
    WorkItem,
    cancel_asked,
    canceled,
    changed,
    created,
    performed,
    state_changed,
    updated,
)
from daemon.core.ups_checks import well_formed
from daemon.core.ups_json import model_of
from daemon.core.ups_matching import Json, Search, answer, identified, matcher, narrowed
from daemon.core.ups_reading import Origin, reading_attributes, reading_place, reading_uid
from daemon.store.archive import Archive
from daemon.store.ledger import Ledger
from daemon.store.work_items import Place

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Created:
    """A new work item. code: 0000, or B300 where it is not what was asked for."""

    ups_uid: str
    code: int


_SUPERSEDED = "superseded by a later revision of the study"
_UNCLAIMED = "nobody claimed it in time"


class Worklist:
    """One worklist. origin: how the images of our readings are had."""

    def __init__(self, ledger: Ledger, archive: Archive, origin: Origin, clock: Callable[[], float]) -> None:
        self._ledger, self._archive, self._origin, self._clock = ledger, archive, origin, clock

    # Push, Pull, Query

    def create(self, ups_uid: str, attributes: Dataset) -> Created:
        """N-CREATE; "" as UID: one is made. Raises UpsRefused (0106, 0111, 0117, 0120, 0121, 0213, C309)."""
        now = self._clock()
        outcome = created(ups_uid, attributes, now)
        assert outcome.item is not None
        self._ledger.work_items.create(outcome.item, outcome.events, now)
        log.info("ups.created", ups=outcome.item.ups_uid)
        return Created(outcome.item.ups_uid, outcome.code)

    def get(self, ups_uid: str) -> Dataset:
        """N-GET: all attributes but the Transaction UID, which is a lock. Raises UpsRefused (C307)."""
        return self._ledger.work_items.get(ups_uid).attributes

    def search(self, search: Search) -> Iterator[Json]:
        """C-FIND: those that match, those due first, as DICOM JSON. Raises MalformedQuery, UpsRefused (0106)."""
        matches, narrow = matcher(search.keys), narrowed(search.keys)
        scanned = (identified(uid, model_of(text)) for uid, text in self._ledger.work_items.scan(narrow))
        end = None if search.limit is None else search.offset + search.limit
        found = islice(filter(matches, scanned), search.offset, end)
        return (answer(search, instance) for instance in found)

    def update(self, ups_uid: str, attributes: Dataset, transaction_uid: str) -> int:
        """N-SET; transaction_uid: "" for none. Raises UpsRefused (0106, 0120, 0121, 0213, C300, C301, C307, C310)."""
        now = self._clock()

        def decide(item: WorkItem, _heard: bool) -> Outcome:
            return updated(item, attributes, transaction_uid, now)

        return self._ledger.work_items.change(ups_uid, decide, now)

    def change_state(self, ups_uid: str, state: str, transaction_uid: str) -> int:
        """N-ACTION Change UPS State. Raises UpsRefused (0115, C300 to C304, C307, C310)."""
        now = self._clock()

        def decide(item: WorkItem, _heard: bool) -> Outcome:
            return state_changed(item, state, transaction_uid, now)

        code = self._ledger.work_items.change(ups_uid, decide, now)
        log.info("ups.state", ups=ups_uid, state=state, status=f"{code:04X}")
        return code

    def request_cancel(self, ups_uid: str, request: Dataset, requesting_ae: str) -> int:
        """N-ACTION Request UPS Cancel. Raises UpsRefused (0106, C307, C311, C312)."""
        now = self._clock()

        def decide(item: WorkItem, heard: bool) -> Outcome:
            return cancel_asked(item, request, requesting_ae, heard, now)

        return self._ledger.work_items.change(ups_uid, decide, now)

    # Watch

    def subscribe(self, receiver: str, ups_uid: str, lock: bool, matching: Dataset | None = None) -> int:
        """N-ACTION Subscribe, to a work item or under a well-known UID. matching: of a filtered global one.

        Raises UpsRefused (0106, 0115, C307, C308), MalformedQuery.
        """
        _receiver(receiver)
        now = self._clock()
        if ups_uid not in WELL_KNOWN:
            self._ledger.subscriptions.subscribe(receiver, ups_uid, lock, now)
            return SUCCESS
        keys = matching if matching is not None and ups_uid == FILTERED else Dataset()
        if ups_uid == FILTERED and not len(keys):
            raise UpsRefused(INVALID_ARGUMENT, "a filtered subscription needs matching keys")
        matcher(keys)
        self._ledger.subscriptions.subscribe_globally(receiver, ups_uid, lock, keys, now)
        return SUCCESS

    def unsubscribe(self, receiver: str, ups_uid: str) -> bool:
        """N-ACTION Unsubscribe; whether there was such a subscription. Raises UpsRefused (C307, C308)."""
        _receiver(receiver)
        return self._ledger.subscriptions.unsubscribe(receiver, ups_uid)

    def suspend(self, receiver: str, ups_uid: str) -> bool:
        """N-ACTION Suspend Global Subscription; whether there was one. Raises UpsRefused (C308, C314)."""
        _receiver(receiver)
        if ups_uid not in WELL_KNOWN:
            raise UpsRefused(NOT_FOR_THIS_INSTANCE, "only a global subscription can be suspended")
        return self._ledger.subscriptions.suspend(receiver, ups_uid)

    # Ours

    def perform(self, ups_uid: str, done: Dataset) -> None:
        """Claim, set `done` and complete as one change: whatever ends us midway, no lock stays that nobody knows.

        Raises UpsRefused (0106, 0120, 0121, 0213, C301, C304, C307).
        """
        lock, now = str(generate_uid(prefix=None)), self._clock()

        def decide(item: WorkItem, _heard: bool) -> Outcome:
            return performed(item, done, lock, now)

        self._ledger.work_items.change(ups_uid, decide, now)
        log.info("ups.performed", ups=ups_uid)

    def schedule_reading(self, item: ReadingItem) -> str:
        """Create the reading of a study's revision, or put it in its new place while nobody has claimed it; its UID.

        Readings of earlier revisions that nobody has claimed are canceled: the new one replaces them.
        """
        ups_uid, now = reading_uid(item.study_uid, item.revision), self._clock()
        known = self._ledger.work_items.readings(item.study_uid)
        stale = [
            reading.ups_uid
            for revision, reading in known
            if revision < item.revision and reading.state is State.SCHEDULED
        ]
        if any(reading.ups_uid == ups_uid for _, reading in known):
            self._ledger.work_items.change(ups_uid, partial(self._replaced, item, now), now, item.due_at)
        else:
            attributes = reading_attributes(item, self._header(item), self._origin, stale)
            outcome = created(ups_uid, attributes, now)
            assert outcome.item is not None
            place = Place(item.revision, item.due_at, item.arrived_at)
            self._ledger.work_items.create(outcome.item, outcome.events, now, place)
            log.info("reading.scheduled", study=item.study_uid, revision=item.revision, priority=item.priority)
        for uid in stale:  # also those that a kill after the creation left
            self._ledger.work_items.change(uid, partial(_withdrawn, _SUPERSEDED, now), now)
        return ups_uid

    def _replaced(self, asked: ReadingItem, now: float, item: WorkItem, _heard: bool) -> Outcome:
        """Its holder's once it is claimed, and nobody's once it is finished."""
        place = reading_place(asked, self._origin)
        same = all(item.attributes.get(element.tag) == element for element in place)
        if item.state is not State.SCHEDULED or same:
            return Outcome(SUCCESS)
        return changed(item, place, now)

    def _header(self, item: ReadingItem) -> Dataset:
        """Of the first image that can be read: it names the patient and the order."""
        keys = self._ledger.views.keys(item.study_uid)
        for key in (keys.get(reference.sop_uid) for reference in item.inputs):
            try:
                if key is not None:
                    with self._archive.open(key) as file:
                        return read_header(file)
            except (NotArchived, UnreadableDataSet):
                continue
        return Dataset()

    def restarted(self) -> None:
        """Tell all subscribers that we are back, with all that they knew (CC.2.4.3)."""
        self._ledger.ups_events.tell_all("RESTARTED", self._clock())

    def tidy(self, keep_s: float, unread_s: float, give_up_s: float) -> None:
        """Delete what was finished so long ago and no deletion lock holds; give up events that nobody fetches.

        Readings that nobody has claimed so long after they were due are canceled: where the films are read elsewhere,
        the list would only grow.
        """
        now = self._clock()
        for uid in self._ledger.work_items.unclaimed(now - unread_s):
            self._ledger.work_items.change(uid, partial(_withdrawn, _UNCLAIMED, now), now)
            log.info("reading.unclaimed", ups=uid)
        gone = self._ledger.work_items.delete_old(now - keep_s)
        if gone:
            log.info("ups.deleted", count=gone)
        for receiver, count in self._ledger.ups_events.drop(now - give_up_s).items():
            log.warning("ups.events_given_up", receiver=receiver, count=count)


def _withdrawn(reason: str, now: float, item: WorkItem, _heard: bool) -> Outcome:
    if item.state is not State.SCHEDULED:  # claimed just now: its holder's
        return Outcome(SUCCESS)
    why = Dataset()
    why.ReasonForCancellation = reason
    return canceled(item, why, now)


def _receiver(title: str) -> None:
    if not title or not well_formed("AE", title) or not title.isascii() or not title.isprintable():
        raise UpsRefused(UNKNOWN_RECEIVER, "the Receiving AE is no AE title")
