"""What each attribute of a unified procedure step must be when it is created, set and finished: PS3.4 table CC.2.5-3.

Rows are the table's, under their modules; an attribute that has no row is of type 3 in all columns. Items of code
sequences, content items and references follow the macros of tables CC.2.5-2a to 2f.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from daemon.core.ups import State

# SCU's type in N-CREATE: 1, 2, 3; "empty": type 2 and without a value; "-": not allowed; "C": where known.
Create = Literal["1", "2", "3", "C", "empty", "-"]
# In N-SET: "1" is to be sent each time; "3/1" has a value if it is sent; "3" may be emptied; "-": not allowed.
Set = Literal["1", "3/1", "3", "-"]
# Table CC.2.5-1: R for both final states, P for COMPLETED, X for CANCELED, "P0": for COMPLETED, even if empty.
Final = Literal["R", "P", "P0", "X", "O"]
Macro = Literal["code", "content", "references", ""]


@dataclass(frozen=True, slots=True)
class Rule:
    """One row. returned: whether every search result holds it (Return Key Type 1 or 2)."""

    keyword: str
    create: Create
    set: Set
    final: Final = "O"
    returned: bool = False
    values: tuple[str, ...] = ()  # those that it may have (PS3.3 C.30)
    macro: Macro = ""  # of its items
    items: tuple[Rule, ...] = ()  # rows of its items


PRIORITIES = ("HIGH", "MEDIUM", "LOW")
READINESS = ("INCOMPLETE", "UNAVAILABLE", "READY")

_HUMAN = ("HumanPerformerCodeSequence", "HumanPerformerName", "HumanPerformerOrganization")

RULES: tuple[Rule, ...] = (
    Rule("TransactionUID", "empty", "3"),  # N-SET: a key, never kept (CC.2.6.3)
    # SOP Common Module
    Rule("SOPClassUID", "-", "-", returned=True),
    Rule("SOPInstanceUID", "-", "-", returned=True),
    # Unified Procedure Step Scheduled Procedure Information Module
    Rule("ScheduledProcedureStepPriority", "1", "3/1", "R", True, PRIORITIES),
    Rule("ScheduledProcedureStepModificationDateTime", "3", "3", "R"),  # ours: the time of CREATE or SET
    Rule("ProcedureStepLabel", "1", "3/1", returned=True),
    Rule("WorklistLabel", "2", "3/1", returned=True),  # without a value we fill it in
    Rule("ScheduledProcessingParametersSequence", "2", "3", returned=True, macro="content"),
    Rule("ScheduledStationNameCodeSequence", "2", "3", returned=True, macro="code"),
    Rule("ScheduledStationClassCodeSequence", "2", "3", returned=True, macro="code"),
    Rule("ScheduledStationGeographicLocationCodeSequence", "2", "3", returned=True, macro="code"),
    Rule(
        "ScheduledHumanPerformersSequence",
        "C",
        "3",
        returned=True,
        items=(
            Rule("HumanPerformerCodeSequence", "1", "1", macro="code"),
            Rule("HumanPerformerName", "1", "1"),
            Rule("HumanPerformerOrganization", "1", "1"),
        ),
    ),
    Rule("ScheduledProcedureStepStartDateTime", "1", "3/1", "R", True),
    Rule("ExpectedCompletionDateTime", "3", "3/1"),
    Rule("ScheduledProcedureStepExpirationDateTime", "3", "3"),
    Rule("ScheduledWorkitemCodeSequence", "2", "3/1", returned=True, macro="code"),
    Rule("CommentsOnTheScheduledProcedureStep", "2", "3/1"),
    Rule("InputReadinessState", "1", "3/1", "R", True, READINESS),
    Rule("InputInformationSequence", "2", "3", returned=True, macro="references"),
    Rule("StudyInstanceUID", "C", "3", returned=True),
    # Unified Procedure Step Relationship Module
    Rule("PatientName", "2", "-", returned=True),
    Rule("PatientID", "C", "-", returned=True),
    Rule("IssuerOfPatientID", "2", "-", returned=True),
    Rule("IssuerOfPatientIDQualifiersSequence", "2", "-", returned=True),
    Rule("OtherPatientIDsSequence", "2", "3", returned=True),
    Rule("PatientBirthDate", "2", "-", returned=True),
    Rule("PatientSex", "2", "-", returned=True),
    Rule("AdmissionID", "2", "-", returned=True),
    Rule("IssuerOfAdmissionIDSequence", "2", "-", returned=True),
    Rule("AdmittingDiagnosesDescription", "2", "-", returned=True),
    Rule("AdmittingDiagnosesCodeSequence", "2", "-", returned=True, macro="code"),
    Rule(
        "ReferencedRequestSequence",
        "2",
        "-",
        returned=True,
        items=(
            Rule("StudyInstanceUID", "1", "1"),
            Rule("AccessionNumber", "2", "1"),
            Rule("IssuerOfAccessionNumberSequence", "2", "1"),
            Rule("OrderPlacerIdentifierSequence", "2", "1"),
            Rule("OrderFillerIdentifierSequence", "2", "1"),
            Rule("RequestedProcedureID", "2", "1"),
            Rule("RequestedProcedureDescription", "2", "1"),
            Rule("RequestedProcedureCodeSequence", "2", "1", macro="code"),
        ),
    ),
    Rule(
        "ReplacedProcedureStepSequence",
        "C",
        "-",
        items=(Rule("ReferencedSOPClassUID", "1", "1"), Rule("ReferencedSOPInstanceUID", "1", "1")),
    ),
    # Unified Procedure Step Progress Information Module
    Rule("ProcedureStepState", "1", "-", "R", True),
    Rule(
        "ProcedureStepProgressInformationSequence",
        "empty",
        "3",
        "X",
        True,
        items=(
            Rule("ProcedureStepProgress", "-", "3/1"),
            Rule("ProcedureStepProgressDescription", "-", "3/1"),
            Rule("ProcedureStepProgressParametersSequence", "-", "3", macro="content"),
            Rule(
                "ProcedureStepCommunicationsURISequence",
                "-",
                "3/1",
                items=(Rule("ContactURI", "-", "1"), Rule("ContactDisplayName", "-", "3/1")),
            ),
            Rule("ProcedureStepCancellationDateTime", "-", "3/1", "X"),
            Rule("ReasonForCancellation", "-", "3/1"),
            Rule("ProcedureStepDiscontinuationReasonCodeSequence", "-", "3/1", "X", macro="code"),
        ),
    ),
    # Unified Procedure Step Performed Procedure Information Module
    Rule(
        "UnifiedProcedureStepPerformedProcedureSequence",
        "empty",
        "3",
        "P",
        items=(
            Rule(
                "ActualHumanPerformersSequence",
                "-",
                "3/1",
                items=tuple(Rule(keyword, "-", "3/1", macro="code" if "Code" in keyword else "") for keyword in _HUMAN),
            ),
            Rule("PerformedStationNameCodeSequence", "-", "3", "P", macro="code"),
            Rule("PerformedStationClassCodeSequence", "-", "3", macro="code"),
            Rule("PerformedStationGeographicLocationCodeSequence", "-", "3", macro="code"),
            Rule("PerformedProcedureStepStartDateTime", "-", "3/1", "P"),
            Rule("PerformedProcedureStepDescription", "-", "3/1"),
            Rule("CommentsOnThePerformedProcedureStep", "-", "3/1"),
            Rule("PerformedWorkitemCodeSequence", "-", "3/1", "P", macro="code"),
            Rule("PerformedProcessingParametersSequence", "-", "3/1", macro="content"),
            Rule("PerformedProcedureStepEndDateTime", "-", "3/1", "P"),
            Rule("OutputInformationSequence", "-", "3", "P0", macro="references"),  # no items where nothing came of it
        ),
    ),
)

RETURNED: tuple[str, ...] = tuple(rule.keyword for rule in RULES if rule.returned)

# Final State Codes that forbid each final state without a value.
_BINDING: Mapping[State, frozenset[str]] = {
    State.COMPLETED: frozenset({"R", "P", "P0"}),
    State.CANCELED: frozenset({"R", "X"}),
}


def binding(rules: tuple[Rule, ...], state: State) -> Iterator[Rule]:
    """The rows that an instance must meet before it may be in this final state."""
    return (rule for rule in rules if rule.final in _BINDING[state])
