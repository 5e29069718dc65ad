"""What the GSPS shows: the film as it was sent, the boxes, the labels inside the picture, and one line on the film."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import Dataset

from model.findings import Box
from tests.support.reports import make_findings, make_header, make_image, make_request, written
from worker.encode import SourceImage, encode
from worker.encode.marks import place_labels

BOX, OTHER = (50.25, 60.5, 120.75, 140.125), (260.0, 200.0, 380.0, 300.0)


def state_of(
    marking: bool = True, boxes: tuple[Box, ...] = (BOX,), probability: float = 0.9, **film: object
) -> Dataset:
    """The written GSPS of one film."""
    return written(make_request(make_image(*boxes, probability=probability, **film)), "gsps", "", marking)  # type: ignore[arg-type]


def texts(ds: Dataset) -> list[str]:
    return [text.UnformattedTextValue for text in ds.GraphicAnnotationSequence[0].TextObjectSequence]


@pytest.mark.parametrize(
    ("photometric", "stated", "shape"),
    [
        ("MONOCHROME1", "INVERSE", "INVERSE"),
        ("MONOCHROME2", "IDENTITY", "IDENTITY"),
        ("MONOCHROME1", "IDENTITY", "INVERSE"),  # a device that contradicts itself is right in the first
        ("MONOCHROME2", "INVERSE", "IDENTITY"),
        ("MONOCHROME1", None, "INVERSE"),
    ],
)
def test_the_presentation_lut_shape_follows_the_photometric_interpretation(
    photometric: str, stated: str | None, shape: str
) -> None:
    assert state_of(photometric=photometric, PresentationLUTShape=stated).PresentationLUTShape == shape


def test_the_window_is_the_images_own_in_its_own_digits() -> None:
    ds = state_of(
        WindowCenter=["2047.50", "40"], WindowWidth=["4095.0", "400"], WindowCenterWidthExplanation=["NORMAL", "BONE"]
    )

    (voi,) = ds.SoftcopyVOILUTSequence
    assert (voi.WindowCenter.original_string, voi.WindowWidth.original_string) == ("2047.50", "4095.0")
    assert voi.WindowCenterWidthExplanation == "NORMAL"
    assert "VOILUTFunction" not in voi


def test_a_sigmoid_window_stays_one() -> None:
    assert state_of(VOILUTFunction="SIGMOID").SoftcopyVOILUTSequence[0].VOILUTFunction == "SIGMOID"


def test_luts_are_copied_entry_by_entry() -> None:
    entries = [min(65535, number**2) for number in range(300)]
    lut = Dataset()
    lut.LUTDescriptor, lut.LUTData = [300, 7, 16], struct.pack("<300H", *entries)
    lut.LUTExplanation = "curve"
    modality = Dataset()
    modality.LUTDescriptor, modality.LUTData, modality.ModalityLUTType = lut.LUTDescriptor, lut.LUTData, "OD"

    no_rescale = dict.fromkeys(("RescaleSlope", "RescaleIntercept", "RescaleType"))
    ds = state_of(VOILUTSequence=[lut], ModalityLUTSequence=[modality], **no_rescale)

    copied = ds.SoftcopyVOILUTSequence[0].VOILUTSequence[0]
    assert list(copied.LUTDescriptor) == [300, 7, 16] and copied.LUTExplanation == "curve"
    assert struct.unpack("<300H", copied.LUTData) == tuple(entries)
    assert ds.ModalityLUTSequence[0].ModalityLUTType == "OD"
    assert struct.unpack("<300H", ds.ModalityLUTSequence[0].LUTData) == tuple(entries)
    assert "WindowCenter" not in ds.SoftcopyVOILUTSequence[0] and "RescaleSlope" not in ds


@pytest.mark.parametrize(("first", "entries"), [(-100, 300), (-32768, 65535), (5, 40000)])
def test_the_lut_of_a_signed_image_keeps_its_first_value_and_length(first: int, entries: int) -> None:
    lut = Dataset()
    lut.add_new("LUTDescriptor", "SS", [entries, first, 16])
    lut.LUTData = bytes(2 * entries)

    (voi,) = state_of(signed=True, VOILUTSequence=[lut]).SoftcopyVOILUTSequence

    copied = voi.VOILUTSequence[0]
    assert (copied.LUTDescriptor[0] % 2**16, copied.LUTDescriptor[1]) == (entries, first)
    assert len(copied.LUTData) == 2 * entries


def test_a_lut_that_does_not_fit_its_descriptor_gives_way_to_the_window() -> None:
    lut = Dataset()
    lut.LUTDescriptor, lut.LUTData = [300, 0, 16], struct.pack("<200H", *range(200))

    (voi,) = state_of(VOILUTSequence=[lut]).SoftcopyVOILUTSequence

    assert "VOILUTSequence" not in voi and "WindowWidth" in voi


def test_the_rescale_is_copied_and_typed() -> None:
    ds = state_of(RescaleSlope="2.50", RescaleIntercept="-10", RescaleType=None)

    assert (ds.RescaleSlope.original_string, ds.RescaleIntercept.original_string) == ("2.50", "-10")
    assert ds.RescaleType == "US"


def test_an_image_without_a_window_gets_its_own_range_or_none() -> None:
    header = make_header(WindowCenter=None, WindowWidth=None)
    found = make_findings(BOX)

    known = written(make_request(SourceImage(header, "0", found, modality_range=(100.0, 3100.0))), "gsps")
    unknown = written(make_request(SourceImage(header, "0", found)), "gsps")

    (voi,) = known.SoftcopyVOILUTSequence
    low = float(voi.WindowCenter) - 0.5 - (float(voi.WindowWidth) - 1) / 2
    high = float(voi.WindowCenter) - 0.5 + (float(voi.WindowWidth) - 1) / 2
    assert (low, high) == (100.0, 3100.0)  # PS3.3 C.11.2.1.2.1
    assert "SoftcopyVOILUTSequence" not in unknown


@pytest.mark.parametrize(
    ("film", "aspect"),
    [
        ({}, [1, 1]),
        ({"pixel_spacing": (0.2, 0.1)}, [2, 1]),
        ({"pixel_spacing": None, "PixelAspectRatio": [3, 4]}, [3, 4]),
    ],
)
def test_the_whole_image_is_displayed_in_its_true_proportion(film: dict[str, object], aspect: list[int]) -> None:
    ds = state_of(rows=701, columns=503, boxes=(BOX,), **film)

    (area,) = ds.DisplayedAreaSelectionSequence
    assert list(area.DisplayedAreaTopLeftHandCorner) == [1, 1]
    assert list(area.DisplayedAreaBottomRightHandCorner) == [503, 701]
    assert area.PresentationSizeMode == "SCALE TO FIT"
    assert list(area.PresentationPixelAspectRatio) == aspect
    assert "ImageRotation" not in ds and "ImageHorizontalFlip" not in ds


def test_only_its_own_image_is_referenced_everywhere() -> None:
    header = make_header()

    ds = written(make_request(make_image(BOX, header=header)), "gsps")

    referenced = {e.value for e in ds.iterall() if e.keyword == "ReferencedSOPInstanceUID"}
    assert referenced == {header.SOPInstanceUID}
    assert ds.ReferencedSeriesSequence[0].SeriesInstanceUID == header.SeriesInstanceUID


def test_every_annotation_is_in_a_declared_layer_and_says_ai_unverified() -> None:
    ds = state_of(boxes=(BOX, OTHER))

    layers = {layer.GraphicLayer for layer in ds.GraphicLayerSequence}
    assert {annotation.GraphicLayer for annotation in ds.GraphicAnnotationSequence} <= layers
    assert texts(ds) == ["AI: abnormal, 90 %, 2 marked, unverified", "AI nodule 87 %", "AI nodule 77 %"]
    assert ds.ContentLabel == "AI_UNVERIFIED" and "AI, unverified" in ds.SeriesDescription
    line = ds.GraphicAnnotationSequence[0].TextObjectSequence[0]
    assert line.BoundingBoxAnnotationUnits == "DISPLAY"


def test_a_film_without_findings_says_so_and_draws_nothing() -> None:
    ds = state_of(boxes=(), probability=0.124)

    assert texts(ds) == ["AI: no finding above operating point, 12 %, unverified"]
    assert "GraphicObjectSequence" not in ds.GraphicAnnotationSequence[0]


@pytest.mark.parametrize(("probability", "told"), [(0.0, "<1 %"), (0.999, ">99 %"), (1.0, ">99 %"), (0.0051, "1 %")])
def test_no_probability_is_called_certain(probability: float, told: str) -> None:
    assert told in texts(state_of(boxes=(), probability=probability))[0]


def test_a_triage_only_state_has_the_line_alone() -> None:
    assert texts(state_of(marking=False)) == ["AI: abnormal, 90 %, unverified"]


def test_a_shutter_is_kept_when_it_is_complete() -> None:
    edges = {
        "ShutterLeftVerticalEdge": 10,
        "ShutterRightVerticalEdge": 390,
        "ShutterUpperHorizontalEdge": 20,
        "ShutterLowerHorizontalEdge": 500,
    }

    whole = state_of(ShutterShape=["RECTANGULAR", "CIRCULAR"], CenterOfCircularShutter=[256, 200],
                     RadiusOfCircularShutter=150, **edges)  # fmt: skip
    broken = state_of(ShutterShape="RECTANGULAR", ShutterLeftVerticalEdge=10)

    assert list(whole.ShutterShape) == ["RECTANGULAR", "CIRCULAR"]
    assert all(whole[keyword].value == edge for keyword, edge in edges.items())
    assert list(whole.CenterOfCircularShutter) == [256, 200] and whole.ShutterPresentationValue == 0
    assert "ShutterShape" not in broken


def test_the_images_overlays_stay_visible() -> None:
    header = make_header()
    header.add_new(0x60023000, "OW", b"\0\0")

    ds = written(make_request(make_image(BOX, header=header)), "gsps")

    assert ds[0x60021001].value in {layer.GraphicLayer for layer in ds.GraphicLayerSequence}


def test_a_colour_image_gets_no_gsps() -> None:
    image = make_image(BOX, PhotometricInterpretation="RGB", SamplesPerPixel=3)

    assert encode(make_request(image), "gsps") == ()


def test_an_image_that_was_not_analysed_gets_no_gsps() -> None:
    study = {"study_uid": "1.2.3"}
    broken = SourceImage(make_header(**study), "1", None, "the pixels are broken")

    assert len(encode(make_request(make_image(BOX, **study), broken), "gsps")) == 1


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_labels_stay_inside_the_image_whatever_its_size(data: st.DataObject) -> None:
    width, height = data.draw(st.integers(16, 5000)), data.draw(st.integers(16, 5000))
    fraction = st.floats(0, 1)
    boxes = []
    for _ in range(data.draw(st.integers(1, 5))):
        x0, y0 = data.draw(fraction) * (width - 2), data.draw(fraction) * (height - 2)
        boxes.append((x0, y0, x0 + 1 + data.draw(fraction) * (width - 1 - x0), y0 + 1))

    for x0, y0, x1, y1 in place_labels(boxes, ["AI cardiomegaly >99 %"] * len(boxes), width, height):
        assert 0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height


def test_labels_of_neighbouring_lesions_do_not_cover_each_other() -> None:
    boxes = [(100.0, 200.0, 200.0, 300.0), (110.0, 205.0, 210.0, 310.0)]

    first, second = place_labels(boxes, ["AI nodule 87 %", "AI mass 61 %"], 1024, 1024)

    assert first[3] <= second[1] or second[3] <= first[1] or first[2] <= second[0] or second[2] <= first[0]
