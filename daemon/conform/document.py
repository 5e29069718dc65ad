"""A document's flags, dates and Image Library against the images that it is about (PS3.3 C.17.2; PS3.16 TID 1602)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping

from daemon.conform.fault import Fault
from daemon.conform.forms import BASIC_TEXT_SR, CHEST_CAD_SR, COMPREHENSIVE_3D_SR, COMPREHENSIVE_SR, DOCUMENTS
from daemon.conform.report_words import is_statement, value_of
from daemon.conform.subject import Subject
from daemon.conform.tree import Node, root_of
from daemon.conform.view import Item

# Table C.17-3c, type 2; the first are those of the image's Request Attributes
_ASKED = (
    *("RequestedProcedureID", "RequestedProcedureDescription"),
    *("PlacerOrderNumberImagingServiceRequest", "FillerOrderNumberImagingServiceRequest"),
)
_ORDER = (*_ASKED, "ReferencedStudySequence", "AccessionNumber", "RequestedProcedureCodeSequence")
_TOLD_BY = ("AccessionNumber", "RequestedProcedureID")  # one order from another
_PRELIMINARY = "PreliminaryFlag"
_FLAGS: Mapping[str, tuple[str, ...]] = {  # C.17.2; nobody verifies what a detector says
    "CompletionFlag": ("COMPLETE", "PARTIAL"),
    "VerificationFlag": ("UNVERIFIED",),
    _PRELIMINARY: ("PRELIMINARY", "FINAL"),
}
_FLAGGED = (COMPREHENSIVE_SR, COMPREHENSIVE_3D_SR, BASIC_TEXT_SR, CHEST_CAD_SR)
# PS3.16 TID 1602, 1603: descriptor and where the image says the same; the second is the place among its values
_SIZES: Mapping[tuple[str, str], str] = {("110910", "DCM"): "Rows", ("110911", "DCM"): "Columns"}
_SPACINGS: Mapping[tuple[str, str], int] = {("111066", "DCM"): 0, ("111026", "DCM"): 1}
_DIRECTIONS: Mapping[tuple[str, str], int] = {("111044", "DCM"): 0, ("111043", "DCM"): 1}
_MODALITY, _VIEW = ("121139", "DCM"), ("111031", "DCM")
_VIEWS = {"PA": ("272479007", "SCT"), "AP": ("399348003", "SCT")}


def document(subject: Subject) -> Iterator[Fault]:
    """Flags of an SR, and the order that it names."""
    root = subject.root
    if subject.sop_class_uid in _FLAGGED:
        for name, legal in _FLAGS.items():
            if root.text(name) not in legal[: 1 if subject.ours else None] and (name in root or name != _PRELIMINARY):
                yield Fault("sr-flag", name, f"not {' or '.join(legal)}")
        if "VerifyingObserverSequence" in root:
            yield Fault("sr-flag", "VerifyingObserverSequence", "in a document that nobody has verified")
    if subject.sop_class_uid in DOCUMENTS:
        for order in root.items("ReferencedRequestSequence"):
            if order.text("StudyInstanceUID") != root.text("StudyInstanceUID"):
                yield Fault("order", order.where("StudyInstanceUID"), "an order of another study")
            for name in _ORDER:
                if name not in order:
                    yield Fault("order", order.where(name), "absent")
                if subject.sources and name in _ASKED and order.whole(name) not in ("", *_asked(subject, name)):
                    yield Fault("order", order.where(name), "not what the image was asked for with")
            known = (root.whole("AccessionNumber"), *_asked(subject, "AccessionNumber"))
            if subject.sources and order.whole("AccessionNumber") not in known:
                yield Fault("order", order.where("AccessionNumber"), "differs from the study's and from the request's")
        orders = [tuple(order.whole(name) for name in _TOLD_BY) for order in root.items("ReferencedRequestSequence")]
        if subject.ours and len(set(orders)) < len(orders):
            yield Fault("order", "ReferencedRequestSequence", "one twice")
        ordered = root.text("AccessionNumber").strip() and not root.items("ReferencedRequestSequence")
        if subject.ours and ordered:
            yield Fault("order", "ReferencedRequestSequence", "absent, though the study has an accession number")
        if subject.ours and not root.number("InstanceNumber") >= 1:
            yield Fault("instance-number", "InstanceNumber", "not 1 or more")
        flagged = subject.ours and subject.sop_class_uid in _FLAGGED
        if flagged and not is_statement(root.whole("CompletionFlagDescription")):
            yield Fault("statement", "CompletionFlagDescription", "does not say that this is AI and unverified")


def _asked(subject: Subject, name: str) -> list[str]:
    """What the images' Request Attributes say (C.17-3c: the order as it was known to the modality)."""
    requests = [item for source in subject.sources.values() for item in source.items("RequestAttributesSequence")]
    return [request.whole(name) for request in requests]


def library(subject: Subject) -> Iterator[Fault]:
    """Each image of the evidence once, described as its header describes it."""
    if subject.sop_class_uid not in (COMPREHENSIVE_SR, COMPREHENSIVE_3D_SR, CHEST_CAD_SR):
        return
    entries = [
        entry
        for container in root_of(subject).children(("111028", "DCM"))
        for entry in container.walk()
        if entry.value_type == "IMAGE"
    ]
    listed = Counter(_image(entry) for entry in entries)
    evidence = {
        sop.text("ReferencedSOPInstanceUID")
        for study in subject.root.items("CurrentRequestedProcedureEvidenceSequence")
        for series in study.items("ReferencedSeriesSequence")
        for sop in series.items("ReferencedSOPSequence")
    }
    if any(times > 1 for times in listed.values()):
        yield Fault("sr-library", "ContentSequence", "an image is in the Image Library twice")
    if entries and evidence != set(listed):
        yield Fault("sr-library", "ContentSequence", "the Image Library does not hold the images of the evidence")
    for entry in entries:
        source = subject.sources.get(_image(entry))
        for child in entry.children():
            if source is not None and not _as_in(source, child):
                yield Fault("sr-library-descriptor", child.item.path, "the image says otherwise")


def _image(entry: Node) -> str:
    return next((item.text("ReferencedSOPInstanceUID") for item in entry.item.items("ReferencedSOPSequence")), "")


def _as_in(source: Item, said: Node) -> bool:
    """Whether a descriptor is what the image's header says; one that is not known here is taken as it is."""
    value = value_of(said)
    if said.concept in _SIZES:
        return value == source.number(_SIZES[said.concept])
    if said.concept in _SPACINGS:
        place = _SPACINGS[said.concept]
        stated = [source.numbers(name) for name in ("ImagerPixelSpacing", "PixelSpacing")]
        return value is not None and any(
            len(pitch) == 2 and math.isclose(pitch[place], value, rel_tol=1e-3) for pitch in stated
        )
    if said.concept in _DIRECTIONS:
        return [said.words] == source.texts("PatientOrientation")[_DIRECTIONS[said.concept] :][:1]
    if said.concept == _MODALITY:
        return said.coded == (source.text("Modality"), "DCM")
    if said.concept == _VIEW:
        return said.coded == _VIEWS.get(source.text("ViewPosition"), said.coded)
    return True
