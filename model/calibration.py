"""From logits to probabilities that mean what they say, and the cuts put on them.

A logistic calibration (Platt, 1999): p = sigmoid(weights . logits + bias), for a single logit temperature scaling
with an offset. The film's probability joins two logits, the image head's and the best windows', with equal weights.
Fitted by Newton's method on held-out films.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from model.naming import Naming
from model.promise import Promise
from model.windows import FloatArray

RIDGE = 1e-3  # a separable sample must not run to infinity


def sigmoid(logits: FloatArray) -> FloatArray:
    """1 / (1 + exp(-x)), without overflow."""
    result: FloatArray = 1.0 / (1.0 + np.exp(-np.clip(logits, -40.0, 40.0)))
    return result


@dataclass(frozen=True, slots=True)
class Logistic:
    """p = sigmoid(weights . logits + bias)."""

    weights: tuple[float, ...] = (1.0,)
    bias: float = 0.0

    def __call__(self, logits: FloatArray) -> FloatArray:
        """Probabilities [...] of logits [..., len(weights)]."""
        return sigmoid(self.logit(logits))

    def logit(self, logits: FloatArray) -> FloatArray:
        """Calibrated logits [...] of logits [..., len(weights)]."""
        result: FloatArray = logits @ np.array(self.weights) + self.bias
        return result


@dataclass(frozen=True, slots=True)
class Calibration:
    """How logits become probabilities and answers.

    film: of (image logit, mean logit of the best windows). lesion: of (lesion logit, the film's calibrated logit).
    labels: one a label of the network, of its logit. operating_point: the cut on the film's probability; lesion_cut:
    the cut on a lesion's. words: the operating point for a reader. names: what a lesion is called. promises: what
    other cuts would miss at most. meaning: what the probabilities are chances of.
    """

    film: Logistic = Logistic((0.5, 0.5))
    lesion: Logistic = Logistic((1.0, 0.0))
    labels: tuple[Logistic, ...] = ()
    operating_point: float = 0.5
    lesion_cut: float = 0.5
    words: str = "not calibrated"
    names: Naming = field(default_factory=Naming)
    promises: tuple[Promise, ...] = ()
    meaning: str = ""

    def to_json(self) -> dict[str, Any]:
        """A JSON object from which `from_json` makes an equal value."""
        return asdict(self)

    def fingerprint(self) -> str:
        """Eight hex digits that differ where two calibrations differ: the weights' digest does not cover them."""
        return hashlib.sha256(json.dumps(self.to_json(), sort_keys=True).encode()).hexdigest()[:8]

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Calibration:
        """The inverse of `to_json`; what a card of an earlier release lacks is left at its default."""

        def logistic(value: dict[str, Any]) -> Logistic:
            return Logistic(tuple(float(w) for w in value["weights"]), float(value["bias"]))

        names = values.get("names", {})
        return cls(
            film=logistic(values["film"]),
            lesion=logistic(values["lesion"]),
            labels=tuple(logistic(value) for value in values["labels"]),
            operating_point=float(values["operating_point"]),
            lesion_cut=float(values["lesion_cut"]),
            words=str(values["words"]),
            names=Naming(**names | {"bias": tuple(names.get("bias", ()))}),
            promises=tuple(Promise(**promise) for promise in values.get("promises", ())),
            meaning=str(values.get("meaning", "")),
        )


def fit_logistic(logits: FloatArray, truth: Sequence[bool], weight: FloatArray | None = None) -> Logistic:
    """The maximum-likelihood calibration of logits [N, K] against truth [N]; `weight` [N] per sample."""
    y = np.asarray(truth, dtype=np.float64)
    w = np.ones(len(y)) if weight is None else weight
    x = np.concatenate([logits, np.ones((len(y), 1))], axis=1)
    theta = np.zeros(x.shape[1])
    ridge = RIDGE * np.eye(x.shape[1])
    ridge[-1, -1] = 1e-9
    for _ in range(50):
        p = sigmoid(x @ theta)
        gradient = x.T @ (w * (p - y)) + len(y) * ridge @ theta
        hessian = x.T @ (x * (w * p * (1 - p))[:, None]) + len(y) * ridge
        step = np.linalg.solve(hessian, gradient)
        theta = theta - step * min(1.0, 5.0 / max(float(np.abs(step).max()), 1e-12))
        if np.abs(step).max() < 1e-8:
            break
    return Logistic(tuple(float(value) for value in theta[:-1]), float(theta[-1]))


def cut_for_sensitivity(abnormal: FloatArray, sensitivity: float) -> float:
    """The largest cut t with #(abnormal < t) <= floor((1 - sensitivity) * N); the film is positive at p >= t."""
    ordered = np.sort(abnormal)
    allowed = int(np.floor((1.0 - sensitivity) * len(ordered) + 1e-9))
    return float(ordered[min(allowed, len(ordered) - 1)])
