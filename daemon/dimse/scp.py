"""The Storage and Verification SCP: PS3.4 Annex A and B, on pynetdicom. All other services come in here too (C, J)."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import structlog
from pydicom import Dataset
from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.events import Event
from pynetdicom.transport import ThreadedAssociationServer

from daemon.dimse import status
from daemon.dimse.commitment_scp import Requests
from daemon.dimse.commitment_scu import Results
from daemon.dimse.contexts import (
    QUERY_RETRIEVE_SCP,
    STORAGE_COMMITMENT,
    STORAGE_SCP,
    TRANSFER_SYNTAXES_SCP,
    TRANSFER_SYNTAXES_SCU,
    UPS_SCP,
    VERIFICATION,
)
from daemon.dimse.finding import Finding
from daemon.dimse.guard import cut, guard, let_go
from daemon.dimse.offering import offer_retrieval
from daemon.dimse.reception import Reception
from daemon.dimse.retrieve_scp import RetrieveScp
from daemon.dimse.streaming import discard_unfinished, stream_to, sweep
from daemon.dimse.ups_scp import UpsScp
from daemon.ingest import Ingest
from daemon.presence import Presence
from daemon.sections import ScpSettings

log = structlog.get_logger()

# The largest PDU we take, bytes: bigger ones cost fewer turns through pynetdicom's reactor (docs/benchmarks.md).
MAXIMUM_PDU = 131_072
ABORT_S = 1.0  # for an A-ABORT to be sent, at a stop


class Scp:
    """Listens from `start` to `stop`."""

    def __init__(
        self,
        settings: ScpSettings,
        ingest: Ingest,
        presence: Presence,
        incoming: Path,
        requests: Requests,
        results: Results,
        finding: Finding,
        retrieving: RetrieveScp,
        ups: UpsScp,
    ) -> None:
        self._settings, self._presence, self._incoming = settings, presence, incoming
        self._reception = Reception(ingest, presence)
        self._requests, self._results = requests, results
        self._finding, self._retrieving, self._ups = finding, retrieving, ups
        self._server: ThreadedAssociationServer | None = None
        self._ae = self._application_entity()

    def _application_entity(self) -> AE:
        ae = AE(ae_title=self._settings.ae_title)
        ae.maximum_pdu_size = MAXIMUM_PDU
        ae.maximum_associations = self._settings.max_associations
        ae.network_timeout = ae.dimse_timeout = self._settings.timeout_s
        ae.acse_timeout = min(self._settings.timeout_s, 10.0)  # a connection that asks for nothing holds a place
        ae.require_called_aet = self._settings.require_called_ae
        ae.require_calling_aet = list(self._settings.allowed_ae)
        for sop_class in STORAGE_SCP:
            ae.add_supported_context(sop_class.uid, [syntax.uid for syntax in TRANSFER_SYNTAXES_SCP])
        ae.add_supported_context(VERIFICATION.uid)
        syntaxes = [syntax.uid for syntax in TRANSFER_SYNTAXES_SCU]
        for model in (*QUERY_RETRIEVE_SCP, *UPS_SCP):
            ae.add_supported_context(model.uid, syntaxes)
        # Either role: a modality that asks is SCU; a destination that opens an association to report is SCP.
        ae.add_supported_context(STORAGE_COMMITMENT.uid, syntaxes, scu_role=True, scp_role=True)
        return ae

    def start(self) -> None:
        """Listen. Raises OSError when the address cannot be had."""
        stream_to(self._incoming)
        swept = sweep(self._incoming)
        handlers: list[Any] = [
            (evt.EVT_C_STORE, self._reception.on_c_store),
            (evt.EVT_C_ECHO, self._on_c_echo),
            (evt.EVT_C_FIND, self._finding.on_c_find),
            (evt.EVT_N_ACTION, self._on_n_action),
            (evt.EVT_N_CREATE, self._ups.on_n_create),
            (evt.EVT_N_GET, self._ups.on_n_get),
            (evt.EVT_N_SET, self._ups.on_n_set),
            (evt.EVT_N_EVENT_REPORT, self._results.on_n_event_report),
            (evt.EVT_CONN_OPEN, self._on_opened),
            (evt.EVT_REQUESTED, lambda event: offer_retrieval(event.assoc)),
            (evt.EVT_CONN_CLOSE, self._on_closed),
            (evt.EVT_RELEASED, self._on_released),
            (evt.EVT_ABORTED, self._on_closed),
        ]
        address = (self._settings.host, self._settings.port)
        try:
            self._server = self._ae.start_server(address, block=False, evt_handlers=handlers)
        except OSError as error:
            raise OSError(error.errno, f"scp: cannot listen on {address[0]}:{address[1]}: {error.strerror}") from error
        log.info("scp.listening", ae_title=self._settings.ae_title, host=address[0], port=address[1], swept=swept)

    def stop(self, grace_s: float) -> None:
        """Take no new association, give those that run `grace_s` seconds to end, then abort them."""
        if self._server is None:
            return
        self._server.shutdown()  # the listening socket; associations have their own
        deadline = time.monotonic() + grace_s
        # One that was never requested (a port scan, a health check) has nothing to end.
        while any(a.is_established for a in self._ae.active_associations) and time.monotonic() < deadline:
            time.sleep(0.05)
        left = self._ae.active_associations
        for assoc in left:
            assoc.abort(block=False)
        deadline = time.monotonic() + ABORT_S
        while any(a.is_alive() for a in left) and time.monotonic() < deadline:
            time.sleep(0.05)
        for assoc in left:  # one that waits for the rest of a PDU hears of no abort
            cut(assoc)
        self._ae.shutdown()
        self._server = None

    def _on_c_echo(self, event: Event) -> int:
        """C-ECHO-RQ -> status; PS3.4 Annex A."""
        return status.SUCCESS

    def _on_n_action(self, event: Event) -> tuple[int | Dataset, Dataset | None]:
        """N-ACTION-RQ -> status; by what was negotiated: PS3.4 CC.2 or J.3.2."""
        if event.context.abstract_syntax == STORAGE_COMMITMENT.uid:
            return self._requests.on_n_action(event)
        return self._ups.on_n_action(event)

    def _on_opened(self, event: Event) -> None:
        guard(event.assoc, self._settings.timeout_s, lambda: self._forget(event.assoc))
        self._retrieving.attach(event.assoc)

    def _on_released(self, event: Event) -> None:
        self._presence.closed(id(event.assoc))

    def _on_closed(self, event: Event) -> None:
        """The connection is gone, after a release or without one."""
        self._forget(event.assoc)
        let_go(event.assoc)

    def _forget(self, assoc: Association) -> None:
        self._presence.closed(id(assoc))
        self._requests.closed(assoc)
        discard_unfinished(assoc)
