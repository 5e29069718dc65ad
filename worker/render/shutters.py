"""What a shutter hides: PS3.3 C.7.6.11 (rectangular, circular, polygonal), C.7.6.15 (bitmap), C.11.12.

Rows and columns count from 1 at the first pixel; its edges' own pixels stay visible. Shapes combine so that the least
remains. What a shape lacks makes it no shape, with a note.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from pydicom import Dataset

from daemon.core.attributes import integer, numbers, values
from worker.render.overlays import plane

Mask = NDArray[np.bool_]  # [Rows, Columns]


def shut(state: Dataset, grey: NDArray[np.uint8], aspect: float, notes: list[str]) -> NDArray[np.uint8]:
    """The picture [Rows, Columns] with what the state's shutter hides replaced by its presentation value.

    aspect: width of an image pixel over its height.
    """
    shapes = [str(shape).strip().upper() for shape in values(state, "ShutterShape")]
    hidden = np.zeros(grey.shape, dtype=np.bool_)
    for shape in shapes:
        part = _SHAPES[shape](state, (grey.shape[0], grey.shape[1]), aspect) if shape in _SHAPES else None
        if part is None:
            notes.append("a shutter is unknown or incomplete: not applied")
        else:
            hidden |= part
    level = (numbers(state, "ShutterPresentationValue") or (0.0,))[0]  # a P-Value of 16 bits
    return np.where(hidden, np.uint8(round(min(max(level, 0.0), 65535.0) / 257)), grey)


def _rectangular(state: Dataset, shape: tuple[int, int], _aspect: float) -> Mask | None:
    edges = [
        integer(state, f"Shutter{edge}")
        for edge in ("LeftVerticalEdge", "RightVerticalEdge", "UpperHorizontalEdge", "LowerHorizontalEdge")
    ]
    if None in edges:
        return None
    left, right, upper, lower = (edge or 0 for edge in edges)
    hidden = np.ones(shape, dtype=np.bool_)
    hidden[max(upper - 1, 0) : max(lower, 0), max(left - 1, 0) : max(right, 0)] = False
    return hidden


def _circular(state: Dataset, shape: tuple[int, int], aspect: float) -> Mask | None:
    """The radius counts pixels along the row direction, so a circle has fewer rows where pixels are tall."""
    centre, radius = numbers(state, "CenterOfCircularShutter"), numbers(state, "RadiusOfCircularShutter")
    if len(centre) != 2 or len(radius) != 1:
        return None
    rows, columns = (np.arange(1, length + 1) for length in shape)
    return ((rows[:, None] - centre[0]) / aspect) ** 2 + (columns[None, :] - centre[1]) ** 2 > radius[0] ** 2


def _polygonal(state: Dataset, shape: tuple[int, int], _aspect: float) -> Mask | None:
    vertices = numbers(state, "VerticesOfThePolygonalShutter")
    if len(vertices) < 6 or len(vertices) % 2:
        return None
    inside = Image.new("1", (shape[1], shape[0]), 0)
    corners = [(column - 1, row - 1) for row, column in zip(vertices[::2], vertices[1::2], strict=True)]
    ImageDraw.Draw(inside).polygon(corners, fill=1, outline=1)
    return ~np.asarray(inside, dtype=np.bool_)


def _bitmap(state: Dataset, shape: tuple[int, int], _aspect: float) -> Mask | None:
    group = integer(state, "ShutterOverlayGroup")
    return None if group is None else plane(state, group, shape)


_SHAPES: Mapping[str, Callable[[Dataset, tuple[int, int], float], Mask | None]] = {
    "RECTANGULAR": _rectangular,
    "CIRCULAR": _circular,
    "POLYGONAL": _polygonal,
    "BITMAP": _bitmap,
}
