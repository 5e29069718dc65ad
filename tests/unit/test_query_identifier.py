"""Identifiers of C-FIND, C-MOVE and C-GET: levels, unique keys, and what is not supported (PS3.4 C.4, C.6)."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.uid import ImplicitVRLittleEndian
from pynetdicom.dsutils import encode

from daemon.dimse import contexts
from daemon.dimse.identifier import LEVELS, MOST_UIDS, Refused, parsed, sought, wanted

PATIENT_FIND, PATIENT_MOVE = (str(model.uid) for model in contexts.QUERY_RETRIEVE_SCP[:2])
STUDY_FIND, STUDY_MOVE = str(contexts.STUDY_ROOT_FIND.uid), str(contexts.STUDY_ROOT_MOVE.uid)


def keys(level: str, **values: Any) -> Dataset:
    ds = Dataset()
    ds.QueryRetrieveLevel = level
    for keyword, value in values.items():
        setattr(ds, keyword, value)
    return ds


def refused(call: Any, *arguments: Any) -> tuple[int, str]:
    with pytest.raises(Refused) as raised:
        call(*arguments)
    return raised.value.status, str(raised.value)


def test_a_patient_root_model_has_four_levels_and_a_study_root_model_three() -> None:
    assert {LEVELS[uid] for uid in (PATIENT_FIND, PATIENT_MOVE)} == {("PATIENT", "STUDY", "SERIES", "IMAGE")}
    assert {LEVELS[uid] for uid in (STUDY_FIND, STUDY_MOVE)} == {("STUDY", "SERIES", "IMAGE")}


@pytest.mark.parametrize("level", ["", "PATIENT", "study", "FRAME"])
def test_a_level_that_the_model_has_not_is_refused(level: str) -> None:
    assert refused(sought, keys(level, StudyInstanceUID=""), STUDY_FIND)[0] == 0xA900
    assert refused(wanted, keys(level, StudyInstanceUID="1.2"), STUDY_MOVE)[0] == 0xA900


@pytest.mark.parametrize(
    "identifier, model, missing",
    [
        (keys("STUDY", StudyInstanceUID=""), PATIENT_FIND, "PatientID"),
        (keys("STUDY", PatientID="A*"), PATIENT_FIND, "PatientID"),
        (keys("SERIES", Modality="DX"), STUDY_FIND, "StudyInstanceUID"),
        (keys("SERIES", StudyInstanceUID="1.2*"), STUDY_FIND, "StudyInstanceUID"),
        (keys("IMAGE", StudyInstanceUID="1.2", SeriesInstanceUID=["1.3", "1.4"]), STUDY_FIND, "SeriesInstanceUID"),
    ],
)
def test_without_the_unique_key_of_a_level_above_a_query_is_relational_and_refused(
    identifier: Dataset, model: str, missing: str
) -> None:
    status, why = refused(sought, identifier, model)
    assert (status, why.split()[0]) == (0xA900, missing)


def test_a_query_holds_its_matching_texts_and_what_is_to_be_returned() -> None:
    asked = sought(
        keys("STUDY", PatientName="Sm*", StudyDate="20260101-", StudyInstanceUID=["1.2", "1.3"], StudyID=""), STUDY_FIND
    )
    assert asked.matches == {"PatientName": "Sm*", "StudyDate": "20260101-", "StudyInstanceUID": "1.2\\1.3"}
    assert set(asked.returned) == {"PatientName", "StudyDate", "StudyInstanceUID", "StudyID"}
    assert asked.all_supported


def test_a_key_of_a_level_below_is_neither_matched_nor_returned_and_that_is_said() -> None:
    asked = sought(keys("STUDY", Modality="DX"), STUDY_FIND)
    assert (asked.matches, asked.returned, asked.all_supported) == ({}, ("StudyInstanceUID",), False)


def test_a_count_can_be_returned_and_not_matched() -> None:
    assert sought(keys("STUDY", NumberOfStudyRelatedInstances=""), STUDY_FIND).all_supported
    assert not sought(keys("STUDY", NumberOfStudyRelatedInstances="2"), STUDY_FIND).all_supported


def test_a_key_within_a_sequence_is_named_with_it() -> None:
    item = Dataset()
    item.RequestedProcedureID = "RP1"
    asked = sought(keys("SERIES", StudyInstanceUID="1.2", RequestAttributesSequence=[item]), STUDY_FIND)
    assert asked.matches["RequestAttributesSequence.RequestedProcedureID"] == "RP1"


def test_a_retrieval_names_one_uid_or_a_list_at_its_level() -> None:
    asked = wanted(
        keys("IMAGE", StudyInstanceUID="1.2", SeriesInstanceUID="1.3", SOPInstanceUID=["1.4", "1.5"]), STUDY_MOVE
    )
    assert (asked.uids, asked.above) == (("1.4", "1.5"), {"StudyInstanceUID": "1.2", "SeriesInstanceUID": "1.3"})
    assert wanted(keys("PATIENT", PatientID="A"), PATIENT_MOVE).uids == ("A",)


@pytest.mark.parametrize(
    "identifier, model",
    [
        (keys("STUDY", StudyInstanceUID=""), STUDY_MOVE),
        (keys("STUDY", StudyInstanceUID="*"), STUDY_MOVE),
        (keys("STUDY", StudyInstanceUID="1.2"), PATIENT_MOVE),
        (keys("PATIENT", PatientID="*"), PATIENT_MOVE),
        (keys("PATIENT", PatientID=""), PATIENT_MOVE),
    ],
)
def test_a_retrieval_of_everything_is_refused(identifier: Dataset, model: str) -> None:
    assert refused(wanted, identifier, model)[0] == 0xA900


def test_a_list_that_is_too_long_is_refused() -> None:
    uids = [f"1.{number}" for number in range(MOST_UIDS + 1)]
    assert refused(wanted, keys("STUDY", StudyInstanceUID=uids), STUDY_MOVE)[0] == 0xA700
    assert refused(sought, keys("STUDY", StudyInstanceUID=uids), STUDY_FIND)[0] == 0xA700


def test_a_refusal_holds_no_value_of_the_requestor() -> None:
    _, why = refused(sought, keys("STUDY", PatientID="Doe*"), PATIENT_FIND)
    assert "Doe" not in why


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_an_identifier_or_are_refused(tail: bytes, retrieve: bool) -> None:
    begin = encode(keys("STUDY", StudyInstanceUID="1.2"), True, True) or b""
    try:
        ds = parsed(BytesIO(begin + tail), ImplicitVRLittleEndian)
        (wanted if retrieve else sought)(ds, STUDY_MOVE if retrieve else STUDY_FIND)
    except Refused as refusal:
        assert refusal.status in (0xA700, 0xA900, 0xC000)
