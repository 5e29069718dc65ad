"""How a mode looks at a film: windows of one size at fixed starts, on a film resized so that they have so many pixels.

The seed never resizes in its multi-scale mode, and its crops grow from 1e5 to 7e5 pixels. Here the film may be brought,
for each scale, to the side at which that scale's window has a chosen number of pixels, so that all scales cost the
same; 0 asks for the seed's own sizes. Starts are in the native frame of 2,990 px and are rounded to the pixel after
scaling.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from model.seed.scales import ScaleTable
from model.windows import GRID, NATIVE_SIDE, FloatArray

NATIVE = int(NATIVE_SIDE)
TILE = 299  # the local mode's window; ten of them make a side
LOCAL_TEST, LOCAL_STRIDE = 19, 149  # half-overlapping tiles at test


@dataclass(frozen=True, slots=True)
class View:
    """width, height: the window, native pixels. starts_x, starts_y: where windows begin, native pixels.

    film_side: pixels of the film that the windows are cut from. batch: crops in a training batch.
    """

    width: int
    height: int
    film_side: int
    starts_x: tuple[int, ...]
    starts_y: tuple[int, ...]
    batch: int
    standardise_first: bool

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height of a crop as the network sees it."""
        scale = self.film_side / NATIVE
        return round(self.width * scale), round(self.height * scale)

    @property
    def unit(self) -> tuple[float, float]:
        """Width and height of the window as fractions of the film."""
        return self.width / NATIVE, self.height / NATIVE

    def windows(self) -> FloatArray:
        """The test grid, unit xyxy [rows * columns, 4], rows first."""
        ys, xs = np.meshgrid(self.starts_y, self.starts_x, indexing="ij")
        low = np.stack([xs, ys], axis=-1).reshape(-1, 2).astype(np.float64) / NATIVE
        return np.concatenate([low, low + self.unit], axis=1)

    def corners_px(self, windows: FloatArray) -> list[tuple[int, int]]:
        """Top-left pixels (x, y) of windows [N, 4] on the film at `film_side`, kept inside it."""
        most = np.array([self.film_side - side for side in self.size_px])
        corners = np.clip((windows[:, :2] * self.film_side).round().astype(int), 0, most)
        return [(int(x), int(y)) for x, y in corners]


def grid_starts(crop: int, count: int = GRID) -> tuple[int, ...]:
    """start_k = k * floor((side - crop) / (count - 1)): the last window may stop a few pixels short of the edge."""
    return tuple(index * ((NATIVE - crop) // (count - 1)) for index in range(count))


def scale_views(table: ScaleTable, crop_side: int) -> tuple[View, ...]:
    """One view a scale; crop_side: side of the square with as many pixels as each crop is given, 0 = no resize."""
    views = []
    for (width, height), batch in zip(table.sizes, table.batches, strict=True):
        side = round(NATIVE * crop_side / math.sqrt(width * height)) if crop_side else NATIVE
        views.append(View(width, height, side, grid_starts(width), grid_starts(height), batch, True))
    return tuple(views)


def tile_view(tile_px: int, batch: int = 64) -> View:
    """The local mode's: 299-px tiles of the film at 2,990, given `tile_px` pixels a side; 19 x 19 at test."""
    starts = tuple(index * LOCAL_STRIDE for index in range(LOCAL_TEST))
    return View(TILE, TILE, 10 * tile_px, starts, starts, batch, False)


def whole_view(side: int, batch: int) -> View:
    """The global mode's: the whole film at side x side."""
    return View(NATIVE, NATIVE, side, (0,), (0,), batch, False)
