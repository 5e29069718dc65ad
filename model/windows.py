"""The windows that are scored: a table of scales, a 16 x 16 grid for each, and the frames they live in.

The fourteen scales and the grid are those of the patch-based multi-scale detector that this project builds on: crops
of a 2,990-pixel square film at start_k = k * (side - crop) / 15. Two scales are added, because the fourteen cannot
enclose an enlarged heart nor fit a nodule. A scale table is configuration: it is saved beside the weights.

Frames. *Unit*: x and y as fractions of the film's width and height, origin at the outer corner of the top-left pixel;
every box inside this package is unit xyxy. *Source*: pixels of the film as it came. Film -> working square is a plain
resize (the public films the weights come from were squashed to a square in the same way), so the two frames differ by
one factor an axis and `to_source` and `to_unit` cancel exactly.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

NATIVE_SIDE = 2990.0  # the frame in which the scale table is written
GRID = 16

# width x height in the native frame
SEED_SCALES: tuple[tuple[int, int], ...] = (
    (223, 446), (316, 316), (387, 258), (446, 223), (316, 632), (447, 447), (547, 365),
    (632, 316), (447, 894), (632, 632), (670, 447), (591, 1182), (774, 774), (865, 577),
)  # fmt: skip
HEART, NODULE = (1300, 1000), (150, 150)
SCALES: tuple[tuple[int, int], ...] = (*SEED_SCALES, HEART, NODULE)


def grid_windows(scales: Sequence[tuple[int, int]] = SCALES, grid: int = GRID) -> FloatArray:
    """Every window, unit xyxy [S * grid * grid, 4], scale-major, then rows (y), then columns (x)."""
    windows = []
    for width, height in scales:
        w, h = width / NATIVE_SIDE, height / NATIVE_SIDE
        x0 = np.linspace(0.0, 1.0 - w, grid)
        y0 = np.linspace(0.0, 1.0 - h, grid)
        ys, xs = np.meshgrid(y0, x0, indexing="ij")
        windows.append(np.stack([xs, ys, xs + w, ys + h], axis=-1).reshape(-1, 4))
    return np.concatenate(windows)  # [S * grid * grid, 4]


def to_source(boxes: FloatArray, width: int, height: int) -> FloatArray:
    """Boxes [..., 4], unit xyxy -> source pixels xyxy of a width x height film."""
    return boxes * np.array([width, height, width, height], dtype=np.float64)


def to_unit(boxes: FloatArray, width: int, height: int) -> FloatArray:
    """Boxes [..., 4], source pixels xyxy -> unit xyxy; the inverse of `to_source`."""
    return boxes / np.array([width, height, width, height], dtype=np.float64)


def area(boxes: FloatArray) -> FloatArray:
    """Areas [...] of boxes [..., 4] xyxy, in the square of their unit."""
    result: FloatArray = (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])
    return result


def intersection(a: FloatArray, b: FloatArray) -> FloatArray:
    """Areas [N, M] shared by boxes a [N, 4] and b [M, 4], xyxy of one frame."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    result: FloatArray = np.prod(np.clip(high - low, 0.0, None), axis=-1)
    return result


def iou(a: FloatArray, b: FloatArray) -> FloatArray:
    """Intersection over union [N, M] of boxes a [N, 4] and b [M, 4]."""
    shared = intersection(a, b)
    union = area(a)[:, None] + area(b)[None, :] - shared
    return shared / np.maximum(union, 1e-12)


def overlap(a: FloatArray, b: FloatArray) -> FloatArray:
    """Intersection over the smaller area [N, M]: 1 when either box contains the other (the seed's overlap)."""
    return intersection(a, b) / np.maximum(np.minimum(area(a)[:, None], area(b)[None, :]), 1e-12)


def shift_to(windows: FloatArray, deltas: FloatArray) -> FloatArray:
    """Windows [N, 4] moved by deltas [N, 4]: the centre by (dx, dy) window sides, the sides by factors exp(dw, dh)."""
    size = windows[:, 2:] - windows[:, :2]
    centre = (windows[:, 2:] + windows[:, :2]) / 2 + deltas[:, :2] * size
    half = size * np.exp(deltas[:, 2:]) / 2
    return np.concatenate([centre - half, centre + half], axis=1)  # [N, 4]


def shift_from(windows: FloatArray, boxes: FloatArray) -> FloatArray:
    """Deltas [N, 4] that carry windows [N, 4] onto boxes [N, 4]; the inverse of `shift_to`."""
    size = windows[:, 2:] - windows[:, :2]
    centres = (boxes[:, 2:] + boxes[:, :2] - windows[:, 2:] - windows[:, :2]) / 2
    log_size = np.log((boxes[:, 2:] - boxes[:, :2]) / size)
    return np.concatenate([centres / size, log_size], axis=1)  # [N, 4]


def clip_to_film(boxes: FloatArray) -> FloatArray:
    """Boxes [..., 4], unit xyxy, cut to the film."""
    return np.clip(boxes, 0.0, 1.0)
