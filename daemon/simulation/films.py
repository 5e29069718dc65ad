"""Films drawn from a scenario: arrivals (non-homogeneous Poisson), findings, scores, reading times.

All policies are given the same films (common random numbers), so their differences are the policies' own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from daemon.simulation.scenario import OperatingPoint, Scenario

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Films:
    """N films in order of arrival; every array is [N].

    arrived, minutes: minutes. has, flagged, probability: by finding; probability is calibrated, given the score.
    abnormal: calibrated triage probability, if the scenario has one.
    """

    arrived: Floats
    minutes: Floats
    has: Mapping[str, Flags]
    flagged: Mapping[str, Flags]
    probability: Mapping[str, Floats]
    abnormal: Floats | None

    @property
    def normal(self) -> Flags:
        """Films without any finding."""
        return ~np.logical_or.reduce(list(self.has.values()))


def draw(scenario: Scenario, days: int, rng: np.random.Generator) -> Films:
    """The films of so many days from a Monday on."""
    arrived = _arrivals(scenario, days, rng)
    count = arrived.size
    has = {finding.name: rng.random(count) < finding.prevalence for finding in scenario.finding}
    normal = ~np.logical_or.reduce(list(has.values()))
    flagged, probability = {}, {}
    for finding in scenario.finding:
        score = _scores(finding, has[finding.name], rng)
        flagged[finding.name] = score >= finding.threshold
        probability[finding.name] = _calibrated(finding, score, finding.prevalence)
    abnormal = None
    if scenario.abnormal is not None:
        score = _scores(scenario.abnormal, ~normal, rng)
        abnormal = _calibrated(scenario.abnormal, score, 1.0 - float(normal.mean()))
    return Films(arrived, _minutes(scenario, normal, rng), has, flagged, probability, abnormal)


def _arrivals(scenario: Scenario, days: int, rng: np.random.Generator) -> Floats:
    """Poisson in each hour with its own rate, ascending, in minutes."""
    shares = np.array(scenario.arrivals.by_hour) / sum(scenario.arrivals.by_hour)
    a_day = np.where(np.arange(days) % 7 < 5, scenario.arrivals.weekday, scenario.arrivals.weekend)
    counts = rng.poisson(a_day[:, None] * shares)  # [days, 24]
    hours = np.repeat(np.arange(days * 24), counts.ravel())
    return np.sort((hours + rng.random(hours.size)) * 60.0)


def _minutes(scenario: Scenario, normal: Flags, rng: np.random.Generator) -> Floats:
    """Reading times whose mean over all films is the scenario's."""
    reading = scenario.reading
    means = np.where(normal, reading.normal_share, 1.0)
    means *= reading.minutes / means.mean()
    return means * rng.gamma(reading.shape, 1.0 / reading.shape, normal.size)


def _scores(point: OperatingPoint, present: Flags, rng: np.random.Generator) -> Floats:
    return rng.standard_normal(present.size) + point.separation * present


def _calibrated(point: OperatingPoint, score: Floats, prevalence: float) -> Floats:
    """Chance of the finding given the score, by Bayes."""
    log_odds = np.log(prevalence / (1.0 - prevalence)) + point.separation * (score - point.separation / 2)
    return 1.0 / (1.0 + np.exp(-log_odds))
