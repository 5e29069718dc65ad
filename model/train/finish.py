"""After the last step: weights are calibrated on the films that were left out, where these suffice.

Weights that were started from others are recalibrated as a site's own are (`site`): what lesions' logits mean, and
their names, is taken over. Weights from scratch get a calibration of their own. Too few films, and its numbers
stay what they were, without any claim: the reports show its words beside every probability.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from rich.progress import track

from model.calibration import Calibration
from model.checkpoint import load, save
from model.metrics import auc
from model.reading import Reader, Reading
from model.train.films import Film
from model.train.fit import abnormal, film_logits, fit_all
from model.train.readers import read_film
from model.train.site import require_films, site_calibration


@dataclass(frozen=True, slots=True)
class Finished:
    """What a training came to. auc: on the `held_out` films read, nan without both classes.

    why_not: why they do not calibrate, "" where they do.
    """

    weights: Path
    held_out: int
    auc: float
    words: str
    why_not: str


def finish(weights: Path, films: Sequence[Film], start: Path | None, device: str) -> Finished:
    """Calibrate a weights file on films that it has not seen, in place.

    start: the weights that the training started from. Raises FilmUnreadable.
    """
    checkpoint = load(weights)
    reader = Reader(checkpoint.build(), torch.device(device))
    quiet = len(films) < 100
    readings = [reader.read(read_film(film.path)) for film in track(films, "reading films left out", disable=quiet)]
    before = load(start).calibration if start else Calibration()
    why_not = ""
    try:
        calibration = _calibrated(before if start else None, films, readings)
    except ValueError as error:
        why_not = str(error)
        words = "not calibrated: cut taken over from other weights, its sensitivity with these is unknown"
        calibration = replace(before, words=words if start else before.words, promises=())
    version = f"{checkpoint.version.partition('+')[0]}+own.{checkpoint.digest[:8]}"
    save(weights, replace(checkpoint, calibration=calibration, version=version))
    found = auc(film_logits(readings).sum(axis=1), abnormal(films))
    return Finished(weights, len(films), found, calibration.words, why_not)


def _calibrated(before: Calibration | None, films: Sequence[Film], readings: Sequence[Reading]) -> Calibration:
    """Raises ValueError with the reason where the films do not suffice."""
    if not films:
        raise ValueError("no film was left out")
    if before is not None:
        return site_calibration(before, films, readings)
    require_films(films)
    return fit_all(films, readings)
