"""Storage Commitment as SCP: takes a modality's request, and tells it the result (PS3.4 J.3)."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog
from pydicom import Dataset
from pynetdicom import build_role
from pynetdicom.association import Association
from pynetdicom.events import Event

from daemon.core.commitment import CommitmentResult
from daemon.core.errors import DestinationRefused, DestinationUnreachable
from daemon.dimse.commitment import (
    INVALID_ARGUMENT,
    RESOURCE_LIMITATION,
    SUCCESS,
    Unfit,
    accepted_context,
    answered,
    event_report,
    request_of,
)
from daemon.dimse.contexts import STORAGE_COMMITMENT, TRANSFER_SYNTAXES_SCU
from daemon.dimse.exchange import Exchange
from daemon.dimse.scu import application_entity, associate
from daemon.sections import Destination, Modality
from daemon.store.ledger import Ledger
from daemon.store.promises import Noted

log = structlog.get_logger()

ANSWER_AFTER_S = 0.3  # so that the result comes after the response to the request
REPLY_S = 10.0  # for the response to a result on the association of the request

_REFUSED = {
    Noted.UID_IN_USE: (INVALID_ARGUMENT, "the Transaction UID is in use for another request"),
    Noted.TOO_MANY: (RESOURCE_LIMITATION, "too many requests are open"),
}


class Requests:
    """Takes requests, and remembers on which association each came for as long as that is open."""

    def __init__(self, ledger: Ledger, clock: Callable[[], float]) -> None:
        self._ledger, self._clock = ledger, clock
        self._lock = threading.Lock()
        self._exchanges: dict[Association, Exchange] = {}
        self._asked_on: dict[tuple[str, str], Association] = {}  # by calling AE title and Transaction UID

    def on_n_action(self, event: Event) -> tuple[int | Dataset, None]:
        """N-ACTION-RQ -> status; PS3.4 J.3.2. 0000 only after the request is durably on record."""
        return answered("promise.refused", lambda: self._note(event))

    def _note(self, event: Event) -> None:
        request, now = request_of(event), self._clock()
        calling_ae = str(event.assoc.requestor.ae_title).strip()
        noted = self._ledger.promises.note(request, calling_ae, now, now + ANSWER_AFTER_S)
        if noted is not Noted.RECORDED:
            raise Unfit(*_REFUSED[noted])
        log.info("promise.asked", calling_ae=calling_ae, instances=len(request.references))
        with self._lock:
            if event.assoc not in self._exchanges:
                self._exchanges[event.assoc] = Exchange(event.assoc)
            self._asked_on[calling_ae, request.transaction_uid] = event.assoc
        if not event.assoc.is_established:  # it broke meanwhile
            self.closed(event.assoc)

    def closed(self, assoc: Association) -> None:
        """Nothing can be told on this association any more."""
        with self._lock:
            if self._exchanges.pop(assoc, None) is not None:
                self._asked_on = {key: on for key, on in self._asked_on.items() if on is not assoc}

    def tell(self, modality: Modality | None, our_ae: str, calling_ae: str, result: CommitmentResult) -> None:
        """Tell `result` on the association of its request, or else on a new one to `modality`.

        Raises DestinationUnreachable, DestinationRefused when it was not heard.
        """
        with self._lock:
            on = self._asked_on.get((calling_ae, result.transaction_uid))
            exchange = self._exchanges.get(on) if on is not None else None
        status = _report(exchange, result, REPLY_S) if exchange is not None else None
        if status is None:
            status = _report_anew(modality, our_ae, result)
        if status != SUCCESS:
            raise DestinationRefused(f"N-EVENT-REPORT was answered with {status:04X}")


def _report_anew(modality: Modality | None, our_ae: str, result: CommitmentResult) -> int:
    if modality is None:
        raise DestinationUnreachable("the request's association is gone, and no [[modality]] has this AE title")
    there = Destination(name=modality.ae_title, ae_title=modality.ae_title, host=modality.host, port=modality.port)
    ae = application_entity(there, our_ae)
    for syntax in TRANSFER_SYNTAXES_SCU:
        ae.add_requested_context(STORAGE_COMMITMENT.uid, syntax.uid)
    # PS3.7 D.3.3.4: who tells a result is SCP, also where it requests the association.
    exchange = Exchange(associate(ae, there, [build_role(STORAGE_COMMITMENT.uid, scp_role=True)]))
    try:
        status = _report(exchange, result, there.timeout_s)
    finally:
        exchange.release()
    if status is None:
        raise DestinationUnreachable("no answer to N-EVENT-REPORT")
    return status


def _report(exchange: Exchange, result: CommitmentResult, patience_s: float) -> int | None:
    context = accepted_context(exchange.assoc)
    if context is None or context.context_id is None or not exchange.assoc.is_established:
        return None
    return exchange.ask(event_report(result, context), context.context_id, patience_s)
