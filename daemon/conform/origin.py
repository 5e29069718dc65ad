"""Patient and study are the source image's, byte for byte: a PACS files by them and a viewer links by them.

PS3.3 C.7.1.1, C.7.2.1, C.7.2.2, C.12.1.1.2. The line between our faults and the source's: a value that the source has
too is not ours to judge, however illegal, for the image is filed under it; a value that differs from the source's is a
fault, however legal. So nothing here is checked without a source. What identifies must be there as it is in the source;
an optional attribute may be left out (the encoders leave out illegal ones), but must not be altered or invented.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pydicom.charset import python_encoding

from daemon.conform.fault import Fault
from daemon.conform.subject import Subject, is_carried
from daemon.conform.view import Attribute, Item

# What files and links: to be there as it is in the source, present or absent.
_IDENTIFYING = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "IssuerOfPatientID"),
    *("StudyInstanceUID", "StudyDate", "StudyTime", "ReferringPhysicianName", "StudyID", "AccessionNumber"),
)
_OFFSET = "TimezoneOffsetFromUTC"


def origin(subject: Subject) -> Iterator[Fault]:
    """Held against the source image that fits best: the images of one study need not agree among themselves."""
    if not subject.sources:
        return
    referenced = set(_referenced(subject.root))
    about = [source for uid, source in subject.sources.items() if uid in referenced] or [*subject.sources.values()]
    yield from min((list(_against(subject.root, source)) for source in about), key=len)


def _against(root: Item, source: Item) -> Iterator[Fault]:
    for name in (*_IDENTIFYING, "SpecificCharacterSet"):
        if name not in root and name in source and not _left_out(source, name):
            yield Fault("origin-missing", name, "the source image has it")
    if re.fullmatch(r"[+-](0\d|1[0-4])[0-5]\d", source.text(_OFFSET)) and not root.has(_OFFSET):
        yield Fault("origin-missing", _OFFSET, "the source image has it, and the times are told in it")
    for name, attribute in root.attributes.items():
        if not is_carried(attribute.tag, name):
            continue
        theirs = source.attributes.get(name)
        if theirs is None:
            if not attribute.empty:
                yield Fault("origin-invented", name, "the source image has none")
        elif theirs.readable and not _same(attribute, theirs):
            yield Fault("origin-altered", name, "differs from the source image's")


def _left_out(source: Item, name: str) -> bool:
    """A Specific Character Set that names none is noise, and is not copied; nor is what cannot be read."""
    if not source.attributes[name].readable:
        return True
    return name == "SpecificCharacterSet" and not all(term in python_encoding for term in source.texts(name))


def _same(ours: Attribute, theirs: Attribute) -> bool:
    if ours.vr == "SQ" or theirs.vr == "SQ":
        return len(ours.items) == len(theirs.items) and all(map(_same_item, ours.items, theirs.items))
    return ours.value.rstrip(b" \0") == theirs.value.rstrip(b" \0")


def _same_item(ours: Item, theirs: Item) -> bool:
    """All of ours is theirs; what they have more is private or unknown, and is not copied."""
    if not all(
        name in theirs and _same(attribute, theirs.attributes[name]) for name, attribute in ours.attributes.items()
    ):
        return False
    return all(name in ours or name.startswith("(") for name in theirs.attributes)


def _referenced(root: Item) -> Iterator[str]:
    for _holder, attribute in root.walk():
        if attribute.name == "ReferencedSOPInstanceUID":
            yield from attribute.texts
