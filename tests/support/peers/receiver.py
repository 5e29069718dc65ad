"""A PACS that answers as a test tells it to: a Storage SCP on pynetdicom that remembers what came and when."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

from pynetdicom import AE, evt
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.events import Event

from daemon.dimse.contexts import STORAGE_SCU, TRANSFER_SYNTAXES_SCU
from tests.support.peers.programs import free_port

RESULT_CLASSES = tuple(named.uid for named in STORAGE_SCU)


@dataclass(frozen=True, slots=True)
class Arrival:
    """One C-STORE request. content: the encoded data set, without file meta information."""

    at: float
    sop_class_uid: str
    sop_uid: str
    transfer_syntax_uid: str
    content: bytes
    status: int


class Receiver:
    """A destination; `answer(sop_uid, attempt)` gives each status, attempt counting from 1."""

    def __init__(
        self,
        answer: Callable[[str, int], int] = lambda _uid, _attempt: 0x0000,
        *,
        delay_s: float = 0.0,
        port: int | None = None,
        sop_classes: Iterable[str] = RESULT_CLASSES,
    ) -> None:
        self.port = port or free_port()
        self.arrivals: list[Arrival] = []
        self._answer, self.delay_s = answer, delay_s
        self._attempts: dict[str, int] = {}
        self._connections: list[socket.socket] = []
        self._lock = threading.Lock()
        self._ae = AE(ae_title="RECEIVER")
        for sop_class in sop_classes:
            self._ae.add_supported_context(sop_class, [syntax.uid for syntax in TRANSFER_SYNTAXES_SCU])
        self._ae.add_supported_context("1.2.840.10008.1.1")

    def destination(self, name: str = "receiver", **more: Any) -> dict[str, Any]:
        """A [[destination]] of thoraxd.toml that sends here."""
        return {"name": name, "ae_title": "RECEIVER", "host": "127.0.0.1", "port": self.port} | more

    def start(self) -> None:
        """Listen."""
        self._ae.start_server(("127.0.0.1", self.port), block=False, evt_handlers=self.handlers())

    def handlers(self) -> list[Any]:
        """What it does at which event."""
        return [(evt.EVT_C_STORE, self._on_c_store), (evt.EVT_CONN_OPEN, self._on_connection)]

    def stop(self) -> None:
        """Stop listening; open associations are aborted."""
        self._ae.shutdown()
        for connection in self._connections:
            connection.close()

    def _on_connection(self, event: Event) -> None:
        # pynetdicom leaves the socket of a peer that was killed to the garbage collector, which complains of it.
        if event.assoc.dul.socket is not None and event.assoc.dul.socket.socket is not None:
            self._connections.append(event.assoc.dul.socket.socket)

    def accepted(self) -> list[Arrival]:
        """What was answered with 0000."""
        with self._lock:
            return [arrival for arrival in self.arrivals if arrival.status == 0x0000]

    def _on_c_store(self, event: Event) -> int:
        request = cast(C_STORE, event.request)
        sop_uid = str(request.AffectedSOPInstanceUID)
        time.sleep(self.delay_s)
        with self._lock:
            self._attempts[sop_uid] = self._attempts.get(sop_uid, 0) + 1
            status = self._answer(sop_uid, self._attempts[sop_uid])
            self.arrivals.append(
                Arrival(
                    time.time(),
                    str(request.AffectedSOPClassUID),
                    sop_uid,
                    str(event.context.transfer_syntax),
                    _content(event, request),
                    status,
                )
            )
        return status


def _content(event: Event, request: C_STORE) -> bytes:
    """The data set's bytes, also where this process streams to disk (daemon/dimse/streaming.py sets that for all)."""
    if request.DataSet is not None:
        return event.encoded_dataset(include_meta=False)
    whole = event.dataset_path.read_bytes()
    # PS3.10 7.1: preamble, DICM, then (0002,0000) UL 4 with the length of the rest of the group.
    return whole[144 + int.from_bytes(whole[140:144], "little") :]


@contextmanager
def receiving(receiver: Receiver) -> Iterator[Receiver]:
    """`receiver`, listening until the block ends."""
    receiver.start()
    try:
        yield receiver
    finally:
        receiver.stop()
