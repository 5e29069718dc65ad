"""Training batches of crops of one scale: positives, and three negatives for each (docs/seed.md).

An abnormal and a normal film are read together: p crops on a lesion, p away from it, 2 p in the normal film. The seed
keeps a pile for each scale and trains when one is full; here the scale is that of a lesion drawn at random and films
with lesions of that scale follow until the batch is full, which gives scales the same frequency and makes a batch a
function of (seed, step) alone. For hard example mining four times the crops are drawn, the rest of them negatives.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from model.seed.films import Looks, SeedFilm
from model.seed.modes import Mode
from model.seed.views import View
from model.windows import FloatArray

NEGATIVES = 3
POOL = 4  # times the batch that are forwarded when mining
SHIFT, ZOOM, TURN = 0.1, 0.15, np.pi / 12  # local positives: share of the tile, factor, 15 degrees


@dataclass(frozen=True, slots=True)
class Pair:
    """Windows [*, 4] of one view from an abnormal and a normal film."""

    view: int
    positive: FloatArray
    near: FloatArray
    far: FloatArray


@dataclass(frozen=True, slots=True)
class CropBatch:
    """positive, negative: crops [P, 1, h, w] and [N, 1, h, w] of one size."""

    positive: Tensor
    negative: Tensor


class CropBatches:
    """Batches for a mode from films in memory-mapped rows."""

    def __init__(self, films: Sequence[SeedFilm], looks: Looks, mode: Mode, per_lesion: int, least: int = 0) -> None:
        """per_lesion: most positives from one lesion in a batch. least: smallest batch (the seed: 4 for global)."""
        self.looks, self.mode, self.per_lesion, self.least = looks, mode, per_lesion, least
        taught = {film: mode.lessons(film) for film in films if not film.film.normal}
        self.lessons = {film: lessons for film, lessons in taught.items() if lessons}
        self.abnormal = list(self.lessons)
        self.normals = Partners([film for film in films if film.film.normal])
        self.by_view = {
            view: [film for film in self.abnormal if any(v == view for _, v in self.lessons[film])]
            for view in range(len(mode.views))
        }

    def draw(self, rng: np.random.Generator, hard: bool) -> CropBatch:
        """One batch; with `hard`, its negatives are a pool of fifteen, not three, for each positive."""
        first = self.abnormal[rng.integers(len(self.abnormal))]
        view = self.lessons[first][rng.integers(len(self.lessons[first]))][1]
        wanted = max(self.mode.views[view].batch, self.least) // (1 + NEGATIVES)
        negatives = POOL * (1 + NEGATIVES) - 1 if hard else NEGATIVES
        positive: list[Tensor] = []
        negative: list[Tensor] = []
        film = first
        # a lesion that no window shows gives nothing; the bound ends a batch that cannot be filled
        for _ in range(20 * wanted):
            found = sum(map(len, positive))
            if found >= wanted:
                break
            taken, missed = self._film(film, view, wanted - found, negatives, rng)
            positive += taken
            negative += missed
            film = self.by_view[view][rng.integers(len(self.by_view[view]))]
        return CropBatch(torch.cat(positive), torch.cat(negative))

    def _film(
        self, film: SeedFilm, view: int, most: int, negatives: int, rng: np.random.Generator
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Crops of one abnormal film and of its partner."""
        own = [lesson for lesson in self.lessons[film] if lesson[1] == view]
        lesson = own[rng.integers(len(own))]
        count = min(most, self.per_lesion, -(-most // len(self.lessons[film])))
        normal = self.normals.draw(film, rng)
        pair = draw_pair(self.mode, film, normal, lesson, count, negatives, rng)
        here, there = self.mode.views[view], []
        seen = self.looks.look(film, here)
        taken = cut(seen, here, pair.positive)
        if self.mode.varied:
            taken = varied(taken, rng)
        if len(pair.near):
            there.append(cut(seen, here, pair.near))
        if len(pair.far):
            there.append(cut(self.looks.look(normal, here), here, pair.far))
        while len(pair.positive) and sum(map(len, there)) < negatives * len(pair.positive):
            more = self.normals.draw(film, rng)  # a whole film is one crop: three normal films to an abnormal one
            windows = self.mode.negatives(more, view, negatives * len(pair.positive) - sum(map(len, there)), rng)
            there.append(cut(self.looks.look(more, here), here, windows))
        return [taken], there


class Partners:
    """Normal films by folder and view."""

    def __init__(self, normals: Sequence[SeedFilm]) -> None:
        self.exact: dict[tuple[str, str], list[SeedFilm]] = {}
        self.folder: dict[str, list[SeedFilm]] = {}
        for film in normals:
            self.exact.setdefault((film.film.folder, film.film.view), []).append(film)
            self.folder.setdefault(film.film.folder, []).append(film)
        self.all = list(normals)

    def draw(self, film: SeedFilm, rng: np.random.Generator) -> SeedFilm:
        """A normal film of the same folder and view, else of the folder, else any."""
        folder = self.folder.get(film.film.folder, self.all)
        alike = self.exact.get((film.film.folder, film.film.view), folder)
        return alike[rng.integers(len(alike))]


def draw_pair(
    mode: Mode,
    film: SeedFilm,
    normal: SeedFilm,
    lesson: tuple[int, int],
    count: int,
    negatives: int,
    rng: np.random.Generator,
) -> Pair:
    """Windows of an abnormal and a normal film: up to `count` positives, `negatives` for each, a third of them near."""
    positive = mode.positives(film, lesson, count, rng)
    wanted = negatives * len(positive)
    near = mode.negatives(film, lesson[1], wanted // NEGATIVES, rng)
    far = mode.negatives(normal, lesson[1], wanted - len(near), rng)
    return Pair(lesson[1], positive, near, far)


def cut(film: Tensor, view: View, windows: FloatArray) -> Tensor:
    """Film [1, 1, film_side, film_side] -> crops [N, 1, h, w] of one view; none give [0, 1, h, w]."""
    width, height = view.size_px
    crops = [film[0, :, y : y + height, x : x + width] for x, y in view.corners_px(windows)]
    return torch.stack(crops) if crops else film.new_zeros((0, 1, height, width))


def varied(crops: Tensor, rng: np.random.Generator) -> Tensor:
    """Crops [N, 1, h, w] each shifted, zoomed and turned by its own amount, reflected at its edges."""
    count = len(crops)
    angle, zoom = rng.uniform(-TURN, TURN, count), rng.uniform(1 - ZOOM, 1 + ZOOM, count)
    shift = rng.uniform(-2 * SHIFT, 2 * SHIFT, (count, 2))  # grids run from -1 to 1
    theta = np.zeros((count, 2, 3))
    theta[:, 0, 0] = theta[:, 1, 1] = np.cos(angle) * zoom
    theta[:, 0, 1], theta[:, 1, 0] = -np.sin(angle) * zoom, np.sin(angle) * zoom
    theta[:, :, 2] = shift
    grid = functional.affine_grid(torch.from_numpy(theta).float(), list(crops.shape), align_corners=False)
    return functional.grid_sample(crops, grid, padding_mode="reflection", align_corners=False)
