"""Another model's probabilities on the same films: both figures, and their difference with its paired interval."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np

from model.judge.graded import Graded
from model.judge.resample import Ranked, Values, interval
from model.judge.strata import by_folder, enough
from model.judge.triage import MISSES
from model.windows import FloatArray


def read_peer(table: Path) -> dict[str, float]:
    """Probability of any finding by image name, 1 - prod(1 - p), of a table image, prob_<label>..."""
    with table.open(newline="") as lines:
        return {
            row["image"]: 1.0 - float(np.prod([1.0 - float(v) for k, v in row.items() if k.startswith("prob_")]))
            for row in csv.DictReader(lines)
        }


def beside_peer(graded: Graded, table: Path) -> dict[str, Any]:
    """By folder, all folds together and each fold with films enough apart."""
    peer = read_peer(table)
    found: dict[str, Any] = {}
    for folder, own in by_folder(graded.where(lambda film: film.path.name in peer)).items():
        groups = {folder: own}
        for part in sorted({film.fold for film in own.films}):
            groups[f"{folder}, fold {part}"] = own.where(lambda film, part=part: film.fold == part)  # type: ignore[misc]
        for name, group in groups.items():
            if enough(group):
                theirs = np.array([peer[film.path.name] for film in group.films])
                found[name] = {"films": len(group.films), "abnormal": int(group.abnormal.sum())} | _both(group, theirs)
    return found


def _both(graded: Graded, theirs: FloatArray) -> dict[str, Any]:
    ours = _figures(graded, graded.probability)
    other = _figures(graded, theirs)
    return {
        name: {
            "peer": interval(other[name]),
            "ours": interval(values),
            "difference": interval(values - other[name]),
        }
        for name, values in ours.items()
    }


def _figures(graded: Graded, scores: FloatArray) -> dict[str, Values]:
    ranked = Ranked(scores, graded.abnormal, graded.weights)
    recalls = {f"normal_recall_fn{missed:.0%}": ranked.normal_recall(missed) for missed in MISSES}
    return {"auc": ranked.auc()} | recalls
