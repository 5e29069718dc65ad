"""The Imaging Measurement Report: which rows its containers have, how often, and how they hang together.

PS3.16 TID 1500, 1501, 1410, 1204, 1001, 1002, 1004, 4019, 1600, 1602. These templates are extensible, so rows that are
not listed are faults only of our own objects. The rules of profiles are those of worker/encode/profiles.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from daemon.conform.codes import context_group
from daemon.conform.evaluations import ALGORITHM, described, evaluated
from daemon.conform.fault import Fault
from daemon.conform.forms import COMPREHENSIVE_3D_SR, COMPREHENSIVE_SR
from daemon.conform.report_words import films_by_name, statements, told
from daemon.conform.rows import Row, follows
from daemon.conform.shapes import points_of
from daemon.conform.subject import Subject
from daemon.conform.tree import Node, root_of
from daemon.conform.view import Item

_UNMEASURED = ("112000", "DCM")  # Chest CAD Report
REPORT, LIBRARY, LIBRARY_GROUP = ("126000", "DCM"), ("111028", "DCM"), ("126200", "DCM")
MEASUREMENTS, GROUP, EVALUATIONS = ("126010", "DCM"), ("125007", "DCM"), ("C0034375", "UMLS")
TRACKING, TRACKING_UID, FINDING = ("112039", "DCM"), ("112040", "DCM"), ("121071", "DCM")
REGION, CERTAINTY, COMMENT, SUMMARY = ("111030", "DCM"), ("111012", "DCM"), ("121106", "DCM"), ("111017", "DCM")
SITE, LATERALITY, PURPOSE = ("363698007", "SCT"), ("272741003", "SCT"), ("130400", "DCM")
_DEVICE, _LEFT, _RIGHT = ("121007", "DCM"), ("7771000", "SCT"), ("24028007", "SCT")
_SOURCE, _ORIGINAL_SOURCE = ("260753009", "SCT"), ("111040", "DCM")

_MANY = 10**6
_LESION_NAME = re.compile(r"(film \d+ |)lesion (\d+)")
OBSERVER: tuple[Row, ...] = (  # TID 1002 row 1, TID 1004
    Row(("121005", "DCM"), "CODE", "HAS OBS CONTEXT", 1, 1),
    Row(("121012", "DCM"), "UIDREF", "HAS OBS CONTEXT", 1, 1),
    Row(("121013", "DCM"), "TEXT", "HAS OBS CONTEXT", 1, 1),
    Row(("121014", "DCM"), "TEXT", "HAS OBS CONTEXT", 0, 1),
    Row(("121015", "DCM"), "TEXT", "HAS OBS CONTEXT", 0, 1),
    Row(("121016", "DCM"), "TEXT", "HAS OBS CONTEXT", 0, 1),
)
LANGUAGE = Row(("121049", "DCM"), "CODE", "HAS CONCEPT MOD", 1, 1)  # TID 1204
_PARAMETERS = ("111002", "DCM")
# TID 1004 rows 2 to 5, TID 4019 rows 1 and 2; an algorithm may have the longer name
_EQUIPMENT = {
    ("121013", "DCM"): "ManufacturerModelName",
    ("121014", "DCM"): "Manufacturer",
    ("121015", "DCM"): "ManufacturerModelName",
    ("121016", "DCM"): "DeviceSerialNumber",
    ("111001", "DCM"): "ManufacturerModelName",
    ("111003", "DCM"): "SoftwareVersions",
}
_REPORT: tuple[Row, ...] = (  # TID 1500
    LANGUAGE,
    *OBSERVER,
    Row(("121058", "DCM"), "CODE", "HAS CONCEPT MOD", 1, _MANY),
    Row(LIBRARY, "CONTAINER", "CONTAINS", 1, 1),
    Row(MEASUREMENTS, "CONTAINER", "CONTAINS", 1, 1),
    Row(EVALUATIONS, "CONTAINER", "CONTAINS", 0, 1),
    Row(COMMENT, "TEXT", "CONTAINS", 0, _MANY),
)
_UNMEASURED_REPORT = tuple(row for row in _REPORT if row.concept != MEASUREMENTS)
_GROUP: tuple[Row, ...] = (  # TID 1410 and what it includes of TID 1501
    Row(TRACKING, "TEXT", "HAS OBS CONTEXT", 1, 1),
    Row(TRACKING_UID, "UIDREF", "HAS OBS CONTEXT", 1, 1),
    Row(FINDING, "CODE", "CONTAINS", 1, 1),
    Row(SITE, "CODE", "HAS CONCEPT MOD", 0, _MANY),
    *ALGORITHM,
    Row(CERTAINTY, "NUM", "CONTAINS", 1, 1),
    Row(PURPOSE, "CODE", "CONTAINS", 0, 1),
    Row(REGION, "SCOORD", "CONTAINS", 1, 1),
    Row(COMMENT, "TEXT", "CONTAINS", 0, 1),
)
_EVALUATION: tuple[Row, ...] = (
    Row(SUMMARY, "CODE", "CONTAINS", 1, _MANY),
    Row(CERTAINTY, "NUM", "CONTAINS", 0, _MANY),
    Row(COMMENT, "TEXT", "CONTAINS", 1, _MANY),
)
_LIBRARY: tuple[Row, ...] = (Row(LIBRARY_GROUP, "CONTAINER", "CONTAINS", 1, 1),)  # TID 1600
_ENTRIES: tuple[Row, ...] = (Row(_ORIGINAL_SOURCE, "IMAGE", "CONTAINS", 1, _MANY),)


def imaging_report(subject: Subject) -> Iterator[Fault]:
    """A Comprehensive or Comprehensive 3D SR, as TID 1500."""
    if subject.sop_class_uid not in (COMPREHENSIVE_SR, COMPREHENSIVE_3D_SR):
        return
    root, ours = root_of(subject), subject.ours
    unmeasured = root.concept == _UNMEASURED and subject.profile in ("", "ohif")
    yield from _titled(root, unmeasured)
    yield from follows(root, _UNMEASURED_REPORT if unmeasured else _REPORT, "sr-template-row", closed=ours)
    yield from observed(root, ours)
    groups = [group for container in root.children(MEASUREMENTS) for group in container.children()]
    if ours:
        yield from device(subject, root)
        yield from films_by_name(root)
        yield from named(groups)
    for library in root.children(LIBRARY):
        yield from follows(library, _LIBRARY, "sr-template-row", closed=ours)
        if template_of(library) != "1600" and (ours or template_of(library)):
            yield Fault("sr-template", library.item.path, "an Image Library of another template")
        for group in library.children(LIBRARY_GROUP):
            yield from follows(group, _ENTRIES, "sr-template-row", closed=ours)
            for entry in group.children() if ours else ():
                yield from described(subject, entry)
    if subject.profile == "ohif" and not groups and not unmeasured:
        yield Fault("sr-unmeasured", "ConceptNameCodeSequence", "OHIF cannot open a measurement report of nothing")
    for group in groups:
        yield from _group(subject, group)
    yield from tracking(groups, subject.root)
    for container in root.children(EVALUATIONS):
        if ours:
            yield from follows(container, _EVALUATION, "sr-template-row", closed=True, ordered=False)
            yield from evaluated(container)
            yield from told(container)
    yield from statements(subject, root, len(groups))


def _titled(root: Node, unmeasured: bool) -> Iterator[Fault]:
    """The title and the template of the root; a report for OHIF that measures nothing claims no template."""
    if root.value_type != "CONTAINER" or not (root.concept == REPORT or unmeasured):
        yield Fault("sr-root", "ConceptNameCodeSequence", "not an Imaging Measurement Report")
    if template_of(root) != ("" if unmeasured else "1500"):
        yield Fault("sr-template", "ContentTemplateSequence", "the root is not of the template that its title has")


def observed(root: Node, ours: bool) -> Iterator[Fault]:
    """TID 1001: a device, and no person, observed; its names are not empty; the language is English."""
    for node in root.children(("121005", "DCM")):
        if ours and node.coded != _DEVICE:
            yield Fault("sr-observer", node.item.path, "not a device")
    for node in root.children(LANGUAGE.concept):
        if node.coded[1] != "RFC5646" or (ours and node.coded[0] != "en-US"):
            yield Fault("sr-language", node.item.path, "not the language that the text is in")


def device(subject: Subject, root: Node) -> Iterator[Fault]:
    """The device that observed, and the algorithm that it ran, are the equipment that made the object."""
    for node in root.walk():
        name = _EQUIPMENT.get(node.concept)
        if node.concept == _PARAMETERS and not _is_parameter(subject, node.words):
            yield Fault("sr-device", node.item.path, "neither operating point, weights nor what became of a film")
        if name and not node.words.startswith(subject.root.text(name)):
            yield Fault("sr-device", node.item.path, f"differs from {name}")


def _is_parameter(subject: Subject, words: str) -> bool:
    """Whether a text is one of our Algorithm Parameters; the weights are those of Contributing Equipment."""
    made = " ".join(
        item.whole("ContributionDescription") for item in subject.root.items("ContributingEquipmentSequence")
    )
    if words.startswith("Weights SHA-256: "):
        return words.replace("SHA-256:", "SHA-256") in made
    return words.startswith(("Operating point: ", "film "))


def template_of(node: Node) -> str:
    """The template that a container says it follows, "" for none."""
    return next((item.text("TemplateIdentifier") for item in node.item.items("ContentTemplateSequence")), "")


def _group(subject: Subject, group: Node) -> Iterator[Fault]:
    where = group.item.path
    if group.concept != GROUP or group.value_type != "CONTAINER" or group.relationship != "CONTAINS":
        yield Fault("sr-group", where, "not a Measurement Group")
        return
    if template_of(group) not in ("1410",) + (() if subject.ours else ("1411", "1501")):
        yield Fault("sr-group-template", where, "a Measurement Group that names no template of a region")
    if template_of(group) == "1410" or subject.ours:
        yield from follows(group, _GROUP, "sr-template-row", closed=subject.ours)
    for site in group.children(SITE):
        yield from follows(site, (Row(LATERALITY, "CODE", "HAS CONCEPT MOD", 0, 1),), "sr-template-row", subject.ours)
        yield from _side(subject, group, site)
    for purpose in group.children(PURPOSE):
        if purpose.coded not in context_group(219):
            yield Fault("sr-context-group", purpose.item.path, "no geometric purpose of CID 219")
    if subject.ours:
        yield from _of_profile(subject, group)
        if not group.children(COMMENT):
            yield Fault("statement", where, "no comment says that this is AI and unverified")
        yield from told(group)


def _side(subject: Subject, group: Node, site: Node) -> Iterator[Fault]:
    for said in site.children(LATERALITY, "CODE"):
        for region in group.children(REGION, "SCOORD"):
            yield from on_its_side(subject, region, said)


def on_its_side(subject: Subject, region: Node, said: Node) -> Iterator[Fault]:
    """The side that is named is the one on which the region lies, as its image is hung (C.7.6.1.1.1)."""
    if said.coded not in context_group(244):
        yield Fault("sr-context-group", said.item.path, "no laterality of CID 244")
    uid = image_of(region)
    source, size, points = subject.sources.get(uid), subject.size(uid), points_of(region.item.numbers("GraphicData"))
    row = source.texts("PatientOrientation")[:1] if source else []
    if not points or not size or row not in (["L"], ["R"]):
        return
    middle = (min(x for x, _ in points) + max(x for x, _ in points)) / 2
    lies_left = (middle > size[0] / 2) == (row == ["L"])
    if said.coded == (_RIGHT if lies_left else _LEFT):
        yield Fault("sr-laterality", said.item.path, "the region lies on the other side")


def _of_profile(subject: Subject, group: Node) -> Iterator[Fault]:
    """What the profile's viewer looks for: Stone the name of a region's image, OHIF the region under its number."""
    named = {"air": _SOURCE, "ohif": _SOURCE, "stone": _ORIGINAL_SOURCE}.get(subject.profile)
    regions = group.children(REGION, "SCOORD")
    copies = [copy for number in group.children(CERTAINTY) for copy in number.children(value_type="SCOORD")]
    for region in regions + copies:
        for image in region.children(value_type="IMAGE"):
            if named and image.concept != named:
                yield Fault("sr-profile-source", image.item.path, f"not named as profile {subject.profile} has it")
    if subject.profile and len(copies) != (len(regions) if subject.profile == "ohif" else 0):
        yield Fault("sr-profile-copy", group.item.path, f"{len(copies)} regions under the number")
    for region, copy in zip(regions, copies, strict=False):
        same = all(region.item.texts(name) == copy.item.texts(name) for name in ("GraphicType", "GraphicData"))
        if not same or image_of(region) != image_of(copy) or copy.relationship != "INFERRED FROM":
            yield Fault("sr-profile-copy", copy.item.path, "not the group's region again")


def image_of(node: Node) -> str:
    """UID of the first image that an item refers to, or has below it."""
    for each in node.walk():
        for reference in each.item.items("ReferencedSOPSequence"):
            return reference.text("ReferencedSOPInstanceUID")
    return ""


def named(groups: list[Node]) -> Iterator[Fault]:
    """What our lesions are called: "lesion 1", "lesion 2", …, for each film, with its name where there are several."""
    counts: dict[str, int] = {}
    for group in groups:
        for node in group.children(TRACKING):
            found = _LESION_NAME.fullmatch(node.words)
            film = found[1] if found else ""
            counts[film] = counts.get(film, 0) + 1
            if found is None or int(found[2]) != counts[film]:
                yield Fault("sr-tracking-name", node.item.path, "not the name of the next lesion")


def tracking(groups: list[Node], root: Item) -> Iterator[Fault]:
    """TID 1410 row 2: viewers merge groups that share a tracking UID, and take a group's first UIDREF for it."""
    seen = {root.text(name) for name in ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID")}
    for group in groups:
        uids = [node.item.text("UID") for node in group.children(TRACKING_UID)]
        names = [f"name {node.words}" for node in group.children(TRACKING)]
        if not uids:
            yield Fault("sr-tracking-uid", group.item.path, "no Tracking Unique Identifier")
        if any(node.concept != TRACKING_UID for node in group.children(value_type="UIDREF")):
            yield Fault("sr-tracking-uid", group.item.path, "another UIDREF beside the tracking UID")
        for value in [*uids, *names]:
            if value in seen:
                yield Fault("sr-tracking-distinct", group.item.path, "shares its tracking with another group")
            seen.add(value)
