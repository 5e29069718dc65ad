"""After STOW-RS, a QIDO-RS search proves that the objects are there (PS3.18 10.6): DELIVERED is not COMMITTED."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from sqlalchemy import select

from daemon.core.records import SentObject, Wanted
from daemon.prove import NO_ANSWER, NOT_FOUND, Patience, Prove, Step, next_step
from daemon.sections import Destination
from daemon.store import migrate
from daemon.store.database import Database
from daemon.store.ledger import Ledger
from daemon.store.schema import DeliveryRow
from daemon.web.client import OriginServer
from tests.conftest import skip_where_missing
from tests.integration.test_deliveries import delivering, only_study
from tests.support.ledgers import deliver, reported, state
from tests.support.peers.orthanc import orthanc
from tests.support.peers.programs import free_port, wait_until
from tests.support.peers.stow_server import StowServer, serving

PROVEN = Wanted("pacs", ("sr", "gsps"), "air", True, commitment=True)
PATIENCE = Patience(wait_s=100.0, give_up_s=1000.0, resendings=3)


def sent(at: float, refusals: int = 0) -> SentObject:
    return SentObject(1, "1.2", "1.2.9", "2.25.1", refusals, at)


@pytest.mark.parametrize(
    ("what", "answered", "now", "step"),
    [
        (sent(10.0), True, 10.0, (Step.LOOK_AGAIN, 11.0)),
        (sent(10.0), True, 30.0, (Step.LOOK_AGAIN, 50.0)),
        (sent(10.0), True, 90.0, (Step.LOOK_AGAIN, 110.0)),  # not after wait_s
        (sent(10.0, 2), True, 110.0, (Step.SEND_AGAIN, 110.0)),
        (sent(10.0), False, 110.0, (Step.LOOK_AGAIN, 210.0)),  # silence does not say that it is not there
        (sent(10.0, 3), True, 110.0, (Step.LOOK_AGAIN, 210.0)),  # an index may be made at night
        (sent(10.0, 3), True, 1010.0, (Step.GIVE_UP, 1010.0)),
        (sent(10.0), False, 1010.0, (Step.GIVE_UP, 1010.0)),
    ],
)
def test_an_object_that_is_not_found_is_looked_for_sent_again_and_given_up(what, answered, now, step):
    assert next_step(what, answered, now, PATIENCE) == step


@dataclass
class Site:
    """A ledger with one delivered study, a server that said it had stored it, and the loop that looks for it."""

    ledger: Ledger
    server: StowServer
    now: float = 106.0
    prove: Prove = field(init=False)

    def __post_init__(self) -> None:
        there = self.server.destination(commitment=True, commitment_wait_s=100.0, commitment_give_up_s=1000.0)
        destination = Destination(**there | {"name": "pacs"})
        self.prove = Prove(destination, OriginServer(destination), 3, self.ledger, lambda: self.now)

    def send(self) -> None:
        deliver(self.ledger, self.now)
        self.ledger.settling.finish_deliveries(self.now)

    def look(self, until: float) -> None:
        """Turn after turn, the clock moving on as there is nothing due."""
        while self.now < until:
            if self.prove.turn():
                self.now += 1.0
        self.ledger.settling.finish_commitments(self.now)

    def lines(self) -> dict[str, tuple[str, int, str]]:
        with self.ledger.database.read() as session:
            return {row.sop_uid: (row.state, row.attempts, row.reason) for row in session.scalars(select(DeliveryRow))}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    ledger = Ledger(Database(f"sqlite:///{tmp_path}/ledger.sqlite"))
    migrate.upgrade(ledger.database.engine)
    reported(ledger, wanted=PROVEN)
    with serving(StowServer()) as server:
        site = Site(ledger, server)
        site.send()
        assert state(ledger) == "DELIVERED"
        yield site
    ledger.close()


def test_what_a_search_shows_is_committed(site):
    site.server.held |= {"2.25.1": b"", "2.25.2": b""}
    site.look(107.0)
    assert site.lines() == {"2.25.1": ("COMMITTED", 1, ""), "2.25.2": ("COMMITTED", 1, "")}
    assert state(site.ledger) == "COMMITTED"
    assert site.server.searches == 2


def test_what_is_indexed_late_is_committed_and_not_sent_again(site):
    site.server.held["2.25.1"] = b""
    site.look(140.0)
    assert state(site.ledger) == "DELIVERED"
    assert site.lines()["2.25.2"] == ("SENT", 1, NOT_FOUND)
    site.server.held["2.25.2"] = b""
    site.look(206.0)
    assert state(site.ledger) == "COMMITTED"
    assert site.lines()["2.25.2"] == ("COMMITTED", 1, "")
    assert site.server.searches < 12  # ever less often


def test_what_a_server_lost_is_sent_again_and_its_study_is_delivered_no_longer(site):
    site.server.held["2.25.1"] = b""
    site.look(208.0)
    assert state(site.ledger) == "DELIVERING"
    assert site.lines()["2.25.2"] == ("PENDING", 1, NOT_FOUND)
    site.server.held["2.25.2"] = b""
    site.send()
    site.look(210.0)
    assert state(site.ledger) == "COMMITTED"
    assert site.lines()["2.25.2"][:2] == ("COMMITTED", 2)


def test_what_never_shows_is_sent_again_three_times_and_given_up_with_the_reason(site):
    site.server.held["2.25.1"] = b""
    for _ in range(40):
        site.look(site.now + 50.0)
        site.send()
    assert site.lines() == {"2.25.1": ("COMMITTED", 1, ""), "2.25.2": ("DEAD", 4, NOT_FOUND)}
    assert state(site.ledger) == "FAILED"


@pytest.mark.parametrize("status", [500, 401, 400])
def test_a_search_without_an_answer_sends_nothing_again(site, status):
    site.server.search_status = status
    site.server.held |= {"2.25.1": b"", "2.25.2": b""}
    site.look(900.0)
    assert {line[:2] for line in site.lines().values()} == {("SENT", 1)}
    site.look(1900.0)
    assert {line[:2] for line in site.lines().values()} == {("DEAD", 1)}
    assert all(line[2].startswith(f"{NO_ANSWER}HTTP {status}") for line in site.lines().values())


def test_a_server_that_shows_other_instances_than_it_is_asked_for_proves_nothing(site, monkeypatch):
    def search(exchange: Any) -> None:
        exchange.answer(200, b'[{"00080018": {"vr": "UI", "Value": ["1.2.3"]}}, {"00080018": {}}]')

    monkeypatch.setattr(site.server, "_search", search)
    site.look(120.0)
    assert {line[0] for line in site.lines().values()} == {"SENT"}


@pytest.mark.parametrize("body", [b"", b"[", b"{}", b"[[]]", b'[{"00080018": 7}]', b"[" * 100_000, b"null"])
def test_a_search_answered_with_something_else_is_no_answer(site, monkeypatch, body):
    monkeypatch.setattr(site.server, "_search", lambda exchange: exchange.answer(200, body))
    site.look(110.0)
    assert {line[0] for line in site.lines().values()} == {"SENT"}
    assert all(line[2].startswith(NO_ANSWER) for line in site.lines().values())


def test_withdrawn_objects_are_looked_for_no_more(site):
    site.look(107.0)
    assert site.ledger.rejections.reject("1.2", "quality", "", 108.0) == ""
    searches = site.server.searches
    site.look(2000.0)
    assert site.server.searches == searches
    assert {line[0] for line in site.lines().values()} == {"SENT"}


def _bytes_of(path: Path) -> dict[str, bytes]:
    return {str(dcmread(file).SOPInstanceUID): file.read_bytes() for file in path.rglob("*.dcm")}


def test_orthanc_gets_the_archived_bytes_and_its_search_commits_the_study(reported: Path, tmp_path: Path) -> None:
    with skip_where_missing(orthanc(tmp_path / "orthanc", dicomweb=True)) as pacs:
        there = {"name": "web", "kind": "stow", "url": f"{pacs.url}/dicom-web", "commitment": True}
        nobody = {"name": "nobody", "kind": "stow", "url": f"http://127.0.0.1:{free_port()}/dicom-web"}
        with delivering(reported, tmp_path / "own", [nobody, there]) as system:
            study_uid = only_study(system)
            wait_until(_committed(system, study_uid), 20, "both objects committed")
            lines = {(line["destination"], line["state"]) for line in system.report(study_uid)["deliveries"]}
            assert lines == {("web", "COMMITTED"), ("nobody", "PENDING")}  # one that is down delays no other
            assert len(system.events("destination.unreachable")) > 0
            check = system.cli("check").stdout
            log = system.log.read_text()
        received = {
            str(dcmread(BytesIO(f)).SOPInstanceUID): f for f in (pacs.file(i.orthanc_id) for i in pacs.instances())
        }
    archived = _bytes_of(system.home / "archive")
    assert len(received) == 2
    assert all(received[uid] == archived[uid] for uid in received)
    assert "answers a QIDO-RS search" in check
    assert "Delivery" not in log  # the patient's name


def _committed(system: Any, study_uid: str) -> Callable[[], bool]:
    def committed() -> bool:
        states = [line["state"] for line in system.report(study_uid)["deliveries"] if line["destination"] == "web"]
        return states == ["COMMITTED"] * len(states) != []

    return committed
