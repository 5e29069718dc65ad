"""Normal or abnormal: ranking, thresholds, calibration, labels; the strict definitions of model.metrics.

"Normal recall at FN <= 1 %" picks its threshold on the very films it is counted on, as the seed did: it is how well
the films could be sorted, not what a site would get. What a site would get is in `fixed_thresholds`: the threshold
comes from other folds, or from another folder of other folds, before a film of this fold is looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from model.calibration import cut_for_sensitivity
from model.judge.graded import Graded
from model.judge.resample import Ranked, brier, calibration_error, halved, interval, ratio
from model.judge.strata import LEAST_CLASS, by_folder, enough
from model.network import LABELS
from model.train.bounds import most_missed
from model.train.films import NIH_LABELS, image_targets

MISSES = (0.01, 0.02, 0.05)
CURVE_BINS = 10
OPACITY = "Lung Opacity"


def triage(graded: Graded) -> dict[str, Any]:
    """AUC, normal recall at fixed misses, calibration, and what the operating point (chosen elsewhere) does."""
    p, y, w = graded.probability, graded.abnormal, graded.weights
    ranked = Ranked(p, y, w)
    found: dict[str, Any] = {
        "films": len(y),
        "abnormal": int(y.sum()),
        "patients": len({film.patient for film in graded.films}),
        "auc": interval(ranked.auc()),
    }
    found |= {f"normal_recall_fn{missed:.0%}": interval(ranked.normal_recall(missed)) for missed in MISSES}
    found["sensitivity"] = interval(ratio(graded.positive & y, y, w))
    found["specificity"] = interval(ratio(~graded.positive & ~y, ~y, w))
    found["misses_at_most"] = most_missed(int((~graded.positive & y).sum()), int(y.sum()))
    counts = halved(y)
    found["ece"] = interval(calibration_error(p, y, w, counts))
    found["brier"] = interval(brier(p, y, w, counts))
    found["ece_as_they_lie"] = interval(calibration_error(p, y, w))
    return found


def per_fold(graded: Graded) -> dict[str, Any]:
    """AUC and normal recall at FN <= 5 % of each fold alone, and how far the folds' AUCs lie apart."""
    found: dict[str, Any] = {}
    for part in graded.parts:
        own = graded.take(np.flatnonzero(graded.part == part))
        if enough(own):
            ranked = Ranked(own.probability, own.abnormal, own.weights)
            recall = interval(ranked.normal_recall(MISSES[-1]))
            found[str(part)] = {"films": len(own.films), "auc": interval(ranked.auc()), "normal_recall_fn5%": recall}
    values = [row["auc"].value for row in found.values()]
    if len(values) > 1:
        found["spread"] = {"lowest": min(values), "highest": max(values), "deviation": float(np.std(values, ddof=1))}
    return found


def by_label_count(graded: Graded) -> dict[str, Any]:
    """AUC of films with one, two, three or more NIH labels, each against all normal films."""
    counts = np.array([len(film.labels & NIH_LABELS) for film in graded.films])
    found = {}
    for name, wanted in (("1", counts == 1), ("2", counts == 2), ("3+", counts >= 3)):
        rows = np.flatnonzero(~graded.abnormal | wanted)
        if min(int(wanted.sum()), int((~graded.abnormal).sum())) >= LEAST_CLASS:
            own = graded.take(rows)
            auc = interval(Ranked(own.probability, own.abnormal, own.weights).auc())
            found[name] = {"abnormal": int(wanted.sum()), "auc": auc}
    return found


def label_aucs(graded: Graded) -> dict[str, Any]:
    """AUC of each label among the films where it is known to be present or absent."""
    targets = [image_targets(film) for film in graded.films]
    target = np.stack([values for values, _ in targets])[:, 1:] > 0
    known = np.stack([values for _, values in targets])[:, 1:] > 0
    found = {}
    for column, name in enumerate(LABELS):
        rows = np.flatnonzero(known[:, column])
        y = target[rows, column]
        if min(int(y.sum()), int((~y).sum())) >= LEAST_CLASS:
            p = np.array([graded.findings[row].labels.get(name, 0.0) for row in rows.tolist()])
            found[name] = {"films": int(y.sum()), "auc": interval(Ranked(p, y, graded.weights[:, rows]).auc())}
    return found


def calibration_curve(graded: Graded) -> list[dict[str, Any]]:
    """Tenths of the films by probability: its mean beside the share abnormal, both classes weighing the same."""
    curve = []
    counts = halved(graded.abnormal)
    for rows in np.array_split(np.argsort(graded.probability, kind="stable"), CURVE_BINS):
        if len(rows):
            y, p, each, w = graded.abnormal[rows], graded.probability[rows], counts[rows], graded.weights[:, rows]
            frequency = interval(ratio(y * each, each, w))
            curve.append({"films": len(rows), "probability": float(np.average(p, weights=each)), "abnormal": frequency})
    return curve


def fixed_thresholds(graded: Graded) -> list[dict[str, Any]]:
    """Misses and normal recall when each fold's threshold comes from the other folds, of each folder in turn.

    For fold k all films are put on the scale of the calibration that was fitted without it; the threshold is the
    largest that misses at most so many of the abnormal films of one folder outside fold k.
    """
    folders = {name: own for name, own in by_folder(graded).items() if enough(own)}
    pairs = [((one, folders[one]), (other, folders[other])) for one in folders for other in folders]
    for name, own in folders.items():
        clear = own.where(lambda film: film.normal or OPACITY in film.labels)
        if enough(clear) and len(clear.films) < len(own.films):
            pairs.append(((f"{name}, {OPACITY}", clear), (f"{name}, {OPACITY}", clear)))
    return [
        {"chosen_on": one, "judged_on": other, "allowed": allowed} | _fixed(graded, chooser, own, allowed)
        for (one, chooser), (other, own) in pairs
        for allowed in MISSES
    ]


def _fixed(graded: Graded, choosing: Graded, own: Graded, allowed: float) -> dict[str, Any]:
    below = np.zeros(len(own.films), dtype=bool)
    may_choose = set(choosing.films)
    for part in graded.parts:
        calibration = graded.calibrations[part]
        rows = [row for row in graded.elsewhere(part) if graded.films[row] in may_choose]
        chooser = graded.take(np.array(rows, dtype=np.int64))
        if not chooser.abnormal.any():
            return {"abnormal": 0}
        threshold = cut_for_sensitivity(chooser.logits(calibration)[chooser.abnormal], 1.0 - allowed)
        here = own.part == part
        below[here] = own.logits(calibration)[here] < threshold
    y = own.abnormal
    missed = int((below & y).sum())
    return {
        "abnormal": int(y.sum()),
        "missed_films": missed,
        "missed": interval(ratio(below & y, y, own.weights)),
        "missed_at_most": most_missed(missed, int(y.sum())),
        "normal_recall": interval(ratio(below & ~y, ~y, own.weights)),
    }


def roc(scores: Sequence[float] | np.ndarray, abnormal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(share of normals called abnormal, share of abnormals called abnormal), from the strictest cut to the laxest."""
    order = np.argsort(-np.asarray(scores), kind="stable")
    y = abnormal[order]
    last = np.flatnonzero(np.concatenate([np.diff(np.asarray(scores)[order]) != 0, [True]]))
    hits, alarms = np.cumsum(y)[last] / max(y.sum(), 1), np.cumsum(~y)[last] / max((~y).sum(), 1)
    return np.concatenate([[0.0], alarms]), np.concatenate([[0.0], hits])
