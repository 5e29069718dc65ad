"""A destination that accepts an association and aborts it at once refuses no object (PS3.8 7.3)."""

from __future__ import annotations

import socketserver
import struct
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.sop_class import Comprehensive3DSRStorage

from daemon.core.errors import DestinationUnreachable, NoContextAccepted
from daemon.core.outcome import Answer, Outgoing
from daemon.dimse.scu import associate, send
from daemon.sections import Destination
from tests.support.peers.failing_dimse import accepted
from tests.support.peers.programs import free_port, wait_until
from tests.support.reports import make_request, one, reread

A_ABORT = struct.pack(">BBLBBBB", 7, 0, 4, 0, 0, 0, 0)


class AcceptsAndAborts(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        _, length = struct.unpack(">BxL", self.rfile.read(6))
        self.wfile.write(accepted(self.rfile.read(length)) + A_ABORT)


@pytest.fixture
def port() -> Iterator[int]:
    port = free_port()
    with socketserver.ThreadingTCPServer(("127.0.0.1", port), AcceptsAndAborts) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield port
        server.shutdown()
        thread.join()


class Unhurried(AE):
    """Looks at an association only when the abort has come."""

    def associate(self, *arguments: Any, **named: Any) -> Association:
        assoc = super().associate(*arguments, **named)
        wait_until(lambda: not assoc.is_established, 5.0, "the abort")
        return assoc


def there(port: int) -> Destination:
    return Destination(name="pacs", ae_title="PACS", host="127.0.0.1", port=port, timeout_s=5.0)


def test_an_abort_that_comes_first_is_not_taken_for_the_refusal_of_all_contexts(port: int) -> None:
    ae = Unhurried("THORAXD")
    ae.add_requested_context(Comprehensive3DSRStorage)
    with pytest.raises(DestinationUnreachable, match="aborted") as raised:
        associate(ae, there(port))
    assert not isinstance(raised.value, NoContextAccepted)


def test_an_abort_that_comes_later_breaks_the_object_under_way_and_no_other(port: int) -> None:
    file = one(make_request(), "sr").to_bytes()
    try:
        outcomes = list(send(there(port), "THORAXD", [Outgoing(file, reread(file))] * 3))
    except DestinationUnreachable as error:
        assert str(error) in ("association aborted as soon as it was accepted", "no answer")  # which PDU was seen first
    else:
        assert [outcome.answer for outcome in outcomes] == [Answer.BROKEN]
