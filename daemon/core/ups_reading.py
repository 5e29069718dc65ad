"""The reading of a study as a unified procedure step: PS3.3 C.30, B.26; all that table CC.2.5-3 wants of a creation.

One instance a revision of a study. Its UID is derived, so that the same reading is never put on the list twice.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from itertools import groupby

from pydicom import Dataset
from pydicom.datadict import dictionary_VR

from daemon.core.attributes import items, values
from daemon.core.date_times import date_time
from daemon.core.reading_item import ReadingItem, ReadingReference
from daemon.core.ups import PUSH, State
from daemon.core.ups_changes import code
from daemon.core.ups_checks import well_formed

_NAMESPACE = uuid.UUID("6f1d7a5e-52a3-5d0e-9f0c-6a1d8a3a2f41")
STATEMENT = "AI, unverified"  # beside every probability
_INTERPRETATION = ("110005", "DCM", "Interpretation")  # CID 9231
_PROBABILITY = ("111012", "DCM", "Certainty of Finding")
_PERCENT = ("%", "UCUM", "percent")
_COMMENT = ("121106", "DCM", "Comment")

# Of the images' header: who the patient is (C.30.3 wants each, if only empty).
_PATIENT = (
    "PatientName",
    "PatientID",
    "IssuerOfPatientID",
    "PatientBirthDate",
    "PatientSex",
    "AdmissionID",
    "AdmittingDiagnosesDescription",
)
_EMPTY = (
    "IssuerOfPatientIDQualifiersSequence",
    "OtherPatientIDsSequence",
    "IssuerOfAdmissionIDSequence",
    "AdmittingDiagnosesCodeSequence",
    "ScheduledStationNameCodeSequence",
    "ScheduledStationClassCodeSequence",
    "ScheduledStationGeographicLocationCodeSequence",
    "ProcedureStepProgressInformationSequence",
    "UnifiedProcedureStepPerformedProcedureSequence",
)


class Origin:
    """How a reader gets the instances: by C-MOVE from an AE title, by WADO-RS below a URL (http://host/dicom-web)."""

    def __init__(self, ae_title: str, url: str) -> None:
        self.ae_title, self.url = ae_title, url


def reading_uid(study_uid: str, revision: int) -> str:
    """The SOP Instance UID of the reading of a revision."""
    return f"2.25.{uuid.uuid5(_NAMESPACE, f'{study_uid}#{revision}').int}"


def reading_attributes(item: ReadingItem, header: Dataset, origin: Origin, replaced: Sequence[str]) -> Dataset:
    """Of a new reading. header: of one of the images; replaced: UIDs of the instances whose place it takes."""
    ds = Dataset()
    ds.TransactionUID = ""
    ds.ProcedureStepState = str(State.SCHEDULED)
    ds.ProcedureStepLabel = _label(header)
    ds.ScheduledProcedureStepStartDateTime = date_time(item.arrived_at)
    ds.ScheduledWorkitemCodeSequence = [code(*_INTERPRETATION)]
    ds.InputReadinessState = "READY"
    ds.StudyInstanceUID = item.study_uid
    for keyword in _PATIENT:
        setattr(ds, keyword, _text(header, keyword))
    for keyword in _EMPTY:
        setattr(ds, keyword, [])
    ds.ReferencedRequestSequence = [_request(item.study_uid, header)]
    if replaced:
        ds.ReplacedProcedureStepSequence = [_reference(PUSH, uid) for uid in replaced]
    ds.update(reading_place(item, origin))
    return ds


def reading_place(item: ReadingItem, origin: Origin) -> Dataset:
    """What the priority loop may change of a reading that nobody has claimed."""
    ds = Dataset()
    ds.ScheduledProcedureStepPriority = item.priority
    ds.ExpectedCompletionDateTime = date_time(item.due_at)
    ds.WorklistLabel = item.label[:64] or "Reading"
    ds.ScheduledProcessingParametersSequence = _probability(item.probability)
    ds.CommentsOnTheScheduledProcedureStep = STATEMENT if item.probability is not None else ""
    ds.InputInformationSequence = [*_instances(item.inputs, origin), *_instances(item.outputs, origin)]
    return ds


def _label(header: Dataset) -> str:
    return _text(header, "StudyDescription")[:64] or "Chest radiograph: interpretation"


def _probability(probability: float | None) -> list[Dataset]:
    """Content items, table CC.2.5-2b: the triage probability in percent, and that nobody has verified it."""
    if probability is None:
        return []
    number, remark = Dataset(), Dataset()
    number.ValueType, number.ConceptNameCodeSequence = "NUMERIC", [code(*_PROBABILITY)]
    number.NumericValue, number.MeasurementUnitsCodeSequence = f"{100 * probability:.1f}", [code(*_PERCENT)]
    remark.ValueType, remark.ConceptNameCodeSequence = "TEXT", [code(*_COMMENT)]
    remark.TextValue = STATEMENT
    return [number, remark]


def _instances(references: Sequence[ReadingReference], origin: Origin) -> list[Dataset]:
    """Referenced Instances and Access, table CC.2.5-2c: an item a series."""

    def series(reference: ReadingReference) -> tuple[str, str]:
        return reference.study_uid, reference.series_uid

    found = []
    for (study_uid, series_uid), members in groupby(sorted(references, key=series), series):
        item, dimse, web = Dataset(), Dataset(), Dataset()
        item.TypeOfInstances, item.StudyInstanceUID, item.SeriesInstanceUID = "DICOM", study_uid, series_uid
        item.ReferencedSOPSequence = [_reference(member.sop_class_uid, member.sop_uid) for member in members]
        dimse.RetrieveAETitle = origin.ae_title
        web.RetrieveURL = f"{origin.url}/studies/{study_uid}/series/{series_uid}"
        item.DICOMRetrievalSequence, item.WADORSRetrievalSequence = [dimse], [web]
        found.append(item)
    return found


def _reference(sop_class_uid: str, sop_uid: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class_uid, sop_uid
    return item


def _request(study_uid: str, header: Dataset) -> Dataset:
    """Referenced Request: the order, as the images name it."""
    asked = next(iter(items(header, "RequestAttributesSequence")), Dataset())
    item = Dataset()
    item.StudyInstanceUID = study_uid
    item.AccessionNumber = _text(header, "AccessionNumber")
    item.RequestedProcedureID = _text(asked, "RequestedProcedureID")
    item.RequestedProcedureDescription = _text(asked, "RequestedProcedureDescription") or _text(
        header, "RequestedProcedureDescription"
    )
    item.ReferringPhysicianName = _text(header, "ReferringPhysicianName")
    for keyword in (
        "IssuerOfAccessionNumberSequence",
        "OrderPlacerIdentifierSequence",
        "OrderFillerIdentifierSequence",
        "RequestedProcedureCodeSequence",
    ):
        setattr(item, keyword, [])
    return item


def _text(ds: Dataset, keyword: str) -> str:
    """The first value, where it is well-formed; an image may hold anything."""
    text = str(next(iter(values(ds, keyword)), ""))
    return text if well_formed(dictionary_VR(keyword), text) else ""
