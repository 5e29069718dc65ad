"""A modality that asks us for storage commitment (PS3.4 Annex J), on pynetdicom; DCMTK has no such SCU."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any, cast

from pydicom import Dataset
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian, generate_uid
from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import N_ACTION, N_EVENT_REPORT
from pynetdicom.dsutils import encode
from pynetdicom.events import Event

from tests.support.peers.commitment import PUSH_MODEL, WELL_KNOWN
from tests.support.peers.programs import free_port
from tests.support.peers.sender import Context, context_of

Kind = type[N_ACTION] | type[N_EVENT_REPORT]
SETTLE_S = 0.2  # pynetdicom's release may wait for ever where a notification is just being served


@dataclass(frozen=True, slots=True)
class Report:
    """One N-EVENT-REPORT. failed: Failure Reason by SOP Instance UID; anew: on an association that the SCP opened."""

    transaction_uid: str
    event_type: int
    committed: frozenset[str]
    failed: Mapping[str, int]
    anew: bool
    transfer_syntax_uid: str


class Modality:
    """Its AE title, its listener for reports, and what it has heard; `reply(number)` is its status to each report."""

    def __init__(
        self,
        ae_title: str,
        *,
        reply: Callable[[int], int] = lambda _number: 0x0000,
        syntaxes: tuple[str, ...] = (ExplicitVRLittleEndian, ImplicitVRLittleEndian),
        knows_roles: bool = True,
    ) -> None:
        self.ae_title, self.port = ae_title, free_port()
        self.reports: list[Report] = []
        self._reply = reply
        self._connections: list[socket.socket] = []
        self._ae = AE(ae_title=ae_title)
        self._ae.acse_timeout = self._ae.dimse_timeout = self._ae.network_timeout = 60
        roles: dict[str, bool] = {"scu_role": True, "scp_role": True} if knows_roles else {}
        self._ae.add_supported_context(PUSH_MODEL, list(syntaxes), **roles)

    def entry(self) -> dict[str, Any]:
        """A [[modality]] of thoraxd.toml."""
        return {"ae_title": self.ae_title, "host": "127.0.0.1", "port": self.port}

    def start(self) -> None:
        """Listen for reports."""
        handlers: list[Any] = [(evt.EVT_N_EVENT_REPORT, self._on_report, [True]), (evt.EVT_CONN_OPEN, self._remember)]
        self._ae.start_server(("127.0.0.1", self.port), block=False, evt_handlers=handlers)

    def stop(self) -> None:
        """Listen no more."""
        self._ae.shutdown()
        for connection in self._connections:
            connection.close()

    def _remember(self, event: Event) -> None:
        if event.assoc.dul.socket is not None and event.assoc.dul.socket.socket is not None:
            self._connections.append(event.assoc.dul.socket.socket)

    def _on_report(self, event: Event, anew: bool) -> tuple[int, None]:
        ds = event.event_information
        failed = {
            str(item.ReferencedSOPInstanceUID): int(item.FailureReason) for item in ds.get("FailedSOPSequence", [])
        }
        kept = frozenset(str(item.ReferencedSOPInstanceUID) for item in ds.get("ReferencedSOPSequence", []))
        syntax = str(event.context.transfer_syntax)
        self.reports.append(Report(str(ds.TransactionUID), cast(int, event.event_type), kept, failed, anew, syntax))
        return self._reply(len(self.reports)), None

    def heard(self, transaction_uid: str) -> list[Report]:
        """The reports of one transaction."""
        return [report for report in self.reports if report.transaction_uid == transaction_uid]

    @contextmanager
    def association(self, port: int, *more: Context) -> Iterator[Association]:
        """One to ask on, and to store on in the contexts `more`; reports that come on it are heard too."""
        ae = AE(ae_title=self.ae_title)
        ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = 60
        for sop_class, syntax in {(PUSH_MODEL, ExplicitVRLittleEndian), *more}:
            ae.add_requested_context(sop_class, syntax)
        handlers: list[Any] = [(evt.EVT_N_EVENT_REPORT, self._on_report, [False]), (evt.EVT_CONN_OPEN, self._remember)]
        assoc = ae.associate("127.0.0.1", port, ae_title="THORAXD", evt_handlers=handlers)
        if not assoc.is_established:
            raise ConnectionError(f"no association on port {port}")
        try:
            yield assoc
        finally:
            time.sleep(SETTLE_S)
            assoc.release()

    def ask(
        self, port: int, references: Mapping[str, str], transaction_uid: str | None = None
    ) -> tuple[str, int | None]:
        """N-ACTION, and the association released at once: the Transaction UID, the status."""
        with self.association(port) as assoc:
            return ask_on(assoc, references, transaction_uid)


def contexts_of(*films: Dataset) -> set[Context]:
    """What is needed to store these."""
    return {context_of(film) for film in films}


def references_to(*films: Dataset) -> dict[str, str]:
    """SOP class by SOP Instance UID."""
    return {str(film.SOPInstanceUID): str(film.SOPClassUID) for film in films}


def action_information(references: Mapping[str, str], transaction_uid: str) -> Dataset:
    """PS3.4 table J.3-1."""
    ds = Dataset()
    ds.TransactionUID = transaction_uid
    ds.ReferencedSOPSequence = []
    for uid, sop_class in references.items():
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, uid
        ds.ReferencedSOPSequence.append(item)
    return ds


def ask_on(
    assoc: Association, references: Mapping[str, str], transaction_uid: str | None = None
) -> tuple[str, int | None]:
    """N-ACTION: the Transaction UID, the status."""
    transaction_uid = transaction_uid or generate_uid(prefix=None)
    ds = action_information(references, transaction_uid)
    return transaction_uid, request(assoc, N_ACTION, encoded(ds))


def encoded(ds: Dataset) -> bytes:
    """In Explicit VR Little Endian."""
    return encode(ds, False, True) or b""


def request(assoc: Association, kind: Kind, content: bytes | None, **parameters: Any) -> int | None:
    """One request of the Push Model with any bytes as its data set; the status, None where there was no answer."""
    (status,) = _exchange(assoc, [_message(kind, content, **parameters)])
    return status


def requests_at_once(assoc: Association, content: bytes, count: int) -> list[int | None]:
    """So many N-ACTIONs, sent before any is answered; a status each."""
    return _exchange(assoc, [_message(N_ACTION, content) for _ in range(count)])


def _message(
    kind: Kind, content: bytes | None, *, type_id: int = 1, sop_class: str = PUSH_MODEL, sop_uid: str = WELL_KNOWN
) -> Any:
    message: Any = kind()
    message.MessageID = 5
    information = BytesIO(content) if content is not None else None
    if kind is N_ACTION:
        message.RequestedSOPClassUID, message.RequestedSOPInstanceUID = UID(sop_class), UID(sop_uid)
        message.ActionTypeID, message.ActionInformation = type_id, information
    else:
        message.AffectedSOPClassUID, message.AffectedSOPInstanceUID = UID(sop_class), UID(sop_uid)
        message.EventTypeID, message.EventInformation = type_id, information
    return message


def _exchange(assoc: Association, messages: Sequence[Any]) -> list[int | None]:
    number = next(c.context_id for c in assoc.accepted_contexts if c.abstract_syntax == PUSH_MODEL)
    # As Association.send_n_action does: the reactor must not take our answers away.
    assoc._reactor_checkpoint.clear()
    while not assoc._is_paused:
        time.sleep(0.001)
    for message in messages:
        assoc.dimse.send_msg(message, cast(int, number))
    answers = [assoc.dimse.get_msg(block=True)[1] for _ in messages]
    assoc._reactor_checkpoint.set()
    return [None if answer is None else int(cast(N_ACTION, answer).Status or 0) for answer in answers]
