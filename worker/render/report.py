"""A structured report as a picture: its regions over the image, its results in words above; or its text alone.

PS3.3 A.35.3, A.35.13 (Comprehensive SR), A.35.6 (Chest CAD SR), A.35.4 (Key Object Selection), A.35.1 (Basic Text SR).
Everything said comes from the object: the regions from its content tree, the words from its texts. The picture is the
image's own: a report has no look.
"""

from __future__ import annotations

from pydicom import Dataset

from daemon.core.attributes import word
from worker.render import panel, pen, tree
from worker.render.colours import AMBER
from worker.render.curves import DOTS, LINES
from worker.render.errors import CannotRender
from worker.render.geometry import View, plain_view
from worker.render.grey import own_p_values
from worker.render.presentation import as_colour, as_grey
from worker.render.regions import FINDINGS, Region, mentions, regions_on
from worker.render.shutters import shut
from worker.render.stored import stored_of

RESULTS: frozenset[tree.Concept] = frozenset(
    {
        ("111017", "DCM"),  # CAD Processing and Findings Summary, TID 4100 and 1500
        ("121106", "DCM"),  # Comment
        ("113012", "DCM"),  # Key Object Description, TID 2010
    }
)
Box = tuple[float, float, float, float]  # (x0, y0, x1, y1), canvas frame

MEASUREMENT_GROUP: tree.Concept = ("125007", "DCM")


def render_report(
    report: Dataset, image: Dataset, size: tuple[int, int] | None = None, notes: list[str] | None = None
) -> pen.Picture:
    """`image`, with pixels, and over it what the report marks on it, uint8 [H, W, 3]; above it what it says of it.

    size: (width, height) of the image's part. notes: gets a line for each thing that is not drawn.
    Raises CannotRender when the report does not mention the image; PixelsUnreadable when it has no readable pixels.
    """
    notes = [] if notes is None else notes
    uid = word(image, "SOPInstanceUID")
    if uid not in mentions(report):
        raise CannotRender("the report is about other images")
    picture, view = own_picture(image, size, notes)
    taken: list[Box] = []
    for region in regions_on(report, uid, notes):
        try:
            _draw(picture, region, view, taken)
        except ValueError as error:
            notes.append(f"region not drawn: {error}")
    return panel.above(result_lines(report, uid), picture)


def render_text(report: Dataset) -> pen.Picture:
    """A structured report, or a Key Object Selection, as a page of its text, uint8 [H, W, 3]."""
    lines = [title_of(report)]
    for node in tree.walk(report):
        said = tree.words(node.item) or ", ".join(tree.images(node.item))
        name = tree.meaning(node.item)
        lines.append("   " * len(node.ancestors) + (f"{name}: {said}" if name and said else name or said))
    return panel.page([line for line in lines if line.strip()])


def own_picture(image: Dataset, size: tuple[int, int] | None, notes: list[str]) -> tuple[pen.Picture, View]:
    """The image as it looks by itself, under its own display shutter (C.7.6.11), and how it lies on the picture."""
    stored = stored_of(image)
    view = plain_view(image, size)
    grey = as_grey(own_p_values(image, stored, notes), stored)
    return as_colour(view.draw(shut(image, grey, view.pixel_aspect, notes))), view


def title_of(report: Dataset) -> str:
    """What the object calls itself: its series' description, or its title."""
    return str(report.get("SeriesDescription", "")).strip() or tree.meaning(report)


def result_lines(report: Dataset, image_uid: str) -> list[str]:
    """What the report says of the study and of this image: results that are not inferred from other images only."""
    lines, explained = [title_of(report)], str(report.get("CompletionFlagDescription", "")).strip()
    lines += [] if explained in lines[0] else [explained]
    for node in tree.walk(report):
        if tree.concept(node.item) not in RESULTS or any(map(_is_finding, node.ancestors)):
            continue
        sources = [
            uid
            for relationship in ("INFERRED FROM", "SELECTED FROM")
            for item in tree.children(report, node.item, relationship, "IMAGE")
            for uid in tree.images(item)
        ]
        if not sources or image_uid in sources:
            lines.append(tree.words(node.item))
    return list(dict.fromkeys(line for line in lines if line))


def _is_finding(item: Dataset) -> bool:
    return tree.concept(item) == MEASUREMENT_GROUP or tree.concept(item) in FINDINGS


def _draw(picture: pen.Picture, region: Region, view: View, taken: list[Box]) -> None:
    points = view.by_units(region.points, "PIXEL")
    width = pen.line_width(picture)
    if region.kind in DOTS:
        for point in points:
            pen.dot(picture, point, AMBER, 2 * width)
        corners = points
    elif region.kind in LINES:
        corners = LINES[region.kind](points)
        pen.line(picture, corners, AMBER, width)
    else:
        raise ValueError("its Graphic Type is unknown")
    if region.label:
        _name(picture, region.label, corners.min(axis=0), corners.max(axis=0), taken)


def _name(picture: pen.Picture, label: str, low: pen.Points, high: pen.Points, taken: list[Box]) -> None:
    """Write the label above its region, or below it, or in it: inside the picture, and off earlier labels if it can."""
    size = panel.letter_size(picture)
    ink, _ = pen.letters(label, size, "left", 0)
    tall, wide = ink.shape
    left = min(max(float(low[0]), 0.0), max(picture.shape[1] - wide, 0.0))
    tops = [low[1] - tall - 2, high[1] + 4, low[1] + 4, high[1] - tall - 2, low[1] - 2 * tall - 2, high[1] + tall + 4]
    spots = [(left, float(top), left + wide, float(top) + tall) for top in tops if 0 <= top <= picture.shape[0] - tall]
    free = [spot for spot in spots if not any(_touch(spot, other) for other in taken)]
    spot = next(iter(free or spots), (left, 0.0, left + wide, float(tall)))
    taken.append(spot)
    pen.text(picture, label, spot[:2], size, AMBER)


def _touch(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
