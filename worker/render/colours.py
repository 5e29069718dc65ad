"""The colours that objects recommend, as sRGB: PS3.3 C.10.7.1.1 (CIELab values), C.10.7 (grey), both 16 bits wide.

CIELab is encoded L* = value / 65535 * 100, a* and b* = value / 65535 * 255 - 128, relative to D50 (the ICC profile
connection space); a PNG is sRGB, whose white is D65, so the colour is adapted (Bradford) before it is converted.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydicom import Dataset

from daemon.core.attributes import numbers

Colour = tuple[int, int, int]

AMBER: Colour = (255, 196, 0)  # where an object leaves the colour to us: no film and no shutter has it
_WHITE_D50 = np.array([0.9642, 1.0, 0.8249])
# XYZ relative to D50 -> linear sRGB: the inverse of sRGB's matrix after Bradford adaptation
_XYZ_D50_TO_RGB = np.array(
    [
        [3.1338561, -1.6168667, -0.4906146],
        [-0.9787684, 1.9161415, 0.0334540],
        [0.0719453, -0.2289914, 1.4052427],
    ]
)


def from_cielab(values: Sequence[float]) -> Colour:
    """The sRGB colour, clipped to its gamut, of three unsigned 16-bit CIELab values."""
    lightness = values[0] / 65535 * 100
    a, b = (value / 65535 * 255 - 128 for value in values[1:3])
    middle = (lightness + 16) / 116
    f = np.array([middle + a / 500, middle, middle - b / 200])
    xyz = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29)) * _WHITE_D50
    linear = np.clip(_XYZ_D50_TO_RGB @ xyz, 0, 1)
    curved = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    red, green, blue = (int(value) for value in np.rint(255 * curved))
    return red, green, blue


def stated(item: Dataset, cielab: str, grey: str = "", rgb: str = "") -> Colour | None:
    """The colour that an item recommends for a colour display: CIELab, or the retired RGB, or its grey; else None."""
    lab, wide, level = (numbers(item, keyword) if keyword else () for keyword in (cielab, rgb, grey))
    if len(lab) == 3:
        return from_cielab(lab)
    if len(wide) == 3:
        red, green, blue = (_eight_bits(value) for value in wide)
        return red, green, blue
    return (_eight_bits(level[0]),) * 3 if len(level) == 1 else None


def _eight_bits(value: float) -> int:
    return round(min(max(value, 0.0), 65535.0) / 257)
