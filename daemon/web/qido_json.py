"""Search results as DICOM JSON: PS3.18 Annex F, with the attributes of tables 10.6.3-3 to 5."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydicom.datadict import tag_for_keyword

from daemon.core.catalogue import ATTRIBUTES, LEVELS, Level
from daemon.web.addresses import retrieve_url
from daemon.web.qido_parameters import ALL

# What every result of a level holds, and those of the levels below where the path does not say which study or series.
RETURNED: Mapping[Level, frozenset[str]] = {
    "STUDY": frozenset(
        {
            "StudyDate",
            "StudyTime",
            "AccessionNumber",
            "ModalitiesInStudy",
            "ReferringPhysicianName",
            "TimezoneOffsetFromUTC",
            "PatientName",
            "PatientID",
            "PatientBirthDate",
            "PatientSex",
            "StudyInstanceUID",
            "StudyID",
            "NumberOfStudyRelatedSeries",
            "NumberOfStudyRelatedInstances",
        }
    ),
    "SERIES": frozenset(
        {
            "Modality",
            "TimezoneOffsetFromUTC",
            "SeriesDescription",
            "StudyInstanceUID",
            "SeriesInstanceUID",
            "SeriesNumber",
            "NumberOfSeriesRelatedInstances",
            "PerformedProcedureStepStartDate",
            "PerformedProcedureStepStartTime",
            "RequestAttributesSequence.ScheduledProcedureStepID",
            "RequestAttributesSequence.RequestedProcedureID",
        }
    ),
    "IMAGE": frozenset(
        {
            "SOPClassUID",
            "SOPInstanceUID",
            "TimezoneOffsetFromUTC",
            "StudyInstanceUID",
            "SeriesInstanceUID",
            "InstanceNumber",
            "Rows",
            "Columns",
            "BitsAllocated",
            "NumberOfFrames",
        }
    ),
}
# Left out where empty: the tables ask for them "if known", or they are inside a sequence.
_IF_KNOWN = frozenset({"TimezoneOffsetFromUTC"})
_NUMERIC = frozenset({"IS", "US"})
_CHARACTER_SET = {"vr": "CS", "Value": ["ISO_IR 192"]}
_ONLINE = {"vr": "CS", "Value": ["ONLINE"]}

Json = dict[str, Any]


def returned(level: Level, above: Sequence[Level], asked: frozenset[str]) -> tuple[str, ...]:
    """Keywords of the catalogue that a result holds: those of its level and of `above`, and what was asked for."""
    own = LEVELS[: LEVELS.index(level) + 1]
    keywords = RETURNED[level].union(*(RETURNED[each] for each in above), asked)
    if ALL in asked:
        keywords |= {keyword for keyword, attribute in ATTRIBUTES.items() if attribute.level in own}
    # A sequence is asked for as a whole, or by an attribute inside.
    keywords |= {keyword for keyword in ATTRIBUTES if keyword.partition(".")[0] in asked}
    return tuple(keyword for keyword in ATTRIBUTES if keyword in keywords and ATTRIBUTES[keyword].level in own)


class Encoder:
    """Rows of the catalogue as data sets of one search."""

    def __init__(self, level: Level, keywords: Sequence[str], service: str) -> None:
        self._service = service
        self._uids = [f"{name}InstanceUID" for name in ("Study", "Series", "SOP")[: LEVELS.index(level) + 1]]
        self._flat = [(word, tag_of(word), ATTRIBUTES[word].vr) for word in keywords if "." not in word]
        self._nested = [word.split(".") for word in keywords if "." in word]

    def encode(self, row: Mapping[str, str | int | list[str]]) -> Json:
        """One result."""
        ds: Json = {"00080005": _CHARACTER_SET, "00080056": _ONLINE}
        for keyword, tag, vr in self._flat:
            value = row.get(keyword)
            if value is not None and not (value == "" and keyword in _IF_KNOWN):
                ds[tag] = element(vr, value)
        for sequence, keyword in self._nested:
            value = row[f"{sequence}.{keyword}"]
            if value:
                items = ds.setdefault(tag_of(sequence), {"vr": "SQ", "Value": [{}]})["Value"]
                items[0][tag_of(keyword)] = element(ATTRIBUTES[f"{sequence}.{keyword}"].vr, value)
        ds["00081190"] = {"vr": "UR", "Value": [retrieve_url(self._service, *(str(row[uid]) for uid in self._uids))]}
        return ds


def tag_of(keyword: str) -> str:
    """Eight hexadecimal digits."""
    return f"{tag_for_keyword(keyword):08X}"


def element(vr: str, value: str | int | list[str]) -> Json:
    """One element of the DICOM JSON Model; without Value where there is none (F.2.5)."""
    values: list[Any] = [each for each in (value if isinstance(value, list) else [value]) if each != ""]
    if not values:
        return {"vr": vr}
    if vr == "PN":
        values = [_name(each) for each in values]
    elif vr in _NUMERIC:
        values = [int(each) for each in values]
    return {"vr": vr, "Value": values}


def _name(text: str) -> dict[str, str]:
    """F.2.2: the component groups of a person's name."""
    groups = zip(("Alphabetic", "Ideographic", "Phonetic"), text.split("="), strict=False)
    return {name: group for name, group in groups if group}
