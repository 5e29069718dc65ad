"""Boxes in source pixels, as closed polylines and as sides of the patient.

Coordinates are those of SCOORD (PS3.3 C.18.6.1) and of PIXEL units in a GSPS (C.10.5.1.2) alike: (0, 0) is the outer
corner of the top-left pixel, (Columns, Rows) that of the bottom-right one. Both are stored as 32-bit floats.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from model.findings import Box, Findings
from worker.encode.reading import decimals, spacing
from worker.encode.request import CannotEncode
from worker.encode.source import Source

_MIDDLE = 0.1  # a box reaching within this share of the width of the centre line is not given a side
# Patient Orientation of a frontal film in either of its two upright presentations: the side on the image's left.
_LEFT_OF_IMAGE = {("L", "F"): "R", ("R", "F"): "L"}


def corners(box: Box) -> NDArray[np.float64]:
    """Top-left, top-right, bottom-right, bottom-left and top-left again: [5, 2] (x, y)."""
    x0, y0, x1, y1 = box
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]], dtype=np.float64)


def check_boxes(found: Findings) -> None:
    """Raises CannotEncode when a shown box is empty, not finite, or leaves the image."""
    for lesion in found.shown:
        x0, y0, x1, y1 = lesion.box
        inside = 0 <= x0 < x1 <= found.width and 0 <= y0 < y1 <= found.height
        if not (all(map(math.isfinite, lesion.box)) and inside):
            raise CannotEncode("a lesion's box is empty or leaves the image")


def side(source: Source, box: Box, width: int) -> str:
    """The patient's side that a box lies on, "L" or "R"; "" unless the header states the orientation and it is clear.

    The film need not be centred, and a wrong side is worse than none, so a box near the centre line gets none.
    """
    on_left = _LEFT_OF_IMAGE.get(source.orientation)
    if not on_left:
        return ""
    if box[2] <= width * (0.5 - _MIDDLE):
        return on_left
    if box[0] >= width * (0.5 + _MIDDLE):
        return "L" if on_left == "R" else "R"
    return ""


def pixel_aspect(source: Source) -> tuple[int, int]:
    """Vertical over horizontal size of a pixel, as two integers (PS3.3 C.7.6.3.1.7); 1, 1 when not stated."""
    stated = decimals(source.header, "PixelAspectRatio")
    pitch = spacing(source.header, "PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")
    if not pitch and len(stated) == 2 and min(stated) > 0:
        pitch = stated[0], stated[1]
    if not pitch:
        return 1, 1
    ratio = Fraction(pitch[0] / pitch[1]).limit_denominator(1000)
    return (ratio.numerator, ratio.denominator) if 0 < ratio <= 1000 else (1, 1)
