"""Each content item by its value type: what it must hold, what a number and a region may be (PS3.3 C.17.3.2, C.18)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation

from daemon.conform.fault import Fault
from daemon.conform.forms import CHEST_CAD_SR, DOCUMENTS, KEY_OBJECT_SELECTION
from daemon.conform.shapes import closed, counted, inside, points_of, upright_box
from daemon.conform.subject import Subject
from daemon.conform.tree import Node, root_of
from daemon.conform.view import Item

# C.17.3.2, C.18.1 to C.18.9: what carries the value of each value type
_VALUE: Mapping[str, tuple[str, ...]] = {
    "TEXT": ("TextValue",),
    "NUM": ("MeasuredValueSequence",),
    "CODE": ("ConceptCodeSequence",),
    "DATETIME": ("DateTime",),
    "DATE": ("Date",),
    "TIME": ("Time",),
    "UIDREF": ("UID",),
    "PNAME": ("PersonName",),
    "COMPOSITE": ("ReferencedSOPSequence",),
    "IMAGE": ("ReferencedSOPSequence",),
    "WAVEFORM": ("ReferencedSOPSequence",),
    "SCOORD": ("GraphicType", "GraphicData"),
    "SCOORD3D": ("GraphicType", "GraphicData", "ReferencedFrameOfReferenceUID"),
    "TCOORD": ("TemporalRangeType",),
    "CONTAINER": ("ContinuityOfContent",),
}
_ALL_VALUES = frozenset(name for names in _VALUE.values() for name in names)
_REFERRING = ("COMPOSITE", "IMAGE", "WAVEFORM")
# C.18.6.1.2: how many points each type has; C.18.9.1.2 in three dimensions
_POINTS: Mapping[str, tuple[int, int]] = {
    "POINT": (1, 1), "MULTIPOINT": (1, 10**6), "POLYLINE": (2, 10**6), "CIRCLE": (2, 2), "ELLIPSE": (4, 4)
}  # fmt: skip
_SURROUNDING = (("111030", "DCM"), ("111041", "DCM"))  # Image Region, Outline
PERCENT, PIXELS, MILLIMETRE = ("%", "UCUM"), ("{pixels}", "UCUM"), ("mm", "UCUM")
# PS3.16 Annex D: the unit in which each number of ours is told, and its least and greatest value
NUMBERS: Mapping[tuple[str, str], tuple[tuple[str, str], float, float]] = {
    ("111012", "DCM"): (PERCENT, 0, 100),  # Certainty of Finding
    ("111013", "DCM"): (PERCENT, 0, 100),  # Certainty of Feature
    ("111047", "DCM"): (PERCENT, 0, 100),  # Probability of cancer
    ("110910", "DCM"): (PIXELS, 1, 2**16),  # Pixel Data Rows
    ("110911", "DCM"): (PIXELS, 1, 2**16),  # Pixel Data Columns
    ("111026", "DCM"): (MILLIMETRE, 1e-9, 1e6),  # Horizontal Pixel Spacing
    ("111066", "DCM"): (MILLIMETRE, 1e-9, 1e6),  # Vertical Pixel Spacing
}


def content(subject: Subject) -> Iterator[Fault]:
    """Every content item of a document."""
    if subject.sop_class_uid not in DOCUMENTS:
        return
    for node in root_of(subject).walk():
        if "ReferencedContentItemIdentifier" in node.item:
            continue
        yield from _value(subject, node)
        if node.value_type == "NUM":
            yield from _number(node)
        if node.value_type == "SCOORD":
            yield from _region(subject, node)


def _value(subject: Subject, node: Node) -> Iterator[Fault]:
    needed = _VALUE.get(node.value_type)
    if needed is None:
        yield Fault("sr-value-type", node.item.where("ValueType"), "no value type of PS3.3 C.17.3.2.1")
        return
    for name in needed:
        if not node.item.has(name) and not (
            node.value_type == "NUM" and node.item.has("NumericValueQualifierCodeSequence")
        ):
            yield Fault("sr-value", node.item.where(name), f"a {node.value_type} item without it")
    for name in _ALL_VALUES.difference(needed):
        if name in node.item:
            yield Fault("sr-value", node.item.where(name), f"in a {node.value_type} item")
    for name in ("MeasuredValueSequence", "ConceptCodeSequence", "ConceptNameCodeSequence", "ReferencedSOPSequence"):
        if name in node.item and len(node.item.items(name)) > 1:
            yield Fault("sr-value-single", node.item.where(name), "more than one item")
    if node.value_type == "CONTAINER" and node.item.text("ContinuityOfContent") not in ("SEPARATE", "CONTINUOUS"):
        yield Fault("sr-continuity", node.item.where("ContinuityOfContent"), "neither SEPARATE nor CONTINUOUS")
    # TID 2010 and 4100 leave what is only referred to without a name; viewers of the others read every name.
    unnamed = node.value_type in _REFERRING and subject.sop_class_uid in (KEY_OBJECT_SELECTION, CHEST_CAD_SR)
    if not node.item.items("ConceptNameCodeSequence") and not unnamed:
        yield Fault("sr-concept-name", node.item.where("ConceptNameCodeSequence"), "absent or empty")
    if subject.sop_class_uid == KEY_OBJECT_SELECTION and node.value_type in _REFERRING and node.concept != ("", ""):
        yield Fault("kos-reference-name", node.item.where("ConceptNameCodeSequence"), "TID 2010 gives it no name")
    if "ContentSequence" in node.item and not node.item.items("ContentSequence"):
        yield Fault("sr-content-empty", node.item.where("ContentSequence"), "without items")
    yield from _template(node.item)


def _template(item: Item) -> Iterator[Fault]:
    """C.18.8: which template a container follows."""
    if "ContentTemplateSequence" not in item:
        return
    named = item.items("ContentTemplateSequence")
    if len(named) != 1:
        yield Fault("sr-template", item.where("ContentTemplateSequence"), "not one item")
    for template in named:
        if template.text("MappingResource") != "DCMR":
            yield Fault("sr-template", template.where("MappingResource"), "not DCMR")
        if not re.fullmatch(r"[1-9]\d{1,4}", template.text("TemplateIdentifier")):
            yield Fault("sr-template", template.where("TemplateIdentifier"), "no template's number")


def _number(node: Node) -> Iterator[Fault]:
    """C.18.1: one value in DS, one unit of UCUM, and what PS3.16 says of this concept's."""
    for measured in node.item.items("MeasuredValueSequence"):
        where = measured.where("NumericValue")
        try:
            value = Decimal(measured.whole("NumericValue"))
        except InvalidOperation:
            yield Fault("sr-num-value", where, "not one number")
            continue
        if not value.is_finite():
            yield Fault("sr-num-value", where, "not a finite number")
            continue
        unit, unit_where = measured.code("MeasurementUnitsCodeSequence"), measured.where("MeasurementUnitsCodeSequence")
        if not measured.items("MeasurementUnitsCodeSequence"):
            yield Fault("sr-num-unit", unit_where, "absent or empty")
        elif unit[1] != "UCUM":
            yield Fault("sr-num-unit", unit_where, "no unit of UCUM")
        wanted, least, most = NUMBERS.get(node.concept, (unit, -math.inf, math.inf))
        if unit == PERCENT and wanted == unit:
            least, most = max(least, 0), min(most, 100)
        if unit != wanted:
            yield Fault("sr-num-unit", unit_where, f"not told in {wanted[0]}")
        elif not least <= value <= most:
            yield Fault("sr-num-range", where, f"not within {least:g} to {most:g}")
        if measured.has("FloatingPointValue") and not math.isclose(
            measured.number("FloatingPointValue"), value, rel_tol=1e-6, abs_tol=1e-9
        ):
            yield Fault("sr-num-value", measured.where("FloatingPointValue"), "differs from Numeric Value")


def _region(subject: Subject, node: Node) -> Iterator[Fault]:
    """C.18.6: image-relative points, of exactly one image, inside it; what surrounds something is closed."""
    item, where = node.item, node.item.where("GraphicData")
    kind, points = item.text("GraphicType"), points_of(item.numbers("GraphicData"))
    images = [child for child in node.children() if child.relationship == "SELECTED FROM"]
    if len(images) != 1 or images[0].value_type != "IMAGE":
        yield Fault("sr-scoord-image", item.where("ContentSequence"), "not selected from exactly one image")
    if kind not in _POINTS:
        yield Fault("sr-graphic-type", item.where("GraphicType"), "no type of PS3.3 C.18.6.1.2")
    elif points is None or not counted(points, *_POINTS[kind]):
        yield Fault("sr-graphic-count", where, f"not the number of points of a {kind}")
    if points is None:
        yield Fault("sr-graphic-data", where, "not pairs of finite numbers")
        return
    if not inside(points, _size(subject, images)):
        yield Fault("sr-scoord-inside-image", where, "leaves the image that it refers to")
    if subject.ours and subject.kind == "sr" and not (kind == "POLYLINE" and upright_box(points)):
        yield Fault("sr-box", where, "not a closed upright box of five points")
    elif kind == "POLYLINE" and node.concept in _SURROUNDING and not closed(points):
        yield Fault("sr-closed", where, "the last point is not the first")


def _size(subject: Subject, images: list[Node]) -> tuple[float, float] | None:
    """(columns, rows) of the image, of its header, else of what the document's own Image Library says of it."""
    for image in images:
        for reference in image.item.items("ReferencedSOPSequence"):
            uid = reference.text("ReferencedSOPInstanceUID")
            return subject.size(uid) or _size_in_library(subject, uid)
    return None


def _size_in_library(subject: Subject, sop_uid: str) -> tuple[float, float] | None:
    for node in root_of(subject).walk():
        named = node.item.items("ReferencedSOPSequence")
        if node.value_type == "IMAGE" and named and named[0].text("ReferencedSOPInstanceUID") == sop_uid:
            sizes = [_told(child) for name in ("110911", "110910") for child in node.children((name, "DCM"), "NUM")]
            if len(sizes) == 2 and all(size > 0 for size in sizes):
                return sizes[0], sizes[1]
    return None


def _told(node: Node) -> float:
    return next((measured.number("NumericValue") for measured in node.item.items("MeasuredValueSequence")), math.nan)
