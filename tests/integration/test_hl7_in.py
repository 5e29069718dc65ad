"""The MLLP server: with the library `hl7` as sender, with several at once, and with those that stall or send noise."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import hl7
import pytest
from hl7.mllp import open_hl7_connection

from daemon.core.hl7 import parse
from daemon.hl7.receive import Receive
from daemon.hl7.server import OrderServer
from daemon.sections import Hl7Settings
from daemon.store import migrate
from daemon.store.database import Database
from daemon.store.ledger import Ledger
from tests.support.messages import omi, orm
from tests.support.peers.mllp import FS_CR, frame
from tests.support.peers.programs import free_port, wait_until


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    database = Database(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    migrate.upgrade(database.engine)
    yield Ledger(database)
    database.close()


@pytest.fixture
def port(ledger: Ledger) -> Iterator[int]:
    """A server with tight limits."""
    settings = Hl7Settings(port=free_port(), timeout_s=0.5, max_message_kb=8, max_connections=4)
    server = OrderServer(settings, Receive(settings, ledger, time.time))
    server.start()
    yield settings.port
    server.stop(5)


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), 5)


def reply(connection: socket.socket) -> bytes:
    """The next frame; b"" where the connection ended."""
    held = b""
    while FS_CR not in held:
        content = connection.recv(65536)
        if not content:
            return b""
        held += content
    return held


def ended(connection: socket.socket) -> bool:
    """Whether the server has hung up; waits for that at most 5 s."""
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True


async def converse(port: int, *messages: str) -> list[hl7.Message]:
    reader, writer = await open_hl7_connection("127.0.0.1", port, encoding="utf-8")
    answers = []
    for message in messages:
        writer.writemessage(hl7.parse(message))
        await writer.drain()
        answers.append(await reader.readmessage())
    writer.close()
    await writer.wait_closed()
    return answers


def test_the_library_sends_orders_and_reads_the_answers(port: int, ledger: Ledger) -> None:
    answers = asyncio.run(
        converse(port, omi(control_id="M1"), omi(control_id="M2", f9="ADT^A01"), orm(control_id="M3"))
    )

    assert [(str(a["MSA.F1"]), str(a["MSA.F2"])) for a in answers] == [("AA", "M1"), ("AR", "M2"), ("AA", "M3")]
    assert len(ledger.orders.newest(10)) == 1  # of M1 and M3, which tell of one


def test_many_senders_at_once_are_all_heard(port: int, ledger: Ledger) -> None:
    async def four() -> list[list[hl7.Message]]:
        told = ([omi(placer=f"P{n}-{k}", filler="", accession=f"A{n}-{k}", study_uid="", control_id=f"{n}-{k}")
                 for k in range(10)] for n in range(4))  # fmt: skip
        return await asyncio.gather(*(converse(port, *messages) for messages in told))

    answers = [answer for each in asyncio.run(four()) for answer in each]

    assert [str(answer["MSA.F1"]) for answer in answers] == ["AA"] * 40
    assert len(ledger.orders.newest(100)) == 40


def test_messages_in_one_breath_and_in_single_bytes_are_each_answered(port: int) -> None:
    with closing(connect(port)) as connection:
        connection.sendall(frame(omi(control_id="M1")) + b"\r\n" + frame(omi(control_id="M2")))
        held = reply(connection)
        held += reply(connection) if held.count(FS_CR) < 2 else b""
        assert held.count(b"MSA|AA|M") == 2
        for byte in frame(omi(control_id="M3")):
            connection.sendall(bytes([byte]))
        assert b"MSA|AA|M3" in reply(connection)


def test_a_message_that_never_ends_is_cut_off_after_timeout_s(port: int) -> None:
    with closing(connect(port)) as connection:
        started = time.monotonic()
        with suppress(ConnectionError):
            for byte in frame(omi())[:40]:
                connection.sendall(bytes([byte]))
                time.sleep(0.05)
        assert ended(connection) and time.monotonic() - started < 1.5


def test_a_connection_between_messages_may_be_silent(port: int) -> None:
    with closing(connect(port)) as connection:
        connection.sendall(frame(omi()))
        assert b"MSA|AA" in reply(connection)
        time.sleep(0.8)  # longer than timeout_s
        connection.sendall(frame(omi(control_id="M2")))
        assert b"MSA|AA|M2" in reply(connection)


@pytest.mark.parametrize("noise", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00", b"\x0b" + b"A" * 9000])
def test_noise_and_what_is_too_long_end_the_connection(port: int, noise: bytes) -> None:
    with closing(connect(port)) as connection:
        connection.sendall(noise)
        assert ended(connection)
    with closing(connect(port)) as connection:
        connection.sendall(frame(omi()))
        assert b"MSA|AA" in reply(connection)


def test_one_connection_too_many_ends_the_one_that_was_silent_longest(port: int) -> None:
    idle = []
    for _ in range(4):
        idle.append(connect(port))
        time.sleep(0.05)
    with closing(connect(port)) as connection:
        connection.sendall(frame(omi()))
        assert b"MSA|AA" in reply(connection)
    assert ended(idle[0])
    idle[3].sendall(frame(omi(control_id="M2")))
    assert b"MSA|AA|M2" in reply(idle[3])
    for connection in idle:
        connection.close()


def test_a_batch_is_refused_as_one(port: int, ledger: Ledger) -> None:
    with closing(connect(port)) as connection:
        connection.sendall(frame("FHS|^~\\&|RIS\rBHS|^~\\&|RIS\r" + omi() + "BTS|1\rFTS|1\r"))
        answer = parse(reply(connection).strip(b"\x0b\x1c\r").decode())
    assert (answer.first("MSA").text(1), answer.first("ERR").text(3)) == ("AR", "200")
    assert ledger.orders.newest(1) == []


def test_nothing_is_acknowledged_before_it_is_recorded_and_a_stop_waits_for_that() -> None:
    at_work, recorded = threading.Event(), threading.Event()

    def receive(_: bytes) -> bytes:
        at_work.set()
        recorded.wait(5)
        return b"MSH|^~\\&|\rMSA|AA|1\r"

    settings = Hl7Settings(port=free_port())
    server = OrderServer(settings, receive)
    server.start()
    with closing(connect(settings.port)) as connection:
        connection.sendall(frame(omi()))
        assert at_work.wait(5)
        connection.settimeout(0.3)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        stopping = threading.Thread(target=server.stop, args=(5,))
        stopping.start()
        recorded.set()
        connection.settimeout(5)
        assert b"MSA|AA" in reply(connection)
        stopping.join(5)
    assert not stopping.is_alive()
    with pytest.raises(OSError):
        connect(settings.port)


def test_a_connection_at_work_does_not_give_way_to_a_new_one() -> None:
    at_work, recorded = threading.Event(), threading.Event()

    def receive(_: bytes) -> bytes:
        at_work.set()
        recorded.wait(5)
        return b"MSH|^~\\&|\rMSA|AA|1\r"

    settings = Hl7Settings(port=free_port(), max_connections=1)
    server = OrderServer(settings, receive)
    server.start()
    with closing(connect(settings.port)) as connection:
        connection.sendall(frame(omi()))
        assert at_work.wait(5)
        with closing(connect(settings.port)) as other:
            assert ended(other)
        recorded.set()
        assert b"MSA|AA" in reply(connection)
    server.stop(5)


def test_a_port_that_cannot_be_had_is_said(port: int, ledger: Ledger) -> None:
    settings = Hl7Settings(port=port)
    with pytest.raises(OSError, match=f"hl7: cannot listen on 127.0.0.1:{port}"):
        OrderServer(settings, Receive(settings, ledger, time.time)).start()


def test_without_a_port_nobody_listens(ledger: Ledger) -> None:
    server = OrderServer(Hl7Settings(), Receive(Hl7Settings(), ledger, time.time))
    server.start()
    server.stop(1)
    wait_until(lambda: not [thread for thread in threading.enumerate() if thread.name == "hl7"], 1, "no thread")
