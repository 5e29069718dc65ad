"""Triage only: nothing in the object says where anything is, or what and how many the lesions are.

Searched are all attributes at every depth, private ones and bytes included, for structures that hold places, for codes
of sites and sides, and for words. What patient and study bring along is the source's, and equal to it (`origin`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from daemon.conform.fault import Fault
from daemon.conform.forms import DOCUMENTS, PARAMETRIC_MAP
from daemon.conform.subject import Subject
from daemon.conform.tree import Code, Node, root_of
from daemon.conform.view import Attribute, Item

_ATTRIBUTES = frozenset(
    (
        *("GraphicData", "GraphicType", "GraphicObjectSequence", "CompoundGraphicSequence", "AnchorPoint"),
        *("TrackingID", "TrackingUID", "FloatPixelData", "DoubleFloatPixelData", "SegmentSequence", "ROIArea"),
        *("IconImageSequence", "OverlayData", "ReferencedTimeOffsets", "SegmentedPropertyTypeCodeSequence"),
        *("PrimaryAnatomicStructureSequence", "AnatomicRegionModifierSequence", "SpatialLocationsPreserved"),
    )
)
_VALUE_TYPES = ("SCOORD", "SCOORD3D", "TCOORD")
# Concepts that are of one place: Measurement Group, tracking, Image Region, Center, Outline, Finding Site, Laterality,
# Geometric purpose, Single Image Finding, Composite Feature
_CONCEPTS = frozenset(
    (value, "DCM")
    for value in ("125007", "112039", "112040", "111030", "111010", "111041", "130400", "111059", "111015")
) | {("363698007", "SCT"), ("272741003", "SCT")}
_FINDING = ("121071", "DCM")
_WHOLE_FILM = {("118247008", "SCT")}  # Radiologic finding: what a film's own probability is of

# Words are looked for in all text; names of lesions not in what names the device, which may be "a nodule detector".
_PLACE = re.compile(
    r"\b(left|right|bilateral|upper|lower|middle|apical|apex|apices|basal|basilar|hilar|hilum|lobe|lobes|zone|lung|lungs"
    r"|retrocardiac|costophrenic|paratracheal|perihilar|mediastin\w*|quadrant|marked|box|boxes|bounding|coordinates?"
    r"|heat ?map|located|location|position|LUL|RUL|LLL|RLL|RML)\b",
    re.IGNORECASE,
)
_COORDINATES = re.compile(
    r"\b(columns?|rows?) \d|[(\[]\s*\d+(\.\d+)?\s*[,;/]\s*\d+(\.\d+)?|\b[xy][01]?\s*[=:]\s*\d"
    r"|\b\d+\s*/\s*\d+\s*/\s*\d+\s*/\s*\d+"
)
_FOUR_NUMBERS = re.compile(r"(?<![\d.])\d+(\.\d+)?([\s^=\\,;]+\d+(\.\d+)?){3}")  # a box, in a text of any kind
_TEXT_VRS = ("PN", "UN", "LO", "SH", "LT", "ST", "UC", "UT")
# How many: "2 findings", "three spots"
_COUNT = re.compile(
    r"\b(\d+|one|two|three|four|five|several|multiple) (findings|places|spots|areas|regions|foci|marks|shadows"
    r"|finding|place|spot|area|region|focus|mark|shadow)\b",
    re.IGNORECASE,
)
_LESION = re.compile(
    r"\b(lesions?|nodules?|mass|masses|infiltrat\w+|atelectas\w+|cardiomegaly|effusions?|pneumonia|pneumothora\w+"
    r"|opacit\w+|consolidations?|fibrosis|edema|emphysema|fractures?|hernia)\b",
    re.IGNORECASE,
)
# How the operating point was chosen: a site says it in its own words, the name of its data set among them
_OPERATING_POINT = re.compile(r"Operating point: .*?positive at or above [\d.]+ % probability")
_NAMES_A_DEVICE = frozenset(("ManufacturerModelName", "SoftwareVersions", "DeviceSerialNumber", "StationName"))
# Device Observer Name, Model and Serial Number, Algorithm Name and Version
_NAMING_CONCEPTS = {(value, "DCM") for value in ("121013", "121015", "121016", "111001", "111003")}
# Image Laterality, View, and View Modifier: the whole image's, as its header has them
_OF_THE_IMAGE = {(value, "DCM") for value in ("111027", "111031", "111032")}
_BYTES = ("OB", "OW", "UN", "OF", "OD", "OL", "OV")
_PIXELS = ("PixelData", "LUTData", "ICCProfile")


def tells_a_place(words: str) -> bool:
    """Whether a text says where anything is, or what and how many the lesions are."""
    said = _OPERATING_POINT.sub("", words)
    return any(pattern.search(said) for pattern in (_COORDINATES, _PLACE, _LESION, _COUNT, _FOUR_NUMBERS))


def no_location(subject: Subject) -> Iterator[Fault]:
    """A result without marking."""
    if subject.marking:
        return
    if subject.sop_class_uid == PARAMETRIC_MAP:
        yield Fault("no-location", "SOPClassUID", "a map of the detector's scores is a location")
    of_images = tuple(
        f"{holder.path}.ConceptCodeSequence"
        for holder in subject.own()
        if holder.code("ConceptNameCodeSequence") in _OF_THE_IMAGE
    )
    device = subject.root.text("ManufacturerModelName")
    names = (f"{device} {subject.root.text('SoftwareVersions')}", device) if device else ()
    for holder in subject.own():
        if holder.path.startswith(of_images):
            continue
        for name, attribute in holder.attributes.items():
            yield from _attribute(holder, name, attribute, names)
    if subject.sop_class_uid in DOCUMENTS:
        for node in root_of(subject).walk():
            yield from _node(node)


def _attribute(holder: Item, name: str, attribute: Attribute, names: tuple[str, ...]) -> Iterator[Fault]:
    where = holder.where(name)
    overlay = attribute.tag >> 16 & 0xFFE1 == 0x6000 and attribute.tag & 0xFFFF == 0x3000
    if name in _ATTRIBUTES or overlay:
        yield Fault("no-location", where, "an attribute that holds places")
    if name in ("Laterality", "ImageLaterality") and attribute.texts not in ([], ["U"]):
        yield Fault("no-location", where, "a side")
    if name == "BoundingBoxAnnotationUnits" and attribute.texts != ["DISPLAY"]:
        yield Fault("no-location", where, "text that stands at a place of the image")
    hidden = attribute.vr == "UN" or (attribute.tag >> 16 & 1 and attribute.vr in _BYTES)
    if hidden and not attribute.empty and not _is_text(attribute.value):
        yield Fault("no-location", where, "bytes that nobody can read")
    if attribute.vr in ("UI", "SQ") or name in _PIXELS or name == "BoundingBoxTextHorizontalJustification":
        return
    words = attribute.value.decode("latin-1")
    for device in names:  # it may be called "lesion detector", of version "1 2 3 4"
        words = words.replace(device, "")
    found = _COORDINATES.search(words)
    if not found and not (name in _NAMES_A_DEVICE or holder.code("ConceptNameCodeSequence") in _NAMING_CONCEPTS):
        said = _OPERATING_POINT.sub("", words)
        found = _PLACE.search(said) or _LESION.search(said) or _COUNT.search(said)
        if attribute.vr in _TEXT_VRS:
            found = found or _FOUR_NUMBERS.search(said)
    if found:
        yield Fault("no-location", where, "words of a place or a lesion")


def _node(node: Node) -> Iterator[Fault]:
    said: Code = node.concept
    if node.value_type in _VALUE_TYPES:
        yield Fault("no-location", node.item.path, f"a {node.value_type} item")
    if said in _CONCEPTS or (said == _FINDING and node.value_type == "CODE" and node.coded not in _WHOLE_FILM):
        yield Fault("no-location", node.item.path, "a concept of one place")


def _is_text(value: bytes) -> bool:
    return all(32 <= byte < 127 or byte in (0, 9, 10, 13) for byte in value)
