"""Calibration, names, cuts and promises, fitted on films that the weights have not seen.

Which films say what:

* The film's probability is fitted with every folder counting the same and, within it, normal and abnormal films the
  same: it is the chance of "abnormal" where half of the films are, and no folder's size or mix enters. The one logit
  that is scaled is the mean of the image head's and the best windows'. Fitted apart, the two share out their weight by
  the folder (0.25 and 1.7 on one, 1.1 and -0.4 on another), at no gain in likelihood or calibration.
* CONFOUNDED folders, of which the patient's number alone tells normal from abnormal, decide neither that nor any cut.
* The operating point is set on films that radiologists labelled where there are any, and on the others only without
  them: labels mined from reports call abnormal half of what radiologists call normal, so a cut that misses few of those
  tells nothing apart.
* A lesion's probability is the chance that a radiologist's box meets it, among as many boxed as normal films.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from model.calibration import Calibration, Logistic, cut_for_sensitivity, fit_logistic
from model.metrics import BoolArray
from model.promise import Promise
from model.reading import Reading
from model.train.bounds import lowest_of_patients, most_missed, promises
from model.train.films import Film, image_targets
from model.train.name_fit import fit_names
from model.windows import FloatArray, iou

SENSITIVITY = 0.95
SHOWN_PER_NORMAL = 0.5  # lesions shown on a normal film, at most, on average
# Nor is a lesion shown below one chance in four. The RSNA challenge's score, which counts each box that meets none,
# still rises up to 0.4, but fewer and fewer boxed films then have a true mark.
LEAST_SHOWN = 0.25
LESION_IOU = 0.1  # a box that meets the lesion so well marks the same place
LEAST_SLOPE = 0.1  # of a label's logit
LEAST_POSITIVES = 10  # fewer films with a label: its slope is left at 1

CONFOUNDED = frozenset({"nih"})
RADIOLOGISTS: Mapping[str, str] = {"rsna": "the RSNA Pneumonia Detection Challenge 2018, labelled by radiologists"}
MEANING = (
    "film: the chance that it is labelled abnormal where half of the films are; lesion: the chance that a "
    f"radiologist's box meets it (IoU >= {LESION_IOU}) among as many films with boxes as normal films"
)


def film_logits(readings: Sequence[Reading]) -> FloatArray:
    """[N, 2] image-head and best-window logits."""
    return np.array([reading.film for reading in readings]).reshape(-1, 2)


def abnormal(films: Sequence[Film]) -> BoolArray:
    """[N] the truth."""
    return np.array([not film.normal for film in films], dtype=bool)


def counted(films: Sequence[Film]) -> BoolArray:
    """[N] the films that may decide: of folders that are not confounded, or all where these lack a class."""
    rows = np.array([film.folder not in CONFOUNDED for film in films], dtype=bool)
    return rows if _both(films, rows) else np.ones(len(films), dtype=bool)


def deciding(films: Sequence[Film]) -> BoolArray:
    """[N] the films on which the operating point is set: those that radiologists labelled, or all counted ones."""
    rows = np.array([film.folder in RADIOLOGISTS for film in films], dtype=bool)
    return rows if _both(films, rows) else counted(films)


def _both(films: Sequence[Film], rows: BoolArray) -> bool:
    return len({films[row].normal for row in np.flatnonzero(rows).tolist()}) == 2


def balanced(films: Sequence[Film]) -> FloatArray:
    """[N] weights, mean 1 over the counted films: folders the same, a folder's classes the same, 0 for the others."""
    rows = counted(films)
    truth = abnormal(films)
    folders = np.array([film.folder for film in films])
    weights = np.zeros(len(films))
    for folder in sorted(set(folders[rows])):
        for kind in (False, True):
            own = rows & (folders == folder) & (truth == kind)
            weights[own] = 1.0 / max(int(own.sum()), 1)
    return weights / weights[rows].mean()


def fit_all(films: Sequence[Film], readings: Sequence[Reading], sensitivity: float = SENSITIVITY) -> Calibration:
    """Everything, from films and their readings by weights that have not seen them. Needs films of both classes."""
    film = _fit_film(films, readings)
    calibration = Calibration(
        film=film,
        lesion=_fit_lesions(films, readings, film),
        labels=_fit_labels(films, readings),
        names=fit_names(films, readings),
        meaning=MEANING,
    )
    folders = sorted({films[row].folder for row in np.flatnonzero(deciding(films)).tolist()})
    where = ", ".join(RADIOLOGISTS.get(folder, folder) for folder in folders)
    return with_cuts(calibration, films, readings, sensitivity, f"held-out films of {where}")


def with_cuts(
    calibration: Calibration, films: Sequence[Film], readings: Sequence[Reading], sensitivity: float, where: str
) -> Calibration:
    """The same probabilities with the operating point for this sensitivity, the lesion cut and the promises.

    Patients are counted, by `lowest_of_patients`; `where` says of which films. The promises are one set a folder.
    """
    probabilities = np.round(calibration.film(film_logits(readings)), 4)
    rows = np.flatnonzero(deciding(films)).tolist()
    lowest = lowest_of_patients([films[row] for row in rows], probabilities[rows])
    point = round(cut_for_sensitivity(lowest, sensitivity), 4)
    sure = np.floor(1000 * (1.0 - most_missed(int((lowest < point).sum()), len(lowest)))) / 1000
    return replace(
        calibration,
        operating_point=point,
        lesion_cut=_lesion_cut(calibration, films, readings, probabilities >= point),
        words=f"sensitivity {sensitivity:.2f} (at least {sure:.3f} with 95 % certainty) "
        f"on {len(lowest)} abnormal patients, {where}",
        promises=_promises(films, probabilities),
    )


def _promises(films: Sequence[Film], probabilities: FloatArray) -> tuple[Promise, ...]:
    """One set a counted folder."""
    found: tuple[Promise, ...] = ()
    for folder in sorted({films[row].folder for row in np.flatnonzero(counted(films)).tolist()}):
        own = [row for row, film in enumerate(films) if film.folder == folder]
        found += promises([films[row] for row in own], probabilities[own], folder)
    return found


def lesion_inputs(reading: Reading, film: Logistic) -> FloatArray:
    """[K, 2] of one film: lesion logits, and the film's calibrated logit beside each."""
    return np.stack([reading.lesions, np.full(len(reading.lesions), film.logit(reading.film))], axis=1)


def _fit_film(films: Sequence[Film], readings: Sequence[Reading]) -> Logistic:
    weights = balanced(films)
    rows = weights > 0
    mean = film_logits(readings)[rows].mean(axis=1, keepdims=True)
    fitted = fit_logistic(mean, list(abnormal(films)[rows]), weights[rows])
    return Logistic((fitted.weights[0] / 2, fitted.weights[0] / 2), fitted.bias)


def _fit_lesions(films: Sequence[Film], readings: Sequence[Reading], film: Logistic) -> Logistic:
    """From boxed films and counted films without finding, both kinds weighing the same; unfitted without boxed films.

    An abnormal film without boxes says nothing of its lesions.
    """
    kinds = [len(one.boxes) > 0 if not one.normal else None for one in films]  # boxed, unboxed, normal
    normal = counted(films) & ~abnormal(films)
    boxed = kinds.count(True)
    if boxed == 0:
        return Calibration().lesion
    inputs, truth, weight = [], [], []
    for row, reading in enumerate(readings):
        if not (kinds[row] or normal[row]):
            continue
        inputs.append(lesion_inputs(reading, film))
        met = iou(reading.boxes, films[row].boxes) >= LESION_IOU if kinds[row] else np.zeros((len(reading.boxes), 1))
        truth.append(met.any(axis=1))
        weight.append(np.full(len(reading.boxes), 1.0 / (boxed if kinds[row] else normal.sum())))
    weights = np.concatenate(weight)
    return fit_logistic(np.concatenate(inputs), list(np.concatenate(truth)), weights / weights.mean())


def _fit_labels(films: Sequence[Film], readings: Sequence[Reading]) -> tuple[Logistic, ...]:
    targets = [image_targets(film) for film in films]
    target = np.stack([values for values, _ in targets])[:, 1:]
    known = np.stack([values for _, values in targets])[:, 1:] > 0
    logits = np.stack([reading.labels for reading in readings])
    fitted = []
    for column in range(logits.shape[1]):
        rows = known[:, column]
        truth = target[rows, column] > 0
        if truth.sum() >= LEAST_POSITIVES:
            fitted.append(_not_inverted(fit_logistic(logits[rows, column, None], list(truth)), logits[rows, column]))
        else:
            fitted.append(Logistic((1.0,), 0.0))
    return tuple(fitted)


def _not_inverted(label: Logistic, logits: FloatArray) -> Logistic:
    """A rare label can fit a slope of nothing or less by chance, which would turn its order round: LEAST_SLOPE then."""
    slope = label.weights[0]
    if slope >= LEAST_SLOPE:
        return label
    return Logistic((LEAST_SLOPE,), label.bias + (slope - LEAST_SLOPE) * float(logits.mean()))


def _lesion_cut(
    calibration: Calibration, films: Sequence[Film], readings: Sequence[Reading], positive: BoolArray
) -> float:
    """The smallest cut, in steps of 0.01, that shows at most half a lesion a counted normal film.

    It is LEAST_SHOWN or more, unless a calibration with lower probabilities, of an earlier release, has a lower one.
    """
    normal = np.flatnonzero(counted(films) & ~abnormal(films)).tolist()
    chances = [calibration.lesion(lesion_inputs(readings[row], calibration.film)) for row in normal if positive[row]]
    pooled = np.concatenate(chances) if chances else np.zeros(0)
    for cut in np.arange(min(LEAST_SHOWN, calibration.lesion_cut), 1.0, 0.01):
        if (pooled >= cut).sum() <= SHOWN_PER_NORMAL * max(len(normal), 1):
            return round(float(cut), 2)
    return 1.0
