"""Patch figures: window scores against boxes, one lesion window to three without (docs/seed.md).

Of the windows without lesion a third comes from the same film and two thirds from films without finding (`sampler`).
At 1:3 "always normal" is right in 75 %: that level stands beside the accuracy.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from model.judge.graded import Graded, cut_elsewhere
from model.judge.resample import Interval, Ranked, Weights, interval
from model.judge.sampler import OTHER_FILM, POSITIVE, SAME_FILM, Kinds
from model.windows import FloatArray

SHARES = (0.25, 0.25, 0.5)  # of the three kinds in the mixture of 1:3
CHANCE = 0.75
MOST_DRAWS = 300  # tens of thousands of windows a draw


def patches(graded: Graded) -> dict[str, Any] | None:
    """Accuracy at 1:3, balanced accuracy and AUC of window scores; each cut chosen on the other folds."""
    logits = np.concatenate([one.patch_logits for one in graded.read])
    kinds = np.concatenate([one.patch_kinds for one in graded.read])
    owner = np.repeat(np.arange(len(graded.films)), [len(one.patch_kinds) for one in graded.read])
    if not all((kinds == kind).any() for kind in (POSITIVE, SAME_FILM, OTHER_FILM)):
        return None
    found: dict[str, Any] = {"windows": len(kinds), "positive": int((kinds == POSITIVE).sum()), "chance": CHANCE}
    mixtures = {"accuracy": SHARES, "balanced": (0.5, 0.5 / 3, 1.0 / 3)}
    weights = graded.weights[: 1 + MOST_DRAWS]
    for name, shares in mixtures.items():

        def best(rows: npt.NDArray[np.int64], shares: tuple[float, ...] = shares) -> float:
            inside = np.isin(owner, rows)
            return _best_cut(logits[inside], kinds[inside], shares)

        cuts = cut_elsewhere(graded, best)[owner]
        found[name] = _accuracy((logits >= cuts) == (kinds == POSITIVE), kinds, owner, shares, weights)
    keep = np.random.default_rng(0).permutation(len(kinds))[:40_000]
    mixed = _thinned(kinds, keep)
    found["auc"] = interval(Ranked(logits[mixed], kinds[mixed] == POSITIVE, weights[:, owner[mixed]]).auc())
    return found


def _thinned(kinds: Kinds, order: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """As many windows of each kind as make 1 : 1 : 2, the first in this order."""
    by_kind = [order[kinds[order] == kind] for kind in (POSITIVE, SAME_FILM, OTHER_FILM)]
    unit = min(len(by_kind[0]), len(by_kind[1]), len(by_kind[2]) // 2)
    return np.concatenate([by_kind[0][:unit], by_kind[1][:unit], by_kind[2][: 2 * unit]])


def _best_cut(logits: FloatArray, kinds: Kinds, shares: tuple[float, ...]) -> float:
    """The cut with the best accuracy under this mixture."""
    order = np.argsort(logits)
    weight = np.array([share / max((kinds == kind).sum(), 1) for kind, share in enumerate(shares)])[kinds[order]]
    gain = np.where(kinds[order] == POSITIVE, -weight, weight)  # a cut above this window calls it normal
    best = int(np.argmax(np.concatenate([[0.0], np.cumsum(gain)])))
    return float(logits[order][best]) if best < len(order) else float("inf")


def _accuracy(
    right: npt.NDArray[np.bool_],
    kinds: Kinds,
    owner: npt.NDArray[np.int64],
    shares: tuple[float, ...],
    weights: Weights,
) -> Interval:
    total = np.zeros(len(weights))
    for kind, portion in enumerate(shares):
        count = np.bincount(owner[kinds == kind], minlength=weights.shape[1]).astype(np.float64)
        correct = np.bincount(owner[(kinds == kind) & right], minlength=weights.shape[1]).astype(np.float64)
        w = weights.astype(np.float64)
        total += portion * (w @ correct) / np.maximum(w @ count, 1.0)
    return interval(total)
