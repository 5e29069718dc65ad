"""Headers from real devices lack and mangle things: nothing but UIDs and size may keep a result from being made."""

from copy import deepcopy

import pytest
from pydicom import Dataset
from pydicom.dataelem import RawDataElement
from pydicom.tag import BaseTag

from tests.support.reports import KINDS, make_findings, make_header, make_image, make_request, one, written
from worker.encode import CannotEncode, SourceImage, encode
from worker.encode.reading import tag_of

NEEDED = [tag_of(f"{name}UID") for name in ("StudyInstance", "SeriesInstance", "SOPInstance", "SOPClass")]
# These may go too, but then the header no longer says how large its rows are or that it is grey.
SIZE = [tag_of("Rows"), tag_of("Columns")]
NOISE = b"\xff\xfe\\\\\x1b$B~/\x80\x00 -1e999"


def rich_header() -> Dataset:
    """A DX header with everything that the encoders read, windows, LUTs, shutter and order included."""
    lut = Dataset()
    lut.LUTDescriptor, lut.LUTData = [256, 0, 16], bytes(512)
    order = Dataset()
    order.RequestedProcedureID, order.RequestedProcedureDescription = "RP1", "Chest"
    return make_header(
        ShutterShape="RECTANGULAR",
        ShutterLeftVerticalEdge=1,
        ShutterRightVerticalEdge=400,
        ShutterUpperHorizontalEdge=1,
        ShutterLowerHorizontalEdge=512,
        VOILUTFunction="LINEAR",
        VOILUTSequence=[lut],
        RequestAttributesSequence=[order],
        TimezoneOffsetFromUTC="+0100",
        NumberOfFrames="1",
        PixelAspectRatio=[1, 1],
    )


RICH = rich_header()
TAGS = [tag for tag in RICH if tag.tag not in (*NEEDED, *SIZE)]


def without(tag: BaseTag) -> Dataset:
    header = deepcopy(RICH)
    del header[tag]
    return header


def holding(tag: BaseTag, value: bytes) -> Dataset:
    header = deepcopy(RICH)
    header[tag] = RawDataElement(tag, RICH[tag].VR, len(value), value, 0, False, True)
    return header


@pytest.mark.parametrize("element", TAGS, ids=lambda element: element.keyword)
def test_an_attribute_may_be_missing_empty_or_nonsense(element) -> None:  # type: ignore[no-untyped-def]
    found = make_findings((50.25, 60.5, 120.75, 140.125))
    for header in (without(element.tag), holding(element.tag, b""), holding(element.tag, NOISE)):
        request = make_request(SourceImage(header, "00", found))
        for kind, profile in (("sr", "ohif"), ("gsps", "")):
            for made in encode(request, kind, profile or "air"):
                assert len(made.to_bytes()) > 1000


def test_a_header_of_nothing_but_uids_is_enough() -> None:
    bare = Dataset()
    for tag in NEEDED:
        bare[tag] = RICH[tag]
    request = make_request(SourceImage(bare, "00", make_findings((50.25, 60.5, 120.75, 140.125))))

    for kind, profile in KINDS:
        assert len(one(request, kind, profile).to_bytes()) > 1000


@pytest.mark.parametrize("tag", NEEDED)
def test_an_image_without_a_uid_cannot_be_referred_to(tag: BaseTag) -> None:
    header = without(tag)
    header.file_meta = Dataset()

    with pytest.raises(CannotEncode, match="without"):
        encode(make_request(SourceImage(header, "00", make_findings())), "sr")


def test_what_cannot_be_encoded_is_refused_with_its_reason_and_no_patient_data() -> None:
    header = make_header(patient_name="Secret^Name", patient_id="SECRET")
    image, stranger = make_image(header=header), make_image()
    bad_box = SourceImage(header, "00", make_findings((10.0, 10.0, 500.0, 20.0)))
    empty_box = SourceImage(header, "00", make_findings((10.0, 10.0, 10.0, 20.0)))
    not_a_number = SourceImage(header, "00", make_findings((float("nan"), 10.0, 20.0, 20.0)))
    other_size = SourceImage(header, "00", make_findings(width=401))
    refused = {
        "several studies": make_request(image, stranger),
        "listed twice": make_request(image, image),
        "leaves the image": make_request(bad_box),
        "is empty or": make_request(empty_box),
        "box is empty": make_request(not_a_number),
        "another size": make_request(other_size),
        "without a reason": make_request(image, SourceImage(make_header(study_uid=header.StudyInstanceUID), "1", None)),
        "no time zone": make_request(image, analysed_at=make_request().analysed_at.replace(tzinfo=None)),
    }

    for reason, request in refused.items():
        for kind in ("sr", "gsps"):
            with pytest.raises(CannotEncode, match=reason) as refusal:
                encode(request, kind)
            assert "secret" not in str(refusal.value).lower()


def test_a_study_of_which_no_image_could_be_read_still_gets_an_sr_that_says_so() -> None:
    unread = SourceImage(make_header(), "00", None, "the pixel data are cut short")

    report = written(make_request(unread), "sr")

    said = report.to_json()  # str() hides long texts
    assert "No algorithms succeeded" in said and "the pixel data are cut short" in said
    assert "Certainty of Finding" not in said
    assert encode(make_request(unread), "gsps") == ()


def test_unknown_kinds_and_profiles_are_refused() -> None:
    with pytest.raises(CannotEncode, match="no encoder"):
        encode(make_request(), "fax")
    with pytest.raises(CannotEncode, match="no SR profile"):
        encode(make_request(), "sr", "paper")
