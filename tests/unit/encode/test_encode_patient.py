"""Patient and study attributes arrive in the result byte for byte."""

from io import BytesIO

import pytest
from pydicom import Dataset, dcmread
from pydicom.dataelem import RawDataElement
from pydicom.sequence import Sequence
from pydicom.uid import ImplicitVRLittleEndian

from tests.support.builders import make_cxr
from tests.support.reports import KINDS, make_header, make_image, make_request, one, reread
from worker.encode.carry import OPTIONAL, REQUIRED
from worker.encode.reading import tag_of

NAMES = {
    "ASCII": (None, "Test^Phantom"),
    "Latin 1": ("ISO_IR 100", "Müller^Jürg"),
    "UTF-8": ("ISO_IR 192", "Νικόλαος^Παπ"),
    "Japanese, ISO 2022": (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
    "Korean, ISO 2022": (["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞=홍^길동"),
    "Chinese, GB18030": ("GB18030", "Wang^XiaoDong=王^小东"),
}


def raw(ds: Dataset, keyword: str) -> bytes | None:
    """The value bytes of an element as they lie in the file; None when absent."""
    if tag_of(keyword) not in ds:
        return None
    element = ds.get_item(tag_of(keyword))
    assert isinstance(element, RawDataElement)
    return element.value or b""


def assert_carried(source: Dataset, result: Dataset) -> None:
    assert source.get("SpecificCharacterSet") == result.get("SpecificCharacterSet")
    for keyword in (*REQUIRED, *OPTIONAL):
        if keyword.endswith("Sequence") or keyword == "SpecificCharacterSet":
            continue  # pydicom converts these two while it reads
        expected = raw(source, keyword)
        if expected is None and keyword in REQUIRED:
            expected = b""
        assert raw(result, keyword) == expected, keyword


@pytest.mark.parametrize(("kind", "profile"), KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_names_in_every_character_set_are_carried_byte_for_byte(kind: str, profile: str, name: str) -> None:
    charset, patient = NAMES[name]
    header = make_header(SpecificCharacterSet=charset, patient_name=patient, StudyDescription="CHEST")

    result = reread(one(make_request(make_image(header=header)), kind, profile).to_bytes())

    assert_carried(header, result)
    assert str(result.PatientName) == patient


@pytest.mark.parametrize("name", NAMES)
def test_a_header_that_somebody_has_already_read_is_carried_the_same(name: str) -> None:
    charset, patient = NAMES[name]
    header = make_header(SpecificCharacterSet=charset, patient_name=patient)
    untouched = one(make_request(make_image(header=header)), "sr").to_bytes()
    for element in header:  # pydicom converts every element on the way
        assert element is not None

    assert one(make_request(make_image(header=header)), "sr").to_bytes() == untouched


def test_an_implicit_vr_source_gives_the_same_patient_as_an_explicit_one() -> None:
    film = make_cxr(rows=16, columns=16, AccessionNumber="A\\B")
    film.OtherPatientIDsSequence = Sequence([Dataset()])
    film.OtherPatientIDsSequence[0].PatientID = "OTHER"
    explicit, implicit = BytesIO(), BytesIO()
    film.save_as(explicit, enforce_file_format=True)
    film.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    film.save_as(implicit, enforce_file_format=True)
    results = [
        one(make_request(make_image(header=reread(file.getvalue()))), "sr").to_bytes() for file in (explicit, implicit)
    ]

    assert results[0] == results[1]
    assert reread(results[0]).OtherPatientIDsSequence[0].PatientID == "OTHER"


ODD = {
    "PatientID": b"\xff\xfe\x80 ",
    "PatientName": b"A^B^C^D^E^F=\x1b$B=",
    "PatientBirthDate": b"01.01.1960",
    "PatientSex": b"female",
    "StudyDate": b"unknown ",
    "StudyTime": b"25:61:00",
    "StudyID": b"longer than sixteen characters",
    "AccessionNumber": b"A\\B\\",
    "ReferringPhysicianName": b"X\\Y ",
}


@pytest.mark.parametrize(("kind", "profile"), KINDS)
@pytest.mark.parametrize("keyword", ODD)
def test_illegal_values_of_what_identifies_are_carried_as_they_came(kind: str, profile: str, keyword: str) -> None:
    header, tag = make_header(), tag_of(keyword)
    vr = {"PatientName": "PN", "ReferringPhysicianName": "PN"}.get(keyword, "LO")
    header[tag] = RawDataElement(tag, vr, len(ODD[keyword]), ODD[keyword], 0, False, True)

    result = one(make_request(make_image(header=header)), kind, profile).to_bytes()

    assert raw(dcmread(BytesIO(result)), keyword) == ODD[keyword]


@pytest.mark.parametrize(
    ("keyword", "value"),
    [("PatientAge", b"76"), ("PatientSize", b"tall"), ("SmokingStatus", b"sometimes "), ("LastMenstrualDate", b"x ")],
)
def test_an_optional_attribute_in_an_illegal_format_is_left_out(keyword: str, value: bytes) -> None:
    header, tag = make_header(), tag_of(keyword)
    header[tag] = RawDataElement(tag, "LO", len(value), value, 0, False, True)

    assert tag not in one(make_request(make_image(header=header)), "sr").dataset


def test_what_type_2_demands_is_empty_when_the_source_lacks_it() -> None:
    header = make_header(**dict.fromkeys(REQUIRED))

    result = one(make_request(make_image(header=header)), "sr").dataset

    assert all(not result[tag_of(keyword)].value for keyword in REQUIRED)


def test_our_own_text_is_ascii_whatever_the_character_set() -> None:
    header = make_header(SpecificCharacterSet="ISO_IR 13", patient_name="Test^Phantom")
    request = make_request(make_image(header=header), station="SALLE É\\1")

    ds = one(request, "sr").dataset

    assert ds.DeviceSerialNumber == "SALLE E?/1"


def test_dates_are_told_in_the_time_zone_that_the_source_states() -> None:
    request = make_request(make_image(header=make_header(TimezoneOffsetFromUTC="-0930")))

    ds = one(request, "sr").dataset

    assert (ds.ContentDate, ds.ContentTime) == ("20261120", "163304.567000")
    assert ds.TimezoneOffsetFromUTC == "-0930"
