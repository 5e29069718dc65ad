"""Storage Commitment as SCU: asks a destination to keep what it was sent, and takes its results (PS3.4 J.3)."""

from __future__ import annotations

from collections.abc import Callable

import structlog
from pydicom import Dataset
from pynetdicom import AE, evt
from pynetdicom.events import Event

from daemon.core.commitment import CommitmentRequest
from daemon.core.errors import DestinationRefused, DestinationUnreachable
from daemon.dimse.commitment import INVALID_ARGUMENT, SUCCESS, Unfit, accepted_context, action, answered, result_of
from daemon.dimse.contexts import STORAGE_COMMITMENT, TRANSFER_SYNTAXES_SCU
from daemon.dimse.exchange import Exchange
from daemon.dimse.guard import end
from daemon.dimse.scu import application_entity, associate
from daemon.sections import Destination, RetrySettings
from daemon.store.ledger import Ledger

log = structlog.get_logger()

# How long the association of a request is kept for its result; later it comes on one that the destination opens.
LINGER_S = 3.0


class Results:
    """Takes results on any association: that of the request, or one that a destination opens to our SCP."""

    def __init__(self, ledger: Ledger, retry: RetrySettings, clock: Callable[[], float]) -> None:
        self._ledger, self._retry, self._clock = ledger, retry, clock

    def on_n_event_report(self, event: Event, heard: set[str] | None = None) -> tuple[int | Dataset, None]:
        """N-EVENT-REPORT-RQ -> status; PS3.4 J.3.3. `heard` gets the Transaction UID."""
        return answered("commitment.result_refused", lambda: self._take(event, set() if heard is None else heard))

    def _take(self, event: Event, heard: set[str]) -> None:
        result = result_of(event)
        taken = self._ledger.commitments.take(result, self._retry, self._clock())
        if taken is None:  # PS3.7 10.1.1.1.8 has no better word for a Transaction UID that is not ours
            raise Unfit(INVALID_ARGUMENT, "no such transaction")
        heard.add(result.transaction_uid)
        told = log.info if taken.objects.keys() <= {"committed", "nothing_new"} else log.warning
        told("commitment.result", destination=taken.destination, transaction=result.transaction_uid, **taken.objects)


def ask(destination: Destination, calling_ae: str, results: Results, request: CommitmentRequest) -> None:
    """N-ACTION on an association of its own, which then waits LINGER_S for the result; `results` takes it.

    Raises DestinationUnreachable, DestinationRefused when the destination has not taken the request.
    """
    assoc = associate(_proposing(destination, calling_ae), destination)
    exchange, heard = Exchange(assoc), set[str]()
    assoc.bind(evt.EVT_N_EVENT_REPORT, results.on_n_event_report, [heard])
    try:
        context = accepted_context(assoc)
        assert context is not None and context.context_id is not None  # nothing else was proposed
        status = exchange.ask(action(request, context), context.context_id, destination.timeout_s)
        if status is None:
            raise DestinationUnreachable("no answer to N-ACTION (does it know our AE title?)")
        if status != SUCCESS:
            raise DestinationRefused(f"N-ACTION was answered with {status:04X}")
        exchange.wait(lambda: request.transaction_uid in heard, LINGER_S)
    finally:
        exchange.release()


def accepts(destination: Destination, calling_ae: str) -> None:
    """Whether the Push Model is accepted. Raises DestinationUnreachable where it is not."""
    end(associate(_proposing(destination, calling_ae), destination))


def _proposing(destination: Destination, calling_ae: str) -> AE:
    ae = application_entity(destination, calling_ae)
    for syntax in TRANSFER_SYNTAXES_SCU:
        ae.add_requested_context(STORAGE_COMMITMENT.uid, syntax.uid)
    return ae
