"""Lesions against false marks: FROC, and the metric of the RSNA Pneumonia Detection Challenge 2018.

FROC: sensitivity counts true boxes (met at IoU >= 0.3 by any box at or above the cut), false positives are counted on
films without finding only, because the boxes of the others are incomplete. The challenge metric is the mean over films
of the mean over IoU 0.40, 0.45 ... 0.75 of TP / (TP + FP + FN); a film with neither true nor found boxes is left out,
one with found boxes only counts 0. Its cut is chosen on the other folds. Found boxes take, most probable first, the
closest true box that is still free.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from model.judge.boxes import meeting, unit_boxes
from model.judge.graded import Graded, Rows, cut_elsewhere
from model.judge.resample import Interval, Weights, interval, ratio
from model.windows import FloatArray, iou

RATES = (0.1, 0.2, 0.5, 1.0)  # false positives a normal film
FROC_IOU = 0.3
CHALLENGE_IOUS = tuple(round(0.40 + 0.05 * step, 2) for step in range(8))
SHRINK = 0.875  # of width and height, as the winner of the challenge did
MOST_BOXES = 10


@dataclass(frozen=True, slots=True)
class Marks:
    """box_scores [B]: the best score of a box that meets each true box, -1 for none; box_owner [B] its film.

    false_scores [F], false_owner [F]: every box on a film without finding.
    """

    box_scores: FloatArray
    box_owner: Rows
    false_scores: FloatArray
    false_owner: Rows


def marks(graded: Graded, threshold: float = FROC_IOU) -> Marks:
    """The scores that make the curve."""
    box_scores, box_owner, false_scores, false_owner = [], [], [], []
    for row, (film, found) in enumerate(zip(graded.films, graded.findings, strict=True)):
        ordered = np.sort([lesion.probability for lesion in found.lesions])[::-1]
        if film.normal:
            false_scores += ordered.tolist()
            false_owner += [row] * len(ordered)
        for true in film.boxes:
            met = meeting(unit_boxes(found), true[None]) >= threshold
            box_scores.append(float(ordered[met].max(initial=-1.0)))
            box_owner.append(row)
    return Marks(
        np.array(box_scores), np.array(box_owner, np.int64), np.array(false_scores), np.array(false_owner, np.int64)
    )


def froc(graded: Graded) -> dict[str, Any]:
    """Sensitivity for true boxes at 0.1, 0.2, 0.5 and 1 false positives a film without finding."""
    own, w = marks(graded), graded.weights
    normals = w[:, ~graded.abnormal].sum(axis=1, dtype=np.float64)
    order = np.argsort(-own.false_scores, kind="stable")
    alarms = np.cumsum(w[:, own.false_owner[order]], axis=1, dtype=np.float32)
    alarms = np.concatenate([np.zeros((len(w), 1), np.float32), alarms], axis=1)  # [draws, F + 1]
    # marks on normal films at or above each true box's score: what showing that box costs
    costs = np.searchsorted(-own.false_scores[order], -own.box_scores, side="right")
    each = alarms[:, costs] / np.maximum(normals, 1.0)[:, None]
    counted = w[:, own.box_owner].astype(np.float64)
    found: dict[str, Any] = {"boxes": len(own.box_scores), "normal_films": int((~graded.abnormal).sum())}
    for rate in RATES:
        reached = (each <= rate) & (own.box_scores >= 0)
        found[f"{rate:g}"] = interval((counted * reached).sum(1) / np.maximum(counted.sum(1), 1.0))
    return found


def froc_curve(graded: Graded) -> tuple[FloatArray, FloatArray]:
    """(false positives a normal film, sensitivity), from the strictest cut to the laxest."""
    own = marks(graded)
    cuts = np.unique(np.concatenate([own.box_scores[own.box_scores >= 0], own.false_scores]))[::-1]
    normals, boxes = max(int((~graded.abnormal).sum()), 1), max(len(own.box_scores), 1)
    false = len(own.false_scores) - np.searchsorted(np.sort(own.false_scores), cuts, side="left")
    right = len(own.box_scores) - np.searchsorted(np.sort(own.box_scores), cuts, side="left")
    return false / normals, right / boxes


def challenge(graded: Graded) -> dict[str, Any]:
    """The challenge metric with boxes as they are and with boxes shrunk to 87.5 %, each cut chosen on other folds."""
    found: dict[str, Any] = {"films": len(graded.films), "boxed_films": sum(len(f.boxes) > 0 for f in graded.films)}
    scores = np.array(
        [
            np.pad(np.sort([le.probability for le in one.lesions])[::-1], (0, MOST_BOXES - len(one.lesions)))
            for one in graded.findings
        ]
    )
    for name, factor in (("plain", 1.0), ("shrunk", SHRINK)):
        table = np.array([prefix_scores(unit_boxes(f), film.boxes, factor) for f, film in _pairs(graded)])
        counted = np.array([prefix_counts(len(film.boxes)) for film in graded.films])
        found[name] = _at_chosen_cut(graded, scores, table, counted)
    return found


def _pairs(graded: Graded) -> list[tuple[Any, Any]]:
    return list(zip(graded.findings, graded.films, strict=True))


def _at_chosen_cut(graded: Graded, scores: FloatArray, table: FloatArray, counted: FloatArray) -> dict[str, Any]:
    grid = np.arange(0.01, 1.0, 0.01)

    def best(rows: Rows) -> float:
        means = [_mean(scores[rows], table[rows], counted[rows], cut) for cut in grid]
        return float(grid[int(np.argmax(means))])

    cuts = cut_elsewhere(graded, best)
    shown = (scores >= cuts[:, None]).sum(axis=1)
    rows = np.arange(len(shown))
    value = _interval(table[rows, shown], counted[rows, shown], graded.weights)
    return {"metric": value, "cuts": {str(part): float(cuts[graded.part == part][0]) for part in graded.parts}}


def _mean(scores: FloatArray, table: FloatArray, counted: FloatArray, cut: float) -> float:
    shown = (scores >= cut).sum(axis=1)
    rows = np.arange(len(shown))
    return float(table[rows, shown].sum() / max(counted[rows, shown].sum(), 1.0))


def _interval(top: FloatArray, bottom: FloatArray, weights: Weights) -> Interval:
    return interval(ratio(top, bottom, weights))


def prefix_scores(boxes: FloatArray, true: FloatArray, factor: float) -> FloatArray:
    """The film's score [11] when its first 0, 1 ... 10 boxes [K, 4] are given, each shrunk about its centre."""
    found = np.zeros(MOST_BOXES + 1)
    if not len(true) or not len(boxes):
        return found
    centre, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) * factor / 2
    shared = iou(np.concatenate([centre - half, centre + half], axis=1), true)
    for threshold in CHALLENGE_IOUS:
        free = np.ones(len(true), dtype=bool)
        for count, row in enumerate(shared, start=1):
            best = int(np.argmax(np.where(free, row, -1.0)))
            if free[best] and row[best] >= threshold:
                free[best] = False
            right = int((~free).sum())
            found[count] += right / (count + len(true) - right)
    result: FloatArray = found / len(CHALLENGE_IOUS)
    return result


def prefix_counts(true: int) -> FloatArray:
    """Whether the film counts [11] when 0, 1 ... 10 boxes are given: not when there is nothing on either side."""
    counts = np.ones(MOST_BOXES + 1)
    counts[0] = float(true > 0)
    return counts
