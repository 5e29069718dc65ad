"""The seed's tables of crop sizes, and which of them a lesion belongs to.

Fourteen sizes for its first data set, twenty-nine for its second. Behind both lies one rule, which gives the fourteen
to the pixel: short side floor(sqrt(area * min(r, 1 / r))), long side floor(short * max(r, 1 / r)), r = width / height.
The seed assigns a lesion by cuts in r and area ("most similar"); `nearest` is the distance that these cuts stand for,
in (log area, log ratio), and `by_cuts` the seed's own. They differ near borders, and for lesions larger than the
table, where the seed looks at the ratio only.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model.windows import SEED_SCALES

# (ratio up to, areas up to, scale for each of these areas and for all above)
Cuts = tuple[tuple[float, tuple[float, ...], tuple[int, ...]], ...]


def size_of(area: float, ratio: float) -> tuple[int, int]:
    """Width and height, native pixels, of the scale of this area and width / height."""
    short = math.floor(math.sqrt(area * min(ratio, 1.0 / ratio)))
    long = math.floor(round(short * max(ratio, 1.0 / ratio), 6))  # 3 * (1 / 0.3) must not become 9.99...
    return (long, short) if ratio > 1.0 else (short, long)


@dataclass(frozen=True, slots=True)
class ScaleTable:
    """sizes: (width, height) in native pixels. batches: crops in a batch of each; a quarter of them is positive."""

    name: str
    sizes: tuple[tuple[int, int], ...]
    batches: tuple[int, ...]
    cuts: Cuts

    def nearest(self, width: float, height: float) -> int:
        """The scale nearest to a lesion of width x height native pixels in (log area, log ratio)."""
        sizes = np.array(self.sizes, dtype=np.float64)
        area = np.log(sizes.prod(axis=1) / (width * height))
        ratio = np.log(sizes[:, 0] / sizes[:, 1] / (width / height))
        return int(np.argmin(area**2 + ratio**2))

    def by_cuts(self, width: float, height: float) -> int:
        """The scale that the seed's own comparisons give."""
        for most, areas, scales in self.cuts:
            if width / height <= most:
                return scales[bisect_left(areas, width * height)]
        raise ValueError(f"a lesion of {width} x {height} px has no shape")


def _second_table() -> ScaleTable:
    """Areas 1e5 to 8e5 by ratios 0.3 to 2.5; no 8e5 at ratio 2, and 7e5 in its place at 2.5."""
    ratios = (0.3, 0.5, 1.0, 1.5, 2.0, 2.5)
    areas = (1e5, 2e5, 4e5, 6e5)
    pairs = [(area, ratio) for area in areas for ratio in ratios]
    pairs += [(8e5, ratio) for ratio in ratios[:4]] + [(7e5, 2.5)]
    cuts = []
    for column, most in enumerate((0.3, 0.75, 1.25, 1.75, 2.25, math.inf)):
        scales = tuple(index for index, (_, ratio) in enumerate(pairs) if ratio == ratios[column])
        cuts.append((most, (150e3, 300e3, 500e3, 700e3)[: len(scales) - 1], scales))
    batches = [{1e5: 62, 2e5: 30, 4e5: 14, 6e5: 6}.get(area, 2) for area, _ in pairs]
    return ScaleTable("29", tuple(size_of(*pair) for pair in pairs), tuple(batches), tuple(cuts))


_AREAS: Sequence[float] = (150e3, 300e3, 500e3)
TABLE_14 = ScaleTable(
    "14",
    SEED_SCALES,
    (64,) * 4 + (32,) * 4 + (16,) * 3 + (8,) * 3,
    (
        (0.75, tuple(_AREAS), (0, 4, 8, 11)),
        (1.25, tuple(_AREAS), (1, 5, 9, 12)),
        (1.75, (150e3, 250e3, 350e3), (2, 6, 10, 13)),
        (math.inf, (150e3,), (3, 7)),
    ),
)
TABLE_29 = _second_table()
TABLES = {table.name: table for table in (TABLE_14, TABLE_29)}
