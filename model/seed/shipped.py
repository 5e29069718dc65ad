"""The project's own detector, read into the seed's table: its answer for each film, and its windows as patches.

Its windows are read from one shared map and see beyond their edges (shared mode); the seed's crops do not (crop mode).
Patches are windows of its own grid that satisfy the rules by which crops are drawn.
"""

from __future__ import annotations

import numpy as np

from model.detector import Detector
from model.seed.crops import BoolArray, away, shows
from model.seed.films import SeedFilm
from model.seed.judge import FAR_PATCHES, NEAR_PATCHES, SeedReading, blank
from model.seed.modes import Mode
from model.train.cache import read_film
from model.windows import GRID, FloatArray


def read_shipped(detector: Detector, mode: Mode, film: SeedFilm, view: int, seed: int) -> SeedReading:
    """The film's P(abnormal) as a logit, its first box, and its window logits as patches; mode: whose lessons count."""
    scores = detector.reader.scores(read_film(film.film.path))
    reading = detector.reader.reading(scores)
    logits = scores.window[:, 0].double().cpu().numpy()
    box = reading.boxes[0] if len(reading.boxes) else np.zeros(4)
    read = blank(film, float(detector.calibration.film.logit(reading.film)), box)
    rng = np.random.default_rng([seed, film.row])
    windows = detector.reader.windows

    def at(row: int) -> slice:
        size = (mode.views[row].width, mode.views[row].height)
        first = detector.config.scales.index(size) * GRID * GRID
        return slice(first, first + GRID * GRID)

    def drawn(row: int, kept: BoolArray, count: int) -> list[float]:
        own: FloatArray = logits[at(row)][kept]
        return [float(value) for value in rng.permutation(own)[:count]]

    if film.film.normal:
        read.far = drawn(view, np.ones(GRID * GRID, dtype=bool), FAR_PATCHES)
    for lesion, row in mode.lessons(film):
        read.positive += drawn(row, shows(windows[at(row)], film.lesions[lesion]), NEAR_PATCHES)
        read.near += drawn(row, away(windows[at(row)], film.marks), NEAR_PATCHES)
    return read
