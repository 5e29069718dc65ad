"""A film as a picture with its result on it: the one place where we draw.

Words stand on a band above the film and hide none of it; boxes and their labels are on the film. A contour is bright
between two dark lines, so that it shows on any background, and runs round its box rather than over it. The same call
gives the same pixels: the font comes with Pillow and is laid out by Pillow alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from model.findings import Box

PANEL = (1024, 512)  # (width, height) of the picture of a film whose pixels cannot be had
_LETTERS = 45  # a letter of the band is this share of the drawn film's longer side high
_NARROWEST = 26  # the picture's least width in such letters; a narrower film gets dark margins
_LINES = 400  # a line is this share of the longer side thick

Colour = int | tuple[int, int, int]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


class Palette(NamedTuple):
    """Pillow's mode and the colours in it: background, words, marks and what wants attention, what does not."""

    mode: str
    paper: Colour
    ink: Colour
    mark: Colour
    calm: Colour


GREY = Palette("L", 0, 215, 255, 215)
COLOURS = Palette("RGB", (18, 18, 22), (240, 240, 240), (255, 196, 0), (120, 210, 150))


class Line(NamedTuple):
    """One line of the band. size: of its letters, relative. alert: whether it wants attention; None for a remark."""

    words: str
    size: float = 1.0
    alert: bool | None = None


class Mark(NamedTuple):
    """One marked place: its box in the film's pixels, and its label."""

    box: Box
    label: str


@dataclass(frozen=True, slots=True)
class Fit:
    """How a film is brought to size: drawn pixels per film pixel along x and y, and the drawn film's size."""

    x: float
    y: float
    width: int
    height: int

    @property
    def enlarged(self) -> bool:
        """Whether each film pixel became several whole ones, all of its value."""
        return self.x == self.y and self.x > 1


def fit(columns: int, rows: int, aspect: float = 1.0, sides: tuple[int, int] = (600, 2500)) -> Fit:
    """Square pixels, none lost but where the longer side would exceed sides[1]; whole multiples below sides[0].

    aspect: height of a film pixel over its width.
    """
    x, y = max(1.0, 1 / aspect), max(1.0, aspect)
    longest = max(columns * x, rows * y)
    scale = min(1.0, sides[1] / longest) if longest >= sides[0] else float(-(-sides[0] // longest))
    return Fit(x * scale, y * scale, max(1, round(columns * x * scale)), max(1, round(rows * y * scale)))


def grey_film(picture: NDArray[np.float32], fitted: Fit) -> Image.Image:
    """The film in `picture` (float [rows, columns] in [0, 1], bright = dense) as 8-bit grey, brought to size."""
    film = Image.fromarray(np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8))
    size = fitted.width, fitted.height
    if film.size == size:
        return film
    return film.resize(size, Image.Resampling.NEAREST if fitted.enlarged else Image.Resampling.BICUBIC)


def compose(
    film: tuple[Image.Image, Fit] | None, lines: Sequence[Line], marks: Sequence[Mark], palette: Palette
) -> Image.Image:
    """`lines` on a band above `film` with `marks` on it; without a film, the band on a plain panel of size PANEL."""
    width, height = film[0].size if film else PANEL
    letter = max(12.0, max(width, height) / _LETTERS)
    canvas_width = max(width, round(_NARROWEST * letter))
    rows = [row for line in lines for row in _wrapped(line, letter, canvas_width)]
    band = round(sum(_pitch(size) for _, size, _ in rows) + letter)
    total = band + height if film else max(height, band)
    canvas = Image.new(palette.mode, (canvas_width, total), palette.paper)
    pen = ImageDraw.Draw(canvas)
    top = letter / 2
    for words, size, alert in rows:
        _write(pen, (letter / 2, top), Line(words, size, alert), palette)
        top += _pitch(size)
    if film:
        pen.line((0, band - 1, canvas_width, band - 1), fill=palette.calm)  # the film may be as dark as the band
        left = (canvas_width - width) // 2
        canvas.paste(film[0].convert(palette.mode), (left, band))
        placed = [Mark(_drawn(mark.box, film[1], left, band), mark.label) for mark in marks]
        _draw_marks(pen, placed, (left, band, left + width, total), 0.8 * letter, palette)
    return canvas


def _wrapped(line: Line, letter: float, width: int) -> Iterator[tuple[str, float, bool | None]]:
    """The line's words in as many rows as they need: (words, size in pixels, alert)."""
    size = line.size * letter
    font, row = _font(size), ""
    for word in line.words.split():
        longer = f"{row} {word}".strip()
        if row and font.getlength(longer) > width - letter:
            yield row, size, line.alert
            longer = word
        row = longer
    yield row, size, line.alert


def _write(pen: ImageDraw.ImageDraw, at: tuple[float, float], line: Line, palette: Palette) -> None:
    """One row of words; what wants attention is dark on a bright bar, so that grey screens show it too."""
    font = _font(line.size)
    if line.alert:
        x0, y0, x1, y1 = pen.textbbox(at, line.words, font=font)
        pad = line.size / 5
        pen.rectangle((x0 - pad, y0 - pad, x1 + pad, y1 + pad), fill=palette.mark)
    colour = {None: palette.ink, True: palette.paper, False: palette.calm}[line.alert]
    pen.text(at, line.words, fill=colour, font=font)


def _drawn(box: Box, fitted: Fit, left: int, top: int) -> Box:
    """The box on the canvas, as first and last pixel that it covers."""
    x0, y0, x1, y1 = box
    return (
        left + int(x0 * fitted.x),
        top + int(y0 * fitted.y),
        left + int(np.ceil(x1 * fitted.x)) - 1,
        top + int(np.ceil(y1 * fitted.y)) - 1,
    )


def _draw_marks(
    pen: ImageDraw.ImageDraw, marks: Sequence[Mark], film: tuple[int, int, int, int], size: float, palette: Palette
) -> None:
    """Every contour, then every label, so that no line crosses a label. film: where it is on the canvas."""
    line = max(1, round(max(film[2] - film[0], film[3] - film[1]) / _LINES))
    for mark in marks:
        pen.rectangle(_grown(mark.box, 3 * line, film), outline=palette.paper, width=3 * line)
    for mark in marks:
        pen.rectangle(_grown(mark.box, 2 * line, film), outline=palette.mark, width=line)
    taken: list[Box] = []
    for mark in marks:
        _draw_label(pen, mark, film, size, line, palette, taken)


def _grown(box: Box, by: int, film: tuple[int, int, int, int]) -> Box:
    """The box, larger on every side but where the film ends."""
    x0, y0, x1, y1 = box
    return max(x0 - by, film[0]), max(y0 - by, film[1]), min(x1 + by, film[2] - 1), min(y1 + by, film[3] - 1)


def _draw_label(
    pen: ImageDraw.ImageDraw,
    mark: Mark,
    film: tuple[int, int, int, int],
    size: float,
    line: int,
    palette: Palette,
    taken: list[Box],
) -> None:
    """A label above its box, below it or in it, on the film and off the earlier labels as far as that can be."""
    font, room = _font(size), film[2] - film[0] - 6 * line
    length = font.getlength(mark.label)
    if length > room > 0:
        font = _font(size * room / length)
    left, top, right, bottom = pen.textbbox((0, 0), mark.label, font=font)
    wide, high = right - left + 4 * line, bottom - top + 4 * line
    column = max(min(mark.box[0], film[2] - wide), film[0])
    y0, y1, gap = mark.box[1], mark.box[3], 4 * line
    tops = (y0 - gap - high, y1 + gap, y0 + gap, y1 - gap - high, y0 - gap - 2 * high, y1 + gap + high)
    places = [(column, row, column + wide, row + high) for row in tops if film[1] <= row <= film[3] - high]
    free = [place for place in places if not any(_touch(place, other) for other in taken)]
    row = max(min(y0, film[3] - high), film[1])
    place = (*free, *places, (column, row, column + wide, row + high))[0]
    taken.append(place)
    pen.rectangle(place, fill=palette.paper)
    pen.text((place[0] + 2 * line - left, place[1] + 2 * line - top), mark.label, fill=palette.mark, font=font)


def _touch(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _pitch(size: float) -> float:
    return 1.45 * size


def _font(size: float) -> Font:
    return ImageFont.load_default(max(8, round(size)))
