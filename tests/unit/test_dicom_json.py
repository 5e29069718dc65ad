"""Data sets as DICOM JSON: PS3.18 Annex F."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset, dcmread
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from daemon.core.header import read_header
from daemon.web.dicom_json import dataset_json, encoded
from tests.support.builders import make_cxr


def model_of(ds: Dataset) -> dict[str, Any]:
    return json.loads(encoded(dataset_json(ds, lambda path: f"bulk/{path}")))


def read_again(ds: Dataset, syntax: str = ExplicitVRLittleEndian) -> Dataset:
    file = BytesIO()
    ds.file_meta.TransferSyntaxUID = syntax
    ds.save_as(file, enforce_file_format=True, implicit_vr=syntax == ImplicitVRLittleEndian, little_endian=True)
    file.seek(0)
    return read_header(file)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_a_films_header_is_what_pydicom_makes_of_it(syntax: str) -> None:
    film = read_again(make_cxr(rows=16, columns=16), syntax)
    again = Dataset.from_json(model_of(film))
    assert {each.tag: str(each.value) for each in again} == {each.tag: str(each.value) for each in film}


def test_names_have_component_groups_and_the_character_set_is_utf_8() -> None:
    film = make_cxr(rows=16, columns=16, patient_name="Yamada^Tarou=山田^太郎=やまだ^たろう")
    film.SpecificCharacterSet = ["", "ISO 2022 IR 87"]
    model = model_of(read_again(film))
    assert model["00080005"] == {"vr": "CS", "Value": ["ISO_IR 192"]}
    assert model["00100010"]["Value"] == [
        {"Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎", "Phonetic": "やまだ^たろう"}
    ]


def test_large_values_are_referred_to_and_small_ones_are_inline() -> None:
    film, item = make_cxr(rows=16, columns=16), Dataset()
    item.ICCProfile = b"\1" * 1025 + b"\0"
    film.OpticalPathSequence = [Dataset(), item]
    film.add_new(0x00091001, "OB", b"\1\2")
    model = model_of(film)
    assert model["00480105"]["Value"][1]["00282000"] == {"vr": "OB", "BulkDataURI": "bulk/00480105/2/00282000"}
    assert model["00091001"] == {"vr": "OB", "InlineBinary": "AQI="}


def test_what_cannot_be_read_is_left_out_and_the_rest_is_told() -> None:
    film = make_cxr(rows=16, columns=16)
    file = BytesIO()
    film.save_as(file, enforce_file_format=True)
    broken = file.getvalue().replace(b"\x28\x00\x10\x00US\x02\x00\x10\x00", b"\x28\x00\x10\x00FD\x02\x00\x10\x00")
    model = model_of(dcmread(BytesIO(broken), stop_before_pixels=True))
    assert "00280010" not in model
    assert model["00280011"] == {"vr": "US", "Value": [16]}


@pytest.mark.parametrize(
    ("tag", "vr", "value", "told"),
    [
        (0x00181063, "DS", "", {"vr": "DS"}),
        (0x00180060, "DS", "120.50", {"vr": "DS", "Value": [120.5]}),
        (0x00280030, "DS", ["0.1", "0.2"], {"vr": "DS", "Value": [0.1, 0.2]}),
        (0x00200013, "IS", "7", {"vr": "IS", "Value": [7]}),
        (0x00280009, "AT", 0x00181063, {"vr": "AT", "Value": ["00181063"]}),
        (0x00089459, "FL", float("nan"), {"vr": "FL", "Value": [None]}),
        (0x00080008, "CS", ["ORIGINAL", "", "X"], {"vr": "CS", "Value": ["ORIGINAL", None, "X"]}),
        (0x00081140, "SQ", [], {"vr": "SQ"}),
    ],
)
def test_each_kind_of_value_has_its_form(tag: int, vr: str, value: Any, told: dict[str, Any]) -> None:
    ds = Dataset()
    ds.add_new(tag, vr, value)
    assert model_of(ds) == {f"{tag:08X}": told}


@given(
    st.binary(min_size=2, max_size=40), st.sampled_from(["PN", "LO", "IS", "DS", "AT", "US", "FD", "SQ", "UN", "DA"])
)
def test_any_bytes_give_a_model(value: bytes, vr: str) -> None:
    value += b" " * (len(value) % 2)
    long = vr in ("SQ", "UN")
    length = b"\0\0" + len(value).to_bytes(4, "little") if long else len(value).to_bytes(2, "little")
    start = b"\x08\0\x05\0CS\x0a\0ISO_IR 192"
    ds = dcmread(BytesIO(start + b"\x10\0\x10\0" + vr.encode() + length + value), force=True)
    assert set(model_of(ds)) <= {"00080005", "00100010"}
