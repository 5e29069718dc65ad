"""Attributes that may say only so much: enumerated values of the standard, and what our encoders always say.

PS3.3 C.7.6.1, C.7.6.16.2.8, C.8.6.1, 10.7.1, C.11.10; PS3.5 B.2 for UIDs that are derived.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from daemon.conform.fault import Fault
from daemon.conform.forms import GSPS, PARAMETRIC_MAP, SECONDARY_CAPTURE
from daemon.conform.report_words import is_statement
from daemon.conform.subject import Subject

_ENUMERATED: Mapping[str, tuple[str, ...]] = {
    "BurnedInAnnotation": ("YES", "NO"),
    "FrameLaterality": ("R", "L", "B", "U"),
    "LossyImageCompression": ("00", "01"),
    "PixelPresentation": ("MONOCHROME", "COLOR", "MIXED", "TRUE_COLOR"),
    "PixelSpacingCalibrationType": ("GEOMETRY", "FIDUCIAL"),
    "RecognizableVisualFeatures": ("YES", "NO"),
    "SpatialLocationsPreserved": ("YES", "NO", "REORIENTED_ONLY"),
}
# What ours says of a picture that it makes; Body Part Examined spares a GSPS its Laterality (C.7.3.1.1.2)
_SAID: Mapping[str, Mapping[str, str]] = {
    GSPS: {"BodyPartExamined": "CHEST", "ContentLabel": "AI_UNVERIFIED", "ContentCreatorName": ""},
    SECONDARY_CAPTURE: {"BodyPartExamined": "CHEST"},
    PARAMETRIC_MAP: {"BodyPartExamined": "CHEST", "ContentLabel": "AI_UNVERIFIED", "ContentCreatorName": ""},
}
# UIDs that ours derives, at any depth; UID is the value of a UIDREF
_DERIVED = ("SOPInstanceUID", "UID", "TrackingUID", "DimensionOrganizationUID")


def terms(subject: Subject) -> Iterator[Fault]:
    """At every depth; then what ours promises."""
    for holder in subject.own():
        for name, attribute in holder.attributes.items():
            if name in _ENUMERATED and not attribute.empty and attribute.texts[0] not in _ENUMERATED[name]:
                yield Fault("term", holder.where(name), f"not {' or '.join(_ENUMERATED[name])}")
            if subject.ours and name in _DERIVED and not all(uid.startswith("2.25.") for uid in attribute.texts):
                yield Fault("uid-derived", holder.where(name), "not derived: not below 2.25")
    if not subject.ours:
        return
    root = subject.root
    if not root.text("SeriesInstanceUID").startswith("2.25."):
        yield Fault("uid-derived", "SeriesInstanceUID", "not derived: not below 2.25")
    for name in ("SeriesNumber", "InstanceNumber"):
        if not root.has(name):
            yield Fault("attribute-promised", name, "absent or empty")
    for name, value in _SAID.get(subject.sop_class_uid, {}).items():
        if root.text(name) != value:
            yield Fault("attribute-promised", name, f"not {value!r}")
    for layer in root.items("GraphicLayerSequence"):
        used = {annotation.text("GraphicLayer") for annotation in root.items("GraphicAnnotationSequence")}
        if layer.text("GraphicLayer") in used and not is_statement(layer.text("GraphicLayerDescription")):
            yield Fault(
                "statement", layer.where("GraphicLayerDescription"), "does not say that this is AI and unverified"
            )
