"""Figures with 95 % intervals: patients drawn with replacement, every draw counted at once.

A draw is a row of whole-number weights, how often each film counts; row 0 is all ones and gives the figure itself.
The same draws serve every figure, so that a difference of two figures has its paired interval without more work.
Films of one patient are not independent: patients are drawn, never films (Field and Welsh, 2007).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model.metrics import ECE_BINS, BoolArray
from model.windows import FloatArray

Weights = npt.NDArray[np.uint8]  # [1 + draws, N]
Values = npt.NDArray[np.float64]  # [1 + draws]


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with its 95 % interval; nan where it has no value."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        if not np.isfinite(self.value):
            return "-"
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"

    def to_json(self) -> dict[str, float | None]:
        """value, low, high; null for nan."""
        values = {"value": self.value, "low": self.low, "high": self.high}
        return {name: float(value) if np.isfinite(value) else None for name, value in values.items()}


def draw_weights(patients: Sequence[str], draws: int, seed: int = 0) -> Weights:
    """[1 + draws, N]: how often each film counts when its patients are drawn with replacement; row 0 is ones."""
    names, owner = np.unique(np.array(patients), return_inverse=True)
    rng = np.random.default_rng(seed)
    weights = np.ones((1 + draws, len(patients)), dtype=np.uint8)
    for row in range(1, 1 + draws):
        times = np.bincount(rng.integers(0, len(names), len(names)), minlength=len(names))
        weights[row] = times[owner]
    return weights


def interval(values: Values) -> Interval:
    """The figure (the first value) between the 2.5th and 97.5th percentile of the draws that have one."""
    drawn = values[1:][np.isfinite(values[1:])]
    if not np.isfinite(values[0]) or len(drawn) == 0:
        return Interval(float(values[0]), float("nan"), float("nan"))
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Interval(float(values[0]), float(low), float(high))


def ratio(top: npt.NDArray[np.generic], bottom: npt.NDArray[np.generic], weights: Weights) -> Values:
    """Sum of top [N] over sum of bottom [N], a draw; nan where the bottom is nothing."""
    w = weights.astype(np.float32)
    sums = w @ np.stack([np.asarray(top, np.float32), np.asarray(bottom, np.float32)], axis=1)  # [1 + draws, 2]
    below = sums[:, 1].astype(np.float64)
    result: Values = np.divide(sums[:, 0], below, out=np.full(len(below), np.nan), where=below > 0)
    return result


def share(values: npt.NDArray[np.generic], weights: Weights) -> Values:
    """The mean of values [N], a draw."""
    return ratio(values, np.ones(len(values)), weights)


class Ranked:
    """Scores [N] of films, sorted once with the weights of every draw: AUC and normal recall of each draw."""

    def __init__(self, scores: FloatArray, abnormal: BoolArray, weights: Weights) -> None:
        order = np.argsort(scores, kind="stable")
        ordered, y = scores[order], abnormal[order]
        starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]])) if len(order) else order
        w = weights[:, order].astype(np.float32)
        # one column a distinct score, so that ties are counted together
        self.positive = _columns(w * y, starts)
        self.negative = _columns(w * ~y, starts)
        self.positives, self.negatives = self.positive.sum(1), self.negative.sum(1)

    def auc(self) -> Values:
        """Area under the ROC curve, ties counted half."""
        below = np.cumsum(self.negative, axis=1) - self.negative / 2
        pairs = self.positives * self.negatives
        return _divided((self.positive * below).sum(1), pairs)

    def normal_recall(self, missed: float) -> Values:
        """Share of normal films below the largest threshold that misses at most `missed` of the abnormal ones."""
        if not self.positive.shape[1]:
            return np.full(len(self.positive), np.nan)
        allowed = np.floor(missed * self.positives + 1e-9)
        at = np.argmax(np.cumsum(self.positive, axis=1) > allowed[:, None], axis=1)
        rows = np.arange(len(at))
        recognised = np.cumsum(self.negative, axis=1)[rows, at] - self.negative[rows, at]
        recall = _divided(recognised, self.negatives)
        recall[self.positives == 0] = np.nan
        return recall


def _columns(values: npt.NDArray[np.float32], starts: npt.NDArray[np.int64]) -> Values:
    if not len(starts):
        return np.zeros((len(values), 0))
    summed: Values = np.add.reduceat(values, starts, axis=1).astype(np.float64)
    return summed


def _divided(top: Values, bottom: Values) -> Values:
    result: Values = np.divide(top, bottom, out=np.full(len(bottom), np.nan), where=bottom > 0)
    return result


def halved(abnormal: BoolArray) -> FloatArray:
    """How much each film [N] counts so that both classes count the same, mean 1."""
    share_abnormal = float(abnormal.mean()) if len(abnormal) else 0.5
    if share_abnormal in (0.0, 1.0):
        return np.ones(len(abnormal))
    return np.where(abnormal, 0.5 / share_abnormal, 0.5 / (1.0 - share_abnormal))


def calibration_error(
    probabilities: FloatArray, abnormal: BoolArray, weights: Weights, counts: FloatArray | None = None
) -> Values:
    """Mean |confidence - frequency| over ten equal bins of probability, weighted by the films in each, a draw.

    counts [N]: how much each film counts, if not the same.
    """
    each = np.ones(len(abnormal)) if counts is None else counts
    bins = np.minimum((probabilities * ECE_BINS).astype(int), ECE_BINS - 1)
    inside = np.eye(ECE_BINS, dtype=np.float32)[bins]  # [N, bins]
    w = weights.astype(np.float32)
    gap = w @ (inside * (each * (probabilities - abnormal)).astype(np.float32)[:, None])
    total = (w @ each.astype(np.float32)).astype(np.float64)
    return _divided(np.abs(gap).sum(1).astype(np.float64), total)


def brier(probabilities: FloatArray, abnormal: BoolArray, weights: Weights, counts: FloatArray) -> Values:
    """Mean squared distance of probability and truth, a draw; counts [N]: how much each film counts."""
    return ratio(counts * (probabilities - abnormal) ** 2, counts, weights)
