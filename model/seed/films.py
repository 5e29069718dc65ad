"""Which films the seed's modes learn from and are judged on, and each film as its scales look at it.

The seed had one disease, lung infection, against normal films. The nearest public task: RSNA films of 1,024 px, Lung
Opacity (boxed by radiologists) against Normal. Boxed NIH films with a shadow in the lung, and NIH normals, are added to
training; an abnormal film is always paired with a normal one of the same folder, and of the same view where there is
one, so that neither tells the class. Abnormal films without boxes are used nowhere: nobody said where to look. The
RSNA copies at 256 px have altered contrast and are left out of both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from model.network import standardise
from model.seed.views import View
from model.train.cache import ByteArray
from model.train.films import Film, split
from model.windows import NATIVE_SIDE, FloatArray

LEAST_LESION = 10.0  # native pixels a side; smaller marks are dropped, as in the seed
ALTERED = frozenset({"sarang256"})
SHADOWS = frozenset(
    {"Lung Opacity", "Infiltration", "Pneumonia", "Consolidation", "Atelectasis", "Effusion", "Mass", "Nodule"}
    | {"Diffuse Nodule", "Fibrosis"}
)


@dataclass(frozen=True, slots=True, eq=False)
class SeedFilm:
    """A film with its lesions; row: its row of the pixel cache.

    lesions: shadows in the lung, 10 px a side or more, unit xyxy [L, 4]. marks: every box of the film, from all of
    which negatives keep away.
    """

    film: Film
    row: int
    lesions: FloatArray
    marks: FloatArray


def seed_film(film: Film, row: int) -> SeedFilm:
    """A film's boxes by the seed's rules."""
    shadow = np.array([label in SHADOWS for label in film.box_labels], dtype=bool)
    large = ((film.boxes[:, 2:] - film.boxes[:, :2]) * NATIVE_SIDE >= LEAST_LESION).all(axis=1)
    return SeedFilm(film, row, film.boxes[large & shadow], film.boxes)


def usable(films: Sequence[Film]) -> list[Film]:
    """Films at full size that are normal or have a shadow boxed."""
    kept = [film for film in films if film.source not in ALTERED and not film.small]
    return [film for film in kept if film.normal or len(seed_film(film, 0).lesions)]


@dataclass(frozen=True, slots=True)
class Folds:
    """Films to learn from and, of RSNA's tables only, films to be judged on; disjoint by patient."""

    train: list[SeedFilm]
    test: list[SeedFilm]


def folds(films: Sequence[Film], fold: int, judged: str = "rsna") -> Folds:
    """`usable` films, with their rows in that list, parted by fold; only those of folder `judged` are tested on."""
    rows = {film: row for row, film in enumerate(films)}
    parted = split(films, fold)
    test = [seed_film(film, rows[film]) for film in parted.test if film.folder == judged]
    return Folds([seed_film(film, rows[film]) for film in parted.train], test)


class Looks:
    """Films as tensors at the side that a view wants, from the cache."""

    def __init__(self, pixels: ByteArray) -> None:
        self.pixels = pixels

    def look(self, film: SeedFilm, view: View) -> Tensor:
        """The whole film, z-scored, [1, 1, film_side, film_side]."""
        raw = torch.from_numpy(self.pixels[film.row].copy()).float()[None, None]
        return seen(raw, view)


def seen(film: Tensor, view: View) -> Tensor:
    """Film [1, 1, H, W] of any intensity scale -> z-scored [1, 1, film_side, film_side] (1.4: the whole film's own).

    The multi-scale mode has its mean and deviation before any resize, the others after theirs (1.8).
    """
    if view.standardise_first:
        film = standardise(film)
    side = (view.film_side, view.film_side)
    if film.shape[-2:] != side:
        film = functional.interpolate(film, size=side, mode="bilinear", antialias=True, align_corners=False)
    return film if view.standardise_first else standardise(film)
