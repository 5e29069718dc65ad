"""The Storage SCU: sends result objects to one destination (PS3.4 Annex B), one outcome an object."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence

from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.events import Event
from pynetdicom.pdu_primitives import SCP_SCU_RoleSelectionNegotiation

from daemon.core.errors import DestinationRefused, DestinationUnreachable, NoContextAccepted
from daemon.core.outcome import Answer, Outcome, Outgoing
from daemon.dimse import status
from daemon.dimse.contexts import NAMES, STORAGE_SCU, TRANSFER_SYNTAXES_SCU, VERIFICATION
from daemon.settings import Destination

MAXIMUM_PDU = 131_072


def application_entity(destination: Destination, calling_ae: str) -> AE:
    """An AE with the destination's limits and no presentation context yet."""
    ae = AE(ae_title=destination.calling_ae or calling_ae)
    ae.maximum_pdu_size = MAXIMUM_PDU
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = destination.timeout_s
    ae.connection_timeout = min(destination.timeout_s, 10.0)
    return ae


def associate(ae: AE, destination: Destination, roles: Sequence[SCP_SCU_RoleSelectionNegotiation] = ()) -> Association:
    """An established association. Raises DestinationUnreachable with what became of the request."""
    assert destination.ae_title is not None and destination.port is not None  # settings hold them for kind dimse
    try:
        assoc = ae.associate(
            destination.host,
            destination.port,
            ae_title=destination.ae_title,
            ext_neg=[*roles] or None,
            evt_handlers=[(evt.EVT_CONN_OPEN, _send_at_once)],
        )
    except OSError as error:  # the name does not resolve: pynetdicom raises that before it connects
        raise DestinationUnreachable(f"{destination.host}: {error.strerror or error}") from error
    if assoc.is_established:
        return assoc
    if assoc.is_rejected:
        answer = assoc.acceptor.primitive
        detail = f": {answer.reason_str}" if answer is not None else ""
        raise DestinationUnreachable(f"association rejected{detail}")
    if assoc.accepted_contexts:
        raise DestinationUnreachable("association aborted as soon as it was accepted")
    if assoc.acceptor.primitive is not None:
        raise NoContextAccepted("no presentation context accepted")
    raise DestinationUnreachable("no answer" if assoc.is_aborted else "no connection")


def _send_at_once(event: Event) -> None:
    """A command and its data set are two writes: Nagle's algorithm holds the second back for 40 ms, at each object."""
    transport = event.assoc.dul.socket
    if transport is not None and transport.socket is not None:
        transport.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def send(destination: Destination, calling_ae: str, objects: Sequence[Outgoing]) -> Iterator[Outcome]:
    """Send `objects` over one association; outcomes come in the same order, one each.

    When the association breaks, the object under way is BROKEN and the rest get no outcome.
    Raises DestinationUnreachable, before any outcome, when there is no association.
    """
    ae = application_entity(destination, calling_ae)
    wanted = {str(outgoing.dataset.SOPClassUID) for outgoing in objects}
    for sop_class in STORAGE_SCU:
        if sop_class.uid in wanted:
            for syntax in TRANSFER_SYNTAXES_SCU:
                ae.add_requested_context(sop_class.uid, syntax.uid)
    try:
        assoc = associate(ae, destination)
    except NoContextAccepted as error:
        yield from [Outcome(Answer.REFUSED, None, str(error))] * len(objects)
        return
    try:
        accepted = {context.abstract_syntax for context in assoc.accepted_contexts}
        for ds in (outgoing.dataset for outgoing in objects):
            if ds.SOPClassUID not in accepted:
                lack = f"no presentation context accepted for {NAMES[str(ds.SOPClassUID)]}"
                yield Outcome(Answer.REFUSED, None, lack)
                continue
            answer = assoc.send_c_store(ds)
            if "Status" not in answer:
                yield Outcome(Answer.BROKEN, None, "the association broke or timed out before an answer")
                return
            yield status.outcome_of(int(answer.Status))
    finally:
        if assoc.is_established:
            assoc.release()
        else:
            assoc.abort()


def echo(destination: Destination, calling_ae: str) -> None:
    """C-ECHO. Raises DestinationUnreachable or DestinationRefused."""
    ae = application_entity(destination, calling_ae)
    ae.add_requested_context(VERIFICATION.uid)
    assoc = associate(ae, destination)
    try:
        answer = assoc.send_c_echo()
        if answer.get("Status") != status.SUCCESS:
            raise DestinationRefused("C-ECHO was not answered with 0000")
    finally:
        assoc.release()
