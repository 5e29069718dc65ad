"""A film with its shown lesions drawn, as PNG: what `thoraxd demo` lets a person look at.

Not for a PACS: the marks are burnt in. The label's wording is that of the GSPS ("AI 87 %").
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from model.findings import Box, Findings, Lesion

BANNER = "AI, unverified, not a medical device"
LONG_SIDE = (900, 1600)  # smaller films are enlarged and larger ones reduced, so that letters and lines stay legible
MARK, PAPER, INK, CALM = (255, 196, 0), (18, 18, 22), (240, 240, 240), (120, 210, 150)

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def draw(image: NDArray[np.float32], findings: Findings, path: Path) -> None:
    """Write `image` [H, W] (bright = dense, any range) with `findings` drawn to `path` as PNG.

    Banner and probability stand on a band above the film, so that they hide none of it.
    """
    film, scale = _film(image)
    size = max(13, round(max(film.size) / 48))
    font = ImageFont.load_default(size)
    lines = [(BANNER, INK), _verdict(findings)]
    band = round(1.5 * size) * len(lines) + size // 2
    canvas = Image.new("RGB", (film.width, film.height + band), PAPER)
    canvas.paste(film, (0, band))
    pen = ImageDraw.Draw(canvas)
    for number, (text, colour) in enumerate(lines):
        fitted = _fitting(pen, text, film.width - size, font, size)
        pen.text((size // 2, size // 3 + number * round(1.5 * size)), text, fill=colour, font=fitted)
    taken: list[Box] = []
    for lesion in findings.shown:
        _mark(pen, lesion, scale, band, font, canvas.size, taken)
    canvas.save(path, format="PNG")


def _film(image: NDArray[np.float32]) -> tuple[Image.Image, float]:
    """The film as RGB, its middle 99 % of values spread over the greys, and its scale in drawn pixels per pixel."""
    low, high = (float(value) for value in np.percentile(image, [0.5, 99.5]))
    grey = np.clip((image - low) / max(high - low, 1e-6), 0, 1) * 255
    picture = Image.fromarray(grey.astype(np.uint8))
    longest = max(picture.size)
    scale = min(max(longest, LONG_SIDE[0]), LONG_SIDE[1]) / longest
    if scale != 1:
        width, height = (max(1, round(side * scale)) for side in picture.size)
        picture = picture.resize((width, height), Image.Resampling.LANCZOS)
    return picture.convert("RGB"), scale


def _verdict(findings: Findings) -> tuple[str, tuple[int, int, int]]:
    """The film's line under the banner and its colour."""
    count = len(findings.shown)
    marks = f", {count} lesion{'' if count == 1 else 's'} marked" if count else ", no lesion marked"
    where = "at or above" if findings.positive else "below"
    text = f"P(abnormal) {findings.probability:.2f}, {where} the operating point {findings.operating_point:.2f}{marks}"
    return text, MARK if findings.positive or count else CALM


def _fitting(pen: ImageDraw.ImageDraw, text: str, room: int, font: Font, size: int) -> Font:
    """The font, made smaller where `text` would not fit into `room` pixels."""
    length = pen.textlength(text, font=font)
    return font if length <= room else ImageFont.load_default(max(8, int(size * room / length)))


def _mark(
    pen: ImageDraw.ImageDraw,
    lesion: Lesion,
    scale: float,
    band: int,
    font: Font,
    canvas: tuple[int, int],
    taken: list[Box],
) -> None:
    """One lesion's box and label; the label moves where another one or the edge is in its way."""
    x0, y0, x1, y1 = (value * scale for value in lesion.box)
    y0, y1 = y0 + band, y1 + band
    line = max(2, round(max(canvas) / 450))
    pen.rectangle((x0 - line, y0 - line, x1 + line, y1 + line), outline=PAPER, width=1)
    pen.rectangle((x0, y0, x1, y1), outline=MARK, width=line)
    text = f"AI {100 * lesion.probability:.0f} % {lesion.label}"
    left, top, right, bottom = pen.textbbox((0, 0), text, font=font)
    wide, high = right - left + 2 * line, bottom - top + 3 * line
    column = min(max(x0, 0), canvas[0] - wide)
    for row in (y0 - high - line, y1 + line, y0 + 2 * line, y0 - 2 * high - line, y1 + high + line):
        place = (column, row, column + wide, row + high)
        if row >= band and place[3] <= canvas[1] and not any(_touch(place, other) for other in taken):
            break
    else:
        place = (column, max(y0, band), column + wide, max(y0, band) + high)
    taken.append(place)
    pen.rectangle(place, fill=PAPER)
    pen.text((place[0] + line - left, place[1] + line - top), text, fill=MARK, font=font)


def _touch(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
