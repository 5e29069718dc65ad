"""Every reference leads to an instance that exists, by its right SOP class, series and study, and evidence is complete.

PS3.3 Tables 10-11 and C.17-3 (instance and hierarchical references), C.17.2 (evidence, predecessors), C.11.11
(Presentation State Relationship), C.12.4 (Common Instance Reference).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from daemon.conform.fault import Fault
from daemon.conform.forms import DOCUMENTS, FORMS, GSPS, KEY_OBJECT_SELECTION
from daemon.conform.subject import Subject
from daemon.conform.view import Item

_EVIDENCE = ("CurrentRequestedProcedureEvidenceSequence", "PertinentOtherEvidenceSequence")
_HISTORY = ("PredecessorDocumentsSequence", "IdenticalDocumentsSequence")
_RELATION = "ReferencedSeriesSequence"
_LISTS = ("ReferencedImageSequence", "ReferencedInstanceSequence", "SourceImageSequence")
# References that are no instances of the study's images or results.
_PROCEDURE = ("ReferencedPerformedProcedureStepSequence", "ReferencedStudySequence", "ReferencedPatientSequence")


@dataclass(frozen=True, slots=True)
class Reference:
    """One item that names an instance. series, study: what the hierarchy that it lies in says, "" outside of one."""

    item: Item
    place: str  # the top-level sequence that it is in
    series_uid: str
    study_uid: str

    @property
    def sop_class_uid(self) -> str:
        """Referenced SOP Class UID."""
        return self.item.text("ReferencedSOPClassUID")

    @property
    def sop_uid(self) -> str:
        """Referenced SOP Instance UID."""
        return self.item.text("ReferencedSOPInstanceUID")


def references_of(subject: Subject) -> list[Reference]:
    """Every reference of ours to an instance of the study."""
    return [each for each in _below(subject.root, "", "", "") if each.place not in _PROCEDURE]


def references(subject: Subject) -> Iterator[Fault]:
    """Each for itself, then evidence, history and relationship as a whole."""
    found = references_of(subject)
    for each in found:
        yield from _one(subject, each)
    yield from _twice(subject.root)
    if subject.sop_class_uid in DOCUMENTS:
        yield from _evidence(subject, found)
        yield from _history(subject, found)
    if subject.sop_class_uid == GSPS:
        yield from _relation(found)
    for place in (*_EVIDENCE, *_HISTORY, _RELATION):
        yield from _tiers(subject.root, place)


def _below(item: Item, place: str, series_uid: str, study_uid: str) -> Iterator[Reference]:
    if item.path:
        series_uid = item.text("SeriesInstanceUID") or series_uid
        study_uid = item.text("StudyInstanceUID") or study_uid
        if "ReferencedSOPInstanceUID" in item or "ReferencedSOPClassUID" in item:
            yield Reference(item, place, series_uid, study_uid)
    for name, attribute in item.attributes.items():
        if name in ("ReferencedRequestSequence", *_PROCEDURE) and not place:
            continue
        for inner in attribute.items:
            yield from _below(inner, place or name, series_uid, study_uid)


def _one(subject: Subject, each: Reference) -> Iterator[Fault]:
    where, sop_uid, source = each.item.path, each.sop_uid, subject.sources.get(each.sop_uid)
    if not sop_uid or not each.sop_class_uid:
        yield Fault("ref-complete", where, "lacks its SOP Class or SOP Instance UID")
        return
    if sop_uid == subject.root.text("SOPInstanceUID"):
        yield Fault("ref-self", where, "refers to the object itself")
    if each.place in _HISTORY:
        return
    if each.study_uid and each.study_uid != subject.root.text("StudyInstanceUID"):
        yield Fault("ref-study", where, "is filed under another study")
    if source is None:
        results = subject.sop_class_uid == KEY_OBJECT_SELECTION and each.sop_class_uid in FORMS
        if subject.sources and not results:
            yield Fault("ref-exists", where, "no image of the study")
        return
    if each.sop_class_uid != source.text("SOPClassUID"):
        yield Fault("ref-class", where, "is not of this SOP class")
    if each.series_uid and each.series_uid != source.text("SeriesInstanceUID"):
        yield Fault("ref-series", where, "is not of this series")
    if source.text("StudyInstanceUID") != subject.root.text("StudyInstanceUID"):
        yield Fault("ref-study", where, "is an image of another study")
    yield from _frames(each.item, source)


def _twice(root: Item) -> Iterator[Fault]:
    for holder, attribute in root.walk():
        if attribute.name in _LISTS:
            uids = [item.text("ReferencedSOPInstanceUID") for item in attribute.items]
            if len(set(uids)) != len(uids):
                yield Fault("ref-twice", holder.where(attribute.name), "lists an instance twice")


def _frames(item: Item, source: Item) -> Iterator[Fault]:
    count, named = source.number("NumberOfFrames"), item.numbers("ReferencedFrameNumber")
    frames = count if math.isfinite(count) and count > 1 else 0
    if named and not all(1 <= number <= frames for number in named):
        yield Fault("ref-frame", item.where("ReferencedFrameNumber"), "the image has no such frame")


def _evidence(subject: Subject, found: list[Reference]) -> Iterator[Fault]:
    listed = [each for each in found if each.place in _EVIDENCE]
    classes = {each.sop_uid: each.sop_class_uid for each in listed}
    for sop_uid, times in Counter(each.sop_uid for each in listed).items():
        if times > 1:
            where = next(each.item.path for each in listed if each.sop_uid == sop_uid)
            yield Fault("evidence-once", where, f"listed {times} times")
    used = [each for each in found if each.place not in (*_EVIDENCE, *_HISTORY)]
    for each in used:
        if each.sop_uid not in classes:
            yield Fault("evidence-complete", each.item.path, "is not in the evidence")
        elif each.sop_class_uid != classes[each.sop_uid]:
            yield Fault("ref-class", each.item.path, "is of another SOP class in the evidence")
    if subject.sop_class_uid == KEY_OBJECT_SELECTION or subject.ours:
        for uid in classes.keys() - {each.sop_uid for each in used}:
            where = next(each.item.path for each in listed if each.sop_uid == uid)
            yield Fault("evidence-used", where, "no content item refers to it")


def _history(subject: Subject, found: list[Reference]) -> Iterator[Fault]:
    """C.17.2: what this document replaces. Revisions of ours are of one class, in one series, and count up."""
    before = [each for each in found if each.place == _HISTORY[0]]
    for each in before:
        if each.sop_class_uid not in DOCUMENTS:
            yield Fault("predecessor", each.item.path, "a predecessor that is no document")
        if each.study_uid != subject.root.text("StudyInstanceUID"):
            yield Fault("predecessor", each.item.path, "a predecessor of another study")
        same = (subject.sop_class_uid, subject.root.text("SeriesInstanceUID"))
        if subject.ours and subject.kind == "sr" and (each.sop_class_uid, each.series_uid) != same:
            yield Fault("predecessor", each.item.path, "a predecessor of another SOP class or series")
    if len({each.sop_uid for each in before}) != len(before):
        yield Fault("predecessor", _HISTORY[0], "a predecessor is listed twice")
    if before and subject.ours and not subject.root.number("InstanceNumber") > 1:
        yield Fault("predecessor", "InstanceNumber", "a first instance cannot have a predecessor")


def _relation(found: list[Reference]) -> Iterator[Fault]:
    """C.11.11.1: the images of the presentation state, each once; annotations, areas and LUTs refer to these only."""
    listed = [each for each in found if each.place == _RELATION]
    for sop_uid, times in Counter(each.sop_uid for each in listed).items():
        if times > 1:
            yield Fault("relation-once", _RELATION, f"an image is listed {times} times")
        if not sop_uid:
            yield Fault("ref-complete", _RELATION, "an image without its UID")
    known = {(each.sop_class_uid, each.sop_uid) for each in listed}
    for each in found:
        if each.place not in (_RELATION, "SourceImageSequence") and (each.sop_class_uid, each.sop_uid) not in known:
            yield Fault("relation-complete", each.item.path, "is not in the Presentation State Relationship")


def _tiers(root: Item, place: str) -> Iterator[Fault]:
    """Each study, series and instance of a hierarchical reference is complete and there once (Table C.17-3)."""
    studies = root.items(place) if place != _RELATION else ()
    yield from _tier(studies, "StudyInstanceUID", ("ReferencedSeriesSequence",))
    series = root.items(place) if place == _RELATION else [one for s in studies for one in s.items(_RELATION)]
    below = (
        ("ReferencedSOPSequence",) if place != _RELATION else ("ReferencedImageSequence", "ReferencedInstanceSequence")
    )
    yield from _tier(series, "SeriesInstanceUID", below)


def _tier(items: Iterator[Item] | tuple[Item, ...] | list[Item], uid: str, below: tuple[str, ...]) -> Iterator[Fault]:
    seen = set()
    for item in items:
        if not item.has(uid):
            yield Fault("ref-hierarchy", item.where(uid), "absent or empty")
        elif item.text(uid) in seen:
            yield Fault("ref-hierarchy", item.where(uid), "listed twice")
        seen.add(item.text(uid))
        if not any(item.items(name) for name in below):
            yield Fault("ref-hierarchy", item.where(below[0]), "absent or empty")
