"""The last step of a training: probabilities and cuts, fitted on the calibration films that no step has trained on.

A site repeats the part that its own films can support (`site_calibration`): the film's probability, the operating
point and, with normal films enough, the lesion cut. It needs labels of films, not boxes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from model.calibration import Calibration, Logistic, cut_for_sensitivity, fit_logistic, refitted
from model.metrics import BoolArray
from model.reading import Reading
from model.train.films import Film, image_targets
from model.windows import FloatArray, iou

SENSITIVITY = 0.95
SHOWN_PER_NORMAL = 0.5  # lesions shown on a normal film, at most, on average
LESION_IOU = 0.3  # a lesion that meets a true box at this IoU is a true one
LEAST_POSITIVES = 10  # fewer films with a label: its slope is left at 1
LEAST_FILMS = 20  # of each class, for a site


def film_logits(readings: Sequence[Reading]) -> FloatArray:
    """[N, 2] image-head and best-window logits."""
    return np.array([reading.film for reading in readings])


def abnormal(films: Sequence[Film]) -> BoolArray:
    """[N] the truth."""
    return np.array([not film.normal for film in films], dtype=bool)


def fit_all(films: Sequence[Film], readings: Sequence[Reading], sensitivity: float = SENSITIVITY) -> Calibration:
    """Everything, from the calibration films and their readings."""
    truth = abnormal(films)
    film = fit_logistic(film_logits(readings), list(truth))
    calibration = Calibration(
        film=film,
        lesion=_fit_lesions(films, readings, film),
        labels=_fit_labels(films, readings),
    )
    return with_cuts(calibration, films, readings, sensitivity, "held-out films of NIH ChestX-ray14 and RSNA")


def with_cuts(
    calibration: Calibration, films: Sequence[Film], readings: Sequence[Reading], sensitivity: float, where: str
) -> Calibration:
    """The same probabilities with the operating point for this sensitivity and the lesion cut that goes with it."""
    probabilities = np.round(calibration.film(film_logits(readings)), 4)
    truth = abnormal(films)
    point = round(cut_for_sensitivity(probabilities[truth], sensitivity), 4)
    words = f"sensitivity {sensitivity:.2f} on {int(truth.sum())} abnormal {where}"
    cut = _lesion_cut(calibration, films, readings, probabilities >= point)
    return replace(calibration, operating_point=point, lesion_cut=cut, words=words)


def site_calibration(
    calibration: Calibration, films: Sequence[Film], readings: Sequence[Reading], sensitivity: float = SENSITIVITY
) -> Calibration:
    """The calibration refitted to a site's films: a temperature and an offset on the film's logit, then the cuts.

    Raises ValueError with fewer than twenty normal or twenty abnormal films.
    """
    truth = abnormal(films)
    if min(int(truth.sum()), int((~truth).sum())) < LEAST_FILMS:
        raise ValueError(
            f"{LEAST_FILMS} normal and {LEAST_FILMS} abnormal films are needed, "
            f"{int((~truth).sum())} and {int(truth.sum())} are here"
        )
    logits = calibration.film.logit(film_logits(readings))
    scale = fit_logistic(logits[:, None], list(truth))
    weights = tuple(weight * scale.weights[0] for weight in calibration.film.weights)
    film = Logistic(weights, calibration.film.bias * scale.weights[0] + scale.bias)
    changed = refitted(calibration, film, calibration.operating_point, calibration.words)
    return with_cuts(changed, films, readings, sensitivity, "films of this site")


def lesion_inputs(reading: Reading, film: Logistic) -> FloatArray:
    """[K, 2] of one film: lesion logits, and the film's calibrated logit beside each."""
    return np.stack([reading.lesions, np.full(len(reading.lesions), film.logit(reading.film))], axis=1)


def _fit_lesions(films: Sequence[Film], readings: Sequence[Reading], film: Logistic) -> Logistic:
    """From boxed films and films without finding; an abnormal film without boxes says nothing of its lesions."""
    inputs, truth = [], []
    for one, reading in zip(films, readings, strict=True):
        if not (one.normal or len(one.boxes)):
            continue
        inputs.append(lesion_inputs(reading, film))
        near = (
            iou(reading.boxes, one.boxes) >= LESION_IOU if len(one.boxes) else np.zeros((len(reading.boxes), 1), bool)
        )
        truth.append(near.any(axis=1))
    return fit_logistic(np.concatenate(inputs), list(np.concatenate(truth)))


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
            fitted.append(fit_logistic(logits[rows, column, None], list(truth)))
        else:
            fitted.append(Logistic((1.0,), 0.0))
    return tuple(fitted)


def _lesion_cut(
    calibration: Calibration, films: Sequence[Film], readings: Sequence[Reading], positive: BoolArray
) -> float:
    """The smallest cut, in steps of 0.01, that shows at most half a lesion a normal film."""
    normal = [index for index, film in enumerate(films) if film.normal]
    chances = [
        calibration.lesion(lesion_inputs(readings[index], calibration.film)) for index in normal if positive[index]
    ]
    pooled = np.concatenate(chances) if chances else np.zeros(0)
    for cut in np.arange(0.01, 1.0, 0.01):
        if (pooled >= cut).sum() <= SHOWN_PER_NORMAL * max(len(normal), 1):
            return round(float(cut), 2)
    return 1.0
