"""Data sets of unified procedure steps, whole and valid, to be broken by tests."""

from __future__ import annotations

from typing import Any

from pydicom import Dataset

EMPTY_SEQUENCES = (
    "ScheduledProcessingParametersSequence",
    "ScheduledStationNameCodeSequence",
    "ScheduledStationClassCodeSequence",
    "ScheduledStationGeographicLocationCodeSequence",
    "InputInformationSequence",
    "IssuerOfPatientIDQualifiersSequence",
    "OtherPatientIDsSequence",
    "IssuerOfAdmissionIDSequence",
    "AdmittingDiagnosesCodeSequence",
    "ReferencedRequestSequence",
    "ProcedureStepProgressInformationSequence",
    "UnifiedProcedureStepPerformedProcedureSequence",
)
EMPTY_TEXTS = (
    "TransactionUID",
    "CommentsOnTheScheduledProcedureStep",
    "IssuerOfPatientID",
    "PatientBirthDate",
    "PatientSex",
    "AdmissionID",
    "AdmittingDiagnosesDescription",
)


def item(**values: Any) -> Dataset:
    """A data set with these attributes."""
    ds = Dataset()
    for keyword, value in values.items():
        setattr(ds, keyword, value)
    return ds


def code(value: str, meaning: str, scheme: str = "DCM") -> Dataset:
    """An item of a code sequence."""
    return item(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)


INTERPRETATION = ("110005", "Interpretation")


def new_work_item(**values: Any) -> Dataset:
    """All that N-CREATE wants (PS3.4 table CC.2.5-3), over it `values`; None takes an attribute out."""
    ds = item(
        ProcedureStepState="SCHEDULED",
        ScheduledProcedureStepPriority="MEDIUM",
        ProcedureStepLabel="Interpretation of a chest radiograph",
        WorklistLabel="chest",
        ScheduledProcedureStepStartDateTime="20260101120000+0000",
        ScheduledWorkitemCodeSequence=[code(*INTERPRETATION)],
        InputReadinessState="READY",
        StudyInstanceUID="1.2.3.4",
        PatientName="Ups^Test",
        PatientID="UPS-1",
    )
    for keyword in EMPTY_SEQUENCES:
        setattr(ds, keyword, [])
    for keyword in EMPTY_TEXTS:
        setattr(ds, keyword, "")
    for keyword, value in values.items():
        if value is None:
            delattr(ds, keyword)
        else:
            setattr(ds, keyword, value)
    return ds


def performed(**values: Any) -> Dataset:
    """What N-SET must bring before the instance may be COMPLETED; None takes an attribute out of its item."""
    done = item(
        PerformedStationNameCodeSequence=[code("ROOM1", "Reading room 1", "99TEST")],
        PerformedProcedureStepStartDateTime="20260101120500+0000",
        PerformedWorkitemCodeSequence=[code(*INTERPRETATION)],
        PerformedProcedureStepEndDateTime="20260101121000+0000",
        OutputInformationSequence=[],
    )
    for keyword, value in values.items():
        if value is None:
            delattr(done, keyword)
        else:
            setattr(done, keyword, value)
    return item(UnifiedProcedureStepPerformedProcedureSequence=[done])


def change(state: str, transaction_uid: str = "") -> Dataset:
    """Action Information of Change UPS State, or the body of its RESTful equivalent."""
    ds = item(ProcedureStepState=state)
    if transaction_uid:
        ds.TransactionUID = transaction_uid
    return ds
