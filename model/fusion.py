"""From thousands of scored windows to a handful of lesions: suppression of the weaker of two boxes, then fusion.

Non-maximum suppression picks the boxes; each is then the mean of the candidates that it suppressed and closely
overlaps, weighted by their probability (weighted boxes fusion, Solovyev et al., 2021), because neighbouring windows
err in different directions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from model.calibration import sigmoid
from model.windows import FloatArray, iou, overlap


@dataclass(frozen=True, slots=True)
class FusionRule:
    """candidates: windows looked at, the best first.

    suppress_iou, suppress_overlap: two boxes above either are one lesion. fuse_iou: candidates that move a kept box.
    most: lesions kept.
    """

    candidates: int = 300
    suppress_iou: float = 0.2
    suppress_overlap: float = 0.6
    fuse_iou: float = 0.5
    most: int = 10


def best_first(logits: FloatArray, count: int) -> np.ndarray:
    """Indices of the `count` largest logits [N], largest first; of equals the earlier."""
    return np.argsort(-logits, kind="stable")[:count]


def fuse(boxes: FloatArray, logits: FloatArray, rule: FusionRule) -> tuple[FloatArray, np.ndarray]:
    """Boxes [N, 4] (unit xyxy) and logits [N], best first -> (fused boxes [K, 4], the kept candidates' indices [K])."""
    shared = iou(boxes, boxes)
    same = (shared > rule.suppress_iou) | (overlap(boxes, boxes) > rule.suppress_overlap)
    weights = sigmoid(logits) + 1e-9
    free = np.ones(len(boxes), dtype=bool)
    kept: list[int] = []
    fused: list[FloatArray] = []
    for index in range(len(boxes)):
        if not free[index] or len(kept) == rule.most:
            continue
        members = np.flatnonzero((shared[index] >= rule.fuse_iou) & free)
        fused.append(np.average(boxes[members], axis=0, weights=weights[members]))
        kept.append(index)
        free &= ~same[index]
    return np.array(fused).reshape(-1, 4), np.array(kept, dtype=np.int64)
