"""The orders of reading that are compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import numpy as np

from daemon.core.priority import Policy, due_at, harm
from daemon.simulation.films import Films, Floats
from daemon.simulation.room import Order
from daemon.simulation.scenario import Scenario

_RANK = 1e9  # minutes between classes: more than any simulation lasts


def fifo(films: Films, _: Scenario) -> Order:
    """In order of arrival."""
    arrived = films.arrived.tolist()
    return Order(arrived, arrived)


def by_finding(films: Films, scenario: Scenario) -> Order:
    """Baltruschat 2021: by the most urgent finding that is called positive, then by arrival; no bound on waiting."""
    calls = np.array([films.flagged[finding.name] for finding in scenario.finding])  # [findings, N]
    rank = np.where(calls.any(axis=0), calls.argmax(axis=0), len(calls))
    return Order((films.arrived + _RANK * len(calls)).tolist(), (films.arrived + _RANK * rank).tolist())


def by_finding_capped(films: Films, scenario: Scenario) -> Order:
    """The same with their cap: a film that has waited so long goes first."""
    order = by_finding(films, scenario)
    return Order(order.unanswered, order.answered, scenario.cap_min)


def by_probability(films: Films, scenario: Scenario) -> Order:
    """The greatest expected harm first, whoever has waited; no bound on waiting."""
    policy = scenario.priority.policy()
    return Order(np.full(films.arrived.size, -policy.half).tolist(), (-_harm(films, policy)).tolist())


def ours(films: Films, scenario: Scenario) -> Order:
    """daemon/core/priority.py, as the live list uses it."""
    policy = scenario.priority.policy()
    unknown = np.full(films.arrived.size, harm(None, {}, policy))
    return Order(_due_min(films.arrived, unknown, policy), _due_min(films.arrived, _harm(films, policy), policy))


def _harm(films: Films, policy: Policy) -> Floats:
    return cast(Floats, harm(cast(Any, films.abnormal), cast(Any, films.probability), policy))


def _due_min(arrived: Floats, harms: Floats, policy: Policy) -> list[float]:
    """No orders are known in a simulation."""
    return cast(Floats, due_at(cast(Any, arrived * 60.0), cast(Any, harms), None, policy) / 60.0).tolist()


POLICIES: Mapping[str, Callable[[Films, Scenario], Order]] = {
    "first in, first out": fifo,
    "by finding": by_finding,
    "by finding, capped": by_finding_capped,
    "by probability": by_probability,
    "thoraxd": ours,
}
