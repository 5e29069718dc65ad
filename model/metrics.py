"""Figures of merit, from scores and truth alone: functions of arrays, so that a bootstrap can resample them.

Normal recall is strict: the threshold is the largest t with #(abnormal < t) <= floor(fn * N_abnormal), and a normal
film counts as recognised when its score is below t. Intervals resample patients, not films: films of one patient are
not independent.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from model.calibration import cut_for_sensitivity
from model.windows import FloatArray, iou

BoolArray = npt.NDArray[np.bool_]
ECE_BINS = 10


def auc(scores: FloatArray, abnormal: BoolArray) -> float:
    """Area under the ROC curve, ties counted half; nan without both classes."""
    positives, negatives = int(abnormal.sum()), int((~abnormal).sum())
    if positives == 0 or negatives == 0:
        return float("nan")
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2.0
    total = float(ranks[inverse][abnormal].sum())
    return (total - positives * (positives + 1) / 2.0) / (positives * negatives)


def normal_recall(scores: FloatArray, abnormal: BoolArray, missed: float) -> float:
    """Share of normal films below the largest threshold that misses at most `missed` of the abnormal ones."""
    if not abnormal.any() or abnormal.all():
        return float("nan")
    threshold = cut_for_sensitivity(scores[abnormal], 1.0 - missed)
    return float((scores[~abnormal] < threshold).mean())


def expected_calibration_error(probabilities: FloatArray, abnormal: BoolArray) -> float:
    """Mean |confidence - frequency| over ten equal bins of probability, weighted by the films in each."""
    bins = np.minimum((probabilities * ECE_BINS).astype(int), ECE_BINS - 1)
    gaps = np.zeros(ECE_BINS)
    for index in np.unique(bins):
        inside = bins == index
        gaps[index] = inside.mean() * abs(probabilities[inside].mean() - abnormal[inside].mean())
    return float(gaps.sum())


def hit(boxes: FloatArray, truth: FloatArray, threshold: float, top: int) -> bool:
    """Whether one of the first `top` boxes [K, 4] meets one of the film's true boxes [T, 4] at this IoU."""
    return bool(len(boxes)) and bool((iou(boxes[:top], truth) >= threshold).any())


def location_prior(windows: FloatArray, truths: Sequence[FloatArray], threshold: float, count: int = 3) -> FloatArray:
    """The windows [count, 4] that, the same on every film, hit most of these films; each takes most of what is left."""
    hits = np.array([(iou(windows, truth) >= threshold).any(axis=1) for truth in truths])  # [films, N]
    return windows[prior_order(hits, count)]


def prior_order(hits: BoolArray, count: int) -> list[int]:
    """The windows that hit most of the films, of hits [films, windows]; each takes most of what is left."""
    chosen: list[int] = []
    left = np.ones(len(hits), dtype=bool)
    for _ in range(count):
        chosen.append(int(np.argmax(hits[left].sum(axis=0))))
        left &= ~hits[:, chosen[-1]]
    return chosen


def bootstrap(
    figure: Callable[[npt.NDArray[np.int64]], float], patients: Sequence[str], draws: int = 400, seed: int = 0
) -> tuple[float, float]:
    """95 % interval of figure(rows) when patients are drawn with replacement; rows index the films of those drawn."""
    _, groups = np.unique(np.array(patients), return_inverse=True)
    order = np.argsort(groups, kind="stable")
    members = np.split(order, np.cumsum(np.bincount(groups))[:-1])
    rng = np.random.default_rng(seed)
    values = []
    for _ in range(draws):
        drawn = rng.integers(0, len(members), len(members))
        values.append(figure(np.concatenate([members[index] for index in drawn])))
    usable = np.array(values)[np.isfinite(values)]
    if len(usable) == 0:
        return (float("nan"), float("nan"))
    low, high = np.percentile(usable, [2.5, 97.5])
    return (float(low), float(high))
