"""PS3.4 table CC.2.5-3 row by row: what a creation needs, what an update may touch, what a final state wants."""

from __future__ import annotations

import pytest
from pydicom import DataElement
from pydicom.config import IGNORE
from pydicom.datadict import dictionary_VR, tag_for_keyword

from daemon.core.errors import UpsRefused
from daemon.core.ups_changes import created, state_changed, updated
from daemon.core.ups_checks import DEEPEST
from tests.support.work_items import EMPTY_SEQUENCES, EMPTY_TEXTS, code, item, new_work_item, performed

NOW, LOCK = 1_800_000_000.0, "1.2.3.99"

# N-CREATE column, typed from the standard: type 1, type 2.
TYPE_1 = (
    "ScheduledProcedureStepPriority",
    "ProcedureStepLabel",
    "ScheduledProcedureStepStartDateTime",
    "InputReadinessState",
    "ProcedureStepState",
)
TYPE_2 = (*EMPTY_SEQUENCES, *EMPTY_TEXTS, "WorklistLabel", "ScheduledWorkitemCodeSequence", "PatientName")
# N-SET column: Not allowed.
FIXED = (
    "PatientName",
    "PatientID",
    "IssuerOfPatientID",
    "IssuerOfPatientIDQualifiersSequence",
    "PatientBirthDate",
    "PatientSex",
    "AdmissionID",
    "IssuerOfAdmissionIDSequence",
    "AdmittingDiagnosesDescription",
    "AdmittingDiagnosesCodeSequence",
    "ReferencedRequestSequence",
    "ReplacedProcedureStepSequence",
    "ProcedureStepState",
)


def code_of(act) -> int:
    with pytest.raises(UpsRefused) as refused:
        act()
    return refused.value.code


def claimed():
    return state_changed(created("1.2.3", new_work_item(), NOW).item, "IN PROGRESS", LOCK, NOW).item


def test_what_is_whole_is_created() -> None:
    outcome = created("1.2.3", new_work_item(), NOW)
    assert (outcome.code, outcome.item.state, outcome.item.transaction_uid) == (0, "SCHEDULED", "")
    assert outcome.item.attributes.ScheduledProcedureStepModificationDateTime == "20270115080000+0000"


@pytest.mark.parametrize("keyword", [*TYPE_1, *TYPE_2])
def test_a_creation_without_a_required_attribute_is_0120(keyword: str) -> None:
    assert code_of(lambda: created("1.2.3", new_work_item(**{keyword: None}), NOW)) == 0x0120


@pytest.mark.parametrize("keyword", TYPE_1)
def test_a_creation_with_an_empty_type_1_attribute_is_0121(keyword: str) -> None:
    assert code_of(lambda: created("1.2.3", new_work_item(**{keyword: ""}), NOW)) == 0x0121


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("ScheduledProcedureStepPriority", "URGENT"),
        ("InputReadinessState", "PERHAPS"),
        ("TransactionUID", "1.2.3"),
        ("ProcedureStepProgressInformationSequence", [item(ProcedureStepProgress="5")]),
        ("UnifiedProcedureStepPerformedProcedureSequence", [item(PerformedProcedureStepDescription="x")]),
        ("SOPInstanceUID", "1.2.4"),
        ("SOPClassUID", "1.2.5"),
    ],
)
def test_a_creation_with_a_value_that_it_may_not_have_is_0106(keyword: str, value: object) -> None:
    assert code_of(lambda: created("1.2.3", new_work_item(**{keyword: value}), NOW)) == 0x0106


@pytest.mark.parametrize(
    ("keyword", "text"),
    [
        ("ScheduledProcedureStepStartDateTime", "yesterday"),
        ("PatientBirthDate", "1/1/1970"),
        ("ProcedureStepLabel", "x" * 65),
        ("StudyInstanceUID", "1.2.x"),
        ("Rows", 65536),
        ("Rows", [1, -1]),
        ("Rows", 1.5),
        ("FrameAcquisitionDuration", float("inf")),
        ("DisplayedZValue", 1e300),
        ("ProcedureStepLabel", 5),
        ("ProcedureStepLabel", {"a": "b"}),
        ("ProcedureStepLabel", "half a character: \ud83d"),
    ],
)
def test_a_value_that_has_not_the_form_of_its_vr_is_0106(keyword: str, text: object) -> None:
    asked, tag = new_work_item(), tag_for_keyword(keyword)
    asked[tag] = DataElement(tag, dictionary_VR(keyword), text, validation_mode=IGNORE)
    assert code_of(lambda: created("1.2.3", asked, NOW)) == 0x0106


def test_values_of_every_kind_are_kept() -> None:
    kinds = item(
        Rows=65535,
        SelectorSLValue=[-1, 2],
        FrameIncrementPointer=0x00181063,
        FrameAcquisitionDuration=1.5,
        DisplayedZValue=-2.5,
        SelectorUVValue=2**63,
        PatientWeight="70.5",
        NumberOfFrames=3,
        PatientName=["Müller^Jürgen", "山田^太郎"],
        PatientAge="042Y",
        AdditionalPatientHistory="two lines\r\nof text",
        RetrieveURL="https://pacs.example/dicom-web",
        SelectorUCValue="x" * 100_000,
    )
    asked = new_work_item()
    asked.update(kinds)
    made = created("1.2.3", asked, NOW).item.attributes
    assert all(made[element.tag] == element for element in kinds)


def test_only_scheduled_can_be_created_and_only_under_a_uid_that_is_free_to_use() -> None:
    assert code_of(lambda: created("1.2.3", new_work_item(ProcedureStepState="IN PROGRESS"), NOW)) == 0xC309
    assert code_of(lambda: created("1.2.840.10008.5.1.4.34.5", new_work_item(), NOW)) == 0x0117
    assert code_of(lambda: created("1.2/3", new_work_item(), NOW)) == 0x0117
    assert created("", new_work_item(), NOW).item.ups_uid.startswith("2.25.")


def test_binary_values_are_left_out_and_that_is_said() -> None:
    outcome = created("1.2.3", new_work_item(EncapsulatedDocument=b"%PDF"), NOW)
    assert outcome.code == 0xB300
    assert "EncapsulatedDocument" not in outcome.item.attributes
    assert updated(outcome.item, item(EncapsulatedDocument=b"%PDF"), "", NOW).code == 0x0001


def test_codes_content_items_and_references_are_whole() -> None:
    broken = {
        "ScheduledWorkitemCodeSequence": [item(CodeValue="110005", CodingSchemeDesignator="DCM")],
        "ScheduledStationNameCodeSequence": [item(CodeMeaning="room")],
        "ScheduledProcessingParametersSequence": [
            item(ValueType="NUMERIC", ConceptNameCodeSequence=[code("1", "a")], NumericValue="1")
        ],
        "InputInformationSequence": [
            item(TypeOfInstances="DICOM", ReferencedSOPSequence=[item(ReferencedSOPClassUID="1.2")])
        ],
        "ScheduledHumanPerformersSequence": [item(HumanPerformerName="A^B", HumanPerformerOrganization="C")],
    }
    for keyword, value in broken.items():
        assert code_of(lambda k=keyword, v=value: created("1.2.3", new_work_item(**{k: v}), NOW)) == 0x0120, keyword


def test_an_empty_worklist_label_is_filled_in() -> None:
    assert created("1.2.3", new_work_item(WorklistLabel=""), NOW).item.attributes.WorklistLabel == "thoraxd"


@pytest.mark.parametrize("keyword", FIXED)
def test_what_identifies_the_patient_the_request_and_the_state_cannot_be_set(keyword: str) -> None:
    value = [] if keyword.endswith("Sequence") else "CANCELED" if keyword == "ProcedureStepState" else ""
    assert code_of(lambda: updated(claimed(), item(**{keyword: value}), LOCK, NOW)) == 0x0106


@pytest.mark.parametrize("keyword", ["ScheduledProcedureStepPriority", "ProcedureStepLabel", "InputReadinessState"])
def test_what_must_have_a_value_cannot_be_emptied(keyword: str) -> None:
    assert code_of(lambda: updated(claimed(), item(**{keyword: ""}), LOCK, NOW)) == 0x0121


@pytest.mark.parametrize(
    "keyword",
    [
        "PerformedStationNameCodeSequence",
        "PerformedProcedureStepStartDateTime",
        "PerformedWorkitemCodeSequence",
        "PerformedProcedureStepEndDateTime",
        "OutputInformationSequence",
    ],
)
def test_without_what_was_performed_nothing_is_completed(keyword: str) -> None:
    part = updated(claimed(), performed(**{keyword: None}), LOCK, NOW).item
    assert code_of(lambda: state_changed(part, "COMPLETED", LOCK, NOW)) == 0xC304
    whole = updated(part, performed(), LOCK, NOW).item
    assert state_changed(whole, "COMPLETED", LOCK, NOW).item.state == "COMPLETED"


def test_a_reason_that_the_holder_gave_stays_when_it_cancels() -> None:
    reason = code("110514", "Incorrect worklist entry selected")
    told = item(
        ProcedureStepProgressInformationSequence=[item(ProcedureStepDiscontinuationReasonCodeSequence=[reason])]
    )
    outcome = state_changed(updated(claimed(), told, LOCK, NOW).item, "CANCELED", LOCK, NOW)
    (progress,) = outcome.item.attributes.ProcedureStepProgressInformationSequence
    assert progress.ProcedureStepDiscontinuationReasonCodeSequence[0].CodeValue == "110514"
    assert progress.ProcedureStepCancellationDateTime


def test_each_change_is_told_by_its_event() -> None:
    room = [code("ROOM1", "Reading room 1", "99TEST")]
    changes = {
        "readiness": (item(InputReadinessState="INCOMPLETE"), [1]),
        "assignment": (item(ScheduledStationNameCodeSequence=room), [5]),
        "progress": (item(ProcedureStepProgressInformationSequence=[item(ProcedureStepProgress="40")]), [3]),
        "label": (item(ProcedureStepLabel="other"), []),
        "the same": (item(InputReadinessState="READY"), []),
    }
    for name, (asked, expected) in changes.items():
        assert [event.type for event in updated(claimed(), asked, LOCK, NOW).events] == expected, name
    new = created("1.2.3", new_work_item(ScheduledStationNameCodeSequence=room), NOW)
    assert [event.type for event in new.events] == [1, 5]


def test_an_item_that_is_too_deep_to_be_changed_is_not_created() -> None:
    inner = item(CodeValue="1")
    for depth in range(1, 100):
        inner = item(OtherPatientIDsSequence=[inner])
        asked = new_work_item(OtherPatientIDsSequence=inner.OtherPatientIDsSequence)
        if depth > DEEPEST:
            assert code_of(lambda: created("1.2.3", asked, NOW)) == 0x0213  # noqa: B023
        else:
            made = created("1.2.3", asked, NOW).item
            assert state_changed(made, "IN PROGRESS", "1.2.9", NOW).item is not None
