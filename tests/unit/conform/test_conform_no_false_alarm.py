"""Whatever a source image is like, what our encoders make of it passes: a result is not lost for a sloppy header."""

from __future__ import annotations

import struct
from copy import deepcopy
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given, settings
from pydicom import Dataset
from pydicom.dataelem import RawDataElement
from pydicom.sequence import Sequence
from pydicom.tag import Tag

from daemon.conform import Fault, faults
from daemon.core.header import read_header
from model.findings import Box, ModelIdentity
from tests.support.builders import make_cxr
from tests.support.conform import BOX, OTHER, drawn, film, objects, rejected
from tests.support.reports import make_findings, make_header, make_image, make_request
from tests.unit.encode.test_encode_patient import NAMES, ODD
from tests.unit.encode.test_encode_round_trip import films
from tests.unit.encode.test_encode_sloppy import NOISE, RICH, TAGS
from worker.encode import Reference, ReportRequest, SourceImage
from worker.encode.reading import muted


def alarms(request: ReportRequest, *only: str) -> list[tuple[str, Fault]]:
    """What the check finds in the objects of a request, as asked for, and with less known of each."""
    found = []
    for case in objects(request, only):
        found += [(case.name, fault) for fault in faults(case.dataset, case.sources, case.expected)]
        found += [(case.name, fault) for fault in faults(case.dataset)]
    return found


def lut(entries: int, bits: int = 16, *, given: int | None = None) -> Sequence:
    item = Dataset()
    item.LUTDescriptor = [entries, 0, bits]
    item.LUTData = struct.pack(f"<{given or entries}H", *(n * 200 % 65536 for n in range(given or entries)))
    return Sequence([item])


FILMS: dict[str, dict[str, Any]] = {
    "DX, MONOCHROME1, odd size": {"photometric": "MONOCHROME1", "rows": 611, "columns": 333},
    "DX, 16 bit, signed": {"bits_stored": 16, "signed": True},
    "CR without spacing": {"sop_class": "CR", "pixel_spacing": None},
    "CR without orientation, view and window": {
        "sop_class": "CR", "PatientOrientation": None, "ViewPosition": None,
        "WindowCenter": None, "WindowWidth": None,
    },
    "CR with pixels that are not square": {"sop_class": "CR", "pixel_spacing": (0.2, 0.1)},
    "8-bit Secondary Capture": {"sop_class": "SC", "bits_stored": 8, "bits_allocated": 8},
    "hung the other way round": {"PatientOrientation": ["R", "F"]},
    "tiny": {"rows": 40, "columns": 30},
    "without study data": dict.fromkeys(("StudyID", "StudyDate", "StudyTime", "AccessionNumber", "PatientSex")),
    "UIDs with leading zeros": {"study_uid": "1.2.03", "series_uid": "1.2.03.04", "sop_uid": "1.2.03.04.05"},
    "lossy": {"LossyImageCompression": "01", "LossyImageCompressionRatio": "8", "LossyImageCompressionMethod": "X"},
}  # fmt: skip


EXTREME: dict[str, dict[str, Any]] = {
    "a strip of 3000 x 20": {"rows": 3000, "columns": 20},
    "a strip of 20000 x 70": {"rows": 20000, "columns": 70},
    "a strip of 16 x 2000": {"rows": 16, "columns": 2000},
    "spacings of nonsense": {"pixel_spacing": (1e10, 1e-10)},
    "spacings of next to nothing": {"pixel_spacing": (1e-300, 1e-300)},
    "one spacing of nonsense": {"PixelSpacing": ["1e10", "1e-10"], "ImagerPixelSpacing": ["0.1", "0.1"]},
    "as fine and as coarse as is believed": {"PixelSpacing": ["1e-6", "1000"]},
    "a proportion that no IS holds": {
        "sop_class": "CR", "pixel_spacing": None, "PixelAspectRatio": ["9999999999", "1"],
    },
}  # fmt: skip


@pytest.mark.parametrize("name", EXTREME)
def test_every_form_of_an_extreme_film_passes(name: str) -> None:
    columns, rows = EXTREME[name].get("columns", 400), EXTREME[name].get("rows", 512)

    assert alarms(make_request(film((columns * 0.1, rows * 0.1, columns * 0.4, rows * 0.4), **EXTREME[name]))) == []


LARGE: dict[str, dict[str, Any]] = {
    "comments of 300,000 characters": {"PatientComments": "c" * 300_000},
    "an illegal Patient ID of 300,000 characters": {"patient_id": "N" * 300_000},
    "an issuer of 300,000 characters": {"IssuerOfPatientID": "N" * 300_000},
    "two lookup tables of 65,536 entries": {
        "sop_class": "CR", "VOILUTSequence": Sequence([*lut(65536), *lut(65536)]), "bits_stored": 16,
    },
}  # fmt: skip


def received(**attributes: Any) -> Dataset:
    """The header of a film as the archive gives it to the encoders and to the check."""
    ds = make_cxr(rows=512, columns=400, **attributes)
    for lookup in ds.get("VOILUTSequence", []):
        lookup.LUTDescriptor = [0, *lookup.LUTDescriptor[1:]]
    buffer = BytesIO()
    with muted():
        ds.save_as(buffer, enforce_file_format=True)
    return read_header(BytesIO(buffer.getvalue()))


@pytest.mark.parametrize("name", LARGE)
def test_what_is_large_is_carried_as_it_is_or_left_out_and_every_form_passes(name: str) -> None:
    header = received(**LARGE[name])

    for case in objects(make_request(drawn(SourceImage(header, "00", make_findings(BOX)))), ("sr", "gsps", "text-sr")):
        assert faults(case.dataset, case.sources, case.expected) == []
        assert bytes(header.get_item("PatientID").value) == bytes(case.dataset.get_item("PatientID").value)
        assert "PatientComments" not in case.dataset
        if case.expected.kind == "gsps" and "VOILUTSequence" in header:
            assert len(case.dataset.SoftcopyVOILUTSequence[0].VOILUTSequence[0].LUTData) == 2 * 65536


def test_a_lookup_table_that_the_check_cannot_see_is_not_held_against_the_state() -> None:
    header = received(**LARGE["two lookup tables of 65,536 entries"])
    unseen, tag = deepcopy(header), Tag("VOILUTSequence")
    unseen[tag] = RawDataElement(tag, "SQ", 300_000, None, 0, False, True)
    image = drawn(SourceImage(header, "00", make_findings(BOX)))

    for case in objects(make_request(image), ("gsps",)):
        assert faults(case.dataset, [unseen], case.expected) == []


@pytest.mark.parametrize("name", FILMS)
def test_every_form_of_an_odd_film_passes(name: str) -> None:
    tiny = name == "tiny"
    boxes = ((2.0, 2.0, 12.5, 20.0),) if tiny else (BOX, (150.0, 200.0, 200.5, 300.0))

    assert alarms(make_request(film(*boxes, **FILMS[name]))) == []


LUTS: dict[str, dict[str, Any]] = {
    "VOI LUT": {"VOILUTSequence": lut(300)},
    "VOI LUT that does not fit": {"VOILUTSequence": lut(300, given=200)},
    "8-bit VOI LUT, two entries to a word": {"VOILUTSequence": lut(256, 8, given=128)},
    "Modality LUT": {"ModalityLUTSequence": lut(300), "RescaleSlope": None, "RescaleIntercept": None},
    "odd window": {"WindowWidth": "0.5", "WindowCenter": "1"},
    "exact window": {"WindowWidth": "0.5", "WindowCenter": "1", "VOILUTFunction": "LINEAR_EXACT"},
    "two windows": {"WindowWidth": ["3000", "100"], "WindowCenter": ["1500", "50"]},
    "slope alone": {"RescaleIntercept": None},
    "long slope": {"RescaleSlope": "0.12345678901234"},
    "overlay": {},
    "shutter": {
        "ShutterShape": "RECTANGULAR",
        "ShutterLeftVerticalEdge": 3,
        "ShutterRightVerticalEdge": 390,
        "ShutterUpperHorizontalEdge": 5,
        "ShutterLowerHorizontalEdge": 500,
    },
    "half a shutter": {"ShutterShape": "RECTANGULAR", "ShutterLeftVerticalEdge": 3},
}


@pytest.mark.parametrize("name", LUTS)
def test_the_grey_pipeline_of_every_film_passes(name: str) -> None:
    header = make_header(**LUTS[name])
    if name == "overlay":
        header.add_new(0x60023000, "OW", b"\0\0")

    assert alarms(make_request(make_image(BOX, header=header)), "gsps") == []


@pytest.mark.parametrize("name", NAMES)
def test_names_in_every_character_set_pass(name: str) -> None:
    charset, patient = NAMES[name]

    assert alarms(make_request(make_image(BOX, SpecificCharacterSet=charset, patient_name=patient)), "sr", "gsps") == []


@pytest.mark.parametrize("keyword", ODD)
def test_illegal_values_that_are_the_sources_pass_and_those_that_are_not_do_not(keyword: str) -> None:
    header, tag = make_header(), Tag(keyword)
    header[tag] = RawDataElement(tag, "LO", len(ODD[keyword]), ODD[keyword], 0, False, True)
    request = make_request(make_image(BOX, header=header))

    assert alarms(request, "gsps", "text-sr") == []
    for case in objects(request, ("gsps",)):
        assert {fault.rule for fault in faults(case.dataset, [make_header()], case.expected)} >= {"origin-altered"}


@pytest.mark.parametrize("element", TAGS[::3], ids=lambda element: element.keyword)
def test_an_attribute_of_the_source_may_be_missing_or_noise(element: Any) -> None:
    without, noisy = deepcopy(RICH), deepcopy(RICH)
    del without[element.tag]
    noisy[element.tag] = RawDataElement(element.tag, element.VR, len(NOISE), NOISE, 0, False, True)

    for header in (without, noisy):
        request = make_request(drawn(SourceImage(header, "00", make_findings(BOX))))
        assert alarms(request, "gsps", "text-sr", "parametric-map") == []


def test_a_header_of_nothing_but_uids_passes() -> None:
    bare = Dataset()
    for name in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID"):
        bare[name] = RICH[name]

    assert alarms(make_request(drawn(SourceImage(bare, "00", make_findings(BOX))))) == []


def test_studies_of_several_films_negative_unread_and_failed_ones_pass() -> None:
    study = {"study_uid": "1.2.3"}
    broken = SourceImage(make_header(**study), "00", None, "the pixel data are cut short")
    positive, negative = film(BOX, OTHER, **study), film(probability=0.1, **study)
    cautious = film(BOX, probability=0.1, **study)  # below the operating point, and marked

    for images in ((positive, negative), (negative,), (broken,), (negative, broken), (positive, cautious, broken)):
        assert alarms(make_request(*images)) == []


def test_a_revision_and_the_withdrawal_of_everything_pass() -> None:
    image = film(BOX, study_uid="1.2.3")
    first = {case.name: case for case in objects(make_request(image))}
    before = first["sr air"].dataset
    reference = Reference(before.SOPClassUID, before.SOPInstanceUID, before.SeriesInstanceUID, "1.2.3")
    revised = make_request(image, film(study_uid="1.2.3"), revision=2, predecessors=(reference,))
    note = rejected(image.header, *(case.dataset for case in first.values()))

    (again,) = [case for case in objects(revised, ("sr",)) if case.name == "sr air"]
    for case in (again, note):
        assert faults(case.dataset, case.sources, case.expected) == []


@settings(max_examples=8, deadline=None)
@given(films())
def test_boxes_of_any_size_in_films_of_any_size_pass(drawn_film: tuple[Dataset, list[Box]]) -> None:
    header, boxes = drawn_film

    assert alarms(make_request(make_image(*boxes, header=header)), "sr", "gsps", "chest-cad-sr") == []


def test_no_clock_no_date_is_wrong_and_with_one_only_the_future_is() -> None:
    (case,) = [case for case in objects(make_request(make_image(BOX)), ("gsps",)) if case.expected.marking]

    def told(now: datetime | None) -> list[str]:
        return [fault.rule for fault in faults(case.dataset, case.sources, case.expected, now)]

    assert told(None) == told(datetime(2026, 11, 21, 2, 4, tzinfo=UTC)) == []
    assert set(told(datetime(2020, 1, 1, tzinfo=UTC))) == {"date-future"}


def test_a_sites_own_words_for_its_operating_point_are_no_location() -> None:
    words = "sensitivity 0.95 on films of left and right lung nodules, 2 findings each, marked by two readers"
    identity = ModelIdentity("lung nodule detector", "1 0 2 3", "ef" * 32, words)

    assert alarms(make_request(film(BOX), identity=identity, station="LUNG-1")) == []
