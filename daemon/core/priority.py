"""In what order films are read: each gets a time by which it is due, once, and the list is read in order of these.

due_at = arrived_at + patience. The likelier and the more urgent a finding, and the more urgent the order, the shorter
the patience; the cap is the longest. A film can only be overtaken by films that arrive within its own patience, so
nobody starves; a due time never changes while a film waits, so the list needs no sorting anew and is one index of the
database. Why so: docs/adr/0017-priority.md; what it brings: docs/simulation.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Priority = Literal["HIGH", "MEDIUM", "LOW"]  # (0074,1200), PS3.3 C.30.2: HIGH is STAT, LOW is routine
Urgency = Literal["STAT", "HIGH", "MEDIUM", "LOW"]  # of the order
URGENCIES: tuple[Urgency, ...] = ("STAT", "HIGH", "MEDIUM", "LOW")  # the most urgent first

# What a finding weighs beside a pneumothorax: how much a minute of waiting matters. Labels of model/findings.py; the
# rank is that of Baltruschat 2021 (pneumothorax, effusion, infiltrate, congestion, atelectasis, cardiomegaly, mass).
WEIGHTS: Mapping[str, float] = {
    "Pneumothorax": 1.0,
    "Lung Opacity": 0.6,
    "Effusion": 0.5,
    "Consolidation": 0.5,
    "Pneumonia": 0.5,
    "Edema": 0.5,
    "Infiltration": 0.4,
    "Atelectasis": 0.25,
    "Mass": 0.2,
    "Nodule": 0.2,
    "Cardiomegaly": 0.15,
}


@dataclass(frozen=True, slots=True)
class Policy:
    """What a site decides. Times in seconds."""

    cap_s: float = 8 * 3600.0  # patience with a film on which nothing is suspected: the longest there is
    urgent_s: float = 600.0  # with one on which the weightiest finding is certain
    unanalysed_s: float = 4 * 3600.0  # with one of which the detector says nothing
    abnormal_weight: float = 0.3  # of the triage probability, whatever the finding may be
    weights: Mapping[str, float] = field(default_factory=lambda: dict(WEIGHTS))


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one film or study that is to be read. arrived_at: seconds since the epoch, UTC.

    probability: the triage probability; None: the detector has not answered, could not, or its results were
    withdrawn. findings: calibrated probability of each named finding. urgency: of the order; None: no order is known.
    """

    arrived_at: float
    probability: float | None = None
    findings: Mapping[str, float] = field(default_factory=dict)
    urgency: Urgency | None = None
    unanswered: bool = False  # of at least one image the detector says nothing (yet)
