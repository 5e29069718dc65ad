"""What the catalogue keeps of an instance: the attributes that QIDO-RS and C-FIND search and return.

PS3.18 tables 10.6.1-5 and 10.6.3-3 to 5, PS3.4 C.6.1.1 and C.6.2.1, and what viewers ask for besides. A header is
taken as it came: a value that is absent, malformed or undecodable is "", one that is too long is cut, and of several
where the standard allows one the first is kept.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from pydicom import Dataset

from daemon.core.attributes import integer, items, values
from daemon.core.times import normal_date, normal_time

Level = Literal["STUDY", "SERIES", "IMAGE"]
LEVELS: tuple[Level, ...] = ("STUDY", "SERIES", "IMAGE")


@dataclass(frozen=True, slots=True)
class Attribute:
    """Where the catalogue keeps an attribute, and its value representation (PS3.6)."""

    level: Level
    column: str
    vr: str


# By keyword; "Sequence.Keyword" is an attribute of the sequence's first item.
ATTRIBUTES: Mapping[str, Attribute] = {
    "PatientName": Attribute("STUDY", "patient_name", "PN"),
    "PatientID": Attribute("STUDY", "patient_id", "LO"),
    "IssuerOfPatientID": Attribute("STUDY", "patient_id_issuer", "LO"),
    "PatientBirthDate": Attribute("STUDY", "patient_birth_date", "DA"),
    "PatientSex": Attribute("STUDY", "patient_sex", "CS"),
    "StudyInstanceUID": Attribute("STUDY", "study_uid", "UI"),
    "StudyDate": Attribute("STUDY", "study_date", "DA"),
    "StudyTime": Attribute("STUDY", "study_time", "TM"),
    "AccessionNumber": Attribute("STUDY", "accession_number", "SH"),
    "StudyID": Attribute("STUDY", "study_id", "SH"),
    "StudyDescription": Attribute("STUDY", "study_description", "LO"),
    "ReferringPhysicianName": Attribute("STUDY", "referring_physician_name", "PN"),
    "TimezoneOffsetFromUTC": Attribute("STUDY", "timezone_offset", "SH"),
    "ModalitiesInStudy": Attribute("STUDY", "modalities", "CS"),
    "NumberOfStudyRelatedSeries": Attribute("STUDY", "series_count", "IS"),
    "NumberOfStudyRelatedInstances": Attribute("STUDY", "instance_count", "IS"),
    "SeriesInstanceUID": Attribute("SERIES", "series_uid", "UI"),
    "Modality": Attribute("SERIES", "modality", "CS"),
    "SeriesNumber": Attribute("SERIES", "series_number", "IS"),
    "SeriesDescription": Attribute("SERIES", "series_description", "LO"),
    "SeriesDate": Attribute("SERIES", "series_date", "DA"),
    "SeriesTime": Attribute("SERIES", "series_time", "TM"),
    "PerformedProcedureStepStartDate": Attribute("SERIES", "performed_start_date", "DA"),
    "PerformedProcedureStepStartTime": Attribute("SERIES", "performed_start_time", "TM"),
    "RequestAttributesSequence.ScheduledProcedureStepID": Attribute("SERIES", "scheduled_step_id", "SH"),
    "RequestAttributesSequence.RequestedProcedureID": Attribute("SERIES", "requested_procedure_id", "SH"),
    "BodyPartExamined": Attribute("SERIES", "body_part", "CS"),
    "NumberOfSeriesRelatedInstances": Attribute("SERIES", "instance_count", "IS"),
    "SOPInstanceUID": Attribute("IMAGE", "sop_uid", "UI"),
    "SOPClassUID": Attribute("IMAGE", "sop_class_uid", "UI"),
    "InstanceNumber": Attribute("IMAGE", "instance_number", "IS"),
    "ContentDate": Attribute("IMAGE", "content_date", "DA"),
    "ContentTime": Attribute("IMAGE", "content_time", "TM"),
    "Rows": Attribute("IMAGE", "rows", "US"),
    "Columns": Attribute("IMAGE", "columns", "US"),
    "BitsAllocated": Attribute("IMAGE", "bits_allocated", "US"),
    "NumberOfFrames": Attribute("IMAGE", "frames", "IS"),
}
# Counted or known to the ledger, not read from a header.
_KNOWN = frozenset(
    {
        "StudyInstanceUID",
        "SeriesInstanceUID",
        "SOPInstanceUID",
        "SOPClassUID",
        "ModalitiesInStudy",
        "NumberOfStudyRelatedSeries",
        "NumberOfStudyRelatedInstances",
        "NumberOfSeriesRelatedInstances",
    }
)
NUMBERS = frozenset({"Rows", "Columns", "BitsAllocated", "NumberOfFrames"})  # None where absent

# Characters kept, by VR: the limit of PS3.5 table 6.2-1, but for SH, which real systems overrun, and PN, which has
# three groups of 64.
_LONGEST = {"PN": 194, "LO": 64, "SH": 64, "CS": 16}
LONGEST_KEY = 256
_LARGEST_NUMBER = 2**31 - 1


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """Values by column of the catalogue's tables (daemon/store/schema_catalogue.py), "" or None where unknown."""

    study: Mapping[str, str]
    series: Mapping[str, str]
    instance: Mapping[str, str | int | None]


@dataclass(frozen=True, slots=True)
class CatalogueInstance:
    """One instance that can be retrieved."""

    study_uid: str
    series_uid: str
    sop_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    key: str  # in the archive
    size: int  # bytes of its file
    frames: int | None  # None: no image
    rows: int | None
    columns: int | None
    result: bool  # one of ours


def entry_of(header: Dataset) -> CatalogueEntry:
    """What the catalogue keeps of a header, besides its UIDs."""
    kept: dict[Level, dict[str, str]] = {level: {} for level in LEVELS}
    for keyword, attribute in ATTRIBUTES.items():
        if keyword not in _KNOWN | NUMBERS:
            kept[attribute.level][attribute.column] = _text(header, keyword, attribute.vr)
    study = kept["STUDY"]
    study["patient_name_key"] = name_key(study["patient_name"])
    study["referring_physician_name_key"] = name_key(study["referring_physician_name"])
    numbers = {ATTRIBUTES[keyword].column: _number(header, keyword) for keyword in NUMBERS}
    if numbers["frames"] is None and numbers["rows"] is not None:
        numbers["frames"] = 1  # PS3.3 C.7.6.6: without Number of Frames an image has one
    return CatalogueEntry(study, kept["SERIES"], {**kept["IMAGE"], **numbers})


def empty_entry() -> CatalogueEntry:
    """Of an instance of which nothing but the UIDs is known."""
    return entry_of(Dataset())


def name_key(name: str) -> str:
    """A person's name (PS3.5 6.2.1) as names are compared: without case, accents and empty components at the end.

    Each component group is ended by "=", so that a pattern can say where one ends; "" for no name.
    """
    groups = [fold(group).rstrip("^ ") for group in name.split("=")]
    while groups and not groups[-1]:
        groups.pop()
    return "".join(f"{group}=" for group in groups)[:LONGEST_KEY]


def name_words(key: str) -> frozenset[str]:
    """The words of a folded name: what stands between its separators."""
    return frozenset(re.split("[ ^=-]+", key)) - {""}


def fold(text: str) -> str:
    """Text without case and accents, each run of white space one space, none around "^"."""
    apart = unicodedata.normalize("NFKD", text)
    bare = "".join(sign for sign in apart if not unicodedata.combining(sign))
    joined = " ".join(unicodedata.normalize("NFC", bare).casefold().split())
    return joined.replace(" ^", "^").replace("^ ", "^")


def clean(text: str) -> str:
    """Text without what no value may hold (PS3.5 6.1.3) and no database takes: control characters, lone surrogates."""
    return "".join(sign for sign in text if unicodedata.category(sign) not in ("Cc", "Cs")).strip()


def _integer(text: str) -> str:
    return text if re.fullmatch(r"[+-]?[0-9]{1,12}", text) else ""


# What cannot be read as a date, a time or a whole number is no value.
_NORMAL: Mapping[str, Callable[[str], str]] = {"DA": normal_date, "TM": normal_time, "IS": _integer}


def _text(header: Dataset, keyword: str, vr: str) -> str:
    sequence, _, inner = keyword.rpartition(".")
    if sequence:
        found = items(header, sequence)
        return _text(found[0], inner, vr) if found else ""
    first = next(iter(values(header, keyword)), "")
    try:
        text = clean(str(first))
    except Exception:  # noqa: BLE001  a person's name is decoded when it is asked for its text
        return ""
    return _NORMAL[vr](text) if vr in _NORMAL else text[: _LONGEST[vr]].rstrip()


def _number(header: Dataset, keyword: str) -> int | None:
    found = integer(header, keyword)
    return found if found is not None and 0 < found <= _LARGEST_NUMBER else None
