"""Connections to the HTTP server that say nothing, or little, or are too many: others are served all the same."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
from pytest import MonkeyPatch
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from daemon.web import server, ups_events
from daemon.web.connections import MOST
from tests.support.origin import Origin, origin
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
