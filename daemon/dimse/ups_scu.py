"""UPS Event as SCP: tells a subscriber what happened, on an association that we open to it (PS3.4 CC.2.4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from io import BytesIO

from pydicom.uid import UID
from pynetdicom import build_role
from pynetdicom.dimse_primitives import N_EVENT_REPORT
from pynetdicom.dsutils import encode
from pynetdicom.presentation import PresentationContext

from daemon.core.errors import DestinationUnreachable
from daemon.core.ups import PUSH
from daemon.core.ups_checks import is_ascii
from daemon.dimse.contexts import TRANSFER_SYNTAXES_SCU, UPS_EVENT
from daemon.dimse.exchange import Exchange
from daemon.dimse.scu import application_entity, associate
from daemon.sections import Destination, Modality
from daemon.store.ups_events import DueEvent


def report(modality: Modality, our_ae: str, events: Sequence[DueEvent]) -> Iterator[tuple[int, int]]:
    """N-EVENT-REPORT of each event, in order, on one association: its id and the status it was answered with.

    Raises DestinationUnreachable when one was not heard; those before it were.
    """
    there = Destination(name=modality.ae_title, ae_title=modality.ae_title, host=modality.host, port=modality.port)
    ae = application_entity(there, our_ae)
    for syntax in TRANSFER_SYNTAXES_SCU:
        ae.add_requested_context(UPS_EVENT.uid, syntax.uid)
    # PS3.7 D.3.3.4: who tells an event is SCP, also where it requests the association.
    exchange = Exchange(associate(ae, there, [build_role(UPS_EVENT.uid, scp_role=True)]))
    try:
        context = exchange.assoc.accepted_contexts[0]
        assert context.context_id is not None
        for event in events:
            status = exchange.ask(_message(event, context), context.context_id, there.timeout_s)
            if status is None:
                raise DestinationUnreachable("no answer to N-EVENT-REPORT")
            yield event.id, status
    finally:
        exchange.release()


def _message(event: DueEvent, context: PresentationContext) -> N_EVENT_REPORT:
    syntax = context.transfer_syntax[0]
    if not is_ascii(event.information):
        event.information.SpecificCharacterSet = "ISO_IR 192"
    content = encode(event.information, syntax.is_implicit_VR, syntax.is_little_endian, syntax.is_deflated)
    message = N_EVENT_REPORT()
    message.AffectedSOPClassUID = UID(PUSH)  # CC.2.4.3: whatever was negotiated
    message.AffectedSOPInstanceUID = UID(event.ups_uid)
    message.EventTypeID = event.type
    message.EventInformation = BytesIO(content) if content else None
    return message
