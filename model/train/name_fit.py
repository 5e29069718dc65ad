"""The names of lesions fitted on boxes that readers named: those that the detector found, with the reader's name.

A name's weight falls with the square root of its number, half way between the names as they come, which would call
every place by the commonest name, and equal names, which would trust a handful of boxes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize

from model.naming import Naming, name_inputs, specific_names
from model.reading import Reading
from model.train.films import Film
from model.windows import FloatArray, iou

FOUND_IOU = 0.3  # a lesion that meets a box so well is that box's
RIDGE = 0.003  # on the offsets: a name hardly seen keeps that of the others
LEAST_EXAMPLES = 40  # fewer named boxes found: no names are fitted
# From this chance on a name given is right more often than not: 65 % on the 90 boxes of folds 0 and 1 so named
LEAST_CHANCE = 0.3


def fit_names(films: Sequence[Film], readings: Sequence[Reading]) -> Naming:
    """The naming that fits the found boxes best; an uncalibrated one when these are few."""
    inputs, names = _examples(films, readings)
    if len(names) < LEAST_EXAMPLES:
        return Naming()
    count = inputs.shape[1]
    shares = np.bincount(names, minlength=count)[names] ** -0.5
    shares = shares / shares.sum()
    truth = np.eye(count)[names]

    def loss(theta: FloatArray) -> tuple[float, FloatArray]:
        chances = _naming(theta).chances(inputs)
        miss = shares[:, None] * (chances - truth)
        slopes = [float((miss * inputs[..., column]).sum()) for column in range(2)]
        penalty = np.concatenate([np.zeros(2), RIDGE * theta[2:]])
        value = -float(shares @ np.log(chances[np.arange(len(names)), names] + 1e-12))
        return value + 0.5 * float(penalty @ theta), np.concatenate([slopes, miss.sum(axis=0)]) + penalty

    start = np.concatenate([[0.3, 0.3], np.zeros(count)])
    return _naming(minimize(loss, start, jac=True, method="L-BFGS-B").x)


def _naming(theta: FloatArray) -> Naming:
    return Naming(float(theta[0]), float(theta[1]), tuple(float(value) for value in theta[2:]), LEAST_CHANCE)


def _examples(films: Sequence[Film], readings: Sequence[Reading]) -> tuple[FloatArray, np.ndarray]:
    """(inputs [E, specific, 2], which name [E]) of the lesions that meet a box with a specific name."""
    own = specific_names()
    inputs, names = [np.zeros((0, len(own), 2))], []
    for film, reading in zip(films, readings, strict=True):
        if len(film.boxes) == 0 or len(reading.boxes) == 0:
            continue
        shared = iou(reading.boxes, film.boxes)
        met = np.argmax(shared, axis=1)
        rows = [row for row, box in enumerate(met) if shared[row, box] >= FOUND_IOU and film.box_labels[box] in own]
        inputs.append(name_inputs(reading.names, reading.labels)[rows])
        names += [own.index(film.box_labels[met[row]]) for row in rows]
    return np.concatenate(inputs), np.array(names, dtype=np.int64)
