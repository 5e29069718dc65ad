"""The segments of an ORU^R01 that say whose and which study: PID, PV1, ORC, OBR (HL7 2.5.1, chapters 3 and 4).

Patient and order are those of the source image's header, decoded here because a message has one character set of its
own. What a header lacks is an empty field.
"""

from __future__ import annotations

import re
from collections.abc import MutableSequence
from datetime import datetime

from pydicom.charset import decode_bytes
from pydicom.dataset import Dataset
from pydicom.valuerep import PN_DELIMS, TEXT_VR_DELIMS

from daemon.core.hl7 import components, repeated, segment, time_of
from worker.encode.carry import encodings_of
from worker.encode.reading import element, items, muted, text
from worker.encode.source import Source

# Where no code says what was done: what every study of ours is.
_CHEST = ("30745-4", "XR Chest Views", "LN")
_SEX = {"M": "M", "F": "F", "O": "O"}  # HL7 table 0001; what else DICOM may say is unknown
_DELIMITERS = PN_DELIMS | TEXT_VR_DELIMS | {0x3D}  # that end an escape to another character set (PS3.5 6.1.2.5.3)
_RADIOLOGY = "RAD"  # HL7 table 0074


class Told:
    """A header whose texts are decoded by the character set that it names, and left as they are in it."""

    def __init__(self, header: Dataset) -> None:
        self._header, self._encodings = header, encodings_of(header)

    def text(self, keyword: str, within: Dataset | None = None) -> str:
        """The first value, trimmed; "" when absent or unreadable. within: an item of the header."""
        return self._whole(keyword, within).split("\\")[0].strip(" \0")

    def name(self, keyword: str) -> list[list[str]]:
        """A person's name: alphabetic, ideographic, phonetic, each as its components (PS3.5 6.2.1)."""
        groups = self._whole(keyword, None).split("\\")[0].split("=")
        return [[part.strip(" \0") for part in group.split("^")] for group in groups]

    def _whole(self, keyword: str, within: Dataset | None) -> str:
        found = element(self._header if within is None else within, keyword)
        value = found.value if found is not None else None
        if isinstance(value, MutableSequence):
            value = next(iter(value), None)
        if not isinstance(value, bytes):
            said = "" if value is None else str(value)
        else:
            with muted():
                try:
                    said = decode_bytes(value, self._encodings, _DELIMITERS)
                except (LookupError, ValueError):
                    said = value.decode("ascii", "replace")
        return said.encode("utf-8", "replace").decode("utf-8")  # no half of a surrogate pair


def patient(source: Source) -> str:
    """PID: identifier with its issuer, name, birth date, sex (3.4.2)."""
    told = Told(source.header)
    qualifiers = items(source.header, "IssuerOfPatientIDQualifiersSequence")
    universal = ("", "")
    if qualifiers:
        universal = (
            told.text("UniversalEntityID", qualifiers[0]),
            told.text("UniversalEntityIDType", qualifiers[0]),
        )
    identifier = told.text("PatientID")
    # CX-4 is an HD, so its parts are subcomponents
    issuer = _subcomponents(told.text("IssuerOfPatientID"), *universal)
    kind = "^PI" if identifier else ""
    alphabetic, ideographic, phonetic = [*told.name("PatientName"), [], []][:3]
    return segment(
        "PID",
        {
            1: "1",
            3: f"{components(identifier)}^^^{issuer}{kind}".rstrip("^"),
            5: repeated(_name(alphabetic, ""), _name(ideographic, "I"), _name(phonetic, "P")),
            7: _digits(text(source.header, "PatientBirthDate"), 8),
            8: _SEX.get(text(source.header, "PatientSex"), "U"),
        },
    )


def visit() -> str:
    """PV1: of an unknown class of patient (HL7 table 0004); receivers want the segment, and a film knows no visit."""
    return segment("PV1", {1: "1", 2: "U"})


def order(source: Source, station: str, status: str, at: datetime) -> list[str]:
    """ORC and OBR (4.5.1, 7.4.1): the order that the film fulfils; OBR-18 to 20 as IHE RAD TF-2 4.4 has them."""
    told, header = Told(source.header), source.header
    request = next(iter(items(header, "RequestAttributesSequence")), Dataset())
    accession = told.text("AccessionNumber") or told.text("AccessionNumber", request)
    placer = components(told.text("PlacerOrderNumberImagingServiceRequest"))
    numbered = told.text("FillerOrderNumberImagingServiceRequest") or accession
    # one of the two numbers must be there: without any order known, the study itself stands for it
    filler = components(numbered) if numbered else components(source.study_uid, station)
    doctor = told.name("ReferringPhysicianName")[0]
    return [
        segment("ORC", {1: "RE", 2: placer, 3: filler}),
        segment(
            "OBR",
            {
                1: "1",
                2: placer,
                3: filler,
                4: _procedure(told, header, request),
                7: _study_time(header),
                16: "^" + _name(doctor, "") if any(doctor) else "",
                18: components(accession),
                19: components(told.text("RequestedProcedureID", request)),
                20: components(told.text("ScheduledProcedureStepID", request)),
                22: time_of(at),
                24: _RADIOLOGY,
                25: status,
            },
        ),
    ]


def _name(parts: list[str], representation: str) -> str:
    """An XPN: DICOM has the prefix before the suffix, HL7 after it. representation: HL7 table 0465."""
    family, given, middle, prefix, suffix = ([*parts, "", "", "", "", ""])[:5]
    said = (family, given, middle, suffix, prefix)
    return components(*said, *(("", "", representation) if representation else ())) if any(said) else ""


def _subcomponents(*texts: str) -> str:
    return "&".join(map(components, texts)).rstrip("&")


def _digits(said: str, length: int) -> str:
    return said if re.fullmatch(rf"\d{{{length}}}", said) else ""


def _study_time(header: Dataset) -> str:
    """Study Date and Time as a TS, as far as they are legal; with the offset that the film states."""
    date = _digits(text(header, "StudyDate"), 8)
    time = re.fullmatch(r"(\d\d(?:\d\d){0,2})(?:\.\d*)?", text(header, "StudyTime"))
    offset = text(header, "TimezoneOffsetFromUTC")
    if not date or not time:
        return date
    return date + time[1] + (offset if re.fullmatch(r"[+-]\d{4}", offset) else "")


def _procedure(told: Told, header: Dataset, request: Dataset) -> str:
    """OBR-4: the code of what was done, or of what was requested."""
    for item in (*items(header, "ProcedureCodeSequence"), *items(request, "RequestedProcedureCodeSequence")):
        code = tuple(told.text(name, item) for name in ("CodeValue", "CodeMeaning", "CodingSchemeDesignator"))
        if code[0]:
            return components(*code)
    described = told.text("StudyDescription")
    return components(*_CHEST, "", described) if described else components(*_CHEST)
