"""Running systems that the integration tests share, each started once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.builders import make_cxr
from tests.support.peers.orthanc import Orthanc
from tests.support.peers.sender import send
from tests.support.system import Thoraxd

NOBODY = "redis://127.0.0.1:1/0"  # a broker that is down: what the daemon alone does, it does without one


@pytest.fixture(scope="session")
def receiver_only(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Thoraxd]:
    """`thoraxd serve` with no worker and no broker: it receives, and that is all it can do."""
    with Thoraxd(tmp_path_factory.mktemp("receive"), workers=0, settings={"broker": {"url": NOBODY}}) as system:
        yield system


@pytest.fixture(scope="session")
def with_pacs(tmp_path_factory: pytest.TempPathFactory, pacs: Orthanc) -> Iterator[Thoraxd]:
    """`thoraxd up` with Orthanc as its only destination."""
    with Thoraxd(tmp_path_factory.mktemp("up"), destinations=[pacs.destination()]) as system:
        yield system


@pytest.fixture(scope="session")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a thoraxd without destinations, in which one study is reported: a copy of it can deliver at once."""
    with Thoraxd(tmp_path_factory.mktemp("reported")) as system:
        film = make_cxr(patient_name="Delivery^Test")
        assert send(system.port, [film]) == [0x0000]
        report = system.wait_settled([film.StudyInstanceUID])[film.StudyInstanceUID]
        assert report["state"] == "REPORTED", report["reason"]
        assert sorted(report["outputs"]) == ["gsps", "sr"]
    return system.home
