"""Lines, areas and words on a picture, smooth-edged, in the canvas frame: (0, 0) is the picture's corner.

Pillow draws with hard edges and in whole pixels, so shapes are drawn SMOOTH times as large, in the rectangle that they
occupy, and averaged.
"""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from worker.render.colours import Colour

Picture = NDArray[np.uint8]  # [H, W, 3]
Points = NDArray[np.float64]  # [N, 2] (x, y)

SMOOTH = 4
LEAST_LETTER = 9.0  # pixels high; a text that would be smaller overflows its box, as C.10.5.1.1 allows
_SHADE: Colour = (0, 0, 0)


def line(picture: Picture, points: Points, colour: Colour, width: float) -> None:
    """A line through the points, drawn into the picture."""
    _shape(picture, points, colour, width, opacity=1.0)


def area(picture: Picture, points: Points, colour: Colour, opacity: float) -> None:
    """The polygon of the points, filled."""
    _shape(picture, points, colour, None, opacity)


def dot(picture: Picture, point: Points, colour: Colour, radius: float) -> None:
    """A disc round a point [2]."""
    around = np.linspace(0, 2 * np.pi, 24)
    area(picture, point + radius * np.stack([np.cos(around), np.sin(around)], axis=1), colour, 1.0)


def blend(picture: Picture, mask: NDArray[np.uint8], colour: Colour, left: int = 0, top: int = 0) -> None:
    """Colour the picture as far as the mask [h, w] (255: wholly) says, the mask's corner at (left, top)."""
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + mask.shape[1], picture.shape[1]), min(top + mask.shape[0], picture.shape[0])
    if x0 >= x1 or y0 >= y1:
        return
    alpha = mask[y0 - top : y1 - top, x0 - left : x1 - left, None] / 255.0
    under = picture[y0:y1, x0:x1]
    picture[y0:y1, x0:x1] = np.rint(under + (np.array(colour) - under.astype(np.float64)) * alpha).astype(np.uint8)


def _shape(picture: Picture, points: Points, colour: Colour, width: float | None, opacity: float) -> None:
    margin = (width or 0) + 2
    low = np.floor(np.maximum(points.min(axis=0) - margin, 0)).astype(int)
    high = np.ceil(np.minimum(points.max(axis=0) + margin, picture.shape[1::-1])).astype(int)
    if (high <= low).any():
        return
    wide, tall = (high - low).tolist()
    mask = Image.new("L", (wide * SMOOTH, tall * SMOOTH), 0)
    # Pillow's coordinates name the middles of pixels
    at = [(x, y) for x, y in ((points - low) * SMOOTH - 0.5).tolist()]
    pen = ImageDraw.Draw(mask)
    if width is None:
        pen.polygon(at, fill=255)
    elif len(at) > 1:
        pen.line(at, fill=255, width=max(1, round(width * SMOOTH)), joint="curve")
    small = np.asarray(mask.reduce(SMOOTH), dtype=np.float64) * opacity
    blend(picture, small.astype(np.uint8), colour, int(low[0]), int(low[1]))


def line_width(picture: Picture) -> float:
    """Of a line whose maker states none: two pixels, more on a large picture. One could be two halves, and faint."""
    return max(2.0, round(max(picture.shape[:2]) / 600))


@cache
def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Letters `size` pixels high: DejaVu Sans as matplotlib brings it, which knows more scripts than Pillow's own."""
    found = importlib.util.find_spec("matplotlib")
    file = Path(str(found.origin)).parent / "mpl-data/fonts/ttf/DejaVuSans.ttf" if found else None
    return ImageFont.truetype(file, size) if file and file.is_file() else ImageFont.load_default(size)


def fitting(words: str, wide: float, tall: float) -> int:
    """The largest letter height at which the lines of `words` fit into a box of this size, LEAST_LETTER at least."""
    lines = words.split("\n")
    size = tall / (1.2 * len(lines))
    length = max(font(100).getlength(one) for one in lines) / 100
    return int(min(max(min(size, wide / max(length, 1e-6)), LEAST_LETTER), 400.0))


def letters(words: str, size: int, align: str, wide: float) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Masks [h, w] of the words and of the dark rim that keeps them legible on any grey; align: left, center, right."""
    rim = max(1, size // 12)
    lines = words.split("\n")
    lengths = [font(size).getlength(one) for one in lines]
    width = int(np.ceil(max([wide, *lengths]))) + 2 * rim
    height = int(np.ceil(1.2 * size * len(lines))) + 2 * rim
    share = {"left": 0.0, "center": 0.5, "right": 1.0}[align]
    drawn = []
    for stroke in (0, rim):
        mask = Image.new("L", (width, height), 0)
        for number, (one, length) in enumerate(zip(lines, lengths, strict=True)):
            corner = (rim + share * (width - 2 * rim - length), rim + 1.2 * size * number)
            ImageDraw.Draw(mask).text(corner, one, fill=255, font=font(size), stroke_width=stroke, anchor="la")
        drawn.append(np.asarray(mask))
    return drawn[0], drawn[1]


def text(
    picture: Picture, words: str, corner: tuple[float, float], size: int, colour: Colour, *,
    align: str = "left", wide: float = 0.0, turn: int = 0,
) -> None:  # fmt: skip
    """Words with the top left corner of their upright box at `corner`; turn: quarter turns clockwise of that box."""
    ink, rim = (np.rot90(mask, -turn) for mask in letters(words, size, align, wide))
    left, top = round(corner[0]) - max(1, size // 12), round(corner[1]) - max(1, size // 12)
    blend(picture, np.ascontiguousarray(rim), _SHADE, left, top)
    blend(picture, np.ascontiguousarray(ink), colour, left, top)
