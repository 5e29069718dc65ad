"""The Storage SCU: sends result objects to one destination (PS3.4 Annex B), one outcome an object."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from pydicom import Dataset
from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.events import Event
from pynetdicom.pdu_primitives import SCP_SCU_RoleSelectionNegotiation

from daemon.core.errors import DestinationRefused, DestinationUnreachable, NoContextAccepted
from daemon.core.outcome import Answer, Outcome, Outgoing
from daemon.dimse import status
from daemon.dimse.contexts import NAMES, STORAGE_SCU, TRANSFER_SYNTAXES_SCU, VERIFICATION
from daemon.dimse.guard import cut, end, guard, limit
from daemon.sections import Destination

MAXIMUM_PDU = 131_072


def application_entity(destination: Destination, calling_ae: str) -> AE:
    """An AE with the destination's limits and no presentation context yet."""
    ae = AE(ae_title=destination.calling_ae or calling_ae)
    ae.maximum_pdu_size = MAXIMUM_PDU
    ae.acse_timeout = ae.dimse_timeout = destination.timeout_s
    ae.network_timeout = None  # each wait of ours has its end; two timers that abort at once break pynetdicom's thread
    ae.connection_timeout = min(destination.timeout_s, 10.0)
    return ae


def associate(ae: AE, destination: Destination, roles: Sequence[SCP_SCU_RoleSelectionNegotiation] = ()) -> Association:
    """An established association. Raises DestinationUnreachable with what became of the request."""
    assert destination.ae_title is not None and destination.port is not None  # settings hold them for kind dimse
    try:
        with ExitStack() as opening:
            assoc = ae.associate(
                destination.host,
                destination.port,
                ae_title=destination.ae_title,
                ext_neg=[*roles] or None,
                evt_handlers=[(evt.EVT_CONN_OPEN, _on_opened, [opening])],
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


def _on_opened(event: Event, opening: ExitStack) -> None:
    """Bound what the peer may cost us, from its first byte on; `opening` ends with the negotiation."""
    assoc = event.assoc
    transport = assoc.dul.socket
    assert transport is not None and transport.socket is not None and assoc.acse_timeout is not None
    # A command and its data set are two writes: Nagle's algorithm holds the second back for 40 ms, at each object.
    transport.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    guard(assoc, assoc.acse_timeout, lambda: cut(assoc))
    opening.enter_context(limit(assoc))


class Answers:
    """The statuses that came on an association, by Message ID Being Responded To (PS3.7 9.1.1.1.2).

    pynetdicom hands out the next response, whatever it responds to.
    """

    def __init__(self, assoc: Association, patience_s: float | None = None) -> None:
        self.in_order = True  # no response has come but the first one to each message
        self._assoc, self._patience_s = assoc, patience_s
        self._under_way: int | None = None
        self._status: int | None = None
        assoc.bind(evt.EVT_DIMSE_RECV, self._on_message)

    @property
    def usable(self) -> bool:
        """Whether another message may go out."""
        return self.in_order and self._assoc.is_established

    def close(self) -> None:
        """Listen no more, on an association that goes on."""
        self._assoc.unbind(evt.EVT_DIMSE_RECV, self._on_message)

    def store(self, ds: Dataset | Path, number: int, originator: tuple[str, int] | None = None) -> int | None:
        """C-STORE `ds`, or a file as it is, as message `number`; its status. None: the association is of no more use.

        originator: AE title and Message ID of the C-MOVE that this is for (PS3.7 9.1.1.1).
        Raises ValueError where no context was accepted for it.
        """
        self._under_way, self._status = number, None
        by, of = originator or (None, None)
        try:
            with limit(self._assoc, self._patience_s):
                answer = self._assoc.send_c_store(ds, msg_id=number, originator_aet=by, originator_id=of)
        except RuntimeError:  # it was aborted just now
            return None
        return self._status if "Status" in answer else None

    def _on_message(self, event: Event) -> None:
        command: Any = event.message.command_set
        if "Status" not in command:
            return
        if self._under_way is not None and command.get("MessageIDBeingRespondedTo") == self._under_way:
            self._under_way, self._status = None, int(command.Status)
        else:
            self.in_order = False


def send(destination: Destination, calling_ae: str, objects: Sequence[Outgoing]) -> Iterator[Outcome]:
    """Send `objects` over one association; outcomes come in the same order, one each.

    When the association breaks, or another message is answered, the object under way is BROKEN and the rest get no
    outcome.
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
    answers = Answers(assoc)
    try:
        accepted = {context.abstract_syntax for context in assoc.accepted_contexts}
        for number, ds in enumerate((outgoing.dataset for outgoing in objects), start=1):
            if ds.SOPClassUID not in accepted:
                lack = f"no presentation context accepted for {NAMES[str(ds.SOPClassUID)]}"
                yield Outcome(Answer.REFUSED, None, lack)
                continue
            if number > 1 and not answers.usable:
                return  # broken between two objects: neither is to blame
            answer = answers.store(ds, number)
            if answer is None:
                wrong = "the association broke or timed out before an answer"
                yield Outcome(Answer.BROKEN, None, wrong if answers.in_order else "another message was answered")
                return
            yield status.outcome_of(answer)
    finally:
        end(assoc, in_order=answers.in_order)


def echo(destination: Destination, calling_ae: str) -> None:
    """C-ECHO. Raises DestinationUnreachable or DestinationRefused."""
    ae = application_entity(destination, calling_ae)
    ae.add_requested_context(VERIFICATION.uid)
    assoc = associate(ae, destination)
    try:
        with limit(assoc):
            answer = assoc.send_c_echo()
        if answer.get("Status") != status.SUCCESS:
            raise DestinationRefused("C-ECHO was not answered with 0000")
    finally:
        end(assoc)
