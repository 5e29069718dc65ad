"""Unified Procedure Step Push, Pull, Watch and Query as SCP: PS3.4 CC.2 and CC.3.

An instance is of the Push SOP class whatever was negotiated (CC.3.1.1), and many SCUs send all requests on the first
context that they have: each N-service is served on each of the contexts. Handlers only translate; what a request does
is daemon/worklist.py's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import structlog
from pydicom import Dataset
from pynetdicom.events import Event

from daemon.core.errors import MalformedQuery, StoreUnavailable, UpsRefused
from daemon.core.log import where
from daemon.core.ups import (
    ATTRIBUTES_IGNORED,
    INVALID_ARGUMENT,
    INVALID_VALUE,
    MEANINGS,
    NO_SUCH_ACTION,
    NO_SUCH_CLASS,
    PROCESSING_FAILURE,
    PUSH,
    RESOURCE_LIMITATION,
    SUCCESS,
)
from daemon.core.ups_checks import is_ascii
from daemon.core.ups_matching import Search
from daemon.dimse.connection import cancelled, keep_pace
from daemon.dimse.contexts import UPS_FIND_SCP
from daemon.dimse.finding import Found, Handler
from daemon.dimse.identifier import IDENTIFIER_DOES_NOT_MATCH, OUT_OF_RESOURCES, Refused, parsed
from daemon.dimse.status import failure
from daemon.worklist import Worklist

log = structlog.get_logger()

PENDING, CANCEL = 0xFF00, 0xFE00  # table CC.2.8-2
_TRANSACTION_UID = 0x00081195

Answer = tuple[int | Dataset, Dataset | None]


class UpsScp:
    """Serves one worklist."""

    def __init__(self, worklist: Worklist) -> None:
        self._worklist = worklist
        # Action Type IDs: tables CC.2.1-1, CC.2.2-1, CC.2.3-1
        self._actions: dict[int, Callable[[str, Dataset, str], int]] = {
            1: self._change_state,
            2: self._worklist_cancel,
            3: self._subscribe,
            4: self._unsubscribe,
            5: self._suspend,
        }

    def on_n_create(self, event: Event) -> Answer:
        """N-CREATE-RQ -> status; CC.2.5."""

        def act() -> Answer:
            request: Any = event.request
            _of_push(request.AffectedSOPClassUID)
            made = self._worklist.create(str(request.AffectedSOPInstanceUID or ""), _data_set(event, "AttributeList"))
            if request.AffectedSOPInstanceUID:
                return made.code, None
            told, status = Dataset(), Dataset()  # PS3.7 10.1.5.1.4: an instance that we name is named in the response
            told.AffectedSOPInstanceUID = status.AffectedSOPInstanceUID = made.ups_uid
            status.Status = made.code
            return status, told if made.code == SUCCESS else None

        return _answered("n-create", act)

    def on_n_set(self, event: Event) -> Answer:
        """N-SET-RQ -> status; CC.2.6. The Transaction UID comes as an attribute."""

        def act() -> Answer:
            asked = _data_set(event, "ModificationList")
            return self._worklist.update(_instance(event), asked, str(asked.get("TransactionUID") or "")), None

        return _answered("n-set", act)

    def on_n_get(self, event: Event) -> Answer:
        """N-GET-RQ -> status, attributes; CC.2.7. No list of attributes: all."""

        def act() -> Answer:
            request: Any = event.request
            attributes = self._worklist.get(_instance(event))
            wanted = request.AttributeIdentifierList or []
            ds = Dataset()
            for element in attributes:
                if not wanted or element.tag in wanted:
                    ds[element.tag] = element
            return ATTRIBUTES_IGNORED if _TRANSACTION_UID in wanted else SUCCESS, _encodable(ds)

        return _answered("n-get", act)

    def on_n_action(self, event: Event) -> Answer:
        """N-ACTION-RQ -> status; CC.2.1 to CC.2.3."""

        def act() -> Answer:
            request: Any = event.request
            ups_uid, action = _instance(event), self._actions.get(request.ActionTypeID)
            if action is None:
                raise UpsRefused(NO_SUCH_ACTION, "the Action Type ID is none of 1 to 5")
            calling_ae = str(event.assoc.requestor.ae_title).strip()
            return action(ups_uid, _data_set(event, "ActionInformation"), calling_ae), None

        return _answered("n-action", act)

    def _change_state(self, ups_uid: str, asked: Dataset, _calling_ae: str) -> int:
        state = str(asked.get("ProcedureStepState") or "")
        return self._worklist.change_state(ups_uid, state, str(asked.get("TransactionUID") or ""))

    def _worklist_cancel(self, ups_uid: str, asked: Dataset, calling_ae: str) -> int:
        return self._worklist.request_cancel(ups_uid, asked, calling_ae)

    def _subscribe(self, ups_uid: str, asked: Dataset, _calling_ae: str) -> int:
        lock = asked.get("DeletionLock")
        if lock not in ("TRUE", "FALSE"):
            raise UpsRefused(INVALID_ARGUMENT, "DeletionLock is neither TRUE nor FALSE")
        receiver, keys = _receiving_ae(asked), Dataset()
        keys.update({element.tag: element for element in asked if element.keyword not in _SUBSCRIBING})
        return self._worklist.subscribe(receiver, ups_uid, lock == "TRUE", keys)

    def _unsubscribe(self, ups_uid: str, asked: Dataset, _calling_ae: str) -> int:
        self._worklist.unsubscribe(_receiving_ae(asked), ups_uid)
        return SUCCESS

    def _suspend(self, ups_uid: str, asked: Dataset, _calling_ae: str) -> int:
        self._worklist.suspend(_receiving_ae(asked), ups_uid)
        return SUCCESS

    def on_c_find(self, event: Event) -> Iterator[Found]:
        """C-FIND-RQ -> responses; CC.2.8."""
        request: Any = event.request
        found = 0
        try:
            keys = parsed(request.Identifier, str(event.context.transfer_syntax))
            for match in self._worklist.search(Search(keys)) if len(keys) else ():  # CC.2.8.3.1: no keys, no matches
                if cancelled(event.assoc, request.MessageID):
                    yield CANCEL, None
                    return
                if not keep_pace(event.assoc):
                    return
                yield PENDING, _encodable(Dataset.from_json(dict(match)))
                found += 1
        except (Refused, MalformedQuery, UpsRefused) as error:
            code = error.status if isinstance(error, Refused) else IDENTIFIER_DOES_NOT_MATCH
            log.warning("ups.refused", request="c-find", status=f"{code:04X}", why=str(error))
            yield failure(code, str(error)), None
        except StoreUnavailable as error:
            log.error("ups.refused", request="c-find", status=f"{OUT_OF_RESOURCES:04X}", why=str(error))
            yield failure(OUT_OF_RESOURCES, "try again later"), None
        else:
            log.info("ups.found", found=found)


_SUBSCRIBING = frozenset({"ReceivingAE", "DeletionLock", "SpecificCharacterSet"})


def ups_handlers(scp: UpsScp) -> dict[str, Handler]:
    """For daemon/dimse/finding.py: CC.2.8.1.2.1."""
    return {str(sop_class.uid): scp.on_c_find for sop_class in UPS_FIND_SCP}


def _instance(event: Event) -> str:
    request: Any = event.request
    _of_push(request.RequestedSOPClassUID)
    return str(request.RequestedSOPInstanceUID or "")


def _of_push(sop_class_uid: object) -> None:
    if sop_class_uid != PUSH:
        raise UpsRefused(NO_SUCH_CLASS, "not the UPS Push SOP class, which every instance is of")


def _receiving_ae(asked: Dataset) -> str:
    return str(asked.get("ReceivingAE") or "").strip()


def _data_set(event: Event, parameter: str) -> Dataset:
    """The request's data set; an absent one is empty. Raises UpsRefused."""
    content: BytesIO | None = getattr(event.request, parameter)
    if content is None:
        return Dataset()
    try:
        return parsed(content, str(event.context.transfer_syntax))
    except Refused as error:
        code = RESOURCE_LIMITATION if error.status == OUT_OF_RESOURCES else INVALID_VALUE
        raise UpsRefused(code, MEANINGS[code]) from error


def _encodable(ds: Dataset) -> Dataset:
    """With its character set, where it needs one (CC.2.8.1.3.2)."""
    if not is_ascii(ds):
        ds.SpecificCharacterSet = "ISO_IR 192"
    return ds


def _answered(request: str, act: Callable[[], Answer]) -> Answer:
    """What `act` answers; what goes wrong is a status and a line in the log."""
    try:
        return act()
    except UpsRefused as error:
        log.info("ups.refused", request=request, status=f"{error.code:04X}", why=str(error))
        return failure(error.code, str(error)), None
    except MalformedQuery as error:
        log.info("ups.refused", request=request, status=f"{INVALID_VALUE:04X}", why=str(error))
        return failure(INVALID_VALUE, str(error)), None
    except StoreUnavailable as error:
        log.error("ups.refused", request=request, status=f"{RESOURCE_LIMITATION:04X}", why=str(error))
        return failure(RESOURCE_LIMITATION, "try again later"), None
    except Exception as error:  # noqa: BLE001  an association must survive any one message
        log.error("ups.error", request=request, kind=type(error).__name__, at=where(error))
        return failure(PROCESSING_FAILURE, "processing failure"), None
