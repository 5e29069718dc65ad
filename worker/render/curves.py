"""The graphic types of presentation states and of SR coordinates as lines: PS3.3 C.10.5.1.2, C.18.6.1.2.

Each takes points that are already on the canvas, so that a circle is a circle on the display whatever the shape of the
image's pixels. What is missing makes ValueError.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]  # [N, 2] (x, y), canvas frame

_STEPS = 96  # corners of a closed curve
_BETWEEN = 12  # corners between two points of an interpolated one


def _polyline(points: Points) -> Points:
    return _at_least(points, 2)


def _interpolated(points: Points) -> Points:
    """A curve through every point (Catmull-Rom); closed where the last point is the first."""
    points = _at_least(points, 2)
    closed = len(points) > 3 and np.allclose(points[0], points[-1])
    before, after = (points[-2], points[1]) if closed else (points[0], points[-1])
    knots = np.vstack([before, points, after])
    t = np.linspace(0, 1, _BETWEEN, endpoint=False)[:, None]
    pieces = []
    for p0, p1, p2, p3 in zip(knots, knots[1:], knots[2:], knots[3:], strict=False):
        pieces.append(
            0.5 * (2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * (p1 - p2) + p3 - p0) * t**3)
        )
    return np.vstack([*pieces, points[-1:]])


def _circle(points: Points) -> Points:
    """The centre and a point of the circumference."""
    centre, rim = _exactly(points, 2)
    radius = float(np.hypot(*(rim - centre)))
    return _round(centre, np.array([radius, 0.0]), np.array([0.0, radius]))


def _ellipse(points: Points) -> Points:
    """The ends of the major axis and the ends of the minor axis."""
    first, second, third, fourth = _exactly(points, 4)
    return _round((first + second) / 2, (second - first) / 2, (fourth - third) / 2)


def _round(centre: Points, one: Points, other: Points) -> Points:
    angle = np.linspace(0, 2 * np.pi, _STEPS)[:, None]
    return np.asarray(centre + np.cos(angle) * one + np.sin(angle) * other)


def _at_least(points: Points, count: int) -> Points:
    if len(points) < count:
        raise ValueError(f"fewer than {count} points")
    return points


def _exactly(points: Points, count: int) -> Points:
    if len(points) != count:
        raise ValueError(f"not {count} points")
    return points


# The line of each type. POINT and MULTIPOINT have none: they are dots.
LINES: Mapping[str, Callable[[Points], Points]] = {
    "POLYLINE": _polyline,
    "INTERPOLATED": _interpolated,
    "CIRCLE": _circle,
    "ELLIPSE": _ellipse,
}
DOTS = ("POINT", "MULTIPOINT")
