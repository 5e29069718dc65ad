"""All policies on the same films: turnaround by class, with intervals from a bootstrap over blocks of days.

Turnaround is arrival to report, waiting and reading. A block's days belong together, because a backlog outlives a
day; differences between policies are taken within blocks, so that what all policies share cancels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from daemon.simulation.films import Films, Flags, Floats, draw
from daemon.simulation.policies import POLICIES
from daemon.simulation.room import read
from daemon.simulation.scenario import Scenario

DAY_MIN = 1440.0
BLOCKS = 100
RESAMPLED = 1000
_CONFIDENCE = (2.5, 97.5)
_BIN_MIN = 1.0


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Figures:
    """Turnaround of one class of films under one policy, in minutes; changes are against first in, first out.

    maximum: of all days. worst: the mean over blocks of the longest turnaround in a block.
    """

    mean: Interval
    p95: Interval
    worst: Interval
    maximum: float
    mean_change: Interval
    worst_change: Interval
    maximum_change: float


@dataclass(frozen=True)
class Trial:
    """What came out. figures: by class of films, then by policy. curves: critical films' turnaround by policy [N]."""

    scenario: Scenario
    days: int
    seed: int
    films: int
    block_days: float
    shares: Mapping[str, float]
    figures: Mapping[str, Mapping[str, Figures]]
    curves: Mapping[str, Floats]


def run(scenario: Scenario, days: int, seed: int) -> Trial:
    """Simulate so many days; the same seed gives the same answer."""
    films = draw(scenario, days, np.random.default_rng(seed))
    arrived, minutes, duty = films.arrived.tolist(), films.minutes.tolist(), scenario.readers.duty()
    waits = {
        name: np.array(read(arrived, minutes, scenario.answer_min, duty, policy(films, scenario))) - films.arrived
        for name, policy in POLICIES.items()
    }
    blocks = min(BLOCKS, days // 2)
    block = np.minimum((films.arrived * blocks / (days * DAY_MIN)).astype(int), blocks - 1)
    rng = np.random.default_rng(seed)
    drawn = np.stack([np.bincount(rng.integers(blocks, size=blocks), minlength=blocks) for _ in range(RESAMPLED)])
    classes = _classes(films, scenario)
    figures = {
        name: _figures({policy: wait[flags] for policy, wait in waits.items()}, block[flags], drawn)
        for name, flags in classes.items()
    }
    critical = next(iter(classes.values()))
    return Trial(
        scenario,
        days,
        seed,
        films.arrived.size,
        days / blocks,
        {name: float(flags.mean()) for name, flags in classes.items()},
        figures,
        {policy: wait[critical] for policy, wait in waits.items()},
    )


def _classes(films: Films, scenario: Scenario) -> dict[str, Flags]:
    """Critical films first; a film with two findings is in two classes."""
    critical = [films.has[finding.name] for finding in scenario.finding if finding.critical]
    classes = {"critical": np.logical_or.reduce(critical)} if len(critical) > 1 else {}
    classes |= films.has
    return classes | {"normal": films.normal, "all": np.ones(films.arrived.size, bool)}


def _figures(waits: Mapping[str, Floats], block: np.ndarray, drawn: np.ndarray) -> dict[str, Figures]:
    """Of one class. block: which block each film is in [N]. drawn: how often a resample has each block [R, blocks]."""
    blocks = drawn.shape[1]
    counts = np.bincount(block, minlength=blocks)
    times = drawn @ counts
    found: dict[str, Figures] = {}
    first: tuple[Floats, Floats, float, float, float] | None = None
    for policy, wait in waits.items():
        means = drawn @ np.bincount(block, wait, minlength=blocks) / times
        longest = np.zeros(blocks)
        np.maximum.at(longest, block, wait)
        worsts = drawn @ longest / blocks
        mean, worst, maximum = float(wait.mean()), float(longest.mean()), float(wait.max())
        first = first or (means, worsts, mean, worst, maximum)
        found[policy] = Figures(
            _interval(mean, means),
            _interval(float(np.percentile(wait, 95)), _percentiles(wait, block, drawn, 0.95)),
            _interval(worst, worsts),
            maximum,
            _interval(mean / first[2] - 1, means / first[0] - 1),
            _interval(worst / first[3] - 1, worsts / first[1] - 1),
            maximum / first[4] - 1,
        )
    return found


def _percentiles(wait: Floats, block: np.ndarray, drawn: np.ndarray, share: float) -> Floats:
    """A percentile of each resample [resamples], from blocks' histograms, to a bin's width."""
    blocks = drawn.shape[1]
    bins = int(np.percentile(wait, 99.5) / _BIN_MIN) + 2  # beyond: all in the last bin
    cell = np.minimum((wait / _BIN_MIN).astype(int), bins - 1)
    histograms = np.bincount(block * bins + cell, minlength=blocks * bins).reshape(blocks, bins)
    cumulative = np.cumsum(drawn @ histograms, axis=1)
    return np.asarray((cumulative >= share * cumulative[:, -1:]).argmax(axis=1) * _BIN_MIN + _BIN_MIN / 2)


def _interval(value: float, resamples: Floats) -> Interval:
    low, high = np.percentile(resamples, _CONFIDENCE)
    return Interval(value, float(low), float(high))
