"""Films with what was found on them, each by weights and cuts that had not seen it.

Cross-fitting: the films are in parts (the folds). What is chosen - calibration, operating point, lesion cut, any
threshold, the location prior - is chosen on the other parts and then applied to this one. A patient with a film in a
part chooses nothing for that part. The films of the other parts were read by other weights, which had not seen them
either, so what is chosen there is chosen on unseen films; but those weights have seen this part's films.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from model.calibration import Calibration
from model.detector import findings
from model.findings import Findings
from model.judge.readings import FilmReading
from model.judge.resample import Weights, draw_weights
from model.metrics import BoolArray
from model.network import NetworkConfig
from model.train.films import Film
from model.train.fit import SENSITIVITY, fit_all
from model.windows import FloatArray

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Graded:
    """N films, what was read and found on them, the part [N] each is in, and the bootstrap's weights [1 + draws, N].

    calibrations: by part, fitted on the others.
    """

    films: Sequence[Film]
    read: Sequence[FilmReading]
    findings: Sequence[Findings]
    part: Rows
    weights: Weights
    calibrations: dict[int, Calibration]

    @cached_property
    def probability(self) -> FloatArray:
        """[N] P(abnormal), calibrated on the other parts."""
        return np.array([one.probability for one in self.findings], dtype=np.float64)

    @cached_property
    def abnormal(self) -> BoolArray:
        """[N] truth."""
        return np.array([not film.normal for film in self.films], dtype=bool)

    @cached_property
    def positive(self) -> BoolArray:
        """[N] whether the film is above the operating point."""
        return np.array([one.positive for one in self.findings], dtype=bool)

    @property
    def parts(self) -> list[int]:
        """The parts that have films here."""
        return sorted(set(self.part.tolist()))

    def logits(self, calibration: Calibration) -> FloatArray:
        """[N] the films' logits under one calibration: one scale for all, as a threshold needs it."""
        raw = np.array([one.reading.film for one in self.read]).reshape(-1, len(calibration.film.weights))
        return calibration.film.logit(raw)

    def where(self, wanted: Callable[[Film], bool]) -> Graded:
        """The films that satisfy `wanted`."""
        return self.take(np.array([row for row, film in enumerate(self.films) if wanted(film)], dtype=np.int64))

    def take(self, rows: Rows) -> Graded:
        """These films."""
        return Graded(
            [self.films[row] for row in rows],
            [self.read[row] for row in rows],
            [self.findings[row] for row in rows],
            self.part[rows],
            self.weights[:, rows],
            self.calibrations,
        )

    def elsewhere(self, part: int) -> Rows:
        """The rows that may choose for a part: of the other parts, and of patients who are not in it."""
        return elsewhere(self.films, self.part, part)


def elsewhere(films: Sequence[Film], parts: Rows, part: int) -> Rows:
    """Rows of the films outside a part whose patients have no film in it."""
    inside = {film.patient for film, own in zip(films, parts, strict=True) if own == part}
    free = np.array([film.patient not in inside for film in films], dtype=bool)
    return np.flatnonzero((parts != part) & free)


def cut_elsewhere(graded: Graded, choose: Callable[[Rows], float]) -> FloatArray:
    """[N] for each film the number that `choose` makes of the rows that may choose for its part."""
    cuts = np.zeros(len(graded.films))
    for part in graded.parts:
        cuts[graded.part == part] = choose(graded.elsewhere(part))
    return cuts


def halves(films: Sequence[Film]) -> Rows:
    """[N] 0 or 1 by a hash of the patient: the parts when all films are of one fold."""
    return np.array([hashlib.sha256(f"half {film.patient}".encode()).digest()[0] % 2 for film in films], dtype=np.int64)


def pooled_calibration(
    films: Sequence[Film], readings: Sequence[FilmReading], sensitivity: float = SENSITIVITY
) -> Calibration:
    """The calibration on all out-of-fold readings together: what ships with weights."""
    return fit_all(films, [one.reading for one in readings], sensitivity)


def crossfitted(
    films: Sequence[Film],
    readings: Sequence[FilmReading],
    config: NetworkConfig,
    draws: int,
    sensitivity: float = SENSITIVITY,
) -> Graded:
    """Findings on every film, calibrated and cut on the films of other folds (of one fold: on its other half).

    Raises ValueError where the films that may choose for a part are not of both classes.
    """
    parts = np.array([film.fold for film in films], dtype=np.int64)
    if len(set(parts.tolist())) < 2:
        parts = halves(films)
    calibrations = {}
    for part in sorted(set(parts.tolist())):
        rows = elsewhere(films, parts, part)
        if len({films[row].normal for row in rows}) < 2:
            raise ValueError(f"no normal or no abnormal film outside part {part}: nothing to choose its cuts on")
        calibrations[part] = pooled_calibration(
            [films[row] for row in rows], [readings[row] for row in rows], sensitivity
        )
    found = [
        findings(one.reading, calibrations[part], config, one.width, one.height)
        for one, part in zip(readings, parts.tolist(), strict=True)
    ]
    weights = draw_weights([film.patient for film in films], draws)
    return Graded(films, readings, found, parts, weights, calibrations)
