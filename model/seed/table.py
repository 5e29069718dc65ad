"""The seed's own table from readings: patches, films and boxes, with 95 % intervals over patients.

Patches stand at 1:3 as in training (one part on lesions, one beside them, two in normal films), where "normal" to all
is right in 75 %. Normal recall is the strict one of `model.metrics`. A mode's box is its arg-max crop.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model.judge.document import Table, markdown_table
from model.metrics import auc, bootstrap, hit, normal_recall
from model.seed.judge import SeedReading

Rows = npt.NDArray[np.int64]
Figure = Callable[[Sequence[SeedReading]], float]
MISSED = 0.01
BEGIN, END = "<!-- seed table: written by `thoraxd-model seed-table` -->", "<!-- end of the seed table -->"

HEAD = (
    "mode", "trunk", "windows", "films (abnormal)", "patch accuracy at 1:3 (chance 75 %)", "balanced patch accuracy",
    "patch AUC", "film AUC", "normal recall at FN <= 1 %", "top-1 box, IoU >= 0.1", "top-1 box, IoU >= 0.3",
)  # fmt: skip
# its README: 312 abnormal and 1,500 normal films, five folds; the newest README says 40 %
SEED_ROW = (
    "the seed's, as published", "InceptionV3, ImageNet", "crop", "1,812 (312)", "88.23 %", "-", "-", "-",
    "about 30 %; newest README: 40 %", "-", "-",
)  # fmt: skip


def correct(readings: Sequence[SeedReading]) -> tuple[float, float]:
    """Share of lesion patches above margin 0, and of negative ones at or below it, near ones weighing a third."""
    positive = _all(readings, "positive")
    near, far = _all(readings, "near"), _all(readings, "far")
    if not len(positive) or not len(far):
        return math.nan, math.nan
    spared = float((far <= 0).mean())
    if len(near):
        spared = (float((near <= 0).mean()) + 2 * spared) / 3
    return float((positive > 0).mean()), spared


def patch_accuracy(readings: Sequence[SeedReading]) -> float:
    """Share of right patches at one positive to three negatives."""
    found, spared = correct(readings)
    return 0.25 * found + 0.75 * spared


def balanced_accuracy(readings: Sequence[SeedReading]) -> float:
    """Mean of both shares."""
    return sum(correct(readings)) / 2


def patch_auc(readings: Sequence[SeedReading]) -> float:
    """Area under the curve of lesion patches against negative ones, near ones weighing a third."""
    positive, near, far = (_all(readings, kind) for kind in ("positive", "near", "far"))
    parts = [(far, 2.0)] + ([(near, 1.0)] if len(near) else [])
    areas = [
        weight * auc(np.concatenate([positive, part]), np.arange(len(positive) + len(part)) < len(positive))
        for part, weight in parts
    ]
    return sum(areas) / sum(weight for _, weight in parts)


def film_auc(readings: Sequence[SeedReading]) -> float:
    """Area under the curve of abnormal against normal films."""
    return auc(_scores(readings), _abnormal(readings))


def recall(readings: Sequence[SeedReading]) -> float:
    """Normal recall when at most 1 % of the abnormal films are missed."""
    return normal_recall(_scores(readings), _abnormal(readings), MISSED)


def hits(readings: Sequence[SeedReading], threshold: float) -> float:
    """Share of the boxed films whose arg-max crop meets a lesion at this IoU."""
    boxed = [reading for reading in readings if reading.lesions]
    found = [hit(np.array([one.box]), np.array(one.lesions), threshold, 1) for one in boxed]
    return float(np.mean(found)) if found else math.nan


FIGURES: tuple[Figure, ...] = (
    patch_accuracy,
    balanced_accuracy,
    patch_auc,
    film_auc,
    recall,
    lambda readings: hits(readings, 0.1),
    lambda readings: hits(readings, 0.3),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One row: a mode, its trunk, whether its windows are isolated crops or share a map, and its readings."""

    mode: str
    trunk: str
    windows: str
    readings: Sequence[SeedReading]


def row(entry: Entry, draws: int) -> list[str]:
    """The cells of one row; a figure that the readings do not allow is a dash."""
    readings = list(entry.readings)
    abnormal = sum(not reading.normal for reading in readings)
    cells = [entry.mode, entry.trunk, entry.windows, f"{len(readings)} ({abnormal})"]
    patients = [reading.patient for reading in readings]
    for figure in FIGURES:
        value = figure(readings)
        if math.isnan(value):
            cells.append("-")
            continue

        def resampled(rows: Rows, figure: Figure = figure) -> float:
            return figure([readings[index] for index in rows])

        low, high = bootstrap(resampled, patients, draws)
        cells.append(f"{value:.3f} [{low:.3f}, {high:.3f}]")
    return cells


def table(entries: Sequence[Entry], draws: int) -> str:
    """The whole table as Markdown, the seed's own row first."""
    return markdown_table(Table(HEAD, [SEED_ROW, *(row(entry, draws) for entry in entries)])) + "\n"


def placed(document: str, written: str) -> str:
    """The document with what stands between the two marks replaced; raises ValueError when they are not there."""
    before, first, rest = document.partition(BEGIN)
    _, last, after = rest.partition(END)
    if not first or not last:
        raise ValueError(f"the document has no lines {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{written}\n{END}{after}"


def _all(readings: Sequence[SeedReading], kind: str) -> npt.NDArray[np.float64]:
    return np.array([margin for reading in readings for margin in getattr(reading, kind)], dtype=np.float64)


def _scores(readings: Sequence[SeedReading]) -> npt.NDArray[np.float64]:
    return np.array([reading.score for reading in readings], dtype=np.float64)


def _abnormal(readings: Sequence[SeedReading]) -> npt.NDArray[np.bool_]:
    return np.array([not reading.normal for reading in readings], dtype=np.bool_)
