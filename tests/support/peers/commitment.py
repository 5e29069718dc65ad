"""A PACS with storage commitment that answers as a test tells it to (PS3.4 Annex J): pynetdicom's own ways, not ours.

A behaviour is called in a thread of its own for each N-ACTION and may `report` as often, as late, on whichever
association, and as wrongly as it likes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, build_role, evt
from pynetdicom.association import Association
from pynetdicom.events import Event

from tests.support.peers.receiver import Receiver

PUSH_MODEL = "1.2.840.10008.1.20.1"
WELL_KNOWN = "1.2.840.10008.1.20.1.1"
SYNTAXES = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)


@dataclass(frozen=True)
class Asked:
    """One N-ACTION. references: SOP class by SOP Instance UID. number: 1, 2, … of this PACS."""

    number: int
    at: float
    transaction_uid: str
    references: Mapping[str, str]
    transfer_syntax_uid: str
    assoc: Association


Behaviour = Callable[["CommittingPacs", Asked], object]


class CommittingPacs(Receiver):
    """Keeps what it is sent, and says what `behaviour` says. replies: the status of each response to a report."""

    def __init__(
        self,
        behaviour: Behaviour,
        *,
        action_status: Callable[[int], int] = lambda _number: 0x0000,
        early: bool = False,
        syntaxes: Collection[str] = SYNTAXES,
        **more: Any,
    ) -> None:
        super().__init__(**more)
        self.reports_to = 0  # the port of the SCU's own SCP
        self.asked: list[Asked] = []
        self.replies: list[int | None] = []
        self._behaviour, self._action_status, self._early = behaviour, action_status, early
        self._threads: list[threading.Thread] = []
        self._ae.add_supported_context(PUSH_MODEL, list(syntaxes))

    def handlers(self) -> list[Any]:
        """Of a Receiver, and N-ACTION."""
        return [*super().handlers(), (evt.EVT_N_ACTION, self._on_n_action)]

    def stop(self) -> None:
        """Wait for reports under way, then as a Receiver."""
        for thread in self._threads:
            thread.join(10)
        super().stop()

    def _on_n_action(self, event: Event) -> tuple[int, None]:
        ds = event.action_information
        assert (event.action_type, event.request.RequestedSOPInstanceUID) == (1, WELL_KNOWN)  # type: ignore[union-attr]
        references = {
            str(item.ReferencedSOPInstanceUID): str(item.ReferencedSOPClassUID) for item in ds.ReferencedSOPSequence
        }
        number, syntax = len(self.asked) + 1, str(event.context.transfer_syntax)
        asked = Asked(number, time.time(), str(ds.TransactionUID), references, syntax, event.assoc)
        self.asked.append(asked)
        status = self._action_status(number)
        if status == 0x0000:
            self._threads.append(threading.Thread(target=self._behaviour, args=(self, asked)))
            self._threads[-1].start()
            time.sleep(0.5 if self._early else 0)
        return status, None

    def report(
        self,
        asked: Asked,
        *,
        anew: bool = False,
        failed: Mapping[str, int] | None = None,
        left_out: Collection[str] = (),
        more: Mapping[str, str] | None = None,
        transaction_uid: str | None = None,
        role: bool = True,
        syntax: str = ExplicitVRLittleEndian,
    ) -> int | None:
        """One N-EVENT-REPORT, on the association of the request or `anew`; the status of its response."""
        ds = event_information(
            transaction_uid or asked.transaction_uid,
            {uid: cls for uid, cls in {**asked.references, **(more or {})}.items() if uid not in left_out},
            failed or {},
        )
        if anew:
            status = report_anew(self.reports_to, ds, 2 if failed else 1, role=role, syntax=syntax)
        else:
            if not self._early:
                time.sleep(0.1)  # pynetdicom takes its own handler under way for a reactor that stands still
            answer, _ = asked.assoc.send_n_event_report(ds, 2 if failed else 1, PUSH_MODEL, WELL_KNOWN)
            status = int(answer.Status) if "Status" in answer else None
        self.replies.append(status)
        return status


def event_information(transaction_uid: str, references: Mapping[str, str], failed: Mapping[str, int]) -> Dataset:
    """PS3.4 table J.3-2. references: SOP class by SOP Instance UID; failed: Failure Reason by SOP Instance UID."""
    ds = Dataset()
    ds.TransactionUID = transaction_uid
    for keyword, uids in (
        ("ReferencedSOPSequence", [uid for uid in references if uid not in failed]),
        ("FailedSOPSequence", [uid for uid in references if uid in failed]),
    ):
        items = []
        for uid in uids:
            item = Dataset()
            item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = references[uid], uid
            if uid in failed:
                item.FailureReason = failed[uid]
            items.append(item)
        if items:
            setattr(ds, keyword, items)
    return ds


def report_anew(
    port: int, ds: Dataset, event_type: int = 1, *, role: bool = True, syntax: str = ExplicitVRLittleEndian
) -> int | None:
    """An N-EVENT-REPORT on a new association, proposed as SCP, or, against the standard, without a role."""
    ae = AE(ae_title="REPORTER")
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = 30
    ae.add_requested_context(PUSH_MODEL, syntax)
    roles: Any = [build_role(PUSH_MODEL, scp_role=True)] if role else None
    assoc = ae.associate("127.0.0.1", port, ae_title="THORAXD", ext_neg=roles)
    if not assoc.is_established:
        return None
    try:
        for context in assoc.accepted_contexts:
            assert role == bool(context.as_scp)
            context._as_scp = True  # a sloppy peer does not look either
        answer, _ = assoc.send_n_event_report(ds, event_type, PUSH_MODEL, WELL_KNOWN)
        return int(answer.Status) if "Status" in answer else None
    finally:
        assoc.release()
