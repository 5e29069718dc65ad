"""Peers that fall silent, lie about lengths or fill the disk: they cost a bounded amount, and all else goes on."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset
from pynetdicom.dimse_messages import C_STORE_RQ
from pynetdicom.dimse_primitives import C_STORE

from tests.integration.conftest import NOBODY
from tests.support.builders import make_cxr
from tests.support.peers import sender
from tests.support.peers.programs import wait_until
from tests.support.system import Thoraxd

SMALL: dict[str, Any] = {"rows": 64, "columns": 48}


def alone(folder: Path, **scp: object) -> Thoraxd:
    """The daemon without broker and worker."""
    return Thoraxd(folder, workers=0, settings={"broker": {"url": NOBODY}, "scp": scp})


def connect(system: Thoraxd) -> socket.socket:
    return socket.create_connection(("127.0.0.1", system.port), timeout=20)


def associate_rq(length: int) -> bytes:
    """The first six bytes of an A-ASSOCIATE-RQ PDU that is to be `length` bytes long (PS3.8 9.3.2)."""
    return struct.pack(">BBL", 1, 0, length)


def resident_mb(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 2**20


def threads(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def incoming(system: Thoraxd) -> list[Path]:
    return list((system.home / "incoming").iterdir())


def test_a_peer_that_falls_silent_within_a_pdu_is_dropped_and_its_slot_is_free_again(tmp_path: Path) -> None:
    film = make_cxr(**SMALL)
    with alone(tmp_path, timeout_s=2, max_associations=2) as system, connect(system) as one, connect(system) as two:
        for silent in (one, two):
            silent.sendall(associate_rq(100_000) + b"half a word")
        for silent in (one, two):
            assert silent.recv(1) == b"", "the connection is closed"
        wait_until(system.answers_echo, 5, "a slot")
        assert sender.send(system.port, [film]) == [0x0000]


def test_a_peer_that_is_silent_within_a_pdu_does_not_hold_up_the_stop(tmp_path: Path) -> None:
    with alone(tmp_path, timeout_s=60) as system, connect(system) as silent:
        silent.sendall(associate_rq(100_000) + b"half a word")
        time.sleep(0.5)
        started = time.monotonic()
        assert system.stop() == {"daemon": 0}
        assert time.monotonic() - started < 10


def test_many_probes_of_the_port_take_no_slot_from_a_sender(tmp_path: Path) -> None:
    with alone(tmp_path, max_associations=4) as system:
        before = threads(system.daemon_pid)
        for _ in range(30):
            connect(system).close()
        wait_until(system.answers_echo, 5, "a slot")
        wait_until(lambda: threads(system.daemon_pid) <= before + 2, 5, "their threads to end")


def test_an_announced_length_is_not_believed(tmp_path: Path) -> None:
    with alone(tmp_path) as system:
        before = resident_mb(system.daemon_pid)
        with connect(system) as liar, pytest.raises(OSError):  # closed while we send: reset or broken pipe
            liar.sendall(associate_rq(0xFFFFFFFF))
            for _ in range(200):
                liar.sendall(bytes(2**20))
        assert resident_mb(system.daemon_pid) - before < 50
        assert system.answers_echo()


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[None]:
    """A file system of its own under `folder`; skips where this process may not mount one."""
    folder.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a disk of its own needs the right to mount one")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(path: Path) -> None:
    """Append to `path` until not a byte more fits."""
    with path.open("ab", buffering=0) as file:
        piece = 65_536
        while piece:
            try:
                file.write(bytes(piece))
            except OSError:
                piece //= 2


def refused(system: Thoraxd, film: Dataset) -> None:
    assoc = sender.associate(system.port, [sender.context_of(film)])
    with assoc.dul.socket.socket:  # pynetdicom leaves one open that its peer has closed
        assert sender.store(assoc, film) is None, "nothing is acknowledged"
        assoc.abort()
    wait_until(lambda: incoming(system) == [], 5, "the piece gone")
    assert system.reports([film.StudyInstanceUID]) == {}


def test_a_disk_that_fills_while_a_film_arrives_keeps_no_piece_of_it(tmp_path: Path) -> None:
    small, large = make_cxr(**SMALL), make_cxr(rows=2000, columns=1600)
    with small_disk(tmp_path / "data", 12), alone(tmp_path) as system:
        ballast = system.home / "ballast"
        ballast.write_bytes(bytes(9_000_000))
        refused(system, large)
        assert sender.send(system.port, [small]) == [0x0000]
        fill(ballast)
        refused(system, large)
        ballast.unlink()
        assert sender.send(system.port, [large]) == [0x0000]
        assert {event["kind"] for event in system.events("thread.error")} == {"OSError"}
        assert "Traceback" not in system.log.read_text(), "a traceback may quote what was received"


def test_a_name_in_place_of_a_uid_is_refused_and_not_logged(tmp_path: Path) -> None:
    film = make_cxr(**SMALL)
    with alone(tmp_path) as system, sender.association(system.port, [sender.context_of(film)]) as assoc:
        message = C_STORE_RQ()
        request = C_STORE()
        request.MessageID, request.Priority = 1, 2
        request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = film.SOPClassUID, film.SOPInstanceUID
        request.DataSet = BytesIO(sender.encoded(film))
        message.primitive_to_message(request)
        message.command_set["AffectedSOPInstanceUID"]._value = "Doe^John"  # as no check of ours would let it out
        for fragment in message.encode_msg(assoc.accepted_contexts[0].context_id, 16_384):
            assoc.dul.send_pdu(fragment)
        wait_until(lambda: bool(system.events("instance.refused")), 5, "the refusal")
        assert system.events("instance.refused")[0]["status"] == "A900"
        assert "Doe" not in system.log.read_text()
