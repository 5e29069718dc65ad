"""What the catalogue keeps of a header, however it came."""

from __future__ import annotations

from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset, dcmread
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

from daemon.core.catalogue import LONGEST_KEY, empty_entry, entry_of, fold, name_key
from tests.support.builders import make_cxr
from tests.support.catalogue import header


def raw(ds: Dataset, tag: int, vr: str, value: bytes) -> Dataset:
    """As it came off the wire, of whatever sense."""
    ds[Tag(tag)] = RawDataElement(Tag(tag), vr, len(value), value, 0, False, True)
    return ds


def test_a_radiograph_is_entered_with_its_own_values():
    film = make_cxr(patient_name="Doe^Jane", RequestAttributesSequence=[Dataset()])
    film.RequestAttributesSequence[0].ScheduledProcedureStepID = "SPS1"
    entry = entry_of(film)
    assert entry.study["patient_name"] == "Doe^Jane" and entry.study["study_date"] == "20260102"
    assert entry.series["modality"] == "DX" and entry.series["scheduled_step_id"] == "SPS1"
    assert entry.instance["rows"] == 512 and entry.instance["frames"] == 1


def test_nothing_is_a_value_too():
    entry = empty_entry()
    assert set(entry.study.values()) | set(entry.series.values()) == {""}
    assert entry.instance["frames"] is None  # no image


@pytest.mark.parametrize(
    ("keyword", "column", "value", "kept"),
    [
        ("StudyDate", "study_date", "2026.01.02", "20260102"),
        ("StudyDate", "study_date", "20261302", ""),
        ("StudyTime", "study_time", "10:11:12.500", "101112.5"),
        ("StudyTime", "study_time", "1011", "101100"),
        ("StudyTime", "study_time", "2511", ""),
        ("AccessionNumber", "accession_number", " A\x00B\x1f1 ", "AB1"),
        ("AccessionNumber", "accession_number", "A" * 100, "A" * 64),
        ("PatientID", "patient_id", "P1\\P2", "P1"),
        ("PatientName", "patient_name", "Doe^Jane\\Roe^Richard", "Doe^Jane"),
    ],
)
def test_odd_values_are_kept_as_far_as_they_have_sense(keyword, column, value, kept):
    assert entry_of(header(**{keyword: value})).study[column] == kept


def test_undecodable_and_malformed_values_hold_nothing_up():
    ds = header(SpecificCharacterSet="ISO 2022 IR 999", Rows=None, NumberOfFrames=None)
    raw(ds, 0x00100010, "PN", b"\xff\xfe^\x1b$B")
    raw(ds, 0x00200013, "IS", b"one")
    raw(ds, 0x00280010, "US", b"\x01")
    raw(ds, 0x00280008, "IS", b"99999999999")
    raw(ds, 0x00400275, "SQ", b"\x00\x01\x02")
    entry = entry_of(ds)
    assert entry.instance["instance_number"] == "" and entry.instance["rows"] is None
    assert entry.instance["frames"] is None


@given(st.binary(max_size=80), st.sampled_from(["", "ISO_IR 100", "ISO 2022 IR 87", "ISO_IR 192", "GB18030"]))
def test_any_bytes_give_text_that_a_database_takes(value, character_set):
    ds = raw(header(SpecificCharacterSet=character_set), 0x00100010, "PN", value)
    kept = entry_of(ds).study
    for text in (kept["patient_name"], kept["patient_name_key"]):
        assert "\0" not in text and text.encode() is not None and len(text) <= LONGEST_KEY


def test_names_in_japanese_characters_survive_the_file():
    buffer = BytesIO()
    film = make_cxr(SpecificCharacterSet="\\ISO 2022 IR 87", patient_name="Yamada^Tarou=山田^太郎=やまだ^たろう")
    film.save_as(buffer, enforce_file_format=True)
    buffer.seek(0)
    assert entry_of(dcmread(buffer)).study["patient_name"] == "Yamada^Tarou=山田^太郎=やまだ^たろう"


def test_names_are_compared_without_case_accents_and_empty_ends():
    assert name_key("MÜLLER ^ Jörg^^^=") == name_key("muller^jorg") == "muller^jorg="
    assert name_key("") == name_key("^^") == ""
    assert name_key("A=B=C") == "a=b=c="


@given(st.text(max_size=40))
def test_folding_twice_is_folding_once(text):
    assert fold(fold(text)) == fold(text)
