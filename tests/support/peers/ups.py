"""Users of the worklist: pynetdicom as UPS SCU, httpx as UPS-RS client, and subscribers on both sides."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, Self

import httpx
from pydicom import Dataset
from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.events import Event
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.support.peers.programs import free_port, wait_until

PUSH, WATCH, PULL, EVENT, QUERY = (f"1.2.840.10008.5.1.4.34.6.{number}" for number in range(1, 6))
GLOBAL, FILTERED = "1.2.840.10008.5.1.4.34.5", "1.2.840.10008.5.1.4.34.5.1"
JSON = {"Content-Type": "application/dicom+json"}
_WARNED = {
    "created with modifications": "B300",
    "requested state of CANCELED": "B304",
    "requested state of COMPLETED": "B306",
    "optional Attributes are not supported": "0001",
}


class UpsScu:
    """One association with Push, Pull, Watch and Query; statuses as four hexadecimal digits, "ok" for 0000."""

    def __init__(self, port: int, ae_title: str = "READER") -> None:
        self._ae = AE(ae_title=ae_title)
        self._ae.acse_timeout = self._ae.dimse_timeout = self._ae.network_timeout = 30
        for sop_class in (PUSH, PULL, WATCH, QUERY):
            self._ae.add_requested_context(sop_class, "1.2.840.10008.1.2.1")
        self._port = port
        self.assoc: Association

    def __enter__(self) -> Self:
        self.assoc = self._ae.associate("127.0.0.1", self._port, ae_title="THORAXD")
        if not self.assoc.is_established:
            raise ConnectionError(f"no association on port {self._port}")
        return self

    def __exit__(self, *_: object) -> None:
        self.assoc.release()

    def create(self, ups_uid: str, ds: Dataset) -> str:
        """N-CREATE."""
        return _status(self.assoc.send_n_create(ds, PUSH, ups_uid)[0])

    def create_unnamed(self, ds: Dataset) -> str:
        """N-CREATE without a UID; the one that was assigned."""
        heard: list[str] = []

        def on_message(event: Event) -> None:
            heard.append(str(event.message.command_set.get("AffectedSOPInstanceUID", "")))  # type: ignore[attr-defined]

        self.assoc.bind(evt.EVT_DIMSE_RECV, on_message)
        self.assoc.send_n_create(ds, PUSH, None)
        self.assoc.unbind(evt.EVT_DIMSE_RECV, on_message)
        return heard[-1]

    def update(self, ups_uid: str, ds: Dataset, transaction_uid: str = "") -> str:
        """N-SET."""
        asked = Dataset()
        asked.update(ds)
        if transaction_uid:
            asked.TransactionUID = transaction_uid
        return _status(self.assoc.send_n_set(asked, PUSH, ups_uid)[0])

    def get(self, ups_uid: str, *tags: int) -> Dataset | None:
        """N-GET; None where it failed."""
        return self.assoc.send_n_get(list(tags), PUSH, ups_uid)[1]

    def state(self, ups_uid: str, ds: Dataset) -> str:
        """N-ACTION Change UPS State."""
        return self.action(ups_uid, 1, ds)

    def cancel(self, ups_uid: str, ds: Dataset | None = None) -> str:
        """N-ACTION Request UPS Cancel."""
        return self.action(ups_uid, 2, ds)

    def subscribe(self, receiver: str, ups_uid: str, *, lock: bool = False, keys: Dataset | None = None) -> str:
        """N-ACTION Subscribe."""
        ds = Dataset()
        ds.update(keys or {})
        ds.ReceivingAE, ds.DeletionLock = receiver, "TRUE" if lock else "FALSE"
        return self.action(ups_uid, 3, ds)

    def unsubscribe(self, receiver: str, ups_uid: str) -> str:
        """N-ACTION Unsubscribe."""
        return self.action(ups_uid, 4, _receiving(receiver))

    def suspend(self, receiver: str, ups_uid: str = GLOBAL) -> str:
        """N-ACTION Suspend Global Subscription."""
        return self.action(ups_uid, 5, _receiving(receiver))

    def action(self, ups_uid: str, number: int, ds: Dataset | None) -> str:
        """Any N-ACTION."""
        return _status(self.assoc.send_n_action(ds, number, PUSH, ups_uid)[0])

    def find(self, keys: Dataset, sop_class: str = PULL) -> tuple[str, list[Dataset]]:
        """C-FIND: the final status, the matches."""
        answers = list(self.assoc.send_c_find(keys, sop_class))
        found = [ds for status, ds in answers if ds is not None and status.Status in (0xFF00, 0xFF01)]
        return _status(answers[-1][0]), found


def _receiving(receiver: str) -> Dataset:
    ds = Dataset()
    ds.ReceivingAE = receiver
    return ds


def _status(answer: Dataset) -> str:
    return "ok" if answer.Status == 0 else f"{answer.Status:04X}"


class UpsRs:
    """A UPS-RS user agent; answers in the words of UpsScu, the last response as `said`."""

    def __init__(self, port: int) -> None:
        self._http = httpx.Client(base_url=f"http://127.0.0.1:{port}/dicom-web", timeout=30)
        self.said: httpx.Response

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def request(self, method: str, path: str, ds: Dataset | None = None, **options: Any) -> str:
        """Any request; "ok", the status of the worklist, or, where it says none, the HTTP status."""
        content = None if ds is None else json.dumps([ds.to_json_dict()])
        options.setdefault("headers", JSON if ds is not None else {})
        self.said = self._http.request(method, path, content=content, **options)
        if self.said.is_success:
            warning = self.said.headers.get("warning", "")
            return next((code for words, code in _WARNED.items() if words in warning), "ok")
        return str(self.said.json().get("code", self.said.status_code))

    def create(self, ups_uid: str, ds: Dataset) -> str:
        """11.4"""
        return self.request("POST", f"/workitems?{ups_uid}", ds)

    def update(self, ups_uid: str, ds: Dataset, transaction_uid: str = "") -> str:
        """11.6"""
        query = f"?transaction-uid={transaction_uid}" if transaction_uid else ""
        return self.request("POST", f"/workitems/{ups_uid}{query}", ds)

    def get(self, ups_uid: str) -> Dataset | None:
        """11.5"""
        if self.request("GET", f"/workitems/{ups_uid}") != "ok":
            return None
        return Dataset.from_json(self.said.json()[0])

    def state(self, ups_uid: str, ds: Dataset) -> str:
        """11.7"""
        return self.request("PUT", f"/workitems/{ups_uid}/state", ds)

    def cancel(self, ups_uid: str, ds: Dataset | None = None) -> str:
        """11.8"""
        return self.request("POST", f"/workitems/{ups_uid}/cancelrequest", ds)

    def search(self, **parameters: str) -> list[Dataset]:
        """11.9"""
        assert self.request("GET", "/workitems", params=parameters) == "ok", self.said.text
        return [Dataset.from_json(found) for found in self.said.json()] if self.said.status_code != 204 else []

    def subscribe(self, receiver: str, ups_uid: str, **parameters: str) -> str:
        """11.10"""
        return self.request("POST", f"/workitems/{ups_uid}/subscribers/{receiver}", params=parameters)

    def unsubscribe(self, receiver: str, ups_uid: str) -> str:
        """11.11"""
        return self.request("DELETE", f"/workitems/{ups_uid}/subscribers/{receiver}")

    def suspend(self, receiver: str, ups_uid: str = GLOBAL) -> str:
        """11.12"""
        return self.request("POST", f"/workitems/{ups_uid}/subscribers/{receiver}/suspend")


Heard = tuple[str, int, str]  # SOP Instance UID, Event Type ID, Procedure Step State or SCP Status


class Listener:
    """An AE that is told events over DIMSE; `reply(number)` is its status to each, -1 to hang up without one."""

    def __init__(self, ae_title: str) -> None:
        self.ae_title, self.port = ae_title, free_port()
        self.heard: list[Heard] = []
        self._ae: AE | None = None

    def entry(self) -> dict[str, Any]:
        """A [[modality]] of thoraxd.toml."""
        return {"ae_title": self.ae_title, "host": "127.0.0.1", "port": self.port}

    def start(self) -> None:
        """Listen."""
        self._ae = AE(ae_title=self.ae_title)
        self._ae.acse_timeout = self._ae.dimse_timeout = self._ae.network_timeout = 30
        self._ae.add_supported_context(EVENT, scu_role=True, scp_role=True)
        handlers: list[Any] = [(evt.EVT_N_EVENT_REPORT, self._on_report)]
        self._ae.start_server(("127.0.0.1", self.port), block=False, evt_handlers=handlers)

    def stop(self) -> None:
        """Listen no more."""
        if self._ae is not None:
            self._ae.shutdown()
            self._ae = None

    def _on_report(self, event: Event) -> tuple[int, None]:
        request: Any = event.request
        ds = event.event_information
        self.heard.append((str(request.AffectedSOPInstanceUID), int(event.event_type or 0), _gist(ds)))
        return 0x0000, None

    def of(self, ups_uid: str) -> list[tuple[int, str]]:
        """What it heard of one work item, in order."""
        return [(kind, gist) for uid, kind, gist in self.heard if uid == ups_uid]


def _gist(ds: Dataset) -> str:
    return str(ds.get("ProcedureStepState") or ds.get("SCPStatus") or "")


class SocketListener:
    """A subscriber on a WebSocket."""

    def __init__(self, web_port: int, ae_title: str, heard: list[Heard] | None = None) -> None:
        self.heard: list[Heard] = [] if heard is None else heard
        url = f"ws://127.0.0.1:{web_port}/dicom-web/subscribers/{ae_title}"
        self._leaving = ExitStack()
        self._socket: ClientConnection = self._leaving.enter_context(connect(url, open_timeout=30, close_timeout=2))
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        try:
            for frame in self._socket:
                self._take(json.loads(frame))
        except ConnectionClosed:
            pass

    def _take(self, event: Mapping[str, Any]) -> None:
        def first(tag: str) -> Any:
            return event.get(tag, {}).get("Value", [""])[0]

        assert first("00000002") == PUSH
        self.heard.append((first("00001000"), first("00001002"), first("00741000") or first("00741242")))

    def of(self, ups_uid: str) -> list[tuple[int, str]]:
        """What it heard of one work item, in order."""
        return [(kind, gist) for uid, kind, gist in self.heard if uid == ups_uid]

    @property
    def connected(self) -> bool:
        """Whether the server has not closed it."""
        return self._thread.is_alive()

    def close(self) -> None:
        """Leave."""
        self._leaving.close()
        self._thread.join(5)


@contextmanager
def socket_listener(web_port: int, ae_title: str, heard: list[Heard] | None = None) -> Iterator[SocketListener]:
    """One that leaves at the end."""
    listener = SocketListener(web_port, ae_title, heard)
    try:
        yield listener
    finally:
        listener.close()


def wait_heard(listener: Listener | SocketListener, ups_uid: str, count: int, patience_s: float = 15) -> None:
    """Until it has heard so many events of a work item."""
    wait_until(lambda: len(listener.of(ups_uid)) >= count, patience_s, f"{count} events")
