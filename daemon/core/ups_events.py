"""What subscribers are told: the events that follow from a change of a unified procedure step, PS3.4 CC.2.4.

Attributes of each event are those of table CC.2.4-1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydicom import Dataset

from daemon.core.ups_checks import has_value

# Event Type IDs
STATE_REPORT, CANCEL_REQUESTED, PROGRESS_REPORT, SCP_STATUS_CHANGE, ASSIGNED = 1, 2, 3, 4, 5

_ASSIGNMENT = ("ScheduledStationNameCodeSequence", "ScheduledHumanPerformersSequence")
_PROGRESS = "ProcedureStepProgressInformationSequence"
_PROGRESS_TOLD = (
    "ProcedureStepProgress",
    "ProcedureStepProgressDescription",
    "ProcedureStepProgressParametersSequence",
    "ProcedureStepCommunicationsURISequence",
)
_CANCELLATION = ("ReasonForCancellation", "ProcedureStepDiscontinuationReasonCodeSequence")
# Of a Request UPS Cancel, table CC.2.2-1.
REQUEST_ATTRIBUTES = (*_CANCELLATION, "ContactURI", "ContactDisplayName")


@dataclass(frozen=True, slots=True)
class UpsEvent:
    """One event: its Event Type ID and Event Information."""

    type: int
    information: Dataset


def state_report(attributes: Dataset, state: str | None = None) -> UpsEvent:
    """The present state, or `state`, which it passes through."""
    told = Dataset()
    told.ProcedureStepState = state or attributes.ProcedureStepState
    told.InputReadinessState = attributes.InputReadinessState
    for progress in (attributes.get(_PROGRESS) or []) if state is None else []:
        _copy(progress, told, _CANCELLATION)
    return UpsEvent(STATE_REPORT, told)


def cancel_requested(requesting_ae: str, request: Dataset) -> UpsEvent:
    """An application entity asks for the cancellation of what it does not hold."""
    told = Dataset()
    told.RequestingAE = requesting_ae
    _copy(request, told, REQUEST_ATTRIBUTES)
    return UpsEvent(CANCEL_REQUESTED, told)


def scp_status_change(status: str) -> UpsEvent:
    """RESTARTED or GOING DOWN; both lists are in the ledger, so the start is a warm one."""
    told = Dataset()
    told.SCPStatus = status
    told.SubscriptionListStatus = told.UnifiedProcedureStepListStatus = "WARM START"
    return UpsEvent(SCP_STATUS_CHANGE, told)


def events_of_creation(attributes: Dataset) -> Iterator[UpsEvent]:
    """CC.2.4.3: the state SCHEDULED, and to whom it is assigned."""
    yield state_report(attributes)
    if any(has_value(attributes, keyword) for keyword in _ASSIGNMENT):
        yield _assigned(attributes)


def events_of_change(before: Dataset, after: Dataset, through: Sequence[str] = ()) -> Iterator[UpsEvent]:
    """CC.2.4.3: state or readiness, assignment, progress. through: states that are passed on the way."""
    for state in through:
        yield state_report(before, state)
    if any(before.get(keyword) != after.get(keyword) for keyword in ("ProcedureStepState", "InputReadinessState")):
        yield state_report(after)
    if any(before.get(keyword) != after.get(keyword) for keyword in _ASSIGNMENT):
        yield _assigned(after)
    progress = _progress(after)
    if progress != _progress(before):
        told = Dataset()
        told.ProcedureStepProgressInformationSequence = progress
        yield UpsEvent(PROGRESS_REPORT, told)


def _assigned(attributes: Dataset) -> UpsEvent:
    told = Dataset()
    _copy(attributes, told, ("ScheduledStationNameCodeSequence",))
    for performer in attributes.get("ScheduledHumanPerformersSequence") or []:
        _copy(performer, told, ("HumanPerformerCodeSequence", "HumanPerformerOrganization"))
    return UpsEvent(ASSIGNED, told)


def _progress(attributes: Dataset) -> list[Dataset]:
    told = []
    for item in attributes.get(_PROGRESS) or []:
        part = Dataset()
        _copy(item, part, _PROGRESS_TOLD)
        if len(part):
            told.append(part)
    return told


def _copy(source: Dataset, target: Dataset, keywords: Sequence[str]) -> None:
    for keyword in keywords:
        if has_value(source, keyword):
            target[keyword] = source[keyword]
