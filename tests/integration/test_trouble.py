"""A full disk, a process killed, a probe of the port: what is acknowledged stays, and all recovers by itself."""

from __future__ import annotations

import os
import shutil
import socket
import time
from functools import partial
from pathlib import Path

import pytest
import redis

from daemon.core.contract import QUEUES
from tests.conftest import skip_where_missing
from tests.integration.conftest import NOBODY
from tests.support.builders import make_cxr
from tests.support.peers import sender
from tests.support.peers.orthanc import Orthanc
from tests.support.peers.programs import free_port, wait_until
from tests.support.peers.receiver import Receiver, receiving
from tests.support.peers.servers import redis_server
from tests.support.system import Thoraxd

MARGIN_MB = 1_500


def alone(folder: Path, reserve_mb: int = 0) -> Thoraxd:
    """The daemon without broker and worker."""
    return Thoraxd(folder, workers=0, settings={"broker": {"url": NOBODY}, "archive": {"reserve_mb": reserve_mb}})


def test_below_the_disk_reserve_nothing_is_acknowledged_and_it_recovers_by_itself(tmp_path: Path) -> None:
    free_mb = shutil.disk_usage(tmp_path).free // 1_000_000
    if free_mb < 3 * MARGIN_MB:
        pytest.skip(f"{free_mb} MB free are too few to fill some of them")
    film, ballast = make_cxr(), tmp_path / "ballast"
    with alone(tmp_path / "own", reserve_mb=free_mb - MARGIN_MB) as system:
        with ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, 2 * MARGIN_MB * 1_000_000)
        try:
            with sender.association(system.port, [sender.context_of(film)]) as assoc:
                assert sender.store(assoc, film) == 0xA700
                assert system.reports([film.StudyInstanceUID]) == {}
                assert [path for path in (system.home / "archive").rglob("*") if path.is_file()] == []
                ballast.unlink()
                assert sender.store(assoc, film) == 0x0000
        finally:
            ballast.unlink(missing_ok=True)
        assert film.StudyInstanceUID in system.reports([film.StudyInstanceUID])


def test_a_daemon_killed_keeps_what_it_acknowledged_and_sweeps_what_it_did_not(tmp_path: Path) -> None:
    kept, cut = make_cxr(), make_cxr(rows=2000, columns=1600)
    system = alone(tmp_path / "own")
    with system:
        assoc = sender.associate(system.port, map(sender.context_of, (kept, cut)))
        assert sender.store(assoc, kept) == 0x0000
        sender.break_off(assoc, cut, abort=False)
        wait_until(lambda: any((system.home / "incoming").iterdir()), 5, "a partial file")
        system.kill_daemon()
        assoc.abort()
        assert any((system.home / "incoming").iterdir())
        system.start_daemon()
        assert list((system.home / "incoming").iterdir()) == []
        uid = kept.StudyInstanceUID
        wait_until(lambda: system.report(uid)["state"] == "ANALYSING", 10, "the study complete")
        assert [item["sop_uid"] for item in system.report(uid)["instances"]] == [kept.SOPInstanceUID]


def test_a_port_that_was_probed_does_not_delay_the_stop(tmp_path: Path) -> None:
    with alone(tmp_path / "own") as system:
        for _ in range(3):
            socket.create_connection(("127.0.0.1", system.port)).close()
        started = time.monotonic()
        assert system.stop() == {"daemon": 0}
        assert time.monotonic() - started < 10


def test_worker_redis_and_daemon_killed_lose_nothing_and_repeat_nothing(tmp_path: Path) -> None:
    """One round of what tests/bench/kill.py does for long."""
    films = [make_cxr(rows=300, columns=260) for _ in range(6)]
    uids = [film.StudyInstanceUID for film in films]
    peer = Receiver()
    with receiving(peer), Thoraxd(tmp_path / "own", destinations=[peer.destination()]) as system:
        assert sender.send(system.port, films[:2]) == [0x0000] * 2
        assert system.kill_worker() is not None
        assert system.kill_redis() is not None
        assert sender.send(system.port, films[2:4]) == [0x0000] * 2
        system.kill_daemon()
        system.start_daemon()
        assert sender.send(system.port, films[4:]) == [0x0000] * 2
        reports = system.wait_settled(uids, 120)
    assert {report["state"] for report in reports.values()} == {"DELIVERED"}
    assert len({arrival.sop_uid for arrival in peer.accepted()}) == 12


def test_a_broker_that_was_down_is_sent_to_again_when_it_is_back(tmp_path: Path) -> None:
    port = free_port()
    settings = {"broker": {"url": f"redis://127.0.0.1:{port}/0"}}
    with Thoraxd(tmp_path / "own", workers=0, settings=settings) as system:

        def unreachable(times: int) -> bool:
            return len(system.events("broker.unreachable")) >= times

        for times in (1, 2):
            with skip_where_missing(redis_server(tmp_path / f"redis-{times}", port)) as server:
                assert sender.send(system.port, [make_cxr(rows=64, columns=48)]) == [0x0000]
                with redis.Redis.from_url(server.url) as client:
                    wait_until(partial(client.llen, QUEUES["analyse"]), 10, "a message in the queue")
            assert sender.send(system.port, [make_cxr(rows=64, columns=48)]) == [0x0000]
            wait_until(partial(unreachable, times), 20, "the daemon to notice")
        assert system.events("loop.error") == []


def test_stopping_ends_every_process_of_the_tree(tmp_path: Path, pacs: Orthanc) -> None:
    with Thoraxd(tmp_path / "own", destinations=[pacs.destination()]) as system:
        tree = system.tree()
        assert len(tree) >= 4, "daemon, Redis, worker and its pool process"
        assert system.stop() == {"daemon": 0}
        wait_until(lambda: not [pid for pid in tree if Path(f"/proc/{pid}").exists()], 10, "all processes gone")
