"""Every figure of the report as one tree, which figures.json holds and all tables and the card are made from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from model.checkpoint import Checkpoint
from model.judge.boxes import class_hits, hit_rates, iobb, names_right, shown
from model.judge.froc import challenge, froc
from model.judge.graded import Graded, pooled_calibration
from model.judge.guess import guesses, warnings
from model.judge.patches import patches
from model.judge.peer import beside_peer
from model.judge.resample import Interval
from model.judge.strata import by_folder, enough, groups
from model.judge.triage import by_label_count, calibration_curve, fixed_thresholds, label_aucs, per_fold, triage
from model.windows import grid_windows


def figures(graded: Graded, models: Mapping[int, Checkpoint], peer: Path | None) -> dict[str, Any]:
    """The tree; its leaves are numbers, words and Intervals."""
    folders = by_folder(graded)
    judged = {name: own for name, own in folders.items() if enough(own)}
    found: dict[str, Any] = {
        "about": about(graded, models),
        "triage": {name: triage(group) for name, group in groups(graded).items()},
        "folds": {name: per_fold(own) for name, own in judged.items()},
        "label_count": {name: by_label_count(own) for name, own in judged.items()},
        "labels": {name: label_aucs(own) for name, own in folders.items()},
        "thresholds": fixed_thresholds(graded),
        "calibration": {name: calibration_curve(own) for name, own in judged.items()},
        "shown": {name: shown(own) for name, own in folders.items()},
        "guess": guesses(graded),
        "shipped": pooled_calibration(graded.films, graded.read).to_json(),
    }
    found["warnings"] = warnings(found["guess"])
    if peer is not None:
        found["peer"] = beside_peer(graded, peer)
    return found | _of_boxes(folders, next(iter(models.values())))


def _of_boxes(folders: Mapping[str, Graded], checkpoint: Checkpoint) -> dict[str, Any]:
    """The figures that need boxes, of the folders that have some."""
    windows = grid_windows(checkpoint.network.scales)
    boxed = {name: own for name, own in folders.items() if any(len(film.boxes) for film in own.films)}
    opacities = {name: own for name, own in boxed.items() if any("Lung Opacity" in f.box_labels for f in own.films)}
    return {
        "boxes": {name: hit_rates(own, windows) for name, own in boxed.items()},
        "classes": {name: found for name, own in boxed.items() if (found := class_hits(own, windows))},
        "iobb": {name: found for name, own in boxed.items() if (found := iobb(own))},
        "names": {name: right for name, own in boxed.items() if (right := names_right(own))},
        "froc": {name: froc(own) for name, own in boxed.items()},
        "challenge": {name: challenge(own) for name, own in opacities.items()},
        "patches": {name: alone for name, own in boxed.items() if (alone := patches(own))},
    }


def about(graded: Graded, models: Mapping[int, Checkpoint]) -> dict[str, Any]:
    """What was judged and how the cuts came about."""
    folds = sorted({film.fold for film in graded.films})
    return {
        "films": len(graded.films),
        "abnormal": int(graded.abnormal.sum()),
        "patients": len({film.patient for film in graded.films}),
        "folders": sorted({film.folder for film in graded.films}),
        "folds": folds,
        "parts": "folds" if len(folds) > 1 else "halves",
        "draws": len(graded.weights) - 1,
        "models": {str(fold): _identity(checkpoint) for fold, checkpoint in sorted(models.items())},
        "operating_points": {
            str(part): {"cut": one.operating_point, "lesion_cut": one.lesion_cut, "words": one.words}
            for part, one in graded.calibrations.items()
        },
    }


def _identity(checkpoint: Checkpoint) -> dict[str, Any]:
    trained = checkpoint.trained
    keys = ("films", "films_drawn", "folders")  # as the training wrote them
    return {
        "name": checkpoint.name,
        "version": checkpoint.version,
        "digest": checkpoint.digest,
        "side": checkpoint.network.side,
    } | {key: trained[key] for key in keys if key in trained}


def to_json(tree: Mapping[str, Any]) -> str:
    """The tree with each interval as {"value", "low", "high"}."""
    return json.dumps(plain(tree), indent=1) + "\n"


def plain(value: Any) -> Any:
    """Mappings, lists, numbers and words only."""
    if isinstance(value, Interval):
        return value.to_json()
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(item) for item in value]
    return value
