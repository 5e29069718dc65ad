"""In what order films are read: each is given, once, a time by which it is due; the list is read in order of these.

due_at = arrived_at + patience, and patience = cap / (1 + harm / half): the longest patience where nothing is
suspected, half of it at a harm of `half`. Harm is what a wait is expected to do: the sum over findings of weight times
probability (the rule of Cox and Smith 1961, by which least harm is done). A film is overtaken only by films that
arrive within its own patience, so nobody starves whatever arrives; and a due time does not change while a film waits,
so that the list is an index of the database. Why so: docs/adr/0017-priority.md. What it brings: docs/simulation.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Priority = Literal["HIGH", "MEDIUM", "LOW"]  # (0074,1200), PS3.3 C.30.2: HIGH is STAT, LOW is routine
Urgency = Literal["STAT", "HIGH", "MEDIUM", "LOW"]  # of an order
URGENCIES: tuple[Urgency, ...] = ("STAT", "HIGH", "MEDIUM", "LOW")  # the most urgent first

# How much a minute of waiting harms, beside a minute with a pneumothorax. Names are those of model/findings.py.
WEIGHTS: Mapping[str, float] = {
    "Pneumothorax": 1.0,
    "Lung Opacity": 0.5,
    "Edema": 0.05,
    "Effusion": 0.02,
    "Consolidation": 0.01,
    "Pneumonia": 0.01,
    "Infiltration": 0.01,
    "Atelectasis": 0.005,
    "Mass": 0.005,
    "Nodule": 0.005,
    "Cardiomegaly": 0.005,
}
_HIGH_SHARE, _LOW_SHARE = 0.25, 0.75  # of the patience with a film of a MEDIUM order
# HIGH stands for STAT in (0074,1200), LOW for routine; of an order STAT is more than HIGH.
_ORDERS: Mapping[Urgency, str] = {
    "STAT": "STAT order",
    "HIGH": "urgent order",
    "MEDIUM": "semi-urgent order",
    "LOW": "routine order",
}
_LABEL_MAX = 64  # characters of Worklist Label (0074,1202), LO


@dataclass(frozen=True, slots=True)
class Policy:
    """What a site decides. caps_s: by the order's urgency, the patience with a film on which nothing is suspected.

    half: the harm that halves patience; a film of which the detector says nothing counts as such a one, neither
    preferred to what is suspicious nor left behind what is not. abnormal_weight: of the triage probability.
    """

    caps_s: Mapping[str, float] = field(default_factory=lambda: {"HIGH": 3600.0, "MEDIUM": 57600.0, "LOW": 86400.0})
    half: float = 0.1
    abnormal_weight: float = 0.02
    weights: Mapping[str, float] = field(default_factory=lambda: WEIGHTS)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one study that is to be read. arrived_at: seconds since the epoch, UTC.

    probability: the triage probability; None: the detector has not answered, could not, or was overruled. findings:
    calibrated probability of each named finding. urgency: of the order; None: no order is known, which counts as
    MEDIUM. unanswered: of at least one of its images the detector says nothing.
    """

    arrived_at: float
    probability: float | None = None
    findings: Mapping[str, float] = field(default_factory=dict)
    urgency: Urgency | None = None
    unanswered: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """A study's place. label: why it stands there, 64 characters at most. findings: what decided it, most first."""

    due_at: float
    priority: Priority
    label: str
    findings: tuple[str, ...]


def harm(
    probability: float | None, findings: Mapping[str, float], policy: Policy, *, unanswered: bool = False
) -> float:
    """What a minute's wait is expected to do, a minute with a certain pneumothorax being 1.

    Plain arithmetic, as in `due_at`: the simulator calls both with arrays, a film an element.
    """
    if probability is None and not findings:
        return policy.half
    expected = 0.0 if probability is None else policy.abnormal_weight * probability
    weight = policy.weights.get
    for name, chance in findings.items():
        expected += weight(name, 0.0) * chance
    return max(expected, policy.half) if unanswered else expected


def due_at(arrived_at: float, harm: float, urgency: Urgency | None, policy: Policy) -> float:
    """By when a film is to be read, in seconds like `arrived_at`.

    A STAT order counts as having waited for the longest cap already: it goes before every film but those that have
    really waited as long.
    """
    if urgency == "STAT":
        return arrived_at - policy.caps_s["LOW"]
    return arrived_at + policy.caps_s[urgency or "MEDIUM"] / (1.0 + harm / policy.half)


def standing(facts: Facts, policy: Policy) -> Standing:
    """Where a study stands, and why."""
    expected = harm(facts.probability, facts.findings, policy, unanswered=facts.unanswered)
    due = due_at(facts.arrived_at, expected, facts.urgency, policy)
    share = (due - facts.arrived_at) / policy.caps_s["MEDIUM"]
    priority: Priority = "HIGH" if share <= _HIGH_SHARE else "LOW" if share > _LOW_SHARE else "MEDIUM"
    harms = {name: policy.weights.get(name, 0.0) * chance for name, chance in facts.findings.items()}
    named = sorted((name for name in harms if harms[name] >= policy.half), key=lambda name: (-harms[name], name))
    return Standing(due, priority, _label(facts, named), tuple(named))


def urgency_now(standing: Standing, now: float) -> Priority:
    """The priority that others see: what is overdue has the highest."""
    return "HIGH" if now >= standing.due_at else standing.priority


def percent(value: float) -> str:
    """A probability; never 0 % or 100 %, which nobody can know."""
    if value < 0.01:
        return "<1 %"
    return ">99 %" if value > 0.99 else f"{100 * value:.0f} %"


def _label(facts: Facts, named: list[str]) -> str:
    words = [_ORDERS[facts.urgency]] if facts.urgency else []
    if facts.probability is None:
        words.append("AI: not analysed")
    elif named:
        words.append("AI: " + ", ".join(f"{name} {percent(facts.findings[name])}" for name in named[:2]))
    else:
        words.append(f"AI: probability of abnormality {percent(facts.probability)}")
    return "; ".join(words)[:_LABEL_MAX]
