"""What training pulls on: the film's labels, the windows' labels, and the link between both (multiple instances).

Windows of films without finding are negatives; windows of boxed films are positive on a box and negative away from
all; a film that is abnormal without boxes has no window labels, since nobody said where. After a warm-up only the
hardest negatives count (online hard example mining, Shrivastava et al., CVPR 2016), three to a positive.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from model.network import BEST_WINDOWS, BOX_LABELS, LABELS, Scores
from model.windows import FloatArray, iou, overlap, shift_from

IndexArray = npt.NDArray[np.int64]

POSITIVE_IOU = 0.45
NEAREST, NEAREST_IOU = 6, 0.15  # small lesions fit no window: their best few count all the same
NEGATIVE_OVERLAP = 0.3
REFINE_IOU = 0.3
NEGATIVES_PER_POSITIVE = 3
LEAST_NEGATIVES = 96
IMAGE_TO_BOX = [LABELS.index(name) for name in BOX_LABELS]  # the label heads share these names


@dataclass(slots=True)
class WindowTargets:
    """Of one film with N windows. positive, refine: indices into the windows; matched, refined: into the film's boxes.

    negative: bool [N]; deltas: [len(refine), 4].
    """

    positive: IndexArray
    matched: IndexArray
    negative: Tensor
    refine: IndexArray
    deltas: FloatArray


def window_targets(windows: FloatArray, boxes: FloatArray, normal: bool) -> WindowTargets:
    """Which windows [N, 4] show a lesion, which show none, which are left out; boxes [K, 4], both unit xyxy."""
    none = np.zeros(0, dtype=np.int64)
    if len(boxes) == 0:
        negative = torch.full((len(windows),), normal)
        return WindowTargets(none, none, negative, none, np.zeros((0, 4)))
    shared = iou(windows, boxes)  # [N, K]
    positive = shared >= POSITIVE_IOU
    nearest = np.argpartition(-shared, NEAREST, axis=0)[:NEAREST]
    for k in range(len(boxes)):
        positive[nearest[:, k], k] |= shared[nearest[:, k], k] >= NEAREST_IOU
    best = np.argmax(shared, axis=1)
    chosen = np.flatnonzero(positive.any(axis=1))
    negative = torch.from_numpy((overlap(windows, boxes) < NEGATIVE_OVERLAP).all(axis=1))
    near = np.flatnonzero((shared.max(axis=1) >= REFINE_IOU) | positive.any(axis=1))
    return WindowTargets(chosen, best[chosen], negative, near, shift_from(windows[near], boxes[best[near]]))


@dataclass(frozen=True, slots=True)
class Batch:
    """B films and their truth; image, image_known: [B, 1 + labels]; box_target, box_known: [K, box labels] a film."""

    films: Tensor
    image: Tensor
    image_known: Tensor
    windows: Sequence[WindowTargets]
    box_target: Sequence[Tensor]
    box_known: Sequence[Tensor]


def loss_parts(scores: Scores, batch: Batch, hard: bool) -> dict[str, Tensor]:
    """The weighted loss terms by name; their sum is what is minimised. hard: mine the hardest negatives."""
    raw = functional.binary_cross_entropy_with_logits(scores.image, batch.image, reduction="none") * batch.image_known
    top = scores.window.topk(BEST_WINDOWS, dim=1).values.mean(1)  # [B, 1 + box labels]
    mil = functional.binary_cross_entropy_with_logits(top[:, 0], batch.image[:, 0])
    columns = [1 + column for column in IMAGE_TO_BOX]
    known = batch.image_known[:, columns]
    raw_mil = functional.binary_cross_entropy_with_logits(top[:, 1:], batch.image[:, columns], reduction="none") * known
    return {
        "abnormal": raw[:, 0].mean(),
        "labels": 4.0 * raw[:, 1:].sum() / batch.image_known[:, 1:].sum().clamp_min(1.0),
        "mil": 0.7 * mil,
        "mil_labels": 1.5 * raw_mil.sum() / known.sum().clamp_min(1.0),
        **_window_losses(scores, batch, hard),
    }


def _window_losses(scores: Scores, batch: Batch, hard: bool) -> dict[str, Tensor]:
    logits = scores.window[..., 0]
    positive, labels, target, known, deltas, wanted = [], [], [], [], [], []
    for row, truth in enumerate(batch.windows):
        positive.append(logits[row, truth.positive])
        labels.append(scores.window[row, truth.positive, 1:])
        target.append(batch.box_target[row][truth.matched])
        known.append(batch.box_known[row][truth.matched])
        deltas.append(scores.deltas[row, truth.refine])
        wanted.append(torch.from_numpy(truth.deltas).float())
    found = torch.cat(positive)
    missed = _negatives(logits, batch, len(found), hard)
    count = max(len(found), 1)
    bce = functional.binary_cross_entropy_with_logits
    window = bce(found, torch.ones_like(found), reduction="sum") / count
    window = window + bce(missed, torch.zeros_like(missed), reduction="sum") / max(len(missed), 1)
    all_known = torch.cat(known)
    named = bce(torch.cat(labels), torch.cat(target), reduction="none") * all_known
    refine = functional.smooth_l1_loss(torch.cat(deltas), torch.cat(wanted), beta=0.1, reduction="sum")
    return {
        "window": 0.7 * window,
        "window_labels": 2.0 * named.sum() / all_known.sum().clamp_min(1.0),
        "refine": 0.7 * refine / max(sum(len(part) for part in deltas), 1),
    }


def _negatives(logits: Tensor, batch: Batch, positives: int, hard: bool) -> Tensor:
    """Logits of the negatives that count: half from boxed films, half from films without finding, at most."""
    wanted = max(NEGATIVES_PER_POSITIVE * positives, LEAST_NEGATIVES) // 2
    chosen = []
    for boxed in (True, False):
        rows = [row for row, truth in enumerate(batch.windows) if (len(truth.positive) > 0) == boxed]
        pool = [logits[row][batch.windows[row].negative] for row in rows]
        flat = torch.cat(pool) if pool else logits.new_zeros(0)
        if len(flat) > wanted:
            # the hardest of a random quarter, so that near copies of one window do not fill the list
            drawn = torch.randint(len(flat), (max(len(flat) // 4, wanted) if hard else wanted,))
            flat = flat[drawn].topk(wanted).values if hard else flat[drawn]
        chosen.append(flat)
    return torch.cat(chosen)
