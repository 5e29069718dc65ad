"""Graphic annotations of a presentation state: PS3.3 C.10.5.

Lines and letters keep their width on the display whatever the magnification. Compound graphics are left out: the
standard has them repeated as plain ones (C.10.5, Compound Graphic Sequence).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydicom import Dataset

from daemon.core.attributes import integer, items, numbers, values, word
from worker.render import pen
from worker.render.colours import Colour, stated
from worker.render.curves import DOTS, LINES
from worker.render.geometry import Points, View

FILL = 0.35  # opacity of a filled graphic: distinguishable from an outline, and the film is seen through it
MAX_POINTS = 100_000


def annotate(
    picture: pen.Picture, annotations: Sequence[Dataset], colour: Colour, view: View, notes: list[str]
) -> None:
    """Draw the annotations of one layer into the picture."""
    for annotation in annotations:
        if items(annotation, "CompoundGraphicSequence") and not items(annotation, "GraphicObjectSequence"):
            notes.append("a compound graphic without its plain form: not drawn")
        for graphic in items(annotation, "GraphicObjectSequence"):
            _attempt(_graphic, picture, graphic, colour, view, notes)
        for text in items(annotation, "TextObjectSequence"):
            _attempt(_text, picture, text, colour, view, notes)


def line_width(picture: pen.Picture) -> float:
    """Of a graphic whose maker states none: two pixels, more on a large picture. One could be two halves, and faint."""
    return max(2.0, round(max(picture.shape[:2]) / 600))


def _attempt(draw, picture, item, colour, view, notes) -> None:  # type: ignore[no-untyped-def]
    """Draw one item, or note why it cannot be drawn."""
    try:
        draw(picture, item, colour, view)
    except ValueError as error:
        notes.append(f"{draw.__name__[1:]} not drawn: {error}")


def _graphic(picture: pen.Picture, graphic: Dataset, colour: Colour, view: View) -> None:
    kind = word(graphic, "GraphicType")
    flat = numbers(graphic, "GraphicData")
    if integer(graphic, "GraphicDimensions", 2) != 2 or not flat or len(flat) % 2 or len(flat) > 2 * MAX_POINTS:
        raise ValueError("Graphic Data is no list of points")
    points = _on_canvas(np.array(flat).reshape(-1, 2), word(graphic, "GraphicAnnotationUnits"), view)
    style = next(iter(items(graphic, "LineStyleSequence")), Dataset())
    colour = stated(style, "PatternOnColorCIELabValue") or colour
    width = (numbers(style, "LineThickness") or (line_width(picture),))[0]
    if kind in DOTS:
        for point in points:
            pen.dot(picture, point, colour, 2 * line_width(picture))
        return
    if kind not in LINES:
        raise ValueError("its Graphic Type is unknown")
    line = LINES[kind](points)
    if word(graphic, "GraphicFilled") == "Y":
        filling = next(iter(items(graphic, "FillStyleSequence")), Dataset())
        pen.area(picture, line, stated(filling, "PatternOnColorCIELabValue") or colour, FILL)
        line = np.vstack([line, line[:1]])  # filled graphics are closed (C.10.5.1.2)
    pen.line(picture, line, colour, min(max(width, 1.0), 50.0))


def _text(picture: pen.Picture, text: Dataset, colour: Colour, view: View) -> None:
    """Text in its box, or beside its anchor; a visible anchor is joined to the box, or marked where there is none."""
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
            pen.line(picture, np.array([np.clip(anchor, low, high), anchor]), colour, line_width(picture))
        _boxed(picture, words, box, text, colour, view)
    elif anchor is not None:
        size = max(12, max(picture.shape[:2]) // 60)
        if visible:
            pen.dot(picture, anchor, colour, 2 * line_width(picture))
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
    return _on_canvas(np.array([first, second]), word(text, "BoundingBoxAnnotationUnits"), view)


def _anchor(text: Dataset, view: View) -> Points | None:
    point = numbers(text, "AnchorPoint")
    if len(point) != 2:
        return None
    return _on_canvas(np.array([point]), word(text, "AnchorPointAnnotationUnits"), view)[0]


def _on_canvas(points: Points, units: str, view: View) -> Points:
    """By the units: PIXEL of the image, DISPLAY fractions of the displayed area (C.10.5, Graphic Annotation Units)."""
    if units == "PIXEL":
        return view.to_canvas(points)
    if units == "DISPLAY":
        return view.area_to_canvas(points)
    raise ValueError("its units are neither PIXEL nor DISPLAY")
