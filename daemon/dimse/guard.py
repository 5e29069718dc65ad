"""What a connection may cost us: bounds that pynetdicom does not set on its peers.

A peer that falls silent within a PDU (a modality switched off, a cable pulled, a scan that says half a word) would hold
its thread, and the stop of the daemon, for ever; one that announces four gigabytes would get them; and what breaks
inside a message (a full disk, nonsense) ends the association without telling us. Read against pynetdicom 3.0:
transport.AssociationSocket.recv and send, dul._read_pdu_data, dimse.receive_primitive, association.kill.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from pynetdicom.association import Association

# We announce 128 KB (PS3.8 D.1); an A-ASSOCIATE-RQ with 128 full contexts is smaller still. The rest is for the sloppy.
LONGEST_PDU = 4 * 1024 * 1024
# All of a message but the data set of a C-STORE, which goes to disk (daemon/dimse/streaming.py).
LONGEST_MESSAGE = 4_000_000
# Of one association, not yet served. We agree to no asynchronous operations, so a peer has one (PS3.7 D.3.3.3).
MOST_WAITING = 4
# After its own time limit pynetdicom says A-ABORT; a peer that does not even read that is cut off.
FAREWELL_S = 0.5
_PIECE = 64 * 1024


def guard(assoc: Association, patience_s: float, broken: Callable[[], None]) -> None:
    """Bound a fresh connection: a PDU ends within `patience_s`; `broken` is called when a message cannot be taken."""
    connection: Any = assoc.dul.socket
    setattr(connection, "recv", partial(_receive, connection, patience_s))  # noqa: B010
    setattr(assoc.dimse, "receive_primitive", partial(_take, assoc, assoc.dimse.receive_primitive, broken))  # noqa: B010


def cut(assoc: Association) -> None:
    """Close the connection under an association, so that whatever waits for the peer goes on."""
    connection = getattr(assoc.dul.socket, "socket", None)
    if connection is not None:
        try:
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # it is closed already


@contextmanager
def limit(assoc: Association, patience_s: float | None = None) -> Iterator[None]:
    """Cut the connection if the block, which waits for the peer, outlasts `patience_s`, or the association's own limit.

    That limit ends the wait for a message, but what follows waits for the reactor, which may be reading half a PDU, or
    sending to a peer that reads no more.
    """
    patience_s = assoc.acse_timeout if patience_s is None else patience_s
    assert patience_s is not None  # every AE of ours has one
    timer = threading.Timer(patience_s + FAREWELL_S, cut, [assoc])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def end(assoc: Association, *, in_order: bool = True) -> None:
    """Release an association of ours; abort it where it is broken, or not `in_order`."""
    with limit(assoc):
        if in_order and assoc.is_established:
            assoc.release()
        else:
            assoc.abort()


def let_go(assoc: Association) -> None:
    """Tell an association that waits for an A-ASSOCIATE-RQ that none will come: its connection is closed."""
    if assoc.requestor.primitive is None:
        waited_for: Any = assoc.dul.to_user_queue
        waited_for.put(None)  # what receive_pdu gives after its timeout


def _receive(connection: Any, patience_s: float, length: int) -> bytearray:
    """`length` bytes, or fewer when the peer closes. Raises OSError, which pynetdicom takes for a lost connection."""
    if length > LONGEST_PDU:
        raise OSError("a PDU longer than any that is due")
    received = bytearray()
    deadline = time.monotonic() + patience_s
    try:
        while len(received) < length:
            connection.socket.settimeout(max(0.001, deadline - time.monotonic()))
            piece = connection.socket.recv(min(_PIECE, length - len(received)))
            if not piece:
                break
            received += piece
    finally:
        connection.socket.settimeout(patience_s)  # for sending
    return received


def _take(assoc: Association, receive: Callable[[Any], None], broken: Callable[[], None], primitive: Any) -> None:
    try:
        receive(primitive)
        message: Any = assoc.dimse.message
        if message is not None and max(message.data_set.tell(), message.encoded_command_set.tell()) > LONGEST_MESSAGE:
            raise OSError("a message longer than any that is due")
        while assoc.is_established and assoc.dimse.msg_queue.qsize() > MOST_WAITING:
            time.sleep(0.001)  # the peer feels it: nothing more is read meanwhile
    except Exception:
        broken()
        raise
