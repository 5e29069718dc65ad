"""What holds for an object of any form: file meta information, identity, attributes by type and format.

PS3.10 7.1; PS3.5 6.2, 7.1.1, 7.4, 9.1; PS3.3 C.7.5, C.12.1. Patient and study are looked at in `origin`.
"""

from __future__ import annotations

from collections.abc import Iterator

from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from daemon.conform import formats
from daemon.conform.fault import Fault
from daemon.conform.forms import FORMS, PARAMETRIC_MAP, SR_PROFILES, may_hold
from daemon.conform.modules import EVERY
from daemon.conform.subject import Subject
from daemon.conform.view import Attribute, Item

_META = ("FileMetaInformationVersion", "MediaStorageSOPClassUID", "MediaStorageSOPInstanceUID", "TransferSyntaxUID")
# C.7.6.16.2: all that these items hold is due only under conditions that a radiograph's map does not meet
_MAY_BE_EMPTY = ("PixelMeasuresSequence", "PlanePositionSequence", "PlaneOrientationSequence")
# PS3.5 Annex A without compression: nothing that we make is compressed. The first is what our encoders write.
_SYNTAXES = (
    *(ExplicitVRLittleEndian, ImplicitVRLittleEndian),
    *(DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian),
)
_LONG_VRS = ("OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV")


def file_meta(subject: Subject) -> Iterator[Fault]:
    """PS3.10 Table 7.1-1."""
    meta, root = subject.meta, subject.root
    if meta is None or not meta.attributes:
        yield Fault("meta-missing", "", "no file meta information")
        return
    for name in (*_META, "ImplementationClassUID"):
        if not meta.has(name) and not (name == _META[0] and meta.attributes.get(name) is not None):
            yield Fault("meta-attribute", name, "absent or empty")
    if _META[0] in meta and meta.attributes[_META[0]].value != b"\x00\x01":
        yield Fault("meta-version", _META[0], "not 00 01")
    for name, of in (("MediaStorageSOPClassUID", "SOPClassUID"), ("MediaStorageSOPInstanceUID", "SOPInstanceUID")):
        if meta.text(name) != root.text(of):
            yield Fault("meta-identity", name, f"differs from {of}")
    if meta.text("TransferSyntaxUID") not in _SYNTAXES[: 1 if subject.ours else None]:
        yield Fault("meta-transfer-syntax", "TransferSyntaxUID", "not the one that results are written in")
    if not formats.is_uid(meta.text("ImplementationClassUID")):
        yield Fault("uid-format", "ImplementationClassUID", "no UID")
    stated = meta.attributes.get("FileMetaInformationGroupLength")
    if stated is not None and stated.numbers != [float(_length(meta))]:
        yield Fault("meta-group-length", "FileMetaInformationGroupLength", f"the group is {_length(meta)} bytes long")


def identity(subject: Subject) -> Iterator[Fault]:
    """The SOP class is one that we make, is the one asked for, and has its Modality."""
    form = FORMS.get(subject.sop_class_uid)
    if form is None:
        yield Fault("sop-class-known", "SOPClassUID", "no form of a result")
        return
    if subject.ours and subject.kind not in form.kinds:
        yield Fault("sop-class-of-kind", "SOPClassUID", f"not the SOP class of {subject.kind}")
    if subject.kind == "sr" and SR_PROFILES.get(subject.profile, subject.sop_class_uid) != subject.sop_class_uid:
        yield Fault("sop-class-of-profile", "SOPClassUID", f"not the SOP class of profile {subject.profile}")
    # C.8.32.1 lets a map have its film's Modality too; ours does not
    if subject.modality != form.modality and (subject.ours or subject.sop_class_uid != PARAMETRIC_MAP):
        yield Fault("modality", "Modality", f"not {form.modality}")
    for attribute in subject.root.attributes.values():
        if attribute.tag & 0xFFFF == 0:
            yield Fault("group-length", attribute.name, "group lengths are retired (PS3.5 7.2)")
        elif not attribute.tag >> 16 & 1 and not may_hold(form, attribute.tag):
            yield Fault("attribute-of-form", attribute.name, "belongs to no module of this form")


def uids(subject: Subject) -> Iterator[Fault]:
    """PS3.5 9.1: well-formed where they are ours; the three of the object are three, and none is a source's."""
    root = subject.root
    given = {value for source in subject.sources.values() for value in _uids_of(source)}
    for holder in subject.own():
        for name, attribute in holder.attributes.items():
            if attribute.vr != "UI":
                continue
            for value in attribute.texts:
                elsewhere = name.startswith("Referenced") or value in given or value == root.text("StudyInstanceUID")
                elsewhere = elsewhere or (name == "SeriesInstanceUID" and bool(holder.path))
                if not (formats.is_loose_uid if elsewhere else formats.is_uid)(value):
                    yield Fault("uid-format", holder.where(name), "no UID")
    if not formats.is_loose_uid(root.text("StudyInstanceUID")):
        yield Fault("uid-format", "StudyInstanceUID", "no UID")
    own = [root.text(name) for name in ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID")]
    if len(set(own)) != len(own):
        yield Fault("uid-distinct", "SOPInstanceUID", "object, series and study share a UID")
    if root.text("SOPInstanceUID") in given:
        yield Fault("uid-distinct", "SOPInstanceUID", "is the UID of a source image, its series or its study")
    if root.text("SeriesInstanceUID") in given | _referenced_series(root):
        yield Fault("uid-distinct", "SeriesInstanceUID", "is the series of what the object refers to")


def attributes(subject: Subject) -> Iterator[Fault]:
    """Types 1 and 2 of the form's modules, then VR, format and multiplicity of all that is ours (PS3.6)."""
    form, root = FORMS.get(subject.sop_class_uid), subject.root
    asked = dict(EVERY)
    for module in form.modules if form else ():
        asked |= module
    for name, kind in asked.items():
        if kind == "2" and name not in root:
            yield Fault("attribute-type-2", name, "absent")
        elif kind == "1" and not root.has(name):
            yield Fault("attribute-type-1", name, "absent or empty")
        elif kind == "o" and subject.ours and not root.has(name):
            yield Fault("attribute-promised", name, "absent or empty")
    for attribute in root.attributes.values():
        if not attribute.readable:
            yield Fault("attribute-format", attribute.name, "cannot be read")
    for holder in subject.own():
        yield from _formats(subject, holder)


def _formats(subject: Subject, holder: Item) -> Iterator[Fault]:
    if holder.path and not holder.attributes and not holder.path.split(".")[-1].startswith(_MAY_BE_EMPTY):
        yield Fault("item-empty", holder.path, "a sequence item without attributes")
    for name, attribute in holder.attributes.items():
        if attribute.tag >> 16 & 1 and subject.ours:
            yield Fault("attribute-private", holder.where(name), "no encoder of ours writes private attributes")
        if name in ("Laterality", "ImageLaterality") and subject.ours:
            yield Fault("attribute-of-form", holder.where(name), "a chest is not paired")
        if formats.wrong_vr(attribute):
            yield Fault("attribute-vr", holder.where(name), f"{attribute.vr} is not its VR")
        wrong = formats.wrong_format(attribute)
        if wrong and not _copied(subject, attribute):
            yield Fault("attribute-format", holder.where(name), wrong)


def _copied(subject: Subject, attribute: Attribute) -> bool:
    """Whether the same attribute of a source image has the same odd value: it was the source's before it was ours."""
    found = [source.attributes.get(attribute.name) for source in subject.sources.values()]
    return any(each is not None and attribute.texts and attribute.texts[0] in each.texts for each in found)


def _uids_of(source: Item) -> list[str]:
    names = ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID")
    return [source.text(name) for name in names if source.has(name)]


def _referenced_series(root: Item) -> set[str]:
    """The series that the object refers to, its predecessors' apart: a revision is in the same series."""
    return {
        holder.text("SeriesInstanceUID")
        for holder, attribute in root.walk()
        if attribute.name == "SeriesInstanceUID" and holder.path and "PredecessorDocuments" not in holder.path
    }


def _length(meta: Item) -> int:
    """Bytes of the group after (0002,0000), Explicit VR Little Endian (PS3.5 7.1.2)."""
    lengths = [
        (12 if attribute.vr in _LONG_VRS else 8) + len(attribute.value)
        for attribute in meta.attributes.values()
        if attribute.name != "FileMetaInformationGroupLength"
    ]
    return sum(lengths)
