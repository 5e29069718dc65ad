"""Which windows' scores are kept: those the seed would crop, with a lesion, beside one, and on films without (1.5).

The seed's rule: a crop has the scale that is nearest to its lesion in (log area, log ratio). It is positive at an
overlap (intersection over the smaller area) above 0.7 and negative below 0.3 with every box.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model.train.films import Film
from model.windows import FloatArray, overlap

POSITIVE, SAME_FILM, OTHER_FILM = 0, 1, 2
POSITIVE_OVERLAP, NEGATIVE_OVERLAP = 0.7, 0.3
MOST_A_BOX = 4
A_NORMAL_FILM = 12

Kinds = npt.NDArray[np.int8]
Scales = Sequence[tuple[int, int]]


def nearest_scales(boxes: FloatArray, scales: Scales, native: float) -> npt.NDArray[np.int64]:
    """For each box [K, 4] (unit xyxy) the scale nearest to it in (log area, log ratio)."""
    sides = np.log(np.maximum((boxes[:, 2:] - boxes[:, :2]) * native, 1.0))  # [K, (w, h)]
    table = np.log(np.array(scales, dtype=np.float64))

    def measures(logs: FloatArray) -> FloatArray:
        return np.stack([logs[:, 0] + logs[:, 1], logs[:, 0] - logs[:, 1]], axis=1)

    distance = np.linalg.norm(measures(sides)[:, None] - measures(table)[None], axis=-1)
    return np.argmin(distance, axis=1)


@dataclass(frozen=True, slots=True)
class Sampler:
    """Chooses the windows of a film whose scores are kept; the same film gives the same windows.

    windows: [S * each, 4], scale-major. common: the scales of a folder's boxes, from which its normal films draw.
    """

    windows: FloatArray
    scales: Scales
    native: float
    common: Mapping[str, npt.NDArray[np.int64]]

    @classmethod
    def of(cls, films: Sequence[Film], windows: FloatArray, scales: Scales, native: float) -> Sampler:
        """The sampler for these films."""
        boxes: dict[str, list[FloatArray]] = {}
        for film in films:
            if len(film.boxes):
                boxes.setdefault(film.folder, []).append(film.boxes)
        common = {name: nearest_scales(np.concatenate(own), scales, native) for name, own in boxes.items()}
        return cls(windows, scales, native, common)

    def choose(self, film: Film) -> tuple[npt.NDArray[np.int64], Kinds]:
        """(window indices [P], kinds [P]); none for films that say nothing of windows."""
        rng = np.random.default_rng(int.from_bytes(hashlib.sha256(film.path.name.encode()).digest()[:8], "big"))
        each = len(self.windows) // len(self.scales)
        none = np.zeros(0, np.int64)
        if film.normal and film.folder in self.common:
            drawn = rng.choice(self.common[film.folder], A_NORMAL_FILM) * each + rng.integers(0, each, A_NORMAL_FILM)
            return drawn, np.full(A_NORMAL_FILM, OTHER_FILM, np.int8)
        if film.normal or not len(film.boxes):
            return none, none.astype(np.int8)
        chosen, kinds = [none], [none]
        for row, scale in enumerate(nearest_scales(film.boxes, self.scales, self.native)):
            own = np.arange(scale * each, (scale + 1) * each)
            shared = overlap(self.windows[own], film.boxes)
            on, off = own[shared[:, row] > POSITIVE_OVERLAP], own[(shared < NEGATIVE_OVERLAP).all(axis=1)]
            count = min(MOST_A_BOX, len(on), len(off))
            chosen += [rng.choice(on, count, replace=False), rng.choice(off, count, replace=False)]
            kinds += [np.full(count, POSITIVE), np.full(count, SAME_FILM)]
        return np.concatenate(chosen), np.concatenate(kinds).astype(np.int8)
