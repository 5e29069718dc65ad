"""Storage Commitment Push Model on the wire: data sets of N-ACTION and N-EVENT-REPORT to plain values and back.

PS3.4 J.3.2 (request), J.3.3 (result), J.3.5 (the well-known instance). What does not hold is answered with a status of
PS3.7 10.1.1.1.8 and 10.1.4.1.10, and costs a bounded amount of memory and time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import structlog
from pydicom import Dataset
from pydicom.uid import UID
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import N_ACTION, N_EVENT_REPORT
from pynetdicom.dsutils import decode, encode
from pynetdicom.events import Event
from pynetdicom.presentation import PresentationContext

from daemon.core.commitment import CommitmentRequest, CommitmentResult, Reference
from daemon.core.errors import StoreUnavailable
from daemon.core.log import where
from daemon.core.uids import is_uid
from daemon.dimse.contexts import STORAGE_COMMITMENT
from daemon.dimse.status import failure

log = structlog.get_logger()

WELL_KNOWN_INSTANCE = "1.2.840.10008.1.20.1.1"
REQUEST_COMMITMENT = 1  # Action Type ID, table J.3-1
ALL_COMMITTED, FAILURES_EXIST = 1, 2  # Event Type IDs, table J.3-2

SUCCESS = 0x0000
PROCESSING_FAILURE = 0x0110
NO_SUCH_INSTANCE = 0x0112
NO_SUCH_EVENT = 0x0113
INVALID_ARGUMENT = 0x0115
NO_SUCH_CLASS = 0x0118
NO_SUCH_ACTION = 0x0123
RESOURCE_LIMITATION = 0x0213
_STATUSES = {SUCCESS, PROCESSING_FAILURE, NO_SUCH_INSTANCE, INVALID_ARGUMENT, NO_SUCH_CLASS, RESOURCE_LIMITATION}
REQUEST_STATUSES = frozenset(_STATUSES | {NO_SUCH_ACTION})
RESULT_STATUSES = frozenset(_STATUSES | {NO_SUCH_EVENT})

# A study has a few films. Items are counted before anything is parsed: empty ones are small on the wire and large in
# memory (daemon/dimse/guard.py bounds what is on the wire).
MOST_REFERENCES = 10_000
MOST_RESULTS = 1_000  # of those that we ask for, which are fewer (daemon/commit.py)
_ITEM = b"\xfe\xff\x00\xe0"  # (FFFE,E000), little endian


class Unfit(Exception):  # noqa: N818  named by what is said of the request
    """A request or result that is answered with a failure `status`; the text holds no value of the sender's."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def request_of(event: Event) -> CommitmentRequest:
    """What an N-ACTION asks. Raises Unfit."""
    message: Any = event.request
    _addressed(event, message.RequestedSOPClassUID, message.RequestedSOPInstanceUID)
    if message.ActionTypeID != REQUEST_COMMITMENT:
        raise Unfit(NO_SUCH_ACTION, "the Action Type ID is not 1")
    with _parsing():
        ds = _parsed(message.ActionInformation, event, MOST_REFERENCES)
        references = _references(ds.get("ReferencedSOPSequence"))
        if not references:
            raise Unfit(INVALID_ARGUMENT, "no instance is referenced")
        return CommitmentRequest(_uid(ds.get("TransactionUID")), references)


def result_of(event: Event) -> CommitmentResult:
    """What an N-EVENT-REPORT says. Raises Unfit."""
    message: Any = event.request
    _addressed(event, message.AffectedSOPClassUID, message.AffectedSOPInstanceUID)
    if message.EventTypeID not in (ALL_COMMITTED, FAILURES_EXIST):
        raise Unfit(NO_SUCH_EVENT, "the Event Type ID is neither 1 nor 2")
    with _parsing():
        ds = _parsed(message.EventInformation, event, MOST_RESULTS)
        failed = ds.get("FailedSOPSequence") or []
        reasons = [int(item.get("FailureReason") or PROCESSING_FAILURE) for item in failed]
        return CommitmentResult(
            _uid(ds.get("TransactionUID")),
            _references(ds.get("ReferencedSOPSequence")),
            tuple(zip((_reference(item) for item in failed), reasons, strict=True)),
        )


def action(request: CommitmentRequest, context: PresentationContext) -> N_ACTION:
    """The N-ACTION that asks for `request`."""
    ds = Dataset()
    ds.TransactionUID = request.transaction_uid
    ds.ReferencedSOPSequence = [_item(reference) for reference in request.references]
    message = N_ACTION()
    message.RequestedSOPClassUID = UID(STORAGE_COMMITMENT.uid)
    message.RequestedSOPInstanceUID = UID(WELL_KNOWN_INSTANCE)
    message.ActionTypeID = REQUEST_COMMITMENT
    message.ActionInformation = _encoded(ds, context)
    return message


def event_report(result: CommitmentResult, context: PresentationContext) -> N_EVENT_REPORT:
    """The N-EVENT-REPORT that tells `result`."""
    ds = Dataset()
    ds.TransactionUID = result.transaction_uid
    if result.committed:
        ds.ReferencedSOPSequence = [_item(reference) for reference in result.committed]
    if result.failed:
        ds.FailedSOPSequence = [_item(reference, reason) for reference, reason in result.failed]
    message = N_EVENT_REPORT()
    message.AffectedSOPClassUID = UID(STORAGE_COMMITMENT.uid)
    message.AffectedSOPInstanceUID = UID(WELL_KNOWN_INSTANCE)
    message.EventTypeID = FAILURES_EXIST if result.failed else ALL_COMMITTED
    message.EventInformation = _encoded(ds, context)
    return message


def accepted_context(assoc: Association) -> PresentationContext | None:
    """The first context for the Push Model that was accepted, whatever the roles: the peer's answer decides."""
    return next((c for c in assoc.accepted_contexts if c.abstract_syntax == STORAGE_COMMITMENT.uid), None)


@contextmanager
def _parsing() -> Iterator[None]:
    """Whatever pydicom raises on broken bytes (it has no closed set of errors) comes out as Unfit."""
    try:
        yield
    except Unfit:
        raise
    except Exception as error:
        raise Unfit(PROCESSING_FAILURE, f"the data set does not parse ({type(error).__name__})") from error


def _addressed(event: Event, sop_class_uid: str | None, sop_uid: str | None) -> None:
    if {sop_class_uid, event.context.abstract_syntax} != {STORAGE_COMMITMENT.uid}:
        raise Unfit(NO_SUCH_CLASS, "not the Storage Commitment Push Model")
    if sop_uid != WELL_KNOWN_INSTANCE:
        raise Unfit(NO_SUCH_INSTANCE, "not the well-known instance of the Push Model")


def _parsed(content: BytesIO | None, event: Event, most: int) -> Dataset:
    if content is None:
        raise Unfit(INVALID_ARGUMENT, "no data set")
    if content.getvalue().count(_ITEM) > most:
        raise Unfit(RESOURCE_LIMITATION, f"more than {most} references")
    syntax = UID(event.context.transfer_syntax)
    return decode(content, syntax.is_implicit_VR, syntax.is_little_endian, syntax.is_deflated)


def _references(items: Iterable[Dataset] | None) -> tuple[Reference, ...]:
    """Each once, in their order."""
    return tuple(dict.fromkeys(_reference(item) for item in items or ()))


def _reference(item: Dataset) -> Reference:
    return Reference(_uid(item.get("ReferencedSOPClassUID")), _uid(item.get("ReferencedSOPInstanceUID")))


def _uid(value: object) -> str:
    text = str(value or "").strip()
    if not is_uid(text):  # anything may stand there, a name too
        raise Unfit(INVALID_ARGUMENT, "a UID is missing or malformed")
    return text


def _item(reference: Reference, reason: int | None = None) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = reference.sop_class_uid
    item.ReferencedSOPInstanceUID = reference.sop_uid
    if reason is not None:
        item.FailureReason = reason
    return item


def _encoded(ds: Dataset, context: PresentationContext) -> BytesIO:
    syntax = context.transfer_syntax[0]
    content = encode(ds, syntax.is_implicit_VR, syntax.is_little_endian, syntax.is_deflated)
    assert content is not None  # UIDs and numbers of our own making
    return BytesIO(content)


def answered(event_name: str, act: Callable[[], None]) -> tuple[int | Dataset, None]:
    """(status, no data set) of a request whose whole effect is `act`; what goes wrong is logged as `event_name`."""
    try:
        act()
    except Unfit as error:
        log.warning(event_name, status=f"{error.status:04X}", why=str(error))
        return failure(error.status, str(error)), None
    except StoreUnavailable as error:
        log.error(event_name, status=f"{RESOURCE_LIMITATION:04X}", why=str(error))
        return failure(RESOURCE_LIMITATION, "try again later"), None
    except Exception as error:  # noqa: BLE001  an association must survive any one message
        log.error(event_name, kind=type(error).__name__, at=where(error))
        return failure(PROCESSING_FAILURE, "processing failure"), None
    return SUCCESS, None
