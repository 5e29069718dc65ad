"""HL7 v2 receivers over MLLP: one made of the library `hl7`, and one on bare sockets that goes wrong as it is told.

The library is none of ours: what it can read and answer, others can.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import hl7
from hl7.mllp import start_hl7_server

from daemon.sections import Destination
from tests.support.peers.programs import free_port, listens, wait_until

VT, FS_CR = b"\x0b", b"\x1c\r"


def frame(message: str) -> bytes:
    """A frame as a receiver writes it."""
    return VT + message.encode() + FS_CR


def ack(control_id: str, code: str = "AA", more: str = "") -> bytes:
    """A framed acknowledgement. more: segments after MSA, each ended."""
    return frame(f"MSH|^~\\&|RIS|H|THORAXD||20261121||ACK^R01^ACK|1|P|2.5.1\rMSA|{code}|{control_id}\r{more}")


def destination(port: int, **more: Any) -> Destination:
    """The settings of one that sends here."""
    return Destination(name="ris", kind="mllp", host="127.0.0.1", port=port, **{"timeout_s": 5.0, **more})


class Library:
    """The library's server: parses each message, keeps it, and acknowledges it with its own `create_ack`."""

    def __init__(self, port: int | None = None, tls: ssl.SSLContext | None = None) -> None:
        self.port = port or free_port()
        self.messages: list[hl7.Message] = []
        self._tls = tls
        self._loop = asyncio.new_event_loop()
        self._writers: list[Any] = []
        self._thread = threading.Thread(target=self._run, daemon=True)

    def control_ids(self) -> list[str]:
        """MSH-10 of each message that came."""
        return [str(message["MSH.F10"]) for message in self.messages]

    def __enter__(self) -> Library:
        self._thread.start()
        wait_until(lambda: listens(self.port), 10, "the HL7 receiver listens", every_s=0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop)
        self._thread.join(10)
        self._loop.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._server = self._loop.run_until_complete(
            start_hl7_server(self._converse, "127.0.0.1", self.port, encoding="utf-8", ssl=self._tls)
        )
        self._loop.run_forever()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0.01))

    def _stop(self) -> None:
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        self._loop.call_soon(self._loop.stop)

    async def _converse(self, reader: Any, writer: Any) -> None:
        self._writers.append(writer)
        with suppress(asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            while True:
                message = await reader.readmessage()
                self.messages.append(message)
                writer.writemessage(message.create_ack())
                await writer.drain()
        writer.close()


# (the connection, MSH-10 of the message that came, how many came before it): whether to go on
Way = Callable[[socket.socket, str, int], bool]


@contextmanager
def scripted(way: Way) -> Iterator[tuple[int, list[str]]]:
    """A receiver that does this to every message; its port, and the MSH-10 that came."""
    listening = socket.create_server(("127.0.0.1", 0))
    came: list[str] = []
    ending = threading.Event()

    def serve() -> None:
        while not ending.is_set():
            with suppress(OSError):
                connection, _ = listening.accept()
                with connection:
                    _serve_one(connection, way, came)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listening.getsockname()[1], came
    finally:
        ending.set()
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(10)


def _serve_one(connection: socket.socket, way: Way, came: list[str]) -> None:
    held = b""
    while content := connection.recv(65536):
        held += content
        while FS_CR in held:
            message, held = held.split(FS_CR, 1)
            control_id = message.decode().split("|")[9]
            came.append(control_id)
            if not way(connection, control_id, len(came) - 1):
                return
