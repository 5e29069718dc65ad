"""Where crops are drawn for training (docs/seed.md): positives on a lesion, negatives away from all.

The seed's overlap is 1 as soon as one box contains the other. Ours is the true IoU, above 0.7. Where a lesion's own
scale cannot reach that wherever it lies (the lesion is smaller than the smallest scale, larger than the largest, or
of a shape between two), the smaller of crop and lesion must lie in the larger by 0.7 of its area, and the crop's centre
in the lesion. A crop that is neither this nor below 0.3 by the seed's overlap with every mark teaches nothing.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from model.windows import NATIVE_SIDE, FloatArray, iou, overlap

BoolArray = npt.NDArray[np.bool_]

POSITIVE = 0.7
NEGATIVE = 0.3
MARGIN = 50 / NATIVE_SIDE  # negatives stay this far from the film's edge
TRIES, ROUND = 10_000, 1_000


def reachable(size: tuple[float, float], lesion: FloatArray) -> bool:
    """Whether a window of this unit size, laid best, exceeds IoU 0.7 with lesion [4]."""
    side = lesion[2:] - lesion[:2]
    shared = float(np.minimum(side, size).prod())
    return shared / (float(side.prod()) + size[0] * size[1] - shared) > POSITIVE


def shows(windows: FloatArray, lesion: FloatArray) -> BoolArray:
    """Which windows [N, 4] of one size are positive for lesion [4]: bool [N]."""
    first = windows[0]
    if reachable((float(first[2] - first[0]), float(first[3] - first[1])), lesion):
        fits: BoolArray = iou(windows, lesion[None])[:, 0] > POSITIVE
        return fits
    centre = (windows[:, :2] + windows[:, 2:]) / 2
    inside: BoolArray = np.all((centre >= lesion[:2]) & (centre <= lesion[2:]), axis=1)
    close: BoolArray = overlap(windows, lesion[None])[:, 0] >= POSITIVE
    return inside & close


def away(windows: FloatArray, marks: FloatArray) -> BoolArray:
    """Which windows [N, 4] are negative beside marks [K, 4]: bool [N]."""
    free: BoolArray = np.all(overlap(windows, marks) < NEGATIVE, axis=1)
    return free


def draw_positives(size: tuple[float, float], lesion: FloatArray, count: int, rng: np.random.Generator) -> FloatArray:
    """Up to `count` windows [n, 4] that show the lesion, uniform over those inside the film; at most 10,000 tries."""
    extent = np.array(size)
    low = np.maximum(0.0, lesion[:2] - extent)  # a window that begins elsewhere does not touch the lesion
    high = np.maximum(np.minimum(1.0 - extent, lesion[2:]), low)
    return _draw(low, high, extent, count, rng, lambda windows: shows(windows, lesion))


def draw_negatives(size: tuple[float, float], marks: FloatArray, count: int, rng: np.random.Generator) -> FloatArray:
    """Up to `count` windows [n, 4] away from every mark and from the film's edge; at most 10,000 tries."""
    extent = np.array(size)
    low = np.full(2, MARGIN)
    return _draw(low, np.maximum(1.0 - MARGIN - extent, low), extent, count, rng, lambda windows: away(windows, marks))


def _draw(
    low: FloatArray,
    high: FloatArray,
    extent: FloatArray,
    count: int,
    rng: np.random.Generator,
    accepted: Callable[[FloatArray], BoolArray],
) -> FloatArray:
    """Windows of one size that begin between low [2] and high [2] and are accepted, until `count` or the last try."""
    found: list[FloatArray] = []
    for _ in range(TRIES // ROUND):
        corner = rng.uniform(low, high, (ROUND, 2))
        windows = np.concatenate([corner, corner + extent], axis=1)
        found.append(windows[accepted(windows)])
        if sum(map(len, found)) >= count:
            break
    return np.concatenate(found)[:count]
