"""Texts of a presentation state: PS3.3 C.10.5, Text Object Sequence; C.10.5.1.1 for the direction in which they run.

Letters are as large as the bounding box lets them be, and no smaller than can be read.
"""

from __future__ import annotations

import numpy as np
from pydicom import Dataset

from daemon.core.attributes import items, numbers, values, word
from worker.render import pen
from worker.render.colours import Colour, stated
from worker.render.geometry import Points, View


def draw_text(picture: pen.Picture, text: Dataset, colour: Colour, view: View) -> None:
    """Text in its box, or beside its anchor; a visible anchor is joined to the box, or marked where there is none.

    Raises ValueError for a text without a place.
    """
    words = "\\".join(str(part) for part in values(text, "UnformattedTextValue"))
    lines = [line.rstrip() for line in words.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    words = "\n".join("".join(letter for letter in line if letter.isprintable()) for line in lines).strip("\n")
    style = next(iter(items(text, "TextStyleSequence")), Dataset())
    colour = stated(style, "TextColorCIELabValue") or colour
    box = _corners(text, view)
    anchor = _anchor(text, view)
    visible = word(text, "AnchorPointVisibility") == "Y"
    if box is None and anchor is None:
        raise ValueError("neither a bounding box nor an anchor point")
    if box is not None:
        if anchor is not None and visible:
            low, high = box.min(axis=0), box.max(axis=0)
            pen.line(picture, np.array([np.clip(anchor, low, high), anchor]), colour, pen.line_width(picture))
        _boxed(picture, words, box, text, colour, view)
    elif anchor is not None:
        size = max(12, max(picture.shape[:2]) // 60)
        if visible:
            pen.dot(picture, anchor, colour, 2 * pen.line_width(picture))
        pen.text(picture, words, (float(anchor[0]) + size / 2, float(anchor[1]) - size / 2), size, colour)


def _boxed(picture: pen.Picture, words: str, box: Points, text: Dataset, colour: Colour, view: View) -> None:
    low, high = box.min(axis=0), box.max(axis=0)
    wide, tall = (high - low).tolist()
    turns = [_direction(box)]
    if view.mirrored and word(text, "BoundingBoxAnnotationUnits") == "PIXEL":
        turns.append(_direction(box * [-1, 1]))
    # On a flipped image the direction may be that of a text in a mirror, which nobody can read: of the two ways of
    # turning it back the one is meant that fills the box.
    fits = [pen.fitting(words, *((tall, wide) if turn % 2 else (wide, tall))) for turn in turns]
    size = max(fits)
    turn = turns[fits.index(size)]
    wide = tall if turn % 2 else wide
    align = word(text, "BoundingBoxTextHorizontalJustification").lower()
    align = align if align in ("center", "right") else "left"
    # a text wider than its box starts where the box starts, in whatever direction it runs
    pen.text(picture, words, _start(low, high, words, size, turn, wide), size, colour,
             align=align, wide=wide, turn=turn)  # fmt: skip


def _start(low: Points, high: Points, words: str, size: int, turn: int, wide: float) -> tuple[float, float]:
    """Top left corner of the turned text so that its first letter is at the box's own top left corner."""
    ink, _ = pen.letters(words, size, "left", wide)
    rim = 2 * max(1, size // 12)
    length, height = ink.shape[1] - rim, ink.shape[0] - rim
    across, down = (height, length) if turn % 2 else (length, height)
    x = float(high[0]) - across if turn in (1, 2) else float(low[0])
    y = float(high[1]) - down if turn in (2, 3) else float(low[1])
    return x, y


def _direction(box: Points) -> int:
    """Quarter turns of a text that runs from the box's first corner to its second, as they lie on the display."""
    right, down = (box[1] >= box[0]).tolist()
    return {(True, True): 0, (False, True): 1, (False, False): 2, (True, False): 3}[right, down]


def _corners(text: Dataset, view: View) -> Points | None:
    """The bounding box's two corners on the canvas [2, 2], as they were given; None without a box."""
    first, second = (
        numbers(text, "BoundingBoxTopLeftHandCorner"),
        numbers(text, "BoundingBoxBottomRightHandCorner"),
    )
    if len(first) != 2 or len(second) != 2:
        return None
    return view.by_units(np.array([first, second]), word(text, "BoundingBoxAnnotationUnits"))


def _anchor(text: Dataset, view: View) -> Points | None:
    point = numbers(text, "AnchorPoint")
    if len(point) != 2:
        return None
    return view.by_units(np.array([point]), word(text, "AnchorPointAnnotationUnits"))[0]
