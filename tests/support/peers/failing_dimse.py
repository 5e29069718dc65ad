"""A Storage SCP that fails at random, on bare sockets, so that it can fail anywhere in the protocol (PS3.8, PS3.7).

`python -m tests.support.peers.failing_dimse PORT RECORD SEED TROUBLE`: TROUBLE scales every chance, 0: healthy.
"""

from __future__ import annotations

import random
import socket
import socketserver
import struct
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from tests.support.peers.mishaps import HOPELESS, Dice, Record

EXPLICIT = b"1.2.840.10008.1.2.1"
SUCCESS, DUPLICATE, CANNOT_UNDERSTAND = 0x0000, 0x0111, 0xC000

# Of an association.
ON_ASSOCIATION = {"association rejected": 0.04, "closed at once": 0.03, "aborted before C-STORE": 0.03}
# Of one C-STORE, by what its answer or the lack of it is.
STATUSES = {"A700": 0.03, "A900": 0.02, "C000": 0.02, "0110": 0.02, "B000": 0.004}
BREAKS = {
    "aborted in the data set": 0.01,
    "closed in the data set": 0.005,
    "aborted after the data set, not kept": 0.005,
    "kept, then aborted": 0.01,
    "kept, then closed": 0.01,
    "kept, and silent": 0.001,
    "silent, not kept": 0.001,
    "slow": 0.01,
}
HOPELESS_SHARE = 0.01  # of the objects
SLOW_S, SILENT_S = 0.2, 30.0
UP_S, DOWN_S = (2.0, 8.0), (0.2, 1.0)  # how long it listens, and how long it refuses connections


class Hangup(Exception):
    """The association is over."""


class Association:
    """One association, read PDU by PDU."""

    def __init__(self, connection: socket.socket, record: Record, dice: Dice, trouble: float, number: int) -> None:
        self._socket, self._record, self._dice = connection, record, dice
        self._trouble, self._number = trouble, number

    def serve(self) -> None:
        """Until its end."""
        mishap = self._draw(ON_ASSOCIATION, "association", self._number)
        if mishap == "closed at once":
            self._end(mishap)
        kind, body = self._pdu()
        if mishap == "association rejected":
            self._socket.sendall(struct.pack(">BBLBBBB", 3, 0, 4, 0, 2, 1, 1))  # transient, ACSE user (PS3.8 9.3.4)
            self._end(mishap)
        self._socket.sendall(accepted(body))
        if mishap:
            self._abort(mishap)
        while True:
            kind, command = self._message()
            if kind == 5:
                self._socket.sendall(struct.pack(">BBLL", 6, 0, 4, 0))
                return
            self._store(command)

    def _draw(self, chances: dict[str, float], *what: object) -> str:
        return self._dice.draw({name: chance * self._trouble for name, chance in chances.items()}, *what)

    def _store(self, message: tuple[int, dict[int, bytes]]) -> None:
        context, command = message
        uid = command[0x1000].decode().rstrip("\0 ")
        attempt = self._record.came(uid)
        mishap = self._draw(BREAKS, "break", uid, attempt)
        if mishap in ("aborted in the data set", "closed in the data set"):
            _, length = struct.unpack(">BxL", self._exactly(6))
            self._exactly(length // 2)
            (self._abort if mishap.startswith("aborted") else self._end)(mishap)
        dataset = b"".join(self._fragments())
        if self._dice.is_hopeless(uid):
            self._record.note(HOPELESS, uid, dataset)
            self._answer(context, command, CANNOT_UNDERSTAND)
            return
        if mishap and mishap != "slow":
            self._record.note(mishap, uid, dataset, keep=mishap.startswith("kept"))
            if "silent" in mishap:
                self._wait()
            (self._abort if "aborted" in mishap else self._end)(mishap, noted=True)
        if mishap == "slow":
            time.sleep(SLOW_S)
        status = self._draw(STATUSES, "status", uid, attempt)
        keeps = status in ("", "B000")
        known = self._record.note(status or mishap or "taken", uid, dataset, keep=keeps)
        # An archive answers what it has already with 0000 or with 0111; both are met in the field.
        again = DUPLICATE if self._dice.share("again", uid) < 0.5 else SUCCESS
        self._answer(context, command, again if known and keeps else int(status or "0", 16))

    def _wait(self) -> None:
        """Silence, until the other side has had enough."""
        self._socket.settimeout(SILENT_S)
        while self._socket.recv(4096):
            pass
        raise Hangup

    def _abort(self, what: str, *, noted: bool = False) -> None:
        self._socket.sendall(struct.pack(">BBLBBBB", 7, 0, 4, 0, 0, 0, 0))
        self._end(what, noted=noted)

    def _end(self, what: str, *, noted: bool = False) -> None:
        if not noted:
            self._record.note(what)
        raise Hangup

    def _pdu(self) -> tuple[int, bytes]:
        kind, length = struct.unpack(">BxL", self._exactly(6))
        return kind, self._exactly(length)

    def _exactly(self, size: int) -> bytes:
        content = bytearray()
        while len(content) < size:
            chunk = self._socket.recv(size - len(content))
            if not chunk:
                raise Hangup
            content += chunk
        return bytes(content)

    def _fragments(self) -> Iterator[bytes]:
        """The rest of one message: the values of its PDVs up to the last (PS3.8 E.2)."""
        last = False
        while not last:
            kind, body = self._pdu()
            if kind != 4:
                raise Hangup
            at = 0
            while at < len(body):
                (length,) = struct.unpack_from(">L", body, at)
                last = bool(body[at + 5] & 2)
                yield body[at + 6 : at + 4 + length]
                at += 4 + length

    def _message(self) -> tuple[int, tuple[int, dict[int, bytes]]]:
        """The next command, or the end; (PDU type, (presentation context, command set by element number))."""
        kind, body = self._pdu()
        if kind == 5:
            return kind, (0, {})
        if kind != 4:
            raise Hangup
        (length,) = struct.unpack_from(">L", body, 0)
        return kind, (body[4], elements(body[6 : 4 + length]))

    def _answer(self, context: int, command: dict[int, bytes], status: int) -> None:
        """C-STORE-RSP (PS3.7 9.3.1.2)."""
        values = {
            0x0002: command[0x0002],
            0x0100: struct.pack("<H", 0x8001),
            0x0120: command[0x0110],
            0x0800: struct.pack("<H", 0x0101),
            0x0900: struct.pack("<H", status),
            0x1000: command[0x1000],
        }
        body = b"".join(struct.pack("<HHL", 0, number, len(value)) + value for number, value in values.items())
        body = struct.pack("<HHLL", 0, 0, 4, len(body)) + body
        pdv = struct.pack(">LBB", len(body) + 2, context, 3) + body
        self._socket.sendall(struct.pack(">BBL", 4, 0, len(pdv)) + pdv)


def elements(command: bytes) -> dict[int, bytes]:
    """A command set (PS3.7 6.3.1, Implicit VR Little Endian): values by element number."""
    found, at = {}, 0
    while at < len(command):
        _, number, length = struct.unpack_from("<HHL", command, at)
        found[number] = command[at + 8 : at + 8 + length]
        at += 8 + length
    return found


def items(body: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    """The variable items of an A-ASSOCIATE PDU (PS3.8 9.3.2)."""
    while at < len(body):
        kind, length = struct.unpack_from(">BxH", body, at)
        yield kind, body[at + 4 : at + 4 + length]
        at += 4 + length


def accepted(request: bytes) -> bytes:
    """The A-ASSOCIATE-AC: every context that proposes Explicit VR Little Endian, and no other (PS3.8 9.3.3)."""

    def item(kind: int, value: bytes) -> bytes:
        return struct.pack(">BBH", kind, 0, len(value)) + value

    body = request[:68]
    for kind, value in items(request, 68):
        if kind == 0x10:
            body += item(kind, value)
        elif kind == 0x20:
            offered = [syntax for inner, syntax in items(value, 4) if inner == 0x40]
            result = 0 if EXPLICIT in offered else 4  # transfer syntaxes not supported
            body += item(0x21, bytes((value[0], 0, result, 0)) + item(0x40, EXPLICIT if not result else offered[0]))
    user = item(0x51, struct.pack(">L", 131072)) + item(0x52, b"1.2.826.0.1.3680043.9.3811.9.9.9")
    body += item(0x50, user)
    return struct.pack(">BBL", 2, 0, len(body)) + body


class Server(socketserver.ThreadingTCPServer):
    """Associations, each in a thread; it refuses connections for a while now and then."""

    allow_reuse_address = daemon_threads = True
    request_queue_size = 64

    def __init__(self, port: int, record: Record, dice: Dice, trouble: float) -> None:
        self.record, self.dice, self.trouble, self.number = record, dice, trouble, 0
        super().__init__(("127.0.0.1", port), Handler)


class Handler(socketserver.BaseRequestHandler):
    """One connection."""

    server: Server

    def handle(self) -> None:
        """Serve it."""
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.server.number += 1
        try:
            Association(
                self.request, self.server.record, self.server.dice, self.server.trouble, self.server.number
            ).serve()
        except (Hangup, OSError):  # the other side may be killed at any moment
            pass


def run(port: int, record: Record, seed: int, trouble: float) -> None:
    """Listen and go down in turn, for ever."""
    chance, number = random.Random(seed), 0
    while True:
        server = Server(port, record, Dice(seed, HOPELESS_SHARE * trouble), trouble)
        server.number = number
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        time.sleep(chance.uniform(*UP_S) if trouble else 3600)
        server.shutdown()
        server.server_close()
        number = server.number
        record.note("refuses connections")
        time.sleep(chance.uniform(*DOWN_S))


if __name__ == "__main__":
    run(int(sys.argv[1]), Record(Path(sys.argv[2])), int(sys.argv[3]), float(sys.argv[4]))
