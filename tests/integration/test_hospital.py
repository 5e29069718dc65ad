"""The hospital's way: PostgreSQL, an outside Redis, `thoraxd serve`, two workers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import redis

from daemon.phantom import thorax
from tests.support.builders import make_cxr
from tests.support.peers.orthanc import Orthanc
from tests.support.peers.sender import send
from tests.support.peers.servers import PostgresServer, RedisServer
from tests.support.system import Thoraxd


def test_two_workers_on_postgresql_and_an_outside_redis_answer_every_film_once(
    tmp_path: Path, postgres: PostgresServer, outside_redis: RedisServer, pacs: Orthanc
) -> None:
    places: dict[str, dict[str, Any]] = {
        "database": {"url": postgres.url},
        "broker": {"url": outside_redis.url},
        "model": {"picture_check": True},
    }
    phantom = thorax(1, 400, 400).pixels / 4095.0
    films = [make_cxr(pixels=phantom, photometric="MONOCHROME1") for _ in range(6)]
    uids = [film.StudyInstanceUID for film in films]
    with Thoraxd(tmp_path / "own", workers=2, destinations=[pacs.destination()], settings=places) as system:
        # Queues and bindings are gone with the broker's memory; what is sent to it next must arrive all the same.
        redis.Redis.from_url(outside_redis.url).flushall()
        assert send(system.port, films) == [0x0000] * 6
        reports = system.wait_settled(uids, 90)
        check = system.cli("check")
        owners = {event["owner"] for event in system.events("worker.ready")}
        codes = system.stop()
    assert {report["state"] for report in reports.values()} == {"DELIVERED"}
    assert [len(pacs.of_study(uid)) for uid in uids] == [2] * 6
    assert "2 workers" in check.stdout, check.stdout
    assert len(owners) == 2
    assert codes == {"daemon": 0, "worker-0": 0, "worker-1": 0}
