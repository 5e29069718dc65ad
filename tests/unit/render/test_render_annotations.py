"""Graphics, texts and layers where and how they are asked for: PS3.3 C.10.5, C.10.7."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.sequence import Sequence

from tests.support.drawings import Picture, annotated, graphic, make_film, make_state, words
from worker.render import render_presentation_state
from worker.render.colours import from_cielab

SIDE = 200


@pytest.fixture(scope="module")
def film() -> Dataset:
    return make_film(np.zeros((SIDE, SIDE)))


def drawn(film: Dataset, *objects: Dataset, notes: list[str] | None = None, **colour: object) -> NDArray[np.bool_]:
    """Where something is drawn on a black film of SIDE x SIDE."""
    state = annotated(make_state(film), *objects, **colour)
    return render_presentation_state(state, film, None, notes).max(axis=2) > 100


def extent(on: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) of what is drawn, right and bottom outside."""
    rows, columns = np.flatnonzero(on.any(axis=1)), np.flatnonzero(on.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


@pytest.mark.parametrize(
    ("item", "wanted"),
    [
        (graphic("POLYLINE", 20, 30, 120, 30, 120, 90), (20, 30, 120, 90)),
        (graphic("INTERPOLATED", 20, 30, 120, 30), (20, 30, 120, 30)),
        (graphic("CIRCLE", 100, 90, 130, 130), (50, 40, 150, 140)),  # a radius of 50
        (graphic("ELLIPSE", 40, 100, 160, 100, 100, 80, 100, 120), (40, 80, 160, 120)),
        (graphic("POINT", 60, 70), (56, 66, 64, 74)),
        (graphic("POLYLINE", 0.1, 0.25, 0.5, 0.25, 0.5, 0.75, units="DISPLAY"), (20, 50, 100, 150)),
    ],
)
def test_each_graphic_type_occupies_its_place(film: Dataset, item: Dataset, wanted: tuple[int, ...]) -> None:
    assert extent(drawn(film, item)) == pytest.approx(wanted, abs=1)


def test_a_polyline_that_does_not_close_stays_open(film: Dataset) -> None:
    on = drawn(film, graphic("POLYLINE", 20, 30, 120, 30, 120, 90))

    assert on[29:31, 60].any() and on[60, 119:121].any()
    assert not on[40:, :110].any()


@pytest.mark.parametrize("filled", ["Y", "N"])
def test_a_filled_graphic_lets_the_film_be_seen_and_is_told_from_an_outline(filled: str) -> None:
    image = make_film([[0, 128] * 60] * 120)
    state = annotated(make_state(image), graphic("CIRCLE", 60, 60, 100, 60, filled=filled))

    picture = render_presentation_state(state, image)

    inside = picture[60, 50:70].astype(int)
    assert (inside[:, 0] > inside[:, 2] + 20).all() == (filled == "Y")
    assert abs(np.diff(inside[:, 0])).min() > 50


def test_a_curve_goes_through_each_of_its_points(film: Dataset) -> None:
    points = [(20, 100), (60, 40), (110, 150), (170, 60)]

    on = drawn(film, graphic("INTERPOLATED", *(value for point in points for value in point)))

    assert all(on[y - 2 : y + 2, x - 2 : x + 2].any() for x, y in points)


def test_a_line_is_where_its_coordinates_say_to_a_fraction_of_a_pixel(film: Dataset) -> None:
    state = annotated(make_state(film), graphic("POLYLINE", 50.25, 20, 50.25, 180), CIELab=[65535, 32896, 32896])
    column = render_presentation_state(state, film)[100, :, 0].astype(float)

    assert np.average(np.arange(SIDE) + 0.5, weights=column) == pytest.approx(50.25, abs=0.15)


@pytest.mark.parametrize(("align", "share"), [("LEFT", 0.0), ("CENTER", 0.5), ("RIGHT", 1.0)])
def test_text_stands_in_its_box_at_the_side_it_is_justified_to(film: Dataset, align: str, share: float) -> None:
    left, top, right, bottom = extent(drawn(film, words("nodule", (20, 50, 180, 70), align=align)))

    assert top >= 49 and bottom <= 71
    assert left - 20 == pytest.approx(share * (160 - (right - left)), abs=3)


def test_lines_of_a_text_stand_below_each_other(film: Dataset) -> None:
    on = drawn(film, words("HH\r\nHH\r\nHH", (20, 20, 180, 110)))

    blank = np.flatnonzero(~on[20:110].any(axis=1))
    assert (
        len(np.split(np.flatnonzero(on.any(axis=1)), np.flatnonzero(np.diff(np.flatnonzero(on.any(axis=1))) > 1) + 1))
        == 3
    )
    assert len(blank) > 4


def test_a_text_too_long_for_its_box_is_made_smaller_but_not_illegible(film: Dataset) -> None:
    short = extent(drawn(film, words("nodule", (10, 50, 190, 80))))
    long = extent(drawn(film, words("nodule of the right upper lobe", (10, 50, 190, 80))))

    assert long[3] - long[1] < short[3] - short[1]
    assert long[2] <= 192 and long[3] - long[1] >= 6


@pytest.mark.parametrize(
    ("corners", "first_letter"),
    [
        ((50, 80, 150, 100), "left"),
        ((100, 50, 80, 150), "top"),  # as on an image that was turned clockwise
        ((150, 100, 50, 80), "right"),
        ((80, 150, 100, 50), "bottom"),
    ],
)
def test_a_text_runs_from_its_boxs_first_corner_to_its_second(
    film: Dataset, corners: tuple[int, int, int, int], first_letter: str
) -> None:
    on = drawn(film, words("Wi..", corners))  # much ink at its beginning, little at its end

    half = {"left": on[:, :100], "right": on[:, 100:], "top": on[:100], "bottom": on[100:]}
    assert half[first_letter].sum() > 0.7 * on.sum()


def test_a_visible_anchor_is_joined_to_its_box(film: Dataset) -> None:
    text = words("x", (20, 20, 60, 40))
    text.AnchorPointAnnotationUnits, text.AnchorPoint, text.AnchorPointVisibility = "PIXEL", [150, 150], "Y"

    on = drawn(film, text)
    text.AnchorPointVisibility = "N"

    assert on[95 - 2 : 95 + 2, 105 - 2 : 105 + 2].any()  # half way from the box's corner
    assert not drawn(film, text)[60:].any()


def test_a_text_with_an_anchor_alone_stands_beside_it(film: Dataset) -> None:
    text = Dataset()
    text.UnformattedTextValue, text.AnchorPointAnnotationUnits = "nodule", "DISPLAY"
    text.AnchorPoint, text.AnchorPointVisibility = [0.5, 0.5], "Y"

    left, top, right, bottom = extent(drawn(film, text))

    assert left == pytest.approx(96, abs=1) and right > 130 and top < 100 < bottom


def test_a_higher_layer_lies_over_a_lower_one_whatever_the_order_of_the_file(film: Dataset) -> None:
    line = graphic("POLYLINE", 0, 100.5, 200, 100.5)
    state = annotated(make_state(film), line, layer="TOP", order=2, RGB=[0, 65535, 0])
    state = annotated(state, line, layer="BOTTOM", order=1, RGB=[65535, 0, 0])

    assert render_presentation_state(state, film)[100, 100].tolist() == [0, 255, 0]


@pytest.mark.parametrize(
    ("colour", "rgb"),
    [
        ({"CIELab": [65535, 32896, 32896]}, (255, 255, 255)),
        ({"CIELab": [32768, 32896, 32896]}, (119, 119, 119)),  # L* 50
        ({"Grayscale": 0x8080}, (128, 128, 128)),
        ({"RGB": [0xFFFF, 0, 0x8080]}, (255, 0, 128)),
        ({"Grayscale": 0xFFFF, "CIELab": [32768, 32896, 32896]}, (119, 119, 119)),  # a PNG is a colour display
    ],
)
def test_a_layer_has_its_recommended_colour(film: Dataset, colour: dict[str, object], rgb: tuple[int, ...]) -> None:
    state = annotated(make_state(film), graphic("POLYLINE", 0, 100.5, 200, 100.5), **colour)

    assert render_presentation_state(state, film)[100, 100].tolist() == pytest.approx(rgb, abs=1)


@pytest.mark.parametrize(
    ("lab", "rgb"),
    # primaries of sRGB in CIELab relative to D50, as published (B. Lindbloom's calculator)
    [
        ((54.29, 80.81, 69.89), (255, 0, 0)),
        ((87.82, -79.29, 80.99), (0, 255, 0)),
        ((29.57, 68.30, -112.03), (0, 0, 255)),
    ],
)
def test_cielab_becomes_srgb(lab: tuple[float, float, float], rgb: tuple[int, int, int]) -> None:
    encoded = [lab[0] / 100 * 65535, *((value + 128) / 255 * 65535 for value in lab[1:])]

    assert from_cielab(encoded) == pytest.approx(rgb, abs=2)


def test_a_lines_own_style_wins_over_its_layer(film: Dataset) -> None:
    line, style = graphic("POLYLINE", 0, 100.5, 200, 100.5), Dataset()
    style.PatternOnColorCIELabValue, style.LineThickness = [65535, 32896, 32896], 5.0
    line.LineStyleSequence = Sequence([style])

    picture: Picture = render_presentation_state(annotated(make_state(film), line, RGB=[65535, 0, 0]), film)

    assert picture[100, 100].tolist() == [255, 255, 255]
    assert (picture[:, 100, 0] > 128).sum() == 5


def test_an_annotation_of_another_image_is_not_drawn(film: Dataset) -> None:
    state = annotated(make_state(film), graphic("POLYLINE", 0, 100.5, 200, 100.5))
    other = Dataset()
    other.ReferencedSOPClassUID, other.ReferencedSOPInstanceUID = film.SOPClassUID, "1.2.3"
    state.GraphicAnnotationSequence[0].ReferencedImageSequence = Sequence([other])

    assert not render_presentation_state(state, film).any()


@pytest.mark.parametrize(
    "item",
    [
        graphic("SPIRAL", 1, 2, 3, 4),
        graphic("POLYLINE", 1, 2, 3, 4, units="INCH"),
        graphic("POLYLINE", 1, 2, 3),
        graphic("POLYLINE", math.nan, math.inf),
        graphic("CIRCLE", 1, 2),
        graphic("ELLIPSE", 1, 2, 3, 4),
        words("x", (1, 2, 3, 4), units="INCH"),
    ],
)
def test_what_cannot_be_drawn_is_left_out_with_a_note_and_the_rest_is_drawn(film: Dataset, item: Dataset) -> None:
    notes: list[str] = []

    on = drawn(film, item, graphic("POLYLINE", 0, 100.5, 200, 100.5), notes=notes)

    assert on[99:101, 100].any() and len(notes) == 1


def test_an_undeclared_layer_is_not_drawn_and_noted(film: Dataset) -> None:
    state, notes = annotated(make_state(film), graphic("POLYLINE", 0, 100.5, 200, 100.5)), list[str]()
    state.GraphicLayerSequence[0].GraphicLayer = "OTHER"

    assert not render_presentation_state(state, film, None, notes).any()
    assert len(notes) == 1


def test_points_far_off_the_picture_are_no_trouble(film: Dataset) -> None:
    on = drawn(film, graphic("POLYLINE", -1e30, 100, 1e30, 100), graphic("CIRCLE", 1e9, 1e9, 2e9, 1e9, filled="Y"))

    assert on[99:101].any() and not on[:90].any()
