"""The burned-in picture: the film's pixels as they are, legible marks, the result above it, nothing of the patient."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.pixels import apply_windowing
from pydicom.uid import JPEGBaseline8Bit

from daemon.conform import Expected, faults
from daemon.core.eligibility import Kind, judge
from model.findings import Box
from tests.support.builders import make_thorax_pixels
from tests.support.reports import digest_of, make_header, make_image, make_request, one, reread, written
from worker.encode import CannotEncode, SourceImage, encode
from worker.encode.capture import PANEL

BOX, OTHER = (150.0, 160.0, 320.0, 340.0), (420.0, 600.0, 600.0, 760.0)
ROWS, COLUMNS = 800, 640
Grey = NDArray[np.uint8]


def film(*boxes: Box, probability: float = 0.9, grey: NDArray[Any] | None = None, **header: Any) -> SourceImage:
    """An analysed film with its pixels: a thorax of the header's size, or `grey` [rows, columns] in [0, 1]."""
    made = make_header(**{"rows": ROWS, "columns": COLUMNS, **header})
    picture = make_thorax_pixels(made.Rows, made.Columns) if grey is None else grey
    image = make_image(*boxes, probability=probability, header=made)
    return replace(image, picture=lambda: picture.astype(np.float32))


def capture(image: SourceImage, marking: bool = True) -> Dataset:
    """The film's SC, written and read back with its pixels."""
    (made,) = encode(make_request(image), "sc", marking=marking)
    ds = reread(made.to_bytes())
    ds.PixelData = made.dataset.PixelData
    return ds


def pixels(ds: Dataset) -> Grey:
    return np.asarray(ds.pixel_array)


def below_the_band(ds: Dataset, rows: int = ROWS) -> Grey:
    return pixels(ds)[-rows:]


def unanalysed(reason: str = "the pixel data are cut short", *, picture: bool = True) -> SourceImage:
    image = replace(film(), findings=None, not_analysed=reason)
    return image if picture else replace(image, picture=lambda: None)


def test_the_band_is_above_the_film_and_hides_none_of_it() -> None:
    ds = capture(film(BOX), marking=False)

    assert ds.Columns == COLUMNS and ROWS * 1.05 < ds.Rows < ROWS * 1.25
    expected = np.rint(make_thorax_pixels(ROWS, COLUMNS).astype(np.float32) * 255)
    assert np.array_equal(below_the_band(ds), expected)
    assert (pixels(ds)[: ds.Rows - ROWS] > 200).sum() > 1000  # letters


def test_it_is_8_bit_grey_that_a_viewer_shows_as_it_is() -> None:
    ds = capture(film(BOX))

    assert (ds.PhotometricInterpretation, ds.BitsAllocated, ds.BitsStored, ds.Modality) == ("MONOCHROME2", 8, 8, "OT")
    assert np.array_equal(np.rint(apply_windowing(pixels(ds), ds)), pixels(ds))
    assert list(ds.ImageType) == ["DERIVED", "SECONDARY", "CAD"]
    assert (ds.ConversionType, ds.BurnedInAnnotation, ds.BodyPartExamined) == ("WSD", "YES", "CHEST")


@pytest.mark.parametrize("background", [0.0, 0.5, 1.0])
def test_a_contour_shows_on_any_background(background: float) -> None:
    drawn = below_the_band(capture(film(BOX, OTHER, grey=np.full((ROWS, COLUMNS), background))))

    for x0, y0, x1, y1 in (BOX, OTHER):
        middle = int(y0 + y1) // 2
        beside = drawn[middle, int(x0) - 8 : int(x0) + 2].astype(int)
        assert beside.min() == 0 and beside.max() == 255  # dark and bright side by side
        assert np.array_equal(drawn[middle, int(x0) - 8 : int(x0)], drawn[middle, int(x1) : int(x1) + 8][::-1])
        inside = drawn[int(y0) : int(y1), int(x0) : int(x1)]
        assert (inside == round(255 * background)).all()  # nothing is drawn over the lesion


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_every_box_is_drawn_whole_wherever_it_is_on_the_film(data: st.DataObject) -> None:
    x0, y0 = (data.draw(st.integers(0, side - 30)) for side in (COLUMNS, ROWS))
    x1, y1 = (
        data.draw(st.integers(start + 30, side)) for start, side in ((x0, COLUMNS), (y0, ROWS))
    )  # up to the film's edges
    drawn = below_the_band(capture(film((x0, y0, x1, y1), grey=np.full((ROWS, COLUMNS), 0.5))))

    bright = drawn == 255
    # A label finds room on the contour alone where the box fills nearly the whole film.
    whole_x, whole_y = 0.8 * (x1 - x0), min(y1 - y0, ROWS - 150)
    rows, columns = np.flatnonzero(bright.sum(1) >= whole_x), np.flatnonzero(bright.sum(0) >= whole_y)
    assert len(rows) >= 2 and len(columns) >= 2
    assert abs(columns.min() - x0) <= 5 and abs(columns.max() + 1 - x1) <= 5
    assert abs(rows.min() - y0) <= 5 and abs(rows.max() + 1 - y1) <= 5


def test_a_label_says_what_and_how_sure_and_labels_at_one_place_do_not_lie_on_each_other() -> None:
    flat = np.full((ROWS, COLUMNS), 0.5)
    one_label = below_the_band(capture(film(BOX, grey=flat))) == 255
    two_labels = below_the_band(capture(film(BOX, BOX, grey=flat))) == 255

    assert 1.5 < letters(two_labels) / letters(one_label) < 2.5
    other = film(BOX, grey=flat)
    assert other.findings is not None
    renamed = replace(other.findings, lesions=tuple(replace(le, label="Mass") for le in other.findings.lesions))
    assert not np.array_equal(below_the_band(capture(replace(other, findings=renamed))) == 255, one_label)


def letters(bright: NDArray[np.bool_]) -> int:
    """How many bright pixels belong to no contour of BOX."""
    x0, y0, x1, y1 = (int(value) for value in BOX)
    outside = bright.copy()
    outside[y0 - 5 : y0, x0 - 5 : x1 + 5] = outside[y1 : y1 + 5, x0 - 5 : x1 + 5] = False
    outside[y0 - 5 : y1 + 5, x0 - 5 : x0] = outside[y0 - 5 : y1 + 5, x1 : x1 + 5] = False
    return int(outside.sum())


def test_triage_only_pictures_are_the_same_with_and_without_lesions() -> None:
    marked, unmarked = (capture(film(*boxes), marking=False) for boxes in ((BOX, OTHER), ()))

    assert np.array_equal(pixels(marked), pixels(unmarked))
    assert marked.ImageComments == unmarked.ImageComments == "AI: abnormal, 90 %, unverified"
    assert marked.SeriesNumber == 9301 and capture(film(BOX)).SeriesNumber == 9300


def test_positive_negative_and_unread_films_differ_in_picture_and_words() -> None:
    said = [capture(film(probability=0.9)), capture(film(probability=0.1)), capture(unanalysed())]

    assert [ds.ImageComments for ds in said] == [
        "AI: abnormal, 90 %, unverified",
        "AI: no finding above operating point, 10 %, unverified",
        "AI: not analysed (the pixel data are cut short); no statement on this image, unverified",
    ]
    bars = [(pixels(ds)[: ds.Rows - ROWS] == 255).sum() for ds in said]
    assert bars[0] > 10 * bars[1] and bars[2] > 10 * bars[1]  # what wants attention is on a bright bar
    assert all("AI, unverified" in ds.SeriesDescription for ds in said)


def test_a_film_that_was_not_analysed_is_still_seen() -> None:
    drawn = below_the_band(capture(unanalysed()))

    assert np.array_equal(drawn, below_the_band(capture(film())))


def test_without_pixels_there_is_a_panel_that_says_so() -> None:
    ds = capture(unanalysed(picture=False))

    assert (ds.Columns, ds.Rows) == PANEL
    assert 1000 < (pixels(ds) > 200).sum() < pixels(ds).size / 4
    assert "PixelSpacing" not in ds and not ds.PatientOrientation and "no pixels" in ds.DerivationDescription
    analysed = capture(replace(film(BOX), picture=lambda: None))
    assert "marked" not in analysed.ImageComments  # nothing is marked where there is nothing to mark


def test_the_picture_says_nothing_of_the_patient() -> None:
    names = ("Test^Phantom", "Somebody^Else^With^A^Long^Name")
    drawn = [pixels(capture(film(BOX, patient_name=name, patient_id=name[:8]))) for name in names]

    assert np.array_equal(*drawn)


@pytest.mark.parametrize(
    ("rows", "columns", "scale", "says"),
    [(800, 640, 1.0, ""), (300, 240, 2.0, "200 %"), (64, 48, 10.0, "1000 %"), (5000, 500, 0.5, "50 %, for detail")],
)
def test_tiny_films_are_drawn_larger_and_enormous_ones_smaller_which_is_said(
    rows: int, columns: int, scale: float, says: str
) -> None:
    ds = capture(film(rows=rows, columns=columns, probability=0.1))

    drawn = below_the_band(ds, round(rows * scale))
    assert ds.Columns >= round(columns * scale) and ds.Rows > drawn.shape[0] == round(rows * scale)
    assert says in ds.DerivationDescription and ("DerivationCodeSequence" in ds) == bool(says)
    if scale > 1:  # whole blocks of the film's own values
        assert np.array_equal(drawn[:: int(scale)], drawn[int(scale) - 1 :: int(scale)])


def test_pixels_that_are_not_square_are_made_square() -> None:
    ds = capture(film(rows=400, probability=0.1, pixel_spacing=(0.2, 0.1)))

    assert 850 < ds.Rows < 1000 and ds.Columns == COLUMNS  # 400 rows of twice the height
    assert ds.PixelSpacing[0] == ds.PixelSpacing[1] == pytest.approx(0.1) and "PixelAspectRatio" not in ds
    assert "made square" in ds.DerivationDescription
    assert ds.DerivationCodeSequence[0].CodeValue == "113085"


def test_an_absurd_spacing_does_not_squash_the_film() -> None:
    ds = capture(film(probability=0.1, pixel_spacing=(0.1, 100.0)))

    assert ds.Columns == COLUMNS and "PixelSpacing" not in ds


@pytest.mark.parametrize(
    ("header", "spacing"),
    [
        ({}, 0.143),
        ({"rows": 5000, "columns": 500}, 0.286),
        ({"PixelSpacing": None}, None),  # at the detector, which an SC cannot say
        ({"pixel_spacing": None}, None),
    ],
)
def test_the_spacing_is_the_sources_where_the_source_states_one(header: dict[str, Any], spacing: float | None) -> None:
    ds = capture(film(**header))

    assert ("PixelSpacing" in ds) == (spacing is not None)
    if spacing:
        assert list(ds.PixelSpacing) == pytest.approx([spacing] * 2)
        assert ds.PixelSpacingCalibrationType == "GEOMETRY" and ds.PixelSpacingCalibrationDescription == "none"
    assert "ImagerPixelSpacing" not in ds


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ({}, ("00", None, None)),
        ({"LossyImageCompression": None}, (None, None, None)),
        (
            {
                "LossyImageCompression": "01",
                "LossyImageCompressionRatio": "12.5",
                "LossyImageCompressionMethod": "ISO_15444_1",
            },
            ("01", 12.5, "ISO_15444_1"),
        ),
    ],
)
def test_what_was_compressed_with_loss_is_said_to_have_been(
    header: dict[str, Any], expected: tuple[str | None, float | None, str | None]
) -> None:
    ds = capture(film(**header))

    stated = ("LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod")
    assert tuple(ds.get(keyword) for keyword in stated) == expected


def test_a_lossy_transfer_syntax_counts_whatever_the_header_says() -> None:
    image = film()
    image.header.file_meta.TransferSyntaxUID = JPEGBaseline8Bit

    ds = capture(image)

    assert (ds.LossyImageCompression, ds.LossyImageCompressionMethod) == ("01", "ISO_10918_1")


@pytest.mark.parametrize(
    ("stated", "expected"), [(["L", "F"], ["L", "F"]), (None, None), ("", None), (["X", "F"], None)]
)
def test_the_orientation_is_the_sources_or_empty(stated: Any, expected: list[str] | None) -> None:
    ds = capture(film(PatientOrientation=stated))

    assert (list(ds.PatientOrientation) if ds.PatientOrientation else None) == expected


def test_it_names_the_film_that_it_is_of() -> None:
    image = film()
    (reference,) = capture(image).SourceImageSequence

    assert reference.ReferencedSOPInstanceUID == image.header.SOPInstanceUID
    assert reference.PurposeOfReferenceCodeSequence[0].CodeValue == "121322"


def test_the_same_request_gives_the_same_bytes_and_another_content_another_uid() -> None:
    image = film(BOX)
    assert one(make_request(image), "sc").to_bytes() == one(make_request(image), "sc").to_bytes()

    others = (
        unanalysed("one reason"), unanalysed("another reason"), unanalysed(picture=False), unanalysed(),
    )  # fmt: skip
    same = [replace(other, header=image.header, digest=image.digest) for other in (image, *others)]
    uids = [written(make_request(each), "sc").SOPInstanceUID for each in same]
    uids.append(written(make_request(image), "sc", marking=False).SOPInstanceUID)
    uids.append(written(make_request(image, generation=1), "sc").SOPInstanceUID)
    assert len(set(uids)) == len(uids)


def test_every_film_of_a_study_gets_its_own_in_one_series() -> None:
    first = film(BOX)
    second = replace(unanalysed(), header=make_header(study_uid=first.header.StudyInstanceUID, InstanceNumber=2))
    second = replace(second, digest=digest_of(second.header))

    made = encode(make_request(first, second), "sc")

    assert {item.source_sop_uid for item in made} == {first.header.SOPInstanceUID, second.header.SOPInstanceUID}
    assert len({item.dataset.SeriesInstanceUID for item in made}) == 1
    assert sorted(int(item.dataset.InstanceNumber) for item in made) == [1001, 1002]


def test_one_that_a_pacs_sends_back_is_not_analysed_as_a_film() -> None:
    for image in (film(BOX), unanalysed(picture=False)):
        assert judge(capture(image)).kind is Kind.SET_ASIDE


@pytest.mark.parametrize(("rows", "columns"), [(64, 48), (800, 640), (2500, 500), (500, 2500), (5000, 500)])
def test_the_check_before_sending_finds_no_fault_whatever_the_size(rows: int, columns: int) -> None:
    image = film((1.0, 2.0, 30.0, 40.0), rows=rows, columns=columns)
    for marking in (True, False):
        assert faults(capture(image, marking), [image.header], Expected("sc", "", marking)) == []


def test_pixels_of_another_size_than_the_findings_are_refused() -> None:
    with pytest.raises(CannotEncode, match="another size"):
        encode(make_request(film(BOX, grey=np.zeros((10, 10)))), "sc")
