"""How much of the class can be guessed without looking for lesions: from the source's marks on the picture.

A logistic regression on `cues` alone, fitted on the other folds, guesses the source of a film and, within a folder,
whether it is abnormal. Beside it what the patient's number and the view alone give. A triage figure that does not stand
well above these may be read off the source.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from model.calibration import fit_logistic
from model.judge.graded import Graded, Rows
from model.judge.resample import Interval, Ranked, interval, share
from model.judge.strata import enough, groups, patient_number
from model.metrics import BoolArray
from model.windows import FloatArray

LEAST_NUMBERED = 50
STRONG = 0.65  # an AUC from which a cue is warned of
CUES = {"patient_number": "the patient number", "view": "the view", "statistics": "a regression on picture statistics"}


def guesses(graded: Graded) -> dict[str, Any]:
    """The class from cues, patient number and view beside the detector, by folder and source; and the source itself."""
    wanted = {f"{film.folder}, {film.source}" for film in graded.films} | {film.folder for film in graded.films}
    found: dict[str, Any] = {"class": {}, "source": guess_source(graded)}
    for name, group in groups(graded).items():
        if name in wanted:
            found["class"][name] = guess_class(group)
    return found


def guess_class(graded: Graded) -> dict[str, Any]:
    """AUC of the class by the detector, by the picture's statistics, by the patient's number and by the view."""
    return {
        "films": len(graded.films),
        "detector": _auc(graded, graded.probability),
        "statistics": _auc(graded, class_scores(graded)),
        "patient_number": _number_auc(graded),
        "view": _auc(graded, np.array([float(film.view == "AP") for film in graded.films])),
    }


def class_scores(graded: Graded) -> FloatArray:
    """[N] logits of "abnormal" from the statistics alone, fitted on the other parts."""
    features = standardised(graded)
    scores = np.zeros(len(graded.films))
    for part in graded.parts:
        rows = graded.elsewhere(part)
        if len(set(graded.abnormal[rows].tolist())) == 2:
            fitted = fit_logistic(features[rows], list(graded.abnormal[rows]))
            scores[graded.part == part] = fitted.logit(features[graded.part == part])
    return scores


def guess_source(graded: Graded) -> dict[str, Any]:
    """How often the source is named right, by source, and how often "always the commonest" is."""
    truth = np.array([f"{film.folder}, {film.source}" for film in graded.films])
    names, counts = np.unique(truth, return_counts=True)
    features = standardised(graded)
    said = np.full(len(truth), names[0], dtype=truth.dtype)
    for part in graded.parts:
        here, rows = graded.part == part, graded.elsewhere(part)
        said[here] = names[_likeliest(features, truth, names, rows, here)]
    right = said == truth
    found: dict[str, Any] = {
        "accuracy": interval(share(right, graded.weights)),
        "commonest": float(counts.max() / counts.sum()),
        "sources": {},
    }
    for name, count in zip(names.tolist(), counts.tolist(), strict=True):
        rows = np.flatnonzero(truth == name)
        found["sources"][name] = {"films": count, "right": interval(share(right[rows], graded.weights[:, rows]))}
    return found


def _likeliest(features: FloatArray, truth: np.ndarray, names: np.ndarray, rows: Rows, here: BoolArray) -> np.ndarray:
    """For the films `here` the source with the highest one-against-the-rest logit, fitted on `rows`."""
    fitted = [fit_logistic(features[rows], list(truth[rows] == name)) for name in names]
    return np.argmax(np.stack([one.logit(features[here]) for one in fitted], axis=1), axis=1)


def standardised(graded: Graded) -> FloatArray:
    """[N, F] the cues with mean 0 and deviation 1 each."""
    x = np.stack([one.cues for one in graded.read])
    result: FloatArray = (x - x.mean(axis=0)) / np.maximum(x.std(axis=0), 1e-9)
    return np.clip(result, -5.0, 5.0)


def _number_auc(graded: Graded) -> Interval | None:
    """Of the films whose NIH patient number is known; in whichever direction tells more."""
    known = graded.where(lambda film: patient_number(film) is not None)
    if len(known.films) < LEAST_NUMBERED or not enough(known):
        return None
    numbers = np.array([float(patient_number(film) or 0) for film in known.films])
    up, down = _auc(known, numbers), _auc(known, -numbers)
    return up if up.value >= down.value else down


def _auc(graded: Graded, scores: FloatArray) -> Interval:
    return interval(Ranked(scores, graded.abnormal, graded.weights).auc())


def warnings(guessed: dict[str, Any]) -> list[str]:
    """What the table says in words of each folder whose class its number, view or statistics tell."""
    said = []
    for name, row in guessed["class"].items():
        strong = {key: row[key].value for key in CUES if row[key] is not None and row[key].value >= STRONG}
        if ", " in name or not strong:
            continue
        cues = ", ".join(f"{CUES[key]} alone gives AUC {value:.2f}" for key, value in strong.items())
        if "patient_number" in strong:
            verdict = "other scanners and times, no disease: do not judge triage on this folder"
        elif "view" in strong:
            verdict = "read the PA and AP rows, not the total"
        else:
            verdict = "part of that may be disease, part is not"
        said.append(f"{name}: {cues}; {verdict}.")
    return said
