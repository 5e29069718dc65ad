"""Words round a picture: a band with what the object says, a line with which object it is, a page of text alone."""

from __future__ import annotations

import numpy as np

from worker.render import pen
from worker.render.colours import Colour

PAPER: Colour = (18, 18, 22)
INK: Colour = (240, 240, 240)
FAINT: Colour = (150, 150, 160)
_PAGE_WIDTH = 900
_MOST_LINES = 120


def band(lines: list[str], width: int, size: int, colour: Colour = INK) -> pen.Picture:
    """The lines, folded to the width, on a band of that width [h, width, 3]; no lines make an empty band."""
    folded = [part for one in lines for part in fold(one, width - 2 * size, size)][:_MOST_LINES]
    height = round(1.4 * size * len(folded)) + size if folded else 0
    made = np.full((height, width, 3), PAPER, dtype=np.uint8)
    for number, one in enumerate(folded):
        pen.text(made, one, (size, size / 2 + 1.4 * size * number), size, colour)
    return made


def page(lines: list[str]) -> pen.Picture:
    """The lines as a picture of their own."""
    return band(lines or ["(no text)"], _PAGE_WIDTH, 15)


def above(lines: list[str], picture: pen.Picture) -> pen.Picture:
    """The picture under a band with the lines."""
    return np.vstack([band(lines, picture.shape[1], letter_size(picture)), picture])


def below(picture: pen.Picture, line: str) -> pen.Picture:
    """The picture over a faint line: which object it is drawn from."""
    return np.vstack([picture, band([line], picture.shape[1], max(10, letter_size(picture) * 2 // 3), FAINT)])


def letter_size(picture: pen.Picture) -> int:
    """Height of the letters of a band round this picture."""
    return max(12, max(picture.shape[:2]) // 55)


def fold(line: str, wide: float, size: int) -> list[str]:
    """A line as lines no wider than `wide`, broken at spaces, or in a word that is too long; its indent is kept."""
    indent = line[: len(line) - len(line.lstrip())]
    made: list[str] = []
    current = indent
    for part in line.split() or [""]:
        longer = part if not current.strip() else f"{current} {part}"
        if not current.strip():
            longer = indent + part
        if pen.font(size).getlength(longer) <= wide:
            current = longer
            continue
        made += [current] if current.strip() else []
        current = indent + part
        while pen.font(size).getlength(current) > wide and len(current) > len(indent) + 1:
            keep = max(int(len(current) * wide / pen.font(size).getlength(current)), len(indent) + 1)
            made.append(current[:keep])
            current = indent + current[keep:]
    return [*made, current]
