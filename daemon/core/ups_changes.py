"""What a request makes of a unified procedure step: the new instance, the status, and what subscribers are told.

PS3.4 CC.2.1 (change of state), CC.2.2 (request to cancel), CC.2.5 (creation), CC.2.6 (N-SET). Nothing is kept here.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, replace

from pydicom import Dataset
from pydicom.uid import generate_uid

from daemon.core.date_times import date_time
from daemon.core.errors import UpsRefused
from daemon.core.uids import is_uid
from daemon.core.ups import (
    ATTRIBUTES_IGNORED,
    CREATED_MODIFIED,
    FINAL,
    INVALID_ARGUMENT,
    INVALID_INSTANCE,
    INVALID_VALUE,
    MEANINGS,
    NO_LONGER_UPDATED,
    NO_SUCH_UPS,
    NOT_CREATED_SCHEDULED,
    NOT_IN_PROGRESS,
    PERFORMER_OUT_OF_REACH,
    PUSH,
    RESOURCE_LIMITATION,
    SUCCESS,
    TRANSITIONS,
    WELL_KNOWN,
    WRONG_TRANSACTION,
    Asked,
    Effect,
    State,
    change_asked,
    failed,
)
from daemon.core.ups_checks import BINARY, DEEPEST, check_created, check_final, check_set, elements, has_value
from daemon.core.ups_events import (
    REQUEST_ATTRIBUTES,
    UpsEvent,
    cancel_requested,
    events_of_change,
    events_of_creation,
)

DEFAULT_LABEL = "thoraxd"  # Worklist Label (0074,1202) of what is created without one
_PROGRESS = "ProcedureStepProgressInformationSequence"


@dataclass(frozen=True, slots=True)
class WorkItem:
    """One instance. attributes: all but its UIDs and the lock, never changed in place."""

    ups_uid: str
    state: State
    transaction_uid: str  # the lock; "" before it is claimed. It stays when the instance is finished (table CC.1.1-2)
    attributes: Dataset


@dataclass(frozen=True, slots=True)
class Outcome:
    """A request that did not fail. item: None where nothing changed; code: 0000 or a warning."""

    code: int
    item: WorkItem | None = None
    events: tuple[UpsEvent, ...] = ()


def created(ups_uid: str, asked: Dataset, now: float) -> Outcome:
    """N-CREATE; an empty `ups_uid` is filled in. Raises UpsRefused."""
    ds, dropped = _kept(asked)
    _same_instance(ds, ups_uid)
    ups_uid = ups_uid or str(generate_uid(prefix=None))
    if not is_uid(ups_uid) or ups_uid in WELL_KNOWN:
        raise UpsRefused(INVALID_INSTANCE, MEANINGS[INVALID_INSTANCE])
    if has_value(ds, "ProcedureStepState") and ds.ProcedureStepState != State.SCHEDULED:
        raise UpsRefused(NOT_CREATED_SCHEDULED, MEANINGS[NOT_CREATED_SCHEDULED])
    check_created(ds)
    del ds.TransactionUID
    if not has_value(ds, "WorklistLabel"):
        ds.WorklistLabel = DEFAULT_LABEL
    ds.ScheduledProcedureStepModificationDateTime = date_time(now)
    item = WorkItem(ups_uid, State.SCHEDULED, "", ds)
    return Outcome(CREATED_MODIFIED if dropped else SUCCESS, item, tuple(events_of_creation(ds)))


def updated(item: WorkItem, asked: Dataset, transaction_uid: str, now: float) -> Outcome:
    """N-SET. Raises UpsRefused."""
    if item.state in FINAL:
        raise UpsRefused(NO_LONGER_UPDATED, MEANINGS[NO_LONGER_UPDATED])
    if item.state is State.IN_PROGRESS and transaction_uid != item.transaction_uid:
        raise UpsRefused(WRONG_TRANSACTION, MEANINGS[WRONG_TRANSACTION])
    if item.state is State.SCHEDULED and transaction_uid:  # CC.2.6.2: shall not be present
        raise UpsRefused(NOT_IN_PROGRESS, MEANINGS[NOT_IN_PROGRESS])
    ds, dropped = _kept(asked)
    _same_instance(ds, item.ups_uid)
    check_set(ds)
    return replace(changed(item, ds, now), code=ATTRIBUTES_IGNORED if dropped else SUCCESS)


def changed(item: WorkItem, values: Dataset, now: float) -> Outcome:
    """The instance with these attributes' values: by N-SET, or by us (CC.2.6.3)."""
    after = deepcopy(item.attributes)
    for element in values:
        if element.keyword != "TransactionUID":
            after[element.tag] = element
    after.ScheduledProcedureStepModificationDateTime = date_time(now)
    return Outcome(SUCCESS, replace(item, attributes=after), tuple(events_of_change(item.attributes, after)))


def state_changed(item: WorkItem, to: str, transaction_uid: str, now: float) -> Outcome:
    """N-ACTION Change UPS State. Raises UpsRefused."""
    if to not in list(State):
        raise UpsRefused(INVALID_ARGUMENT, "ProcedureStepState is no state")
    asked = change_asked(State(to), item.state, item.transaction_uid, transaction_uid)
    cell = TRANSITIONS[asked, item.state]
    if failed(cell.code):
        raise UpsRefused(cell.code, MEANINGS[cell.code])
    if cell.effect is Effect.CLAIM:
        if not is_uid(transaction_uid):
            raise UpsRefused(INVALID_ARGUMENT, "the Transaction UID is malformed")
        return _moved(replace(item, transaction_uid=transaction_uid), State.IN_PROGRESS)
    if cell.effect is Effect.COMPLETE:
        check_final(item.attributes, State.COMPLETED)
        return _moved(item, State.COMPLETED)
    if cell.effect is Effect.CANCEL:
        return canceled(item, Dataset(), now)
    return Outcome(cell.code)


def performed(item: WorkItem, values: Dataset, transaction_uid: str, now: float) -> Outcome:
    """Claimed, set and completed in one, with the events of all three. Raises UpsRefused."""
    claimed = state_changed(item, State.IN_PROGRESS, transaction_uid, now)
    assert claimed.item is not None
    told = updated(claimed.item, values, transaction_uid, now)
    assert told.item is not None
    done = state_changed(told.item, State.COMPLETED, transaction_uid, now)
    return replace(done, events=(*claimed.events, *told.events, *done.events))


def cancel_asked(item: WorkItem, request: Dataset, requesting_ae: str, heard: bool, now: float) -> Outcome:
    """N-ACTION Request UPS Cancel. heard: whether anybody is subscribed, the performer perhaps. Raises UpsRefused."""
    cell = TRANSITIONS[Asked.REQUEST_CANCEL, item.state]
    if failed(cell.code):
        raise UpsRefused(cell.code, MEANINGS[cell.code])
    request, _ = _kept(request)
    check_set(request)
    if cell.effect is Effect.CANCEL_UNCLAIMED:
        return canceled(item, request, now)
    if cell.effect is Effect.REPORT_REQUEST:
        if not heard:
            raise UpsRefused(PERFORMER_OUT_OF_REACH, MEANINGS[PERFORMER_OUT_OF_REACH])
        return Outcome(SUCCESS, None, (cancel_requested(requesting_ae, request),))
    return Outcome(cell.code)


def canceled(item: WorkItem, why: Dataset, now: float) -> Outcome:
    """CANCELED, through IN PROGRESS where it was SCHEDULED (CC.2.2.3).

    What table CC.2.5-3 wants of a canceled instance and nobody said is filled in: the time, and, as its note has it
    that two N-ACTIONs and no N-SET are enough, "Discontinued for unspecified reason" (CID 9300).
    """
    after = deepcopy(item.attributes)
    told = after.get(_PROGRESS) or [Dataset()]
    progress = told[0]
    for keyword in REQUEST_ATTRIBUTES[:2]:
        if has_value(why, keyword):
            progress[keyword] = why[keyword]
    if not has_value(progress, "ProcedureStepCancellationDateTime"):
        progress.ProcedureStepCancellationDateTime = date_time(now)
    if not has_value(progress, "ProcedureStepDiscontinuationReasonCodeSequence"):
        unspecified = code("110513", "DCM", "Discontinued for unspecified reason")
        progress.ProcedureStepDiscontinuationReasonCodeSequence = [unspecified]
    after.ProcedureStepProgressInformationSequence = list(told)
    check_final(after, State.CANCELED)
    through = (State.IN_PROGRESS,) if item.state is State.SCHEDULED else ()
    return _moved(replace(item, attributes=after), State.CANCELED, through)


def _moved(item: WorkItem, to: State, through: tuple[State, ...] = ()) -> Outcome:
    after = deepcopy(item.attributes)
    after.ProcedureStepState = str(to)
    events = tuple(events_of_change(item.attributes, after, [str(state) for state in through]))
    return Outcome(SUCCESS, replace(item, state=to, attributes=after), events)


def absent() -> UpsRefused:
    """There is no such instance."""
    return UpsRefused(NO_SUCH_UPS, MEANINGS[NO_SUCH_UPS])


def _same_instance(ds: Dataset, ups_uid: str) -> None:
    """The UIDs belong into the command; where the data set repeats them it must say the same. Taken out of `ds`."""
    for keyword, expected in (("SOPClassUID", PUSH), ("SOPInstanceUID", ups_uid)):
        if has_value(ds, keyword) and ds[keyword].value != expected:
            raise UpsRefused(INVALID_VALUE, f"{keyword} is not the command's")
        if keyword in ds:
            del ds[ds[keyword].tag]


def _kept(asked: Dataset, depth: int = 0) -> tuple[Dataset, bool]:
    """A copy without what no work item keeps: binary values, group lengths; whether anything was left out.

    Text is Unicode from here on, so the Specific Character Set is left out silently. Raises UpsRefused (0106, 0213).
    """
    if depth > DEEPEST:
        raise UpsRefused(RESOURCE_LIMITATION, f"sequences within sequences, more than {DEEPEST} deep")
    ds, dropped = Dataset(), False
    for element in elements(asked):
        if element.VR in BINARY or element.tag.group < 8:
            dropped = True
        elif element.VR == "SQ":
            parts = [_kept(item, depth + 1) for item in element.value]
            dropped = dropped or any(lost for _, lost in parts)
            ds.add_new(element.tag, "SQ", [part for part, _ in parts])
        elif element.keyword != "SpecificCharacterSet" and element.tag.element:
            ds[element.tag] = element
    return ds, dropped


def code(value: str, scheme: str, meaning: str) -> Dataset:
    """An item of a code sequence."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item
