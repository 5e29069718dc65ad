"""Connections to the HTTP server that say nothing, or little, or are too many: others are served all the same."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
from pytest import MonkeyPatch
from structlog.testing import capture_logs
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from daemon.web import connections, server, ups_events
from daemon.web.connections import MOST
from tests.support.builders import make_cxr
from tests.support.origin import PARTS, Origin, encoded, in_parts, origin
from tests.support.peers.programs import wait_until

HALF_A_HEAD = b"GET /health HTTP/1.1\r\nHo"


@contextmanager
def half_requests(served: Origin, count: int) -> Iterator[list[socket.socket]]:
    """So many connections, each with half a request's head."""
    with ExitStack() as stack:
        made = []
        for _ in range(count):
            made.append(stack.enter_context(socket.create_connection(("127.0.0.1", served.settings.web.port), 10)))
            try:
                made[-1].sendall(HALF_A_HEAD)
            except OSError:
                pass  # ended already
        yield made


def ended(connection: socket.socket) -> bool:
    """Whether the server ends it soon."""
    connection.settimeout(2)
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False


def test_connections_that_say_nothing_leave_the_files_that_associations_need(tmp_path: Path) -> None:
    assert MOST < 512  # select(2), with which associations wait, takes 1024 files, and each may have one of the archive
    with origin(tmp_path) as served, half_requests(served, MOST + 5) as silent:
        assert all(map(ended, silent[MOST:]))
        assert not ended(silent[0])
        silent[0].close()
        wait_until(lambda: answers(served), 10, "room for another")


def answers(served: Origin) -> bool:
    try:
        return httpx.get(f"{served.root}/health", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def test_a_head_that_is_not_whole_in_time_ends_its_connection(tmp_path: Path, monkeypatch: MonkeyPatch) -> None:
    monkeypatch.setattr(server, "KEEP_ALIVE_S", 1)
    with origin(tmp_path) as served, half_requests(served, MOST) as silent:
        assert all(map(ended, silent))
        assert answers(served)


def test_a_subscriber_too_many_is_told_to_come_back(tmp_path: Path, monkeypatch: MonkeyPatch) -> None:
    monkeypatch.setattr(ups_events, "MOST_RECEIVERS", 2)
    with origin(tmp_path) as served, ExitStack() as stack:
        url = f"ws://127.0.0.1:{served.settings.web.port}/dicom-web/subscribers"
        first = [stack.enter_context(connect(f"{url}/WATCH{number}", proxy=None)) for number in (1, 2)]
        with connect(f"{url}/WATCH3", proxy=None) as third, pytest.raises(ConnectionClosed) as closed:
            third.recv(10)
        assert closed.value.rcvd is not None and closed.value.rcvd.code == 1013
        stack.enter_context(connect(f"{url}/WATCH2", proxy=None))  # in place of its older one
        with pytest.raises(ConnectionClosed):
            first[1].recv(10)


def test_a_body_that_does_not_come_and_an_answer_that_nobody_reads_end_their_connections(
    tmp_path: Path, monkeypatch: MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "GRACE_S", 0.5)
    film = make_cxr(rows=2048, columns=2048)
    with origin(tmp_path, web={"timeout_s": 1.0}) as served, ExitStack() as stack:
        assert served.store(film).status_code == 200
        path = f"/dicom-web/studies/{film.StudyInstanceUID}"
        late = [
            b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\nname=",
            b"POST /dicom-web/workitems HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"GET /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n",  # which nobody waits for
            b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n" * 2
            + b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n",  # behind two that are answered
            f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() * 4,
        ]
        address = ("127.0.0.1", served.settings.web.port)
        opened = [stack.enter_context(socket.create_connection(address, 10)) for _ in late]
        for connection, request in zip(opened, late, strict=True):
            connection.sendall(request)
        time.sleep(4)
        for connection, request in zip(opened, late, strict=True):
            received = rest(connection)
            assert received is not None, request
            assert len(received) < 32_000_000  # four films: the last of them was not sent


def rest(connection: socket.socket) -> bytes | None:
    """What has come by the time that the server ended it; None where it did not."""
    received = bytearray()
    connection.settimeout(2)
    try:
        while content := connection.recv(1 << 20):
            received += content
    except ConnectionResetError:
        pass
    except TimeoutError:
        return None
    return bytes(received)


def test_a_slow_sender_and_a_websocket_are_not_ended(tmp_path: Path, monkeypatch: MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "GRACE_S", 0.5)
    with origin(tmp_path, web={"timeout_s": 1.0}) as served, ExitStack() as stack:
        url = f"ws://127.0.0.1:{served.settings.web.port}/dicom-web/subscribers/WATCH"
        watching = stack.enter_context(connect(url, proxy=None))

        def slowly() -> Iterator[bytes]:
            body = in_parts(encoded(make_cxr(rows=1024, columns=1024)))  # 2 MB: two seconds more
            for at in range(0, len(body), 250_000):
                time.sleep(0.25)
                yield body[at : at + 250_000]

        stored = served.client.post("/studies", content=slowly(), headers={"Content-Type": PARTS})
        assert stored.status_code == 200
        time.sleep(0.5)
        watching.ping().wait(2)


def test_a_form_that_breaks_off_is_no_error_of_ours(tmp_path: Path) -> None:
    with origin(tmp_path) as served, capture_logs() as told:
        with socket.create_connection(("127.0.0.1", served.settings.web.port), 10) as connection:
            form = b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 99\r\n\r\nname="
            connection.sendall(b"POST /login HTTP/1.1\r\nHost: localhost\r\n" + form)
            time.sleep(0.5)
        wait_until(lambda: answers(served), 10, "another request")
        time.sleep(0.5)
    assert [line for line in told if line["event"] == "web.error"] == []
