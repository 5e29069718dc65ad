"""The Storage SCU: sends result objects to one destination (PS3.4 Annex B), one outcome an object."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydicom import Dataset
from pynetdicom import AE
from pynetdicom.association import Association

from daemon.core.errors import DestinationRefused, DestinationUnreachable
from daemon.dimse import status
from daemon.dimse.contexts import NAMES, STORAGE_SCU, TRANSFER_SYNTAXES_SCU, VERIFICATION
from daemon.settings import Destination

MAXIMUM_PDU = 131_072


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the destination answered about one object: a status, or, where it is None, why there was none."""

    status: int | None
    reason: str

    @property
    def accepted(self) -> bool:
        """Only 0000 is acceptance: a warning means that something was changed or left out."""
        return self.status == status.SUCCESS


def _application_entity(destination: Destination, calling_ae: str) -> AE:
    ae = AE(ae_title=destination.calling_ae or calling_ae)
    ae.maximum_pdu_size = MAXIMUM_PDU
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = destination.timeout_s
    ae.connection_timeout = min(destination.timeout_s, 10.0)
    return ae


def _associate(ae: AE, destination: Destination) -> Association:
    try:
        assoc = ae.associate(destination.host, destination.port, ae_title=destination.ae_title)
    except OSError as error:  # the name does not resolve: pynetdicom raises that before it connects
        raise DestinationUnreachable(f"{destination.host}: {error.strerror or error}") from error
    if assoc.is_established:
        return assoc
    if assoc.is_rejected:
        answer = assoc.acceptor.primitive
        detail = f": {answer.reason_str}" if answer is not None else ""
        raise DestinationUnreachable(f"association rejected{detail}")
    if assoc.acceptor.primitive is not None:
        raise DestinationUnreachable("no presentation context accepted")
    raise DestinationUnreachable("no answer" if assoc.is_aborted else "no connection")


def send(destination: Destination, calling_ae: str, objects: Sequence[Dataset]) -> Iterator[Outcome]:
    """Send `objects` over one association; outcomes come in the same order, one each.

    When the association breaks, the object under way gets an outcome without a status and the rest get none.
    Raises DestinationUnreachable, before any outcome, when there is no association.
    """
    ae = _application_entity(destination, calling_ae)
    wanted = {str(ds.SOPClassUID) for ds in objects}
    for sop_class in STORAGE_SCU:
        if sop_class.uid in wanted:
            for syntax in TRANSFER_SYNTAXES_SCU:
                ae.add_requested_context(sop_class.uid, syntax.uid)
    assoc = _associate(ae, destination)
    try:
        accepted = {context.abstract_syntax for context in assoc.accepted_contexts}
        for ds in objects:
            if ds.SOPClassUID not in accepted:
                yield Outcome(None, f"no presentation context accepted for {NAMES[str(ds.SOPClassUID)]}")
                continue
            answer = assoc.send_c_store(ds)
            if "Status" not in answer:
                yield Outcome(None, "the association broke or timed out before an answer")
                return
            code = int(answer.Status)
            yield Outcome(code, "" if code == status.SUCCESS else status.meaning(code))
    finally:
        if assoc.is_established:
            assoc.release()
        else:
            assoc.abort()


def echo(destination: Destination, calling_ae: str) -> None:
    """C-ECHO. Raises DestinationUnreachable or DestinationRefused."""
    ae = _application_entity(destination, calling_ae)
    ae.add_requested_context(VERIFICATION.uid)
    assoc = _associate(ae, destination)
    try:
        answer = assoc.send_c_echo()
        if answer.get("Status") != status.SUCCESS:
            raise DestinationRefused("C-ECHO was not answered with 0000")
    finally:
        assoc.release()
