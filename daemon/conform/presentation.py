"""A Grayscale Softcopy Presentation State: areas, layers, graphics and text (PS3.3 A.33.1, C.10.4, C.10.5, C.10.7)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping

from daemon.conform.fault import Fault
from daemon.conform.forms import GSPS
from daemon.conform.report_words import is_statement
from daemon.conform.shapes import PITCHES, closed, counted, inside, points_of, upright_box
from daemon.conform.subject import Subject
from daemon.conform.view import Item

# C.10.5.1.1: how many points each type has
_POINTS: Mapping[str, tuple[int, int]] = {
    "POINT": (1, 1), "POLYLINE": (2, 10**6), "INTERPOLATED": (2, 10**6), "CIRCLE": (2, 2), "ELLIPSE": (4, 4)
}  # fmt: skip
_UNITS = ("PIXEL", "DISPLAY")
_MARKED = re.compile(r"(\d+) marked")
_TEXT_SLACK = 0.5  # of a pixel


def presentation(subject: Subject) -> Iterator[Fault]:
    """All of the state's own modules but its grey pipeline."""
    if subject.sop_class_uid != GSPS:
        return
    root = subject.root
    if ("ImageRotation" in root) != ("ImageHorizontalFlip" in root):
        yield Fault("gsps-transformation", "ImageRotation", "rotation and flip come together")
    if not re.fullmatch(r"[A-Z0-9 _]{1,16}", root.text("ContentLabel")):
        yield Fault("gsps-content-label", "ContentLabel", "no CS value")
    for sequence in root.items("ReferencedSeriesSequence"):
        for image in sequence.items("ReferencedImageSequence"):
            source = subject.sources.get(image.text("ReferencedSOPInstanceUID"))
            grey = source.text("PhotometricInterpretation") if source else ""
            if grey and not grey.startswith("MONOCHROME"):
                yield Fault("gsps-grey", image.path, "A.33.1.1: only MONOCHROME1 and MONOCHROME2 images")
    yield from _areas(subject)
    yield from _layers(root)
    texts, graphics = 0, 0
    for annotation in root.items("GraphicAnnotationSequence"):
        yield from _annotation(subject, annotation)
        graphics += len(annotation.items("GraphicObjectSequence"))
        texts += any(
            is_statement(text.whole("UnformattedTextValue")) for text in annotation.items("TextObjectSequence")
        )
    if subject.ours:
        yield from _counted(root, texts, graphics)
    yield from _tracked(subject, root)


def images_of(item: Item) -> list[str]:
    """The images that an item applies to, by UID."""
    return [image.text("ReferencedSOPInstanceUID") for image in item.items("ReferencedImageSequence")]


def _areas(subject: Subject) -> Iterator[Fault]:
    """C.10.4: an area for every image, within it; of ours the whole of it, its pixels in their true proportion."""
    root, seen = subject.root, []
    for area in root.items("DisplayedAreaSelectionSequence"):
        uids = images_of(area) or [
            uid for series in root.items("ReferencedSeriesSequence") for uid in images_of(series)
        ]
        seen += uids
        corners = [area.numbers(f"DisplayedArea{name}HandCorner") for name in ("TopLeft", "BottomRight")]
        if [len(corner) for corner in corners] != [2, 2]:
            yield Fault("gsps-area", area.path, "a corner is absent")
            continue
        (left, top), (right, bottom) = corners
        for uid in uids:
            columns, rows = subject.size(uid) or (math.inf, math.inf)
            if not (1 <= left <= right <= columns and 1 <= top <= bottom <= rows):
                yield Fault("gsps-area", area.path, "not within the image")
            elif subject.ours and columns < math.inf and corners != [[1, 1], [columns, rows]]:
                yield Fault("gsps-area", area.path, "not the whole image")
        yield from _shown(subject, area, uids)
    shown = [uid for series in root.items("ReferencedSeriesSequence") for uid in images_of(series)]
    if sorted(seen) != sorted(shown):
        yield Fault("gsps-area", "DisplayedAreaSelectionSequence", "not one area for each image")


def _shown(subject: Subject, area: Item, uids: list[str]) -> Iterator[Fault]:
    mode, ratio = area.text("PresentationSizeMode"), area.numbers("PresentationPixelAspectRatio")
    if mode not in ("SCALE TO FIT", "TRUE SIZE", "MAGNIFY"):
        yield Fault("gsps-area-mode", area.where("PresentationSizeMode"), "no mode of C.10.4")
    if mode == "MAGNIFY" and not area.number("PresentationPixelMagnificationRatio") > 0:
        yield Fault("gsps-area-mode", area.path, "MAGNIFY without its ratio")
    spacing = area.has("PresentationPixelSpacing")
    if spacing == area.has("PresentationPixelAspectRatio") or (mode == "TRUE SIZE" and not spacing):
        yield Fault("gsps-aspect", area.path, "one of pixel spacing and pixel aspect ratio is due")
    elif ratio and not (len(ratio) == 2 and all(number > 0 for number in ratio)):
        yield Fault("gsps-aspect", area.where("PresentationPixelAspectRatio"), "not two positive numbers")
    elif ratio and not any(_proportion(subject.sources.get(uid), ratio[0] / ratio[1]) for uid in uids):
        yield Fault("gsps-aspect", area.where("PresentationPixelAspectRatio"), "not the image's pixels' proportion")


def _proportion(source: Item | None, ratio: float) -> bool:
    """Whether a ratio (vertical over horizontal size) is the image's; true where the image states none."""
    if source is None:
        return True
    for name in ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing", "PixelAspectRatio"):
        stated = source.numbers(name)
        least, most = (0, math.inf) if name == "PixelAspectRatio" else PITCHES
        if len(stated) == 2 and all(0 < number < math.inf and least <= number <= most for number in stated):
            # a proportion that no two integers up to 1000 express is as near as they come
            return math.isclose(stated[0] / stated[1], ratio, rel_tol=0.01) or not 0.001 < stated[0] / stated[1] < 1000
    return math.isclose(ratio, 1, rel_tol=0.01)


def _layers(root: Item) -> Iterator[Fault]:
    """C.10.7: layers are declared once, in an order, and used; what is drawn is in one of them."""
    layers = root.items("GraphicLayerSequence")
    names = [layer.text("GraphicLayer") for layer in layers]
    orders = [layer.text("GraphicLayerOrder") for layer in layers]
    if len(set(names)) != len(names) or not all(names):
        yield Fault("gsps-layer", "GraphicLayerSequence", "a layer without a name, or declared twice")
    if len(set(orders)) != len(orders) or not all(orders):
        yield Fault("gsps-layer-order", "GraphicLayerSequence", "a layer without a place in the order, or two with one")
    used = [(annotation.where("GraphicLayer"), annotation.text("GraphicLayer"))
            for annotation in root.items("GraphicAnnotationSequence")]  # fmt: skip
    used += [(attribute.name, root.text(attribute.name)) for attribute in root.attributes.values()
             if attribute.tag >> 16 & 0xFFE1 == 0x6000 and attribute.tag & 0xFFFF == 0x1001]  # fmt: skip
    for where, name in used:
        if name not in names:
            yield Fault("gsps-layer", where, "in a layer that is not declared")
    for name in set(names) - {name for _, name in used}:
        yield Fault("gsps-layer", f"GraphicLayerSequence[{names.index(name)}]", "a layer that nothing is in")


def _annotation(subject: Subject, annotation: Item) -> Iterator[Fault]:
    uids = images_of(annotation) or [
        uid for series in subject.root.items("ReferencedSeriesSequence") for uid in images_of(series)
    ]
    sizes = [size for size in map(subject.size, uids) if size] or _of_areas(subject, uids)
    size = (min(columns for columns, _ in sizes), min(rows for _, rows in sizes)) if sizes else None
    objects, texts = annotation.items("GraphicObjectSequence"), annotation.items("TextObjectSequence")
    if not objects and not texts:
        yield Fault("gsps-annotation", annotation.path, "neither graphics nor text")
    for item in objects:
        yield from _graphic(subject, item, size)
    for item in texts:
        yield from _text(item, size)


def _of_areas(subject: Subject, uids: list[str]) -> list[tuple[float, float]]:
    """Sizes of the images as the areas have them, where no header is at hand."""
    areas = [area for area in subject.root.items("DisplayedAreaSelectionSequence") if set(images_of(area)) & set(uids)]
    corners = [area.numbers("DisplayedAreaBottomRightHandCorner") for area in areas]
    return [(corner[0], corner[1]) for corner in corners if len(corner) == 2]


def _graphic(subject: Subject, item: Item, size: tuple[float, float] | None) -> Iterator[Fault]:
    """C.10.5.1.2."""
    kind, points, units = (
        item.text("GraphicType"),
        points_of(item.numbers("GraphicData")),
        item.text("GraphicAnnotationUnits"),
    )
    where = item.where("GraphicData")
    if kind not in _POINTS:
        yield Fault("gsps-graphic-type", item.where("GraphicType"), "no type of PS3.3 C.10.5.1.1")
    if units not in _UNITS or (subject.ours and units != "PIXEL"):
        yield Fault("gsps-units", item.where("GraphicAnnotationUnits"), "not PIXEL")
    if item.number("GraphicDimensions") != 2:
        yield Fault("gsps-dimensions", item.where("GraphicDimensions"), "not 2")
    if points is None:
        yield Fault("gsps-graphic-data", where, "not pairs of finite numbers")
        return
    if item.number("NumberOfGraphicPoints") != len(points):
        yield Fault("gsps-points", item.where("NumberOfGraphicPoints"), f"not {len(points)}")
    if kind in _POINTS and not counted(points, *_POINTS[kind]):
        yield Fault("gsps-points", where, f"not the number of points of a {kind}")
    if not inside(points, size if units == "PIXEL" else (1, 1)):
        yield Fault("gsps-inside-image", where, "leaves the image")
    area = kind in ("CIRCLE", "ELLIPSE") or (kind in ("POLYLINE", "INTERPOLATED") and closed(points))
    if area and item.text("GraphicFilled") not in ("Y", "N"):
        yield Fault("gsps-filled", item.where("GraphicFilled"), "neither Y nor N")
    if subject.ours and not (kind == "POLYLINE" and upright_box(points)):
        yield Fault("gsps-box", where, "not a closed upright box of five points")


def _text(item: Item, size: tuple[float, float] | None) -> Iterator[Fault]:
    """C.10.5.1.3: words, in a bounding box, at an anchor, or both."""
    if not item.whole("UnformattedTextValue"):
        yield Fault("gsps-text", item.where("UnformattedTextValue"), "absent or empty")
    boxed = "BoundingBoxTopLeftHandCorner" in item or "BoundingBoxBottomRightHandCorner" in item
    if not boxed and "AnchorPoint" not in item:
        yield Fault("gsps-text-place", item.path, "neither a bounding box nor an anchor")
    if boxed:
        units = item.text("BoundingBoxAnnotationUnits")
        corners = points_of(
            item.numbers("BoundingBoxTopLeftHandCorner") + item.numbers("BoundingBoxBottomRightHandCorner")
        )
        if units not in _UNITS or item.text("BoundingBoxTextHorizontalJustification") not in (
            "LEFT",
            "RIGHT",
            "CENTER",
        ):
            yield Fault("gsps-text-place", item.path, "a bounding box without its units or justification")
        if (
            corners is None
            or len(corners) != 2
            or not (corners[0][0] < corners[1][0] and corners[0][1] < corners[1][1])
        ):
            yield Fault("gsps-text-place", item.path, "a bounding box without extent")
        elif not _within(corners, units, size):
            yield Fault("gsps-inside-image", item.path, "the text's box leaves the image")
    if "AnchorPoint" in item:
        anchor, units = points_of(item.numbers("AnchorPoint")), item.text("AnchorPointAnnotationUnits")
        if units not in _UNITS or item.text("AnchorPointVisibility") not in ("Y", "N"):
            yield Fault("gsps-text-place", item.path, "an anchor without its units or visibility")
        if anchor is None or len(anchor) != 1 or not _within(anchor, units, size):
            yield Fault("gsps-inside-image", item.where("AnchorPoint"), "not one point in the image")


def _within(points: list[tuple[float, float]], units: str, size: tuple[float, float] | None) -> bool:
    if units == "DISPLAY":
        return inside(points, (1, 1))
    slack = (size[0] + _TEXT_SLACK, size[1] + _TEXT_SLACK) if size else None
    return inside(
        [(max(x, 0) if x > -_TEXT_SLACK else x, max(y, 0) if y > -_TEXT_SLACK else y) for x, y in points], slack
    )


def _counted(root: Item, statements: int, graphics: int) -> Iterator[Fault]:
    """The line on each film says that this is AI and unverified, and how many places are marked."""
    annotations = root.items("GraphicAnnotationSequence")
    if statements != len(annotations) or not statements:
        yield Fault("statement", "GraphicAnnotationSequence", "no text says that this is AI and unverified")
    if not is_statement(root.text("ContentDescription")):
        yield Fault("statement", "ContentDescription", "does not say that this is AI and unverified")
    words = [text.whole("UnformattedTextValue") for each in annotations for text in each.items("TextObjectSequence")]
    told = sum(int(match[1]) for match in filter(None, map(_MARKED.search, words)))
    labels = sum(word.startswith("AI ") for word in words)
    if not told == labels == graphics:
        yield Fault("gsps-words-count", "GraphicAnnotationSequence", f"{told} told, {labels} named, {graphics} drawn")


def _tracked(subject: Subject, root: Item) -> Iterator[Fault]:
    """C.10.5: Tracking ID and UID come together, and each is one object's."""
    seen = set()
    for annotation in root.items("GraphicAnnotationSequence"):
        for item in annotation.items("GraphicObjectSequence"):
            if item.has("TrackingID") != item.has("TrackingUID"):
                yield Fault("gsps-tracking", item.path, "one of tracking ID and UID without the other")
            if item.has("TrackingUID") and item.text("TrackingUID") in seen:
                yield Fault("gsps-tracking", item.where("TrackingUID"), "shared by two objects")
            seen.add(item.text("TrackingUID"))
            if subject.ours and item.text("TrackingID") != f"lesion {len(seen)}":
                yield Fault("gsps-tracking", item.where("TrackingID"), f"not lesion {len(seen)}")
