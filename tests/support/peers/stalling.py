"""A Storage SCP on bare sockets that goes wrong, or slow, in one place of an association (PS3.8 9.3).

Its ways are functions that are handed the association where it takes place; without one it does what it should.
"""

from __future__ import annotations

import socketserver
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from daemon.sections import Destination
from tests.support.peers.failing_dimse import Association, Hangup, accepted
from tests.support.peers.programs import free_port

SUCCESS = 0x0000
A_RELEASE_RP = struct.pack(">BBLL", 6, 0, 4, 0)

Way = Callable[["Line"], None]


@dataclass
class Peer:
    """held: the SOP Instance UIDs it called stored. released: how many associations ended in order."""

    on_request: Way | None = None
    on_command: Way | None = None  # the data set is not read yet
    on_release: Way | None = None
    port: int = field(default_factory=free_port)
    held: list[str] = field(default_factory=list)
    opened: int = 0
    released: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    def destination(self, timeout_s: float) -> Destination:
        """A destination that sends here."""
        return Destination(name="pacs", ae_title="PACS", host="127.0.0.1", port=self.port, timeout_s=timeout_s)


class Line(Association):
    """One association. ac: the A-ASSOCIATE-AC that is due. number: of the message under way, from 1."""

    def __init__(self, connection: Any, peer: Peer) -> None:
        self._socket, self.peer, self.number = connection, peer, 0
        self.commands: list[tuple[int, dict[int, bytes]]] = []

    def serve(self) -> None:
        """Until its end."""
        _, request = self._pdu()
        self.peer.opened += 1
        self.ac = accepted(request)
        (self.peer.on_request or Line.accept)(self)
        while True:
            kind, command = self._message()
            if kind == 5:
                (self.peer.on_release or Line.release)(self)
                self.peer.released += 1
                return
            self.number += 1
            self.commands.append(command)
            (self.peer.on_command or Line.take)(self)

    def accept(self) -> None:
        """A-ASSOCIATE-AC."""
        self.write(self.ac)

    def release(self) -> None:
        """A-RELEASE-RP."""
        self.write(A_RELEASE_RP)

    def take(self) -> None:
        """Read the data set and answer 0000."""
        self.read()
        self.say(SUCCESS)

    def read(self) -> None:
        """The data set of the message under way."""
        b"".join(self._fragments())

    def say(self, status: int, number: int = 0) -> None:
        """The response to message `number`, by default to the one under way."""
        context, command = self.commands[number - 1]
        if status == SUCCESS:
            self.peer.held.append(command[0x1000].decode().rstrip("\0 "))
        self._answer(context, command, status)

    def write(self, content: bytes) -> None:
        """These bytes."""
        self._socket.sendall(content)

    def stall(self, start: bytes = b"") -> None:
        """`start`, and no more."""
        self.drip(start, b"", 0.1)

    def drip(self, start: bytes, drop: bytes, every_s: float) -> None:
        """`start`, and then `drop` again and again, until the test is over."""
        self.write(start)
        while not self.peer.over.wait(every_s):
            self.write(drop)
        raise Hangup

    def pause(self, seconds: float) -> None:
        """Nothing for so long."""
        if self.peer.over.wait(seconds):
            raise Hangup


@contextmanager
def serving(peer: Peer) -> Iterator[Peer]:
    """`peer` listens while the block runs."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(Hangup, OSError):
                Line(self.request, peer).serve()

    with socketserver.ThreadingTCPServer(("127.0.0.1", peer.port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield peer
        finally:
            peer.over.set()
            server.shutdown()
            thread.join()
