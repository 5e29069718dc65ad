"""The deliver loop against a way of sending that is told what to answer; objects, ledger and archive are real."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import select

from daemon.core.errors import DestinationUnreachable
from daemon.core.outcome import Answer, Outcome, Outgoing
from daemon.core.records import Wanted
from daemon.core.statuses import outcome_of
from daemon.deliver import Deliver
from daemon.sections import RetrySettings
from daemon.store.archive import Archive
from daemon.store.database import Database
from daemon.store.ledger import Ledger
from daemon.store.schema import DeliveryRow
from tests.bench.stock import LEDGER, prepare

PACS = Wanted("pacs", ("sr", "gsps"), "air", True)
RETRY = RetrySettings(first_s=2.0, factor=2.0, longest_s=300.0, give_up_s=86400.0, refused_attempts=3)
TAKEN, BROKEN = outcome_of(0x0000), Outcome(Answer.BROKEN, None, "broke")


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two studies with an SR and a GSPS each."""
    folder = tmp_path_factory.mktemp("stock")
    prepare(folder, 2, [{"name": "pacs", "ae_title": "PACS", "host": "127.0.0.1", "port": 104}])
    return folder


@dataclass
class Site:
    """answers: what becomes of each call of `send`: its outcomes, as far as they go, or nobody there."""

    stock: Path
    folder: Path
    answers: list[list[Outcome] | DestinationUnreachable] = field(default_factory=list)
    calls: list[int] = field(default_factory=list)  # with so many objects each
    now: float = 1_000_000_000.0

    def __post_init__(self) -> None:
        shutil.copy(self.stock / LEDGER, self.folder / LEDGER)
        self.ledger = Ledger(Database(f"sqlite:///{self.folder / LEDGER}"))
        self.ledger.settling.queue_deliveries([PACS], self.now)
        archive = Archive(str(self.stock / "archive"))
        self.loop = Deliver("pacs", self.send, 30.0, self.ledger, archive, RETRY, lambda: self.now)

    def send(self, objects: Sequence[Outgoing]) -> Iterator[Outcome]:
        self.calls.append(len(objects))
        answer = self.answers.pop(0) if self.answers else [TAKEN] * len(objects)
        if isinstance(answer, DestinationUnreachable):
            raise answer
        yield from answer

    def rows(self) -> list[DeliveryRow]:
        with self.ledger.database.read() as session:
            return list(session.scalars(select(DeliveryRow).order_by(DeliveryRow.id)))

    def states(self) -> list[str]:
        return [row.state for row in self.rows()]


@pytest.fixture
def site(stock: Path, tmp_path: Path) -> Iterator[Site]:
    site = Site(stock, tmp_path)
    yield site
    site.ledger.close()


def test_what_is_due_goes_in_one_call(site: Site) -> None:
    assert site.loop.turn() == 0.0
    assert (site.calls, site.states()) == ([4], ["SENT"] * 4)


def test_after_a_break_the_rest_goes_at_once_and_only_the_one_under_way_waits(site: Site) -> None:
    site.answers = [[TAKEN, BROKEN]]
    assert site.loop.turn() == 0.0
    assert (site.calls, site.states()) == ([4, 2], ["SENT", "PENDING", "SENT", "SENT"])
    waiting = site.rows()[1]
    assert (waiting.attempts, waiting.next_at, waiting.reason) == (1, site.now + 2.0, "broke")


def test_where_nobody_is_there_any_more_the_rest_waits_too(site: Site) -> None:
    site.answers = [[TAKEN, BROKEN], DestinationUnreachable("no connection")]
    assert site.loop.turn() == 2.0
    assert [row.reason for row in site.rows()] == ["", "broke", "no connection", "no connection"]


def test_a_destination_that_asks_to_be_left_alone_is(site: Site) -> None:
    site.answers = [DestinationUnreachable("HTTP 503", retry_after_s=77.0)]
    assert site.loop.turn() == 77.0


def _down(site: Site, turns: int) -> None:
    for _ in range(turns):
        site.answers = [DestinationUnreachable("no connection")]
        site.loop.turn()
        site.now += 400.0


def test_an_outage_uses_up_none_of_the_refusals_that_are_believed(site: Site) -> None:
    _down(site, 6)
    refused = outcome_of(0x0110)
    for refusals in (1, 2):
        site.answers = [[refused] + [TAKEN] * 3] if refusals == 1 else [[refused]]
        site.loop.turn()
        site.now += 400.0
        assert (site.rows()[0].state, site.rows()[0].refusals) == ("PENDING", refusals)
    site.answers = [[refused]]
    site.loop.turn()
    assert (site.states(), site.rows()[0].attempts) == (["DEAD", "SENT", "SENT", "SENT"], 9)


def test_a_replay_grants_all_tries_again(site: Site) -> None:
    refused = outcome_of(0xC000)
    for _ in range(3):
        site.answers = [[refused] * 4]
        site.loop.turn()
        site.now += 400.0
    assert site.states() == ["DEAD"] * 4
    studies = sorted({row.study_uid for row in site.rows()})
    assert site.ledger.deliveries.replay(studies, None, failed_only=True, now=site.now) == 4
    site.answers = [[refused] * 4]
    site.loop.turn()
    assert site.states() == ["PENDING"] * 4


@pytest.mark.parametrize("before", [lambda site: None, lambda site: _down(site, 3)], ids=["first try", "later try"])
def test_what_a_killed_daemon_had_claimed_is_due_when_it_is_back(site: Site, before: Callable[[Site], None]) -> None:
    before(site)
    assert len(site.ledger.deliveries.due("pacs", site.now, 70.0, 32)) == 4
    assert site.ledger.deliveries.due("pacs", site.now, 70.0, 32) == []
    site.ledger.deliveries.release_claims(site.now)
    assert len(site.ledger.deliveries.due("pacs", site.now, 70.0, 32)) == 4
