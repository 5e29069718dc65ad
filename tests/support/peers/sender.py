"""A sender on pynetdicom, for what DCMTK's do not do: to know each answer, to send nonsense, to break off halfway."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from typing import cast

from pydicom import Dataset
from pydicom.uid import UID
from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.dimse_messages import C_STORE_RQ
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.dsutils import encode
from pynetdicom.events import Event
from pynetdicom.presentation import PresentationContext

Context = tuple[str, str]  # SOP class, transfer syntax


def context_of(ds: Dataset) -> Context:
    """The presentation context that `ds` needs as it is."""
    return str(ds.SOPClassUID), str(ds.file_meta.TransferSyntaxUID)


# Sockets by the port they lead to: pynetdicom leaves that of a peer that was killed to the garbage collector, which
# complains of it in whatever test runs then.
_connections: dict[int, list[socket.socket]] = {}


def hang_up(port: int) -> None:
    """Close whatever connections of ours to this port are left; for when nobody is there any more."""
    for connection in _connections.pop(port, []):
        connection.close()


def associate(
    port: int, contexts: Iterable[Context], *, called: str = "THORAXD", calling: str = "SENDER"
) -> Association:
    """One association, each context proposed on its own; not established where it was rejected or nobody listens."""
    ae = AE(ae_title=calling)
    ae.connection_timeout = 5
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = 60
    for sop_class, syntax in sorted(set(contexts)):
        ae.add_requested_context(sop_class, syntax)

    def remember(event: Event) -> None:
        if event.assoc.dul.socket is not None and event.assoc.dul.socket.socket is not None:
            _connections.setdefault(port, []).append(event.assoc.dul.socket.socket)

    return ae.associate("127.0.0.1", port, ae_title=called, evt_handlers=[(evt.EVT_CONN_OPEN, remember)])


@contextmanager
def association(port: int, contexts: Iterable[Context], *, calling: str = "SENDER") -> Iterator[Association]:
    """An established association, released at the end. Raises ConnectionError."""
    assoc = associate(port, contexts, calling=calling)
    if not assoc.is_established:
        raise ConnectionError(f"no association on port {port}")
    try:
        yield assoc
    finally:
        if assoc.is_established:
            assoc.release()


def store(assoc: Association, ds: Dataset) -> int | None:
    """C-STORE; the status, or None where there was no answer."""
    answer = assoc.send_c_store(ds)
    return int(answer.Status) if "Status" in answer else None


def send(port: int, datasets: Sequence[Dataset], *, calling: str = "SENDER") -> list[int | None]:
    """All over one association; a status each. Raises ConnectionError."""
    with association(port, map(context_of, datasets), calling=calling) as assoc:
        return [store(assoc, ds) for ds in datasets]


def accepted_context(assoc: Association, context: Context) -> PresentationContext:
    """The accepted context of this SOP class and transfer syntax."""
    return next(
        item for item in assoc.accepted_contexts if (str(item.abstract_syntax), str(item.transfer_syntax[0])) == context
    )


def _request(sop_class: str, sop_uid: str, content: bytes) -> C_STORE:
    request = C_STORE()
    request.MessageID, request.Priority = 7, 2
    request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = UID(sop_class), UID(sop_uid)
    request.DataSet = BytesIO(content)
    return request


def store_bytes(assoc: Association, context: Context, sop_uid: str, content: bytes) -> int | None:
    """C-STORE of any bytes as a data set, under any SOP Instance UID."""
    number = cast(int, accepted_context(assoc, context).context_id)
    # As Association.send_c_store does: the reactor must not take our answer away.
    assoc._reactor_checkpoint.clear()
    while not assoc._is_paused:
        time.sleep(0.001)
    assoc.dimse.send_msg(_request(context[0], sop_uid, content), number)
    _, answer = assoc.dimse.get_msg(block=True)
    assoc._reactor_checkpoint.set()
    return None if answer is None else int(cast(C_STORE, answer).Status or 0)


def encoded(ds: Dataset) -> bytes:
    """The data set's bytes in its own transfer syntax, no file meta information."""
    syntax = ds.file_meta.TransferSyntaxUID
    content = encode(ds, syntax.is_implicit_VR, syntax.is_little_endian, syntax.is_deflated)
    if content is None:
        raise ValueError("the data set cannot be encoded")
    return content


def break_off(assoc: Association, ds: Dataset, fraction: float = 0.5, *, abort: bool = True) -> None:
    """Begin a C-STORE, send the first part of its fragments, then abort the association, or leave it hanging."""
    number = cast(int, accepted_context(assoc, context_of(ds)).context_id)
    message = C_STORE_RQ()
    message.primitive_to_message(_request(str(ds.SOPClassUID), str(ds.SOPInstanceUID), encoded(ds)))
    fragments = list(message.encode_msg(number, 16_384))
    for fragment in fragments[: int(len(fragments) * fraction)]:
        assoc.dul.send_pdu(fragment)
    wait_s = 0.0
    while not assoc.dul.to_provider_queue.empty() and wait_s < 5:
        time.sleep(0.02)
        wait_s += 0.02
    time.sleep(0.3)  # what is queued must be on the wire, so that the receiver is in the middle of it
    if abort:
        assoc.abort()
