"""The grey pipeline of a presentation state, step by step, against values worked out by hand (PS3.4 N.2.1)."""

import math

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.sequence import Sequence

from tests.support.drawings import encoded, lut, make_film, make_state, window
from worker.render import render_presentation_state, render_report
from worker.render.capture import render_image

RAMP = [[0, 1, 2, 100, 127], [128, 129, 200, 254, 255]]


def shown(image: Dataset, state: Dataset, notes: list[str] | None = None) -> list[int]:
    """The greys of the picture, row by row."""
    picture = render_presentation_state(state, image, None, notes)
    assert (picture == picture[..., :1]).all()
    return [int(grey) for grey in picture[..., 0].ravel()]


def grey(*shares: float) -> list[int]:
    return [round(255 * share) for share in shares]


def test_a_state_that_states_nothing_shows_the_whole_range_of_the_bits_whatever_the_image_says() -> None:
    image = make_film(RAMP, photometric="MONOCHROME1", WindowCenter=40, WindowWidth=20, RescaleSlope=3)

    assert shown(image, make_state(image)) == [value for row in RAMP for value in row]


def test_presentation_lut_shape_inverse_turns_black_into_white() -> None:
    image = make_film(RAMP)

    assert shown(image, make_state(image, PresentationLUTShape="INVERSE")) == [255 - v for row in RAMP for v in row]


@pytest.mark.parametrize(
    ("function", "at_128", "at_100"),
    [
        # C.11.2.1.2.1: (x - (c - 0.5)) / (w - 1) + 0.5
        ("LINEAR", (128 - 99.5) / 99 + 0.5, 0.5 / 99 + 0.5),
        ("LINEAR_EXACT", (128 - 100) / 100 + 0.5, 0.5),
        ("SIGMOID", 1 / (1 + math.exp(-4 * 28 / 100)), 0.5),
    ],
)
def test_a_window_is_applied_by_its_function(function: str, at_128: float, at_100: float) -> None:
    image = make_film(RAMP)
    greys = shown(image, make_state(image, SoftcopyVOILUTSequence=window(100, 100, VOILUTFunction=function)))

    assert [greys[3], greys[5]] == grey(at_100, at_128)
    assert (greys[0], greys[9]) == ((5, 254) if function == "SIGMOID" else (0, 255))  # a sigmoid reaches neither end


def test_the_least_window_of_all_is_a_step() -> None:
    image = make_film(RAMP)

    greys = shown(image, make_state(image, SoftcopyVOILUTSequence=window(128, 1)))

    assert greys == [0] * 5 + [255] * 5  # 127.5 and below is black


def test_rescaled_values_go_through_the_window_linearly() -> None:
    image = make_film([[68, 73, 78, 83, 88]])
    state = make_state(
        image,
        RescaleSlope=2,
        RescaleIntercept=-100,
        SoftcopyVOILUTSequence=window(56, 40, VOILUTFunction="LINEAR_EXACT"),
    )

    assert shown(image, state) == grey(0, 0.25, 0.5, 0.75, 1)


def test_a_modality_lut_replaces_the_stored_values() -> None:
    image = make_film([[0, 1, 2, 3, 200]])
    table = lut([0, 1023, 256, 512], 10)
    table.ModalityLUTType = "OD"

    greys = shown(image, make_state(image, ModalityLUTSequence=Sequence([table])))

    assert greys == grey(0, 1, 256 / 1023, 512 / 1023, 512 / 1023)  # beyond its end: its last entry


def test_a_voi_lut_begins_at_its_first_value() -> None:
    image = make_film([[9, 10, 11, 12, 13]])
    item = Dataset()
    item.VOILUTSequence = Sequence([lut([0, 100, 255], 8, first=10)])

    assert shown(image, make_state(image, SoftcopyVOILUTSequence=Sequence([item]))) == [0, 0, 100, 255, 255]


def test_a_voi_lut_of_a_signed_image_begins_below_zero() -> None:
    image = make_film([[-2, -1, 0, 1]], signed=True)
    item = Dataset()
    item.VOILUTSequence = Sequence([lut([0, 85, 170, 255], 8, first=-2)])

    state = make_state(image, SoftcopyVOILUTSequence=Sequence([item]))

    assert shown(image, state) == [0, 85, 170, 255]


def test_the_presentation_luts_input_range_is_that_of_its_table() -> None:
    image = make_film([[0, 64, 128, 191, 255]])
    table = lut([65535, 0, 0, 0, 32768], 16)  # five entries: 0, 63.75, 127.5, ... of the range before it

    state = make_state(image, PresentationLUTSequence=Sequence([table]))
    del state.PresentationLUTShape

    assert shown(image, state) == [255, 0, 0, 0, 128]


def test_a_window_for_another_image_is_not_applied() -> None:
    image = make_film(RAMP)
    voi = window(100, 10)
    other = Dataset()
    other.ReferencedSOPClassUID, other.ReferencedSOPInstanceUID = image.SOPClassUID, "1.2.3"
    voi[0].ReferencedImageSequence = Sequence([other])

    assert shown(image, make_state(image, SoftcopyVOILUTSequence=voi)) == [value for row in RAMP for value in row]


@pytest.mark.parametrize("keyword", ["ModalityLUTSequence", "VOILUTSequence", "PresentationLUTSequence"])
def test_a_broken_lut_is_left_out_with_a_note(keyword: str) -> None:
    image, notes = make_film(RAMP), list[str]()
    table = lut([0, 255], 8)
    table.LUTDescriptor = [200, 0, 8]
    if keyword == "VOILUTSequence":
        item = Dataset()
        item.VOILUTSequence = Sequence([table])
        state = make_state(image, SoftcopyVOILUTSequence=Sequence([item]))
    else:
        state = make_state(image, **{keyword: Sequence([table])})

    assert shown(image, state, notes) == [value for row in RAMP for value in row]
    assert len(notes) == 1 and "broken" in notes[0]


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("shape", ["IDENTITY", "INVERSE", None])
def test_an_image_by_itself_is_shown_by_its_own_window_and_right_way_round(photometric: str, shape: str | None) -> None:
    levels = [[0, 100, 255]] if photometric == "MONOCHROME2" else [[255, 155, 0]]
    window = {"WindowCenter": 127.5, "WindowWidth": 255, "VOILUTFunction": "LINEAR_EXACT"}
    image = make_film(levels, photometric=photometric, PresentationLUTShape=shape, **window)

    picture = render_image(image, (3, 1))

    assert [int(v) for v in picture[0, :, 0]] == pytest.approx([0, 100, 255], abs=1)


def test_an_image_without_a_window_is_shown_over_its_own_range() -> None:
    image = make_film([[100, 110, 120]], WindowCenter=None, WindowWidth=None)

    assert [int(v) for v in render_image(image, (3, 1))[0, :, 0]] == [0, 128, 255]


def test_the_picture_of_a_report_is_the_images_own() -> None:
    film = make_film(rows=90, columns=60)
    bare = render_image(film, (60, 90))
    picture = render_report(encoded(film, "sr", marking=False), film, (60, 90))

    assert (picture[-90:] == bare).all()
    assert np.ptp(bare) > 150
