"""The Chest CAD SR: order of the document, findings, and what was tried (PS3.3 A.35.6; PS3.16 TID 4100 and below).

TID 4100 is not extensible and its order is significant.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from daemon.conform.codes import context_group
from daemon.conform.fault import Fault
from daemon.conform.forms import CHEST_CAD_SR
from daemon.conform.imaging_report import (
    CERTAINTY,
    LATERALITY,
    SUMMARY,
    TRACKING,
    TRACKING_UID,
    device,
    image_of,
    named,
    on_its_side,
    template_of,
    tracking,
)
from daemon.conform.report_words import films_by_name, is_statement, marked
from daemon.conform.rows import Row, follows
from daemon.conform.shapes import points_of
from daemon.conform.subject import Subject
from daemon.conform.tree import Code, Node, root_of

REPORT, LIBRARY = ("112000", "DCM"), ("111028", "DCM")
DETECTIONS, ANALYSES = ("111064", "DCM"), ("111065", "DCM")
SINGLE_IMAGE_FINDING, COMPOSITE_FEATURE = ("111059", "DCM"), ("111015", "DCM")
INTENT, CENTER, OUTLINE = ("111056", "DCM"), ("111010", "DCM"), ("111041", "DCM")
_SUCCESSFUL, _FAILED, _PERFORMED = ("111063", "DCM"), ("111025", "DCM"), ("111022", "DCM")
_NOT_ATTEMPTED = ("111225", "DCM")
_ORDER = [("121049", "DCM"), LIBRARY, SUMMARY, DETECTIONS, ANALYSES]  # TID 4100 rows 2 to 8
_MANY = 10**6
_FINDING: tuple[Row, ...] = (  # TID 4104
    Row(("112024", "DCM"), "CODE", "HAS CONCEPT MOD", 0, _MANY),
    Row(("112003", "DCM"), "CODE", "HAS CONCEPT MOD", 0, 1),
    Row(INTENT, "CODE", "HAS CONCEPT MOD", 1, 1),
    Row(TRACKING, "TEXT", "HAS OBS CONTEXT", 1, 1),
    Row(TRACKING_UID, "UIDREF", "HAS OBS CONTEXT", 1, 1),
    Row(("111001", "DCM"), "TEXT", "HAS OBS CONTEXT", 1, 1),
    Row(("111003", "DCM"), "TEXT", "HAS OBS CONTEXT", 1, 1),
    Row(("111002", "DCM"), "TEXT", "HAS OBS CONTEXT", 0, _MANY),
    Row(CERTAINTY, "NUM", "HAS PROPERTIES", 1, 1),
    Row(CENTER, "SCOORD", "HAS PROPERTIES", 1, 1),
    Row(OUTLINE, "SCOORD", "HAS PROPERTIES", 1, 1),
    Row(LATERALITY, "CODE", "HAS PROPERTIES", 0, 1),
)
_DETECTION: tuple[Row, ...] = (  # TID 4017
    Row(("111001", "DCM"), "TEXT", "HAS PROPERTIES", 1, 1),
    Row(("111003", "DCM"), "TEXT", "HAS PROPERTIES", 1, 1),
    Row(("111002", "DCM"), "TEXT", "HAS PROPERTIES", 0, _MANY),
    Row(("111040", "DCM"), "IMAGE", "HAS PROPERTIES", 1, _MANY),
    Row(("111072", "DCM"), "NUM", "HAS PROPERTIES", 0, 1),
    Row(("111092", "DCM"), "NUM", "HAS PROPERTIES", 0, 1),
    Row(("111093", "DCM"), "CONTAINER", "HAS PROPERTIES", 0, 1),
)
_SUCCEEDED, _PARTLY, _NONE = ("111222", "DCM"), ("111223", "DCM"), ("111224", "DCM")
# CID 6047 by what CID 6042 says of the detections
_STATUS: Mapping[Code, Code] = {
    ("111241", "DCM"): _SUCCEEDED,
    ("111242", "DCM"): _SUCCEEDED,
    ("111243", "DCM"): _PARTLY,
    ("111244", "DCM"): _PARTLY,
    ("111245", "DCM"): _NONE,
}
_WITH_FINDINGS = (("111242", "DCM"), ("111244", "DCM"))


def chest_cad(subject: Subject) -> Iterator[Fault]:
    """The whole document."""
    if subject.sop_class_uid != CHEST_CAD_SR:
        return
    root = root_of(subject)
    if root.value_type != "CONTAINER" or root.concept != REPORT:
        yield Fault("cad-root", "ConceptNameCodeSequence", "not a Chest CAD Report")
    if template_of(root) != "4100":
        yield Fault("sr-template", "ContentTemplateSequence", "the root is not of TID 4100")
    if [node.concept for node in root.children()] != _ORDER:
        yield Fault("cad-order", "ContentSequence", "not the rows of TID 4100 in their order")
    findings: list[Node] = []
    for summary in root.children(SUMMARY):
        findings += summary.children()
        yield from _summary(subject, root, summary)
    yield from tracking(findings, subject.root)
    if subject.ours:
        yield from device(subject, root)
        yield from films_by_name(root)
        yield from named(findings)
        yield from marked(root, len(findings))
    for detections in root.children(DETECTIONS):
        yield from _detections(subject, root, detections)
    for analyses in root.children(ANALYSES):
        if analyses.coded not in context_group(6042):
            yield Fault("cad-status", analyses.item.path, "no status of CID 6042")
        if (analyses.coded == _NOT_ATTEMPTED) == bool(analyses.children()):
            yield Fault("cad-status", analyses.item.path, "analyses that were not attempted, or none that were")


def _summary(subject: Subject, root: Node, summary: Node) -> Iterator[Fault]:
    """TID 4101: findings only in a summary with findings, and as many successes as the detections had."""
    where = summary.item.path
    if summary.coded not in context_group(6047):
        yield Fault("cad-summary", where, "no summary of CID 6047")
    for status in root.children(DETECTIONS):
        if _STATUS.get(summary.coded) != status.coded:
            yield Fault("cad-summary", where, "another success than the detections had")
    if summary.children() and summary.coded not in _WITH_FINDINGS:
        yield Fault("cad-summary", where, "findings in a summary without findings")
    for finding in summary.children():
        if finding.concept not in (SINGLE_IMAGE_FINDING, COMPOSITE_FEATURE) or finding.relationship != "INFERRED FROM":
            yield Fault("cad-finding", finding.item.path, "neither a finding nor a composite feature")
            continue
        intents = finding.children(INTENT)
        if len(intents) != 1 or intents[0].coded not in context_group(6034):
            yield Fault("cad-intent", finding.item.path, "no Rendering Intent of CID 6034")
        if finding.concept == SINGLE_IMAGE_FINDING:
            yield from _finding(subject, finding)


def _finding(subject: Subject, finding: Node) -> Iterator[Fault]:
    """TID 4104: its kind, where it is, on one image of the library."""
    where = finding.item.path
    if finding.coded not in context_group(6101):
        yield Fault("cad-finding", where, "no finding of CID 6101")
    if subject.ours:
        yield from follows(finding, _FINDING, "cad-template-row", closed=True)

    centers, outlines = finding.children(CENTER, "SCOORD"), finding.children(OUTLINE, "SCOORD")
    if not centers and not outlines:
        yield Fault("cad-geometry", where, "neither centre nor outline")
    for center in centers:
        at = points_of(center.item.numbers("GraphicData"))
        if center.item.text("GraphicType") != "POINT":
            yield Fault("cad-geometry", center.item.where("GraphicType"), "a centre that is no POINT")
        for outline in outlines:
            points = points_of(outline.item.numbers("GraphicData"))
            if image_of(outline) != image_of(center):
                yield Fault("cad-geometry", outline.item.path, "outline and centre on two images")
            if at and points and not _surrounds(points, at[0]):
                yield Fault("cad-geometry", center.item.path, "a centre that is not in the outline")
    for outline in outlines:
        points = points_of(outline.item.numbers("GraphicData"))
        if outline.item.text("GraphicType") != "POLYLINE" or not points or points[0] != points[-1]:
            yield Fault("cad-geometry", outline.item.path, "an outline that is no closed POLYLINE")
        for said in finding.children(LATERALITY, "CODE"):
            yield from on_its_side(subject, outline, said)


def _surrounds(points: list[tuple[float, float]], at: tuple[float, float]) -> bool:
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return min(xs) <= at[0] <= max(xs) and min(ys) <= at[1] <= max(ys)


def _detections(subject: Subject, root: Node, detections: Node) -> Iterator[Fault]:
    """TID 4015, 4017: each image of the library was tried once, and is listed where it ended."""
    if detections.coded not in context_group(6042):
        yield Fault("cad-status", detections.item.path, "no status of CID 6042")
    lists = {name: [d for c in detections.children(name) for d in c.children()] for name in (_SUCCESSFUL, _FAILED)}
    right = _PARTLY if lists[_SUCCESSFUL] and lists[_FAILED] else _SUCCEEDED if lists[_SUCCESSFUL] else _NONE
    if detections.coded != right and detections.coded != _NOT_ATTEMPTED:
        yield Fault("cad-status", detections.item.path, "not what the lists of detections say")
    tried: list[str] = []
    for detection in (*lists[_SUCCESSFUL], *lists[_FAILED]):
        if detection.concept != _PERFORMED or detection.value_type != "CODE":
            yield Fault("cad-detection", detection.item.path, "not a Detection Performed")
        if subject.ours:
            yield from follows(detection, _DETECTION, "cad-template-row", closed=True)
        images = detection.children(value_type="IMAGE")
        tried += [image_of(image) for image in images]
        if not images:
            yield Fault("cad-detection", detection.item.path, "on no image")
        words = [node.words for node in detection.children(("111002", "DCM"))]
        if subject.ours and not any(map(is_statement, words)):
            yield Fault("statement", detection.item.path, "does not say that this is AI and unverified")
        failed = detection in lists[_FAILED]
        if subject.ours and any("not analysed (" in each for each in words) != failed:
            yield Fault("cad-detection", detection.item.path, "the words tell another outcome than the list")
    library = [image_of(entry) for container in root.children(LIBRARY) for entry in container.children()]
    if subject.ours and sorted(tried) != sorted(library):
        yield Fault("cad-detection", detections.item.path, "not the images of the Image Library, each once")
