"""Recalibration on a site's own films, and what it changes, judged on films that did not decide it.

A site has films with labels and mostly no boxes, so what is refitted is the film's probability (a temperature and an
offset), the operating point, the lesion cut and the promises. The probability becomes that of the site's own mix of
normal and abnormal films. The lesions' probabilities stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from model.calibration import Calibration, Logistic, fit_logistic
from model.metrics import auc, expected_calibration_error
from model.reading import Reading
from model.train.bounds import likely_share
from model.train.films import Film
from model.train.fit import SENSITIVITY, abnormal, film_logits, with_cuts
from model.windows import FloatArray

LEAST_FILMS = 20  # of each class
LEAST_SCALE = 0.05  # a flatter fit means that the detector's scores do not go with the site's labels
PARTS = 5
WIDE = 0.1  # a sensitivity known less well than this, from end to end, is called poorly known


@dataclass(frozen=True, slots=True)
class Figures:
    """What a calibration does on films: of the cut, with exact 95 % intervals that take films for independent."""

    ece: float
    sensitivity: float
    sensitivity_interval: tuple[float, float]
    specificity: float
    specificity_interval: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Change:
    """Before and after, on N films; `after` is of calibrations each fitted on other patients."""

    films: int
    abnormal: int
    patients: int
    auc: float
    before: Figures
    after: Figures


def site_calibration(
    calibration: Calibration, films: Sequence[Film], readings: Sequence[Reading], sensitivity: float = SENSITIVITY
) -> Calibration:
    """The calibration refitted to a site's films.

    Raises ValueError with fewer than twenty normal or twenty abnormal films, and for labels that the scores do not
    follow at all.
    """
    require_films(films)
    return _refitted(calibration, films, readings, sensitivity)


def require_films(films: Sequence[Film]) -> None:
    """Raises ValueError with fewer than twenty normal or twenty abnormal films."""
    truth = abnormal(films)
    if min(int(truth.sum()), int((~truth).sum())) < LEAST_FILMS:
        raise ValueError(
            f"{LEAST_FILMS} normal and {LEAST_FILMS} abnormal films are needed, "
            f"{int((~truth).sum())} and {int(truth.sum())} are here"
        )


def _refitted(
    calibration: Calibration, films: Sequence[Film], readings: Sequence[Reading], sensitivity: float
) -> Calibration:
    truth = abnormal(films)
    logits = calibration.film.logit(film_logits(readings))
    fitted = fit_logistic(logits[:, None], list(truth))
    scale, offset = fitted.weights[0], fitted.bias
    if scale < LEAST_SCALE:
        raise ValueError(
            f"the films' labels do not follow the detector's scores (AUC {auc(logits, truth):.2f}): "
            "see whether the labels and the films belong together"
        )
    film = Logistic(
        tuple(scale * weight for weight in calibration.film.weights), scale * calibration.film.bias + offset
    )
    own, beside = calibration.lesion.weights  # the second is of the film's logit, whose scale has changed
    lesion = Logistic((own, beside / scale), calibration.lesion.bias - beside * offset / scale)
    share = f"film: the chance that it is abnormal where {truth.mean():.0%} of the films are"
    _, _, rest = calibration.meaning.partition("; ")
    changed = replace(calibration, film=film, lesion=lesion, meaning=f"{share}; {rest}" if rest else share)
    return with_cuts(changed, films, readings, sensitivity, "films of this site")


def change(
    calibration: Calibration, films: Sequence[Film], readings: Sequence[Reading], sensitivity: float = SENSITIVITY
) -> Change:
    """What `site_calibration` changes, each film judged by a calibration fitted without its patient.

    Raises ValueError as `site_calibration` does, and with fewer than five patients of a class.
    """
    truth = abnormal(films)
    logits = film_logits(readings)
    parts = _parts(films)
    probabilities, positive = np.zeros(len(films)), np.zeros(len(films), dtype=bool)
    for part in range(PARTS):
        others = np.flatnonzero(parts != part).tolist()
        fitted = _refitted(calibration, [films[row] for row in others], [readings[row] for row in others], sensitivity)
        inside = parts == part
        probabilities[inside] = shown_probabilities(fitted, logits[inside])
        positive[inside] = probabilities[inside] >= fitted.operating_point
    now = shown_probabilities(calibration, logits)
    return Change(
        films=len(films),
        abnormal=int(truth.sum()),
        patients=len({film.patient for film in films}),
        auc=auc(now, truth),
        before=_figures(now, now >= round(calibration.operating_point, 4), truth),
        after=_figures(probabilities, positive, truth),
    )


def shown_probabilities(calibration: Calibration, logits: FloatArray) -> FloatArray:
    """[N] the films' probabilities as a reader is shown them."""
    result: FloatArray = np.round(calibration.film(logits), 4)
    return result


def _figures(probabilities: FloatArray, positive: np.ndarray, truth: np.ndarray) -> Figures:
    found, spared = int(positive[truth].sum()), int((~positive[~truth]).sum())
    sick, well = int(truth.sum()), int((~truth).sum())
    return Figures(
        ece=expected_calibration_error(probabilities, truth),
        sensitivity=found / sick,
        sensitivity_interval=likely_share(found, sick),
        specificity=spared / well,
        specificity_interval=likely_share(spared, well),
    )


def _parts(films: Sequence[Film]) -> np.ndarray:
    """[N] 0 to 4, patients kept together, those with an abnormal film and the others dealt out in turn."""
    sick = {film.patient for film in films if not film.normal}
    well = {film.patient for film in films} - sick
    if min(len(sick), len(well)) < PARTS:
        raise ValueError(
            f"films of {PARTS} patients or more of each class are needed, {len(well)} and {len(sick)} are here"
        )
    dealt = {name: turn % PARTS for group in (sick, well) for turn, name in enumerate(sorted(group))}
    return np.array([dealt[film.patient] for film in films])
