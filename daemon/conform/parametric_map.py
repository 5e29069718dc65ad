"""A Parametric Map: its pixels, functional groups, and what their values mean (PS3.3 A.75, C.7.6.16, C.8.32)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping

from daemon.conform.capture import usable_orientation
from daemon.conform.fault import Fault
from daemon.conform.forms import PARAMETRIC_MAP
from daemon.conform.report_words import is_statement
from daemon.conform.shapes import PITCHES
from daemon.conform.subject import Subject
from daemon.conform.view import Item

# C.7.6.3, C.7.6.24, C.7.6.25: bits allocated by the attribute that holds the pixels
_PIXELS: Mapping[str, int] = {"PixelData": 16, "FloatPixelData": 32, "DoubleFloatPixelData": 64}
# Table A.75-2: macros that every frame has, of its own or shared, with what each must say
_MACROS: Mapping[str, tuple[str, ...]] = {
    "PixelMeasuresSequence": (),
    "FrameContentSequence": ("DimensionIndexValues",),
    "RealWorldValueMappingSequence": ("LUTLabel", "LUTExplanation", "MeasurementUnitsCodeSequence"),
    "ParametricMapFrameTypeSequence": ("FrameType",),
    "DerivationImageSequence": ("DerivationCodeSequence", "SourceImageSequence"),
    "FrameAnatomySequence": ("AnatomicRegionSequence", "FrameLaterality"),
    "PixelValueTransformationSequence": ("RescaleIntercept", "RescaleSlope", "RescaleType"),
}
_PERCENT = ("%", "UCUM")


def parametric_map(subject: Subject) -> Iterator[Fault]:
    """Picture, frames, meaning."""
    if subject.sop_class_uid != PARAMETRIC_MAP:
        return
    root = subject.root
    if root.texts("ImageType")[:1] != ["DERIVED"] or len(root.texts("ImageType")) != 4:
        yield Fault("pm-image-type", "ImageType", "not four values that begin with DERIVED")
    if not re.fullmatch(r"[A-Z0-9 _]{1,16}", root.text("ContentLabel")):
        yield Fault("pm-content-label", "ContentLabel", "no CS value")
    if root.text("ContentQualification") not in ("PRODUCT", "RESEARCH", "SERVICE"):
        yield Fault("pm-qualification", "ContentQualification", "no term of C.8.32.2")
    if root.text("PresentationLUTShape") != "IDENTITY" or root.text("PhotometricInterpretation") != "MONOCHROME2":
        yield Fault("pm-pixel-format", "PresentationLUTShape", "not MONOCHROME2, IDENTITY")
    if subject.ours and not is_statement(root.text("ContentDescription")):
        yield Fault("statement", "ContentDescription", "does not say that this is AI and unverified")
    yield from _pixels(root)
    shared = root.items("SharedFunctionalGroupsSequence")
    frames = root.items("PerFrameFunctionalGroupsSequence")
    if len(shared) != 1 or len(frames) != root.number("NumberOfFrames"):
        yield Fault("pm-frames", "PerFrameFunctionalGroupsSequence", "not one item for each frame, and one shared")
    for frame in frames:
        yield from _frame(subject, frame, shared)
    yield from _dimensions(root, frames)
    yield from _listed(root)


def _listed(root: Item) -> Iterator[Fault]:
    """C.12.2: what the frames are derived from is in the Common Instance Reference."""
    series = root.items("ReferencedSeriesSequence")
    listed = {
        item.text("ReferencedSOPInstanceUID") for each in series for item in each.items("ReferencedInstanceSequence")
    }
    for holder, attribute in root.walk():
        if attribute.name == "SourceImageSequence":
            for item in attribute.items:
                if item.text("ReferencedSOPInstanceUID") not in listed:
                    yield Fault("pm-references", item.path, "not in the Common Instance Reference")
        if attribute.name == "ReferencedInstanceSequence" and not attribute.items:
            yield Fault("pm-references", holder.path, "a series without instances")


def _pixels(root: Item) -> Iterator[Fault]:
    held = [name for name in _PIXELS if name in root]
    if len(held) != 1:
        yield Fault("pm-pixels", "PixelData", "not one of the three kinds of pixels")
        return
    bits, value = _PIXELS[held[0]], root.attributes[held[0]].value
    if root.number("BitsAllocated") != bits or root.number("SamplesPerPixel") != 1:
        yield Fault("pm-pixel-format", "BitsAllocated", f"not {bits} bits in one sample")
    stored = [root.number(name) for name in ("BitsStored", "HighBit", "PixelRepresentation")]
    if held[0] == "PixelData" and stored != [16, 15, 0]:
        yield Fault("pm-pixel-format", "BitsStored", "not unsigned and of 16 bits")
    size = root.number("Rows") * root.number("Columns") * root.number("NumberOfFrames") * bits / 8
    if not size > 0 or len(value) != size:
        yield Fault("pm-pixels", held[0], f"{len(value)} bytes, not Rows x Columns x frames")
    elif held[0] != "PixelData" and not all(map(math.isfinite, memoryview(value).cast("f" if bits == 32 else "d"))):
        yield Fault("pm-pixels", held[0], "a value that is no number")


def _frame(subject: Subject, frame: Item, shared: tuple[Item, ...]) -> Iterator[Fault]:
    for name, needed in _MACROS.items():
        told = [*frame.items(name), *(item for group in shared for item in group.items(name))]
        if len(told) != 1:
            yield Fault("pm-functional-group", frame.where(name), f"there {len(told)} times, of its own or shared")
        for item in told:
            for attribute in needed:
                if not item.has(attribute):
                    yield Fault("pm-functional-group", item.where(attribute), "absent or empty")
            if name == "RealWorldValueMappingSequence":
                yield from _mapping(subject.root, item)
            if name == "PixelMeasuresSequence":
                yield from _measures(subject, item)
            if name == "ParametricMapFrameTypeSequence" and item.texts("FrameType") != subject.root.texts("ImageType"):
                yield Fault("pm-image-type", item.where("FrameType"), "not the Image Type")
            if name == "PixelValueTransformationSequence" and not _identity(item):
                yield Fault("pm-pixel-format", item.path, "not the identity")
            if name == "DerivationImageSequence" and subject.ours:
                yield from _derived(item)
    if subject.ours:
        yield from _promised(subject, frame, shared)


def _identity(item: Item) -> bool:
    """A.75.4: the stored values are mapped by the Real World Value Mapping alone."""
    values = item.number("RescaleIntercept"), item.number("RescaleSlope"), item.text("RescaleType")
    return values == (0, 1, "US")


def _derived(item: Item) -> Iterator[Fault]:
    if not is_statement(item.whole("DerivationDescription")):
        yield Fault("statement", item.where("DerivationDescription"), "does not say that this is AI and unverified")
    for image in item.items("SourceImageSequence"):
        if image.text("SpatialLocationsPreserved") != "YES" or not image.items("PurposeOfReferenceCodeSequence"):
            yield Fault("pm-references", image.path, "for no purpose, or not at the same place")


def _promised(subject: Subject, frame: Item, shared: tuple[Item, ...]) -> Iterator[Fault]:
    """A window over the whole of the mapped range, percent as the unit, and the film's orientation."""
    groups = (frame, *shared)
    windows = [item for group in groups for item in group.items("FrameVOILUTSequence")]
    mappings = [item for group in groups for item in group.items("RealWorldValueMappingSequence")]
    if len(windows) != 1:
        yield Fault("pm-functional-group", "FrameVOILUTSequence", "not one item")
    for window, mapping in zip(windows, mappings, strict=False):
        # C.11.2.1.2.1: black below centre - 0.5 - (width - 1) / 2, white above centre - 0.5 + (width - 1) / 2
        centre, half = window.number("WindowCenter") - 0.5, (window.number("WindowWidth") - 1) / 2
        ends = [mapping.number(f"RealWorldValue{end}ValueMapped") for end in ("First", "Last")]
        if [centre - half, centre + half] != ends:
            yield Fault("pm-window", window.path, "not the mapped range")
        if mapping.code("MeasurementUnitsCodeSequence") != _PERCENT:
            yield Fault("pm-mapping", mapping.where("MeasurementUnitsCodeSequence"), "not percent")
        if not is_statement(mapping.text("LUTExplanation")):
            yield Fault("statement", mapping.where("LUTExplanation"), "does not say that this is AI and unverified")
    for uid in _referenced(subject.root) & set(subject.sources):
        if subject.root.texts("PatientOrientation") != usable_orientation(subject.sources[uid]):
            yield Fault("pm-orientation", "PatientOrientation", "not the film's")


def _mapping(root: Item, item: Item) -> Iterator[Fault]:
    """C.7.6.16.2.11: from stored to real values, which as a percentage stay within 0 to 100."""
    names = ("RealWorldValueFirstValueMapped", "RealWorldValueLastValueMapped")
    if not all(name in item for name in names):
        names = ("DoubleFloatRealWorldValueFirstValueMapped", "DoubleFloatRealWorldValueLastValueMapped")
    first, last = (item.number(name) for name in names)
    slope, intercept = item.number("RealWorldValueSlope"), item.number("RealWorldValueIntercept")
    if not (first <= last and slope > 0 and math.isfinite(intercept)):
        yield Fault("pm-mapping", item.path, "no range, slope or intercept")
    elif item.code("MeasurementUnitsCodeSequence") == _PERCENT:
        ends = [slope * value + intercept for value in (first, last)]
        if not (ends[0] >= -1e-6 and ends[1] <= 100 + 1e-6):
            yield Fault("pm-mapping", item.where("RealWorldValueSlope"), "leads out of 0 to 100 %")
    elif item.code("MeasurementUnitsCodeSequence")[1] != "UCUM":
        yield Fault("pm-mapping", item.where("MeasurementUnitsCodeSequence"), "no unit of UCUM")
    value = root.attributes["PixelData"].value if "PixelData" in root else b""
    if value and len(value) % 2 == 0 and max(memoryview(value).cast("H")) > last:
        yield Fault("pm-mapping", names[1], "a stored value is not mapped")
    if value and len(value) % 2 == 0 and min(memoryview(value).cast("H")) < first:
        yield Fault("pm-mapping", names[0], "a stored value is not mapped")
    if not item.items("QuantityDefinitionSequence"):
        yield Fault("pm-mapping", item.where("QuantityDefinitionSequence"), "absent or empty")
    for said in item.items("QuantityDefinitionSequence"):
        coded = said.items("ConceptNameCodeSequence") and said.items("ConceptCodeSequence")
        if not coded or said.text("ValueType") != "CODE":
            yield Fault("pm-mapping", said.path, "not a named code")


def _measures(subject: Subject, item: Item) -> Iterator[Fault]:
    """The map covers its film: their sizes in mm agree, or, where the film states none, their proportions."""
    root, spacing = subject.root, item.numbers("PixelSpacing")
    if spacing and not (len(spacing) == 2 and all(0 < value < math.inf for value in spacing)):
        yield Fault("pm-covers", item.where("PixelSpacing"), "not two positive numbers")
        return
    for uid, source in subject.sources.items():
        if uid not in _referenced(root):
            continue
        size = subject.size(uid)
        stated = next(
            (
                source.numbers(name)
                for name in ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")
                if len(source.numbers(name)) == 2
                and all(PITCHES[0] <= value <= PITCHES[1] for value in source.numbers(name))
            ),
            None,
        )
        if bool(spacing) != bool(stated):
            yield Fault("pm-covers", item.where("PixelSpacing"), "not as the film states one")
        elif spacing and stated and size:
            ours = spacing[0] * root.number("Rows"), spacing[1] * root.number("Columns")
            theirs = stated[0] * size[1], stated[1] * size[0]
            if not all(math.isclose(a, b, rel_tol=1e-3) for a, b in zip(ours, theirs, strict=True)):
                yield Fault("pm-covers", item.where("PixelSpacing"), "the map is not as large as the film")


def _referenced(root: Item) -> set[str]:
    return {text for _, a in root.walk() if a.name == "ReferencedSOPInstanceUID" for text in a.texts}


def _dimensions(root: Item, frames: tuple[Item, ...]) -> Iterator[Fault]:
    """C.7.6.17."""
    known = {item.text("DimensionOrganizationUID") for item in root.items("DimensionOrganizationSequence")}
    indices = root.items("DimensionIndexSequence")
    if len(known) != len(root.items("DimensionOrganizationSequence")):
        yield Fault("pm-dimensions", "DimensionOrganizationSequence", "declared twice")
    for index in indices:
        if index.text("DimensionOrganizationUID") not in known:
            yield Fault("pm-dimensions", index.where("DimensionOrganizationUID"), "not declared")
        if not index.has("DimensionIndexPointer") or not index.has("FunctionalGroupPointer"):
            yield Fault("pm-dimensions", index.path, "points nowhere")
    for frame in frames:
        for content in frame.items("FrameContentSequence"):
            places = content.numbers("DimensionIndexValues")
            if len(places) != len(indices) or not all(1 <= place <= len(frames) for place in places):
                yield Fault("pm-dimensions", content.where("DimensionIndexValues"), "not a place in each dimension")
