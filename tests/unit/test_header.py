from __future__ import annotations

import time
import zlib
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian

from daemon.core.errors import UnreadableDataSet
from daemon.core.header import MAX_INFLATED_HEADER, read_header, read_meta
from tests.support.builders import compress, make_cxr


def part10(ds) -> bytes:
    buffer = BytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def film() -> bytes:
    return part10(make_cxr(rows=64, columns=48))


def test_the_header_is_read_without_the_pixels(film):
    header = read_header(BytesIO(film))
    assert header.Rows == 64
    assert "PixelData" not in header


@pytest.mark.parametrize("syntax", [DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_other_encodings_give_the_same_header(syntax):
    ds = make_cxr(rows=64, columns=48)
    plain, other = read_header(BytesIO(part10(ds))), read_header(BytesIO(part10(compress(ds, syntax))))
    assert other.file_meta.TransferSyntaxUID == syntax
    assert {e.tag: e.value for e in other} == {e.tag: e.value for e in plain}


@pytest.mark.parametrize("missing", ["SOPInstanceUID", "SOPClassUID", "StudyInstanceUID", "SeriesInstanceUID"])
def test_an_instance_without_its_identity_is_refused(film, missing):
    ds = make_cxr(rows=64, columns=48)
    bytes_before = part10(ds)
    ds = read_header(BytesIO(bytes_before))
    delattr(ds, missing)
    with pytest.raises(UnreadableDataSet):
        read_header(BytesIO(bytes_before[:132] + part10_without_checks(ds)))


def part10_without_checks(ds) -> bytes:
    buffer = BytesIO()
    ds.save_as(buffer, enforce_file_format=False)
    return buffer.getvalue()[132:]


def test_a_deflated_bomb_is_inflated_no_further_than_a_header_reaches(film):
    ds = compress(make_cxr(rows=64, columns=48), DeflatedExplicitVRLittleEndian)
    whole = part10(ds)
    meta_end = 144 + int.from_bytes(whole[140:144], "little")
    data_set = zlib.decompress(whole[meta_end:], -zlib.MAX_WBITS)
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    bomb = packer.compress(data_set) + packer.compress(bytes(20 * MAX_INFLATED_HEADER)) + packer.flush()
    assert read_header(BytesIO(whole[:meta_end] + bomb)).Rows == 64


@given(st.binary(max_size=400))
def test_rubbish_is_refused(rubbish):
    with pytest.raises(UnreadableDataSet):
        read_header(BytesIO(rubbish))


@given(cut=st.integers(0, 1200), noise=st.binary(max_size=64))
def test_a_broken_header_is_read_or_refused_and_nothing_else(film, cut, noise):
    try:
        header = read_header(BytesIO(film[:cut] + noise + film[cut + len(noise) :]))
    except UnreadableDataSet:
        return
    assert header.SOPInstanceUID


def test_a_header_of_a_million_empty_elements_is_refused_before_it_is_parsed():
    whole = part10(make_cxr(rows=16, columns=16))
    meta_end = 144 + int.from_bytes(whole[140:144], "little")
    bomb = b"\x09\x00\x10\x10LO\x00\x00" * 1_000_000
    with pytest.raises(UnreadableDataSet, match="longer than any"):
        read_header(BytesIO(whole[:meta_end] + bomb + whole[meta_end:]))


def test_file_meta_information_with_a_value_of_no_known_kind_is_refused(film):
    broken = film.replace(b"\x02\x00\x02\x00UI", b"\x02\x00\x02\x00ZZ", 1)
    assert broken != film
    with pytest.raises(UnreadableDataSet):
        read_meta(BytesIO(broken))


@pytest.mark.parametrize("term", ["punycode", "idna", "PUNYCODE"])
def test_a_codec_of_host_names_is_no_character_set_and_costs_no_time(term):
    ds = make_cxr(rows=16, columns=16, SpecificCharacterSet="ISO_IR 100", PatientName="Ada^Lovelace")
    ds = compress(ds, ImplicitVRLittleEndian)
    name = b"a-" + 60_000 * b"b9a"
    file = part10(ds).replace(b"ISO_IR 100", term.encode().ljust(10))
    at = file.index(b"\x10\x00\x10\x00")
    file = file[: at + 4] + len(name).to_bytes(4, "little") + name + file[at + 8 + 12 :]
    began = time.perf_counter()
    assert str(read_header(BytesIO(file)).PatientName) == name.decode("latin-1")
    assert time.perf_counter() - began < 0.5


def test_a_codec_that_reads_what_a_sender_wrote_is_taken():
    ds = make_cxr(rows=16, columns=16, SpecificCharacterSet="ISO_IR 192", PatientName="Müller^Jürgen")
    assert read_header(BytesIO(part10(ds).replace(b"ISO_IR 192", b"utf8      "))).PatientName == "Müller^Jürgen"
