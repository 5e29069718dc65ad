"""What a film's picture tells of its source, without any finding: statistics of the working image.

A detector may read the source instead of the chest. How far that would carry is measured: a logistic regression on
these numbers alone guesses the source and, within each folder, the class (`guess.py`).
"""

from __future__ import annotations

import numpy as np

from model.train.cache import ByteArray
from model.windows import FloatArray

BINS = 16
EDGE = 4  # pixels of the border of the working image


def cues(film: ByteArray) -> FloatArray:
    """Statistics [F] of a working image, uint8 [S, S]: brightness, histogram, sharpness at three sizes, border."""
    x = film.astype(np.float64) / 255.0
    histogram = np.bincount(np.minimum(film.ravel() // (256 // BINS), BINS - 1), minlength=BINS) / film.size
    quantiles = np.percentile(x, [1, 5, 25, 50, 75, 95, 99])
    sharpness = []
    for step in (1, 2, 4):
        small = x[::step, ::step]
        along = np.abs(np.diff(small, axis=0)).mean(), np.abs(np.diff(small, axis=1)).mean()
        bend = 4 * small[1:-1, 1:-1] - small[:-2, 1:-1] - small[2:, 1:-1] - small[1:-1, :-2] - small[1:-1, 2:]
        sharpness += [*along, float(np.log(bend.std() + 1e-4))]
    edges = [x[:EDGE], x[-EDGE:], x[:, :EDGE], x[:, -EDGE:]]
    border = [value for edge in edges for value in (edge.mean(), edge.std())]
    corners = [x[rows, columns].mean() for rows in _ENDS for columns in _ENDS]
    centre = x[x.shape[0] // 4 : -x.shape[0] // 4, x.shape[1] // 4 : -x.shape[1] // 4]
    whole = [x.mean(), x.std(), centre.mean(), centre.std(), float((film == 0).mean()), float((film == 255).mean())]
    return np.concatenate([whole, quantiles, histogram, sharpness, border, corners])


_ENDS = (slice(0, 2 * EDGE), slice(-2 * EDGE, None))
