"""Attributes that a search is to return and the catalogue does not hold: read from the archive, of a bounded page.

A study's and a series' come from its first instance, and only those that are the same in all of them may be asked for
(PS3.18 10.6.3.3: attributes of a lower level are not returned).
"""

from __future__ import annotations

from collections.abc import Mapping

from pydicom import Dataset
from pydicom.datadict import dictionary_VR, tag_for_keyword

from daemon.core.catalogue import ATTRIBUTES, Level
from daemon.core.errors import NotArchived, UnreadableDataSet
from daemon.core.header import read_header
from daemon.store.archive import Archive
from daemon.store.ledger import Ledger
from daemon.web.qido_json import Json, tag_of

PAGE = 100  # results at most, each of which opens a file
LONGEST_VALUE = 16_384  # characters of JSON of one element

# Patient and General Study Modules, and Patient Study: PS3.3 C.7.1.1, C.7.2.1, C.7.2.2.
_STUDY = frozenset(
    {
        "AdditionalPatientHistory",
        "AdmittingDiagnosesDescription",
        "ConsultingPhysicianName",
        "EthnicGroup",
        "IssuerOfAccessionNumberSequence",
        "IssuerOfAdmissionIDSequence",
        "IssuerOfPatientIDQualifiersSequence",
        "NameOfPhysiciansReadingStudy",
        "Occupation",
        "OtherPatientIDsSequence",
        "OtherPatientNames",
        "PatientAge",
        "PatientBirthTime",
        "PatientComments",
        "PatientSize",
        "PatientWeight",
        "PhysiciansOfRecord",
        "ProcedureCodeSequence",
        "QualityControlSubject",
        "ReasonForPerformedProcedureCodeSequence",
        "ReferencedStudySequence",
        "ReferringPhysicianIdentificationSequence",
        "RequestingService",
    }
)
# General Series and General Equipment Modules: PS3.3 C.7.3.1, C.7.5.1.
_SERIES = frozenset(
    {
        "DeviceSerialNumber",
        "InstitutionAddress",
        "InstitutionName",
        "InstitutionalDepartmentName",
        "Laterality",
        "Manufacturer",
        "ManufacturerModelName",
        "OperatorsName",
        "PatientPosition",
        "PerformedProcedureStepDescription",
        "PerformedProcedureStepEndDate",
        "PerformedProcedureStepEndTime",
        "PerformedProcedureStepID",
        "PerformedProtocolCodeSequence",
        "PerformingPhysicianName",
        "PresentationIntentType",
        "ProtocolName",
        "SeriesDescriptionCodeSequence",
        "SoftwareVersions",
        "StationName",
    }
)
_OF_THE_LEVEL: Mapping[Level, frozenset[str]] = {"STUDY": _STUDY, "SERIES": _STUDY | _SERIES}
_BULK = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})


def to_read(level: Level, asked: frozenset[str]) -> frozenset[str]:
    """Which of the asked keywords have to be read from the archive, and may be."""
    held = {name for keyword in ATTRIBUTES for name in (keyword, keyword.partition(".")[0])}
    absent = {keyword for keyword in asked - held if keyword and "." not in keyword}
    if level != "IMAGE":
        return frozenset(absent & _OF_THE_LEVEL[level])
    return frozenset(word for word in absent if tag_for_keyword(word) and not _is_bulk(word))


def read_fields(
    row: Mapping[str, str | int | list[str]], keywords: frozenset[str], ledger: Ledger, archive: Archive
) -> Json:
    """These attributes of one result; none where its file is gone or damaged."""
    uids = (row.get(name) for name in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"))
    found = ledger.catalogue.instances(*(str(uid) for uid in uids if uid is not None))
    if not found:
        return {}
    try:
        with archive.open(found[0].key) as file:
            header = read_header(file)
    except (NotArchived, UnreadableDataSet):
        return {}
    return {tag_of(word): value for word in keywords if word in header and (value := _element(header, word))}


def _element(header: Dataset, keyword: str) -> Json | None:
    try:
        element: Json = header[keyword].to_json_dict(None, 0)
    except Exception:  # noqa: BLE001  pydicom's converters raise anything; each means "no usable value"
        return None
    return element if len(str(element)) <= LONGEST_VALUE and "InlineBinary" not in element else None


def _is_bulk(keyword: str) -> bool:
    return not _BULK.isdisjoint(dictionary_VR(keyword).split(" or "))
