"""Points of graphics, in pixels of the image, (0, 0) the outer corner of its top-left pixel (PS3.3 C.10.5, C.18.6)."""

from __future__ import annotations

import math
from itertools import pairwise

Point = tuple[float, float]
PITCHES = (1e-6, 1e3)  # mm: what the encoders take for the size of a pixel, and not for a mistake in the header
TOLERANCE = 0.01  # of a pixel: the rounding of FL on the largest of films


def points_of(numbers: list[float]) -> list[Point] | None:
    """(x, y) pairs; None unless they are pairs of finite numbers, at least one."""
    if not numbers or len(numbers) % 2 or not all(map(math.isfinite, numbers)):
        return None
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def counted(points: list[Point], least: int, most: int) -> bool:
    """Whether the number of points is within bounds."""
    return least <= len(points) <= most


def closed(points: list[Point]) -> bool:
    """Whether the last point is the first."""
    return points[0] == points[-1]


def inside(points: list[Point], size: tuple[float, float] | None) -> bool:
    """Whether all points lie in an image of (columns, rows); of an unknown size, whether they can lie in any."""
    columns, rows = size or (math.inf, math.inf)
    return all(-TOLERANCE <= x <= columns + TOLERANCE and -TOLERANCE <= y <= rows + TOLERANCE for x, y in points)


def upright_box(points: list[Point]) -> bool:
    """Whether these are the corners of an upright rectangle of some area, in turn, and the first again."""
    if len(points) != 5 or not closed(points):
        return False
    straight = all((a[0] == b[0]) != (a[1] == b[1]) for a, b in pairwise(points))
    return straight and len({x for x, _ in points}) == len({y for _, y in points}) == 2
