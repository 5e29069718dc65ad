"""Faults that any form can have: identity, patient and study, file format, statement."""

from __future__ import annotations

from typing import Any

from pydicom import Dataset
from pydicom.dataelem import RawDataElement
from pydicom.sequence import Sequence
from pydicom.tag import Tag

from tests.support.faults.mutation import EVERY, Mutation, put

FORMS = ("sr air", "gsps", "sc", "kos", "chest-cad-sr", "parametric-map")
ONE = ("sr air", "gsps")


def both(name: str, value: object) -> Any:
    """The SOP Instance or Class UID, in the data set and in the file meta information."""

    def change(ds: Dataset) -> None:
        setattr(ds, name, value)
        setattr(ds.file_meta, f"MediaStorage{name}", value)

    return change


def raw(keyword: str, vr: str, value: bytes) -> Any:
    """An attribute as bytes."""

    def change(ds: Dataset) -> None:
        tag = Tag(keyword)
        ds[tag] = RawDataElement(tag, vr, len(value), value, 0, False, True)

    return change


def source_uid(keyword: str) -> Any:
    """The series or instance UID becomes that of the image referred to."""

    def change(ds: Dataset) -> None:
        found = next(element.value for element in ds.iterall() if element.keyword == "ReferencedSOPInstanceUID")
        series = next(
            item.SeriesInstanceUID
            for element in ds.iterall()
            if element.keyword == "ReferencedSeriesSequence"
            for item in element.value
            if "SeriesInstanceUID" in item
        ) if keyword == "SeriesInstanceUID" else found  # fmt: skip
        both(keyword, series)(ds) if keyword == "SOPInstanceUID" else put(keyword, series)(ds)

    return change


def grow_group(file: bytes) -> bytes:
    """File Meta Information Group Length that is two too long; readers that trust it lose the next element."""
    return file[:140] + (int.from_bytes(file[140:144], "little") - 2).to_bytes(4, "little") + file[144:]


def group_length(file: bytes) -> bytes:
    """A group length element before the data set's first."""
    start = 144 + int.from_bytes(file[140:144], "little")
    return file[:start] + b"\x08\0\0\0UL\x04\0\x10\0\0\0" + file[start:]


def other_instance(file: bytes) -> bytes:
    """The Media Storage SOP Instance UID, another in its last digits."""
    at = file.index(b"\x02\0\x03\0UI") + 8
    length = int.from_bytes(file[at - 2 : at], "little")
    return file[: at + length - 4] + b"111\0" + file[at + length :]


def compressed(file: bytes) -> bytes:
    """Explicit VR Little Endian called RLE Lossless."""
    return file.replace(b"UI\x14\x001.2.840.10008.1.2.1\0", b"UI\x14\x001.2.840.10008.1.2.5\0", 1)


def empty_item(ds: Dataset) -> None:
    ds.ContributingEquipmentSequence = Sequence([*ds.ContributingEquipmentSequence, Dataset()])


def unsaid(ds: Dataset) -> None:
    ds.SeriesDescription = "Chest result"


def purposeless(ds: Dataset) -> None:
    del ds.ContributingEquipmentSequence[0].PurposeOfReferenceCodeSequence


def another_maker(ds: Dataset) -> None:
    ds.ContributingEquipmentSequence[0].SoftwareVersions = "9.9"


def contributed_twice(ds: Dataset) -> None:
    ds.ContributingEquipmentSequence = Sequence([ds.ContributingEquipmentSequence[0]] * 2)


def private(ds: Dataset) -> None:
    ds.private_block(0x0009, "SOMEBODY", create=True).add_new(0x01, "LO", "x")


MUTATIONS: tuple[Mutation, ...] = (
    Mutation("patient: another Patient ID", "PS3.3 C.7.1.1", FORMS, put("PatientID", "SOMEONE-ELSE")),
    Mutation("patient: the name in other letters", "PS3.3 C.7.1.1", ONE, put("PatientName", "TEST^PHANTOM")),
    Mutation("patient: no name", "PS3.3 C.7.1.1, type 2", ONE, put("PatientName", None)),
    Mutation("patient: another sex", "PS3.3 C.7.1.1", ONE, put("PatientSex", "F")),
    Mutation("patient: birth date gone", "PS3.3 C.7.1.1, type 2", ONE, put("PatientBirthDate", None)),
    Mutation("patient: another character set", "PS3.3 C.12.1.1.2", ONE, put("SpecificCharacterSet", "ISO_IR 100")),
    Mutation("patient: no character set", "PS3.3 C.12.1.1.2", ONE, put("SpecificCharacterSet", None)),
    Mutation("patient: comments that the source has not", "PS3.3 C.7.1.1", ONE, put("PatientComments", "anxious")),
    Mutation("study: another Study Instance UID", "PS3.3 C.7.2.1", FORMS, put("StudyInstanceUID", "1.2.3.4")),
    Mutation("study: another date", "PS3.3 C.7.2.1", ONE, put("StudyDate", "20200101")),
    Mutation("study: another accession number", "PS3.3 C.7.2.1", ONE, put("AccessionNumber", "A2")),
    Mutation("study: no Study ID", "PS3.3 C.7.2.1, type 2", ONE, put("StudyID", None)),
    Mutation(
        "series: that of the source image",
        "PS3.3 C.7.3.1",
        tuple(name for name in FORMS if name != "sc"),
        source_uid("SeriesInstanceUID"),
    ),
    Mutation("series: no number", "PS3.3 C.7.3.1", EVERY[:1], put("SeriesNumber", None)),
    Mutation("series: wrong Modality", "PS3.3 C.7.3.1.1.1", FORMS, put("Modality", "DX")),
    Mutation("instance: no Instance Number", "PS3.3 C.17.2, C.11.10", FORMS, put("InstanceNumber", None)),
    Mutation("instance: number that is no IS", "PS3.5 6.2", ONE, raw("InstanceNumber", "IS", b"1.5 ")),
    Mutation("instance: UID with a leading zero", "PS3.5 9.1", ONE, both("SOPInstanceUID", "2.25.0123")),
    Mutation("instance: UID of 66 characters", "PS3.5 9.1", ONE, both("SOPInstanceUID", "1." + "2" * 64)),
    Mutation("instance: UID below 2.25 that is no UUID", "PS3.5 B.2", ONE, both("SOPInstanceUID", "2.25." + "9" * 39)),
    Mutation("instance: UID of the source image", "PS3.3 C.12.1.1.1", ONE, source_uid("SOPInstanceUID")),
    Mutation(
        "instance: SOP class of another form",
        "PS3.4 B.5",
        ("sr air",),
        both("SOPClassUID", "1.2.840.10008.5.1.4.1.1.88.22"),
    ),
    Mutation(
        "instance: SOP class of another profile",
        "IHE AIR",
        ("sr air",),
        both("SOPClassUID", "1.2.840.10008.5.1.4.1.1.88.33"),
    ),
    Mutation("date: in the future, one of two", "PS3.3 C.12.1", ONE, put("InstanceCreationDate", "20991231")),
    Mutation("date: not in the calendar", "PS3.5 6.2", ONE, raw("InstanceCreationDate", "DA", b"20260231")),
    Mutation("date: time of 25 hours", "PS3.5 6.2", ONE, raw("InstanceCreationTime", "TM", b"250000")),
    Mutation("equipment: no manufacturer", "PS3.3 C.7.5.1", FORMS, put("Manufacturer", None)),
    Mutation(
        "equipment: no software version", "PS3.3 C.7.5.2", ("sr air", "parametric-map"), put("SoftwareVersions", None)
    ),
    Mutation("equipment: nobody contributed", "results.md 5", ONE, put("ContributingEquipmentSequence", None)),
    Mutation("equipment: contributed for no purpose", "PS3.3 C.12.1.1.5", ONE, purposeless),
    Mutation("equipment: another version contributed", "results.md 5", ONE, another_maker),
    Mutation("statement: series without AI, unverified", "results.md 5", FORMS, unsaid),
    Mutation("equipment: two contributors", "results.md 5", ONE, contributed_twice),
    Mutation("instance: UID that is not derived", "PS3.5 B.2", ONE, both("SOPInstanceUID", "1.2.3.4.5")),
    Mutation("series: UID that is not derived", "PS3.5 B.2", ONE, put("SeriesInstanceUID", "1.2.3.4.5")),
    Mutation("format: empty sequence item", "PS3.3 C.12.1.1.5", ONE, empty_item),
    Mutation("format: text beyond ASCII", "PS3.5 6.1", ONE, raw("SeriesDescription", "LO", b"AI, unverified \xff\xfe")),
    Mutation(
        "format: LO of 65 characters", "PS3.5 6.2", ONE, raw("SeriesDescription", "LO", b"AI, unverified" + b"x" * 52)
    ),
    Mutation("format: a private attribute", "results.md 5", ONE, private),
    Mutation("series: laterality of a chest", "PS3.3 C.7.3.1", ONE, put("Laterality", "L")),
    Mutation("format: wrong VR", "PS3.6", ONE, raw("SeriesNumber", "LO", b"9110")),
    Mutation("format: retired group length", "PS3.5 7.2", ONE, spoil=group_length),
    Mutation("format: pixels in what is no image", "PS3.3 A.35", ("sr air", "kos"), raw("PixelData", "OW", b"\0\0")),
    Mutation("meta: another SOP Instance UID", "PS3.10 7.1", ONE, spoil=other_instance),
    Mutation("meta: a compressed transfer syntax", "PS3.5 A.4", ("gsps",), spoil=compressed),
    Mutation("meta: group length", "PS3.10 7.1", ("gsps",), spoil=grow_group),
    Mutation("reference: class of the image", "PS3.3 Table 10-11", EVERY, lambda ds: reclass(ds)),
    Mutation(
        "reference: an image that is not there",
        "PS3.3 Table 10-11",
        (*EVERY[:5], "gsps", "sc", "parametric-map"),
        lambda ds: elsewhere(ds),
    ),
    Mutation(
        "reference: an object without its UID", "PS3.3 Table 10-11", ("sr air", "gsps", "kos"), lambda ds: nameless(ds)
    ),
)


def _last_reference(ds: Dataset) -> Dataset:
    def below(item: Dataset) -> list[Dataset]:
        found = [item] if "ReferencedSOPInstanceUID" in item else []
        for element in item:
            if element.VR == "SQ" and element.keyword != "ReferencedRequestSequence":
                for inner in element.value:
                    found += below(inner)
        return found

    return below(ds)[-1]


def reclass(ds: Dataset) -> None:
    _last_reference(ds).ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"


def elsewhere(ds: Dataset) -> None:
    _last_reference(ds).ReferencedSOPInstanceUID = "1.2.3.4.5.6.7"


def nameless(ds: Dataset) -> None:
    _last_reference(ds).ReferencedSOPInstanceUID = ""
