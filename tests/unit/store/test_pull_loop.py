"""The pull loop on a ledger, with a source that is there or not as the test says."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from daemon.core.errors import DestinationUnreachable
from daemon.core.pulls import FoundInstance, FoundStudy, PullState, Search, Why
from daemon.pull import Pull
from daemon.sections import RetrySettings, Source
from daemon.store.ledger import Ledger
from daemon.store.pulls import Wish

PACS = Source(name="pacs", kind="dicomweb", url="http://pacs")
RETRY = RetrySettings(give_up_s=1000.0)


class Shelf:
    """A Remote that has nothing, or is down."""

    up = False

    def check(self) -> str:
        return ""

    def studies(self, search: Search) -> list[FoundStudy]:
        return []

    def instances(self, study_uid: str) -> list[FoundInstance]:
        if not self.up:
            raise DestinationUnreachable("no connection")
        return []

    def fetch(self, study_uid: str, missing: Sequence[FoundInstance], whole_series: frozenset[str]) -> str:
        return ""


class Room:
    def __init__(self, ledger: Ledger) -> None:
        self.ledger, self.now, self.shelf = ledger, 100.0, Shelf()
        self.loop = Pull(PACS, self.shelf, ledger, RETRY, lambda: self.now)

    def at(self, now: float) -> list[str]:
        """States of the studies that were asked for, after a turn at that time."""
        self.now = now
        self.loop.turn()
        return [str(line.state) for line in self.ledger.pulls.progress("pacs", ["1.2", "1.3"])]


@pytest.fixture
def room(ledger: Ledger) -> Room:
    ledger.pulls.queue("pacs", [Wish("1.2", Why.ASKED), Wish("1.3", Why.ASKED)], 100.0)
    return Room(ledger)


def test_what_has_waited_long_is_not_given_up_for_a_moment_without_its_source(room: Room) -> None:
    assert room.at(2000.0) == [PullState.WAITING] * 2
    room.shelf.up = True
    assert room.at(2001.0) == [PullState.WAITING, PullState.FAILED]  # the source has no such study
    room.shelf.up = False
    assert room.at(2900.0) == room.at(3100.0) == [PullState.WAITING, PullState.FAILED]


def test_a_source_that_stays_down_is_given_up(room: Room) -> None:
    assert room.at(200.0) == room.at(1199.0) == [PullState.WAITING] * 2
    assert room.at(1201.0) == [PullState.FAILED] * 2
