"""Graphic annotations of a presentation state: PS3.3 C.10.5; its texts are in `texts`.

Lines keep their width on the display whatever the magnification. Compound graphics are left out: the standard has them
repeated as plain ones (C.10.5, Compound Graphic Sequence).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from pydicom import Dataset

from daemon.core.attributes import integer, items, numbers, word
from worker.render import pen
from worker.render.colours import Colour, stated
from worker.render.curves import DOTS, LINES
from worker.render.geometry import View
from worker.render.texts import draw_text

FILL = 0.35  # opacity of a filled graphic: distinguishable from an outline, and the film is seen through it
MAX_POINTS = 100_000

_Draw = Callable[[pen.Picture, Dataset, Colour, View], None]


def annotate(
    picture: pen.Picture, annotations: Sequence[Dataset], colour: Colour, view: View, notes: list[str]
) -> None:
    """Draw the annotations of one layer into the picture."""
    for annotation in annotations:
        if items(annotation, "CompoundGraphicSequence") and not items(annotation, "GraphicObjectSequence"):
            notes.append("a compound graphic without its plain form: not drawn")
        for graphic in items(annotation, "GraphicObjectSequence"):
            _attempt("graphic", _graphic, picture, graphic, (colour, view), notes)
        for text in items(annotation, "TextObjectSequence"):
            _attempt("text", draw_text, picture, text, (colour, view), notes)


def _attempt(
    what: str, draw: _Draw, picture: pen.Picture, item: Dataset, look: tuple[Colour, View], notes: list[str]
) -> None:
    """Draw one item, or note why it cannot be drawn."""
    try:
        draw(picture, item, *look)
    except ValueError as error:
        notes.append(f"a {what} is not drawn: {error}")


def _graphic(picture: pen.Picture, graphic: Dataset, colour: Colour, view: View) -> None:
    kind = word(graphic, "GraphicType")
    flat = numbers(graphic, "GraphicData")
    if integer(graphic, "GraphicDimensions", 2) != 2 or not flat or len(flat) % 2 or len(flat) > 2 * MAX_POINTS:
        raise ValueError("Graphic Data is no list of points")
    points = view.by_units(np.array(flat).reshape(-1, 2), word(graphic, "GraphicAnnotationUnits"))
    style = next(iter(items(graphic, "LineStyleSequence")), Dataset())
    colour = stated(style, "PatternOnColorCIELabValue") or colour
    width = (numbers(style, "LineThickness") or (pen.line_width(picture),))[0]
    if kind in DOTS:
        for point in points:
            pen.dot(picture, point, colour, 2 * pen.line_width(picture))
        return
    if kind not in LINES:
        raise ValueError("its Graphic Type is unknown")
    line = LINES[kind](points)
    if word(graphic, "GraphicFilled") == "Y":
        filling = next(iter(items(graphic, "FillStyleSequence")), Dataset())
        pen.area(picture, line, stated(filling, "PatternOnColorCIELabValue") or colour, FILL)
        line = np.vstack([line, line[:1]])  # filled graphics are closed (C.10.5.1.2)
    pen.line(picture, line, colour, min(max(width, 1.0), 50.0))
