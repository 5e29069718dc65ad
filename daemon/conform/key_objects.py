"""Key Object Selection: key images, and the rejection note that withdraws results (PS3.3 A.35.4; PS3.16 TID 2010)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from daemon.conform.codes import context_group
from daemon.conform.fault import Fault
from daemon.conform.forms import DOCUMENTS, FORMS, GSPS, KEY_OBJECT_SELECTION
from daemon.conform.imaging_report import LANGUAGE, OBSERVER, device, observed, template_of
from daemon.conform.report_words import is_statement
from daemon.conform.rows import Row, follows
from daemon.conform.subject import Subject
from daemon.conform.tree import Node, root_of

# IHE RAD TF-3 4.66.4.1.3: quality, patient safety, wrong worklist entry, retention
REJECTIONS = frozenset((value, "DCM") for value in ("113001", "113037", "113038", "113039"))
_BEST_IN_SET = ("113013", "DCM")  # row 2 is a modifier too
_POOR_QUALITY = ("113001", "DCM")
_MODIFIER, _DESCRIPTION = ("113011", "DCM"), ("113012", "DCM")
_REFERRING = ("IMAGE", "COMPOSITE", "WAVEFORM")
_POSITIVE = re.compile(r"(\d+) of (\d+) films? positive")
_ROWS: tuple[Row, ...] = (  # TID 2010 rows 3, 5 to 7
    Row(_MODIFIER, "CODE", "HAS CONCEPT MOD", 0, 1),
    LANGUAGE._replace(least=0),
    *(row._replace(least=0) for row in OBSERVER),
    Row(_DESCRIPTION, "TEXT", "CONTAINS", 0, 1),
)


def key_objects(subject: Subject) -> Iterator[Fault]:
    """Title, template, description, and each object once and by its kind."""
    if subject.sop_class_uid != KEY_OBJECT_SELECTION:
        return
    root, ours = root_of(subject), subject.ours
    if root.value_type != "CONTAINER" or root.concept not in context_group(7010):
        yield Fault("kos-title", "ConceptNameCodeSequence", "no title of CID 7010")
    rejects = root.concept in REJECTIONS
    if subject.kind and rejects != (subject.kind != "kos"):
        yield Fault("kos-title", "ConceptNameCodeSequence", f"not a title of {subject.kind}")
    if template_of(root) != "2010":
        yield Fault("sr-template", "ContentTemplateSequence", "the root is not of TID 2010")
    referring = [node for node in root.children() if node.value_type in _REFERRING]
    yield from observed(root, ours)
    yield from _rows(root, referring, ours)
    yield from _modified(root)
    if rejects:
        yield from _rejected(subject, referring)
    for node in referring:
        yield from _by_kind(node)
    if not referring:
        yield Fault("kos-references", "ContentSequence", "refers to nothing")
    if any(times > 1 for times in Counter(_uid(node) for node in referring).values()):
        yield Fault("kos-references", "ContentSequence", "refers to an object twice")
    if ours:
        yield from device(subject, root)
        yield from _described(root, len(referring))
        yield from _derived(subject)


def _rows(root: Node, referring: list[Node], ours: bool) -> Iterator[Fault]:
    paths = {node.item.path for node in referring}
    yield from (fault for fault in follows(root, _ROWS, "kos-template-row", closed=ours) if fault.where not in paths)


def _modified(root: Node) -> Iterator[Fault]:
    """Row 3: first of all why the quality is poor (CID 7011), where the title says that it is, and only there."""
    modifiers = root.children(_MODIFIER)
    if root.concept == _POOR_QUALITY:
        first = root.children()[:1]
        if [node.concept for node in first] != [_MODIFIER] or first[0].coded not in context_group(7011):
            yield Fault("kos-modifier", "ContentSequence", "does not begin with a reason of CID 7011")
    elif modifiers and root.concept != _BEST_IN_SET:
        yield Fault("kos-modifier", modifiers[0].item.path, "the title takes no modifier")


def _rejected(subject: Subject, referring: list[Node]) -> Iterator[Fault]:
    """An AI withdraws its own results; the patient's film is never its to reject, whatever was asked for."""
    evidence = subject.root.items("CurrentRequestedProcedureEvidenceSequence")
    series = [each for study in evidence for each in study.items("ReferencedSeriesSequence")]
    listed = [(item.path, item) for each in series for item in each.items("ReferencedSOPSequence")]
    listed += [(node.item.path, item) for node in referring for item in node.item.items("ReferencedSOPSequence")]
    for path, item in listed:
        sop_class = item.text("ReferencedSOPClassUID")
        theirs = item.text("ReferencedSOPInstanceUID") in subject.sources
        if theirs or (subject.ours and sop_class not in FORMS):
            yield Fault("kos-rejects-source", path, "rejects an image that is no result of ours")


def _by_kind(node: Node) -> Iterator[Fault]:
    """Rows 8 and 10: images are IMAGE items, what is no image is a COMPOSITE."""
    sop_class = next((item.text("ReferencedSOPClassUID") for item in node.item.items("ReferencedSOPSequence")), "")
    composite = sop_class in DOCUMENTS or sop_class == GSPS
    if composite != (node.value_type == "COMPOSITE"):
        yield Fault("kos-references", node.item.where("ValueType"), "an image as COMPOSITE, or a document as IMAGE")


def _described(root: Node, objects: int) -> Iterator[Fault]:
    words = " ".join(node.words for node in root.children(_DESCRIPTION, "TEXT"))
    if not is_statement(words):
        yield Fault("statement", "ContentSequence", "no description says that this is AI and unverified")
    counted = _POSITIVE.search(words)
    if counted and int(counted[1]) != objects:
        yield Fault("kos-words-count", "ContentSequence", "the description counts other films than are referred to")


def _derived(subject: Subject) -> Iterator[Fault]:
    """Results of ours that are referred to are in series of ours."""
    if not subject.sources:
        return
    for study in subject.root.items("CurrentRequestedProcedureEvidenceSequence"):
        for series in study.items("ReferencedSeriesSequence"):
            uids = {item.text("ReferencedSOPInstanceUID") for item in series.items("ReferencedSOPSequence")}
            if not uids & set(subject.sources) and not series.text("SeriesInstanceUID").startswith("2.25."):
                yield Fault("uid-derived", series.where("SeriesInstanceUID"), "neither the images' nor one of ours")


def _uid(node: Node) -> str:
    return next((item.text("ReferencedSOPInstanceUID") for item in node.item.items("ReferencedSOPSequence")), "")
