"""The seed's modes (docs/seed.md): what each cuts out of a film, to learn from and to judge by.

Multi-scale: every lesion at its nearest scale. Global and local part the lesions by their share of the film: 0.1 and
more teach the mode that sees the whole film, less the one that sees a tenth of a side. Local tiles stand on a fixed
10 x 10 grid in training, so the lesion lies anywhere in them, and a few tiles are varied a hundredfold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from model.seed.crops import away, draw_negatives, draw_positives
from model.seed.films import SeedFilm
from model.seed.scales import ScaleTable
from model.seed.views import NATIVE, TILE, View, scale_views, tile_view, whole_view
from model.windows import NATIVE_SIDE, FloatArray, area, overlap

ModeName = Literal["multiscale", "global", "local"]
LARGE = 0.1  # share of the film from which a lesion is "global"
TILE_POSITIVE = 0.5
NONE: FloatArray = np.zeros((0, 4))


class Mode(Protocol):
    """What a mode must say. A lesson is (lesion's row, view's row)."""

    @property
    def views(self) -> tuple[View, ...]:
        """The windows that it cuts, one view a scale."""
        ...

    @property
    def varied(self) -> bool:
        """Whether positives are shifted, zoomed and turned."""
        ...

    def lessons(self, film: SeedFilm) -> list[tuple[int, int]]:
        """The lesions that this mode learns from, each with its view."""
        ...

    def positives(self, film: SeedFilm, lesson: tuple[int, int], count: int, rng: np.random.Generator) -> FloatArray:
        """Up to `count` windows [n, 4] that show the lesion; a fixed grid may give one of them several times."""
        ...

    def negatives(self, film: SeedFilm, view: int, count: int, rng: np.random.Generator) -> FloatArray:
        """Up to `count` windows [n, 4] of a view in which no mark of the film lies."""
        ...


@dataclass(frozen=True)
class MultiScale:
    """Crops at the scales of a table."""

    table: ScaleTable
    views: tuple[View, ...]
    varied: bool = False

    def lessons(self, film: SeedFilm) -> list[tuple[int, int]]:
        """Every lesion at its nearest scale."""
        sides = (film.lesions[:, 2:] - film.lesions[:, :2]) * NATIVE_SIDE
        return [(row, self.table.nearest(float(w), float(h))) for row, (w, h) in enumerate(sides)]

    def positives(self, film: SeedFilm, lesson: tuple[int, int], count: int, rng: np.random.Generator) -> FloatArray:
        """At random places."""
        return draw_positives(self.views[lesson[1]].unit, film.lesions[lesson[0]], count, rng)

    def negatives(self, film: SeedFilm, view: int, count: int, rng: np.random.Generator) -> FloatArray:
        """At random places, 50 px from the edge."""
        return draw_negatives(self.views[view].unit, film.marks, count, rng)


@dataclass(frozen=True)
class Local:
    """Tiles of 299 px for lesions of less than a tenth of the film."""

    views: tuple[View, ...]
    varied: bool = True

    def lessons(self, film: SeedFilm) -> list[tuple[int, int]]:
        """Small lesions that at least one tile shows."""
        small = np.flatnonzero(area(film.lesions) < LARGE)
        return [(int(row), 0) for row in small if len(self._showing(film.lesions[row]))]

    def positives(self, film: SeedFilm, lesson: tuple[int, int], count: int, rng: np.random.Generator) -> FloatArray:
        """Tiles that overlap by half, as often as asked for: they are varied afterwards."""
        return rng.permutation(np.resize(self._showing(film.lesions[lesson[0]]), (count, 4)))

    def negatives(self, film: SeedFilm, view: int, count: int, rng: np.random.Generator) -> FloatArray:
        """Tiles away from every mark, each at most once."""
        return rng.permutation(tiles()[away(tiles(), film.marks)])[:count]

    def _showing(self, lesion: FloatArray) -> FloatArray:
        return tiles()[overlap(tiles(), lesion[None])[:, 0] >= TILE_POSITIVE]


@dataclass(frozen=True)
class Global:
    """The whole film for lesions of a tenth of the film and more."""

    views: tuple[View, ...]
    varied: bool = False

    def lessons(self, film: SeedFilm) -> list[tuple[int, int]]:
        """One for a film with a large lesion."""
        large = np.flatnonzero(area(film.lesions) >= LARGE)
        return [(int(large[0]), 0)] if len(large) else []

    def positives(self, film: SeedFilm, lesson: tuple[int, int], count: int, rng: np.random.Generator) -> FloatArray:
        """The film itself, once."""
        return self.views[0].windows()

    def negatives(self, film: SeedFilm, view: int, count: int, rng: np.random.Generator) -> FloatArray:
        """A normal film, once."""
        return NONE if len(film.marks) or not film.film.normal else self.views[0].windows()


def tiles() -> FloatArray:
    """The 10 x 10 tiles of 299 px side by side, unit xyxy [100, 4]."""
    low = np.stack(np.meshgrid(np.arange(10), np.arange(10)), axis=-1).reshape(-1, 2) * (TILE / NATIVE)
    return np.concatenate([low, low + TILE / NATIVE], axis=1)


def mode_of(name: ModeName, crop_side: int, table: ScaleTable) -> Mode:
    """A mode at a size: of the multi-scale crops' equal square, of a tile, or of the whole film; 0 = the seed's own."""
    if name == "multiscale":
        return MultiScale(table, scale_views(table, crop_side))
    if name == "local":
        return Local((tile_view(crop_side or TILE),))
    return Global((whole_view(crop_side or 512, batch=4),))
