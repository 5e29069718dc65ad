"""The small form of `make deliveries`: 300 deliveries to peers that fail at random, by a daemon that is killed once."""

from __future__ import annotations

from pathlib import Path

from tests.bench.deliveries import Run, deliver
from tests.support.peers.mishaps import HOPELESS


def test_every_object_arrives_exactly_once_or_is_dead_lettered_with_its_reason(tmp_path: Path) -> None:
    outcome = deliver(Run(tmp_path / "run", tmp_path / "stock", studies=75, seed=7, kills=1, trouble=2.0))
    assert outcome.misses == []
    assert outcome.kills == 1
    dimse, stow = outcome.arrivals
    for arrivals in (dimse, stow):
        assert arrivals.states["SENT"] + arrivals.states["DEAD"] == arrivals.states.total() == 150
        assert arrivals.held - arrivals.dead_yet_held == arrivals.states["SENT"]
        assert arrivals.twice > 0
        assert arrivals.mishaps["refuses connections"] > 0
        assert len(arrivals.mishaps) > 10
    # Not only what fails cleanly happened.
    assert dimse.mishaps["kept, then aborted"] + dimse.mishaps["kept, then closed"] > 0
    assert dimse.mishaps[HOPELESS] + stow.mishaps[HOPELESS] > 0
