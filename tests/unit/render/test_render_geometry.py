"""Spatial transformation and displayed area: PS3.3 C.10.6, C.10.4."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import Dataset

from tests.support.drawings import amber, annotated, box_in, graphic, make_film, make_state, turn
from worker.render import CannotRender, render_presentation_state
from worker.render.geometry import View, plain_view, view_of

LETTERS = [[10, 20, 30], [40, 50, 60]]  # 2 rows, 3 columns


@pytest.mark.parametrize(
    ("degrees", "flip", "seen"),
    [
        (0, "N", [[10, 20, 30], [40, 50, 60]]),
        (90, "N", [[40, 10], [50, 20], [60, 30]]),  # clockwise
        (180, "N", [[60, 50, 40], [30, 20, 10]]),
        (270, "N", [[30, 60], [20, 50], [10, 40]]),
        (0, "Y", [[30, 20, 10], [60, 50, 40]]),
        (90, "Y", [[10, 40], [20, 50], [30, 60]]),  # the flip comes after the turn
    ],
)
def test_the_image_is_turned_clockwise_and_then_flipped(degrees: int, flip: str, seen: list[list[int]]) -> None:
    image = make_film(LETTERS)
    state = make_state(image)
    turn(state, degrees, flip, 3, 2)

    assert render_presentation_state(state, image)[..., 0].tolist() == seen


@pytest.mark.parametrize("corners", [((2, 1), (3, 2)), ((3, 2), (2, 1))])
def test_the_displayed_area_is_shown_alone_whichever_corner_is_named_first(
    corners: tuple[tuple[int, int], ...],
) -> None:
    image = make_film(LETTERS)
    state = make_state(image)
    (area,) = state.DisplayedAreaSelectionSequence
    area.DisplayedAreaTopLeftHandCorner, area.DisplayedAreaBottomRightHandCorner = map(list, corners)

    assert render_presentation_state(state, image)[..., 0].tolist() == [[20, 30], [50, 60]]


def test_a_displayed_area_larger_than_the_image_is_black_around_it() -> None:
    image = make_film(LETTERS)
    state = make_state(image)
    (area,) = state.DisplayedAreaSelectionSequence
    area.DisplayedAreaTopLeftHandCorner, area.DisplayedAreaBottomRightHandCorner = [0, -1], [4, 2]

    assert render_presentation_state(state, image)[..., 0].tolist() == [
        [0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0],
        [0, 10, 20, 30, 0],
        [0, 40, 50, 60, 0],
    ]


@pytest.mark.parametrize(
    ("attributes", "size", "wanted"),
    [
        ({"PresentationSizeMode": "MAGNIFY", "PresentationPixelMagnificationRatio": 2.5}, None, (250, 100)),
        # 0.5 mm a pixel on a display with 0.25 mm
        ({"PresentationSizeMode": "TRUE SIZE", "PresentationPixelSpacing": [0.5, 0.5]}, None, (200, 80)),
        # rows twice as far apart as columns
        ({"PresentationSizeMode": "TRUE SIZE", "PresentationPixelSpacing": [0.5, 0.25]}, None, (100, 80)),
        ({"PresentationSizeMode": "SCALE TO FIT"}, None, (900, 360)),
        ({"PresentationSizeMode": "SCALE TO FIT"}, (500, 500), (500, 200)),
        ({"PresentationSizeMode": "SCALE TO FIT", "PresentationPixelAspectRatio": [2, 1]}, None, (900, 720)),
        ({"PresentationSizeMode": "SCALE TO FIT", "PresentationPixelAspectRatio": [1, 2]}, None, (900, 180)),
    ],
)
def test_the_area_has_the_size_and_proportion_that_the_state_asks_for(
    attributes: dict[str, object], size: tuple[int, int] | None, wanted: tuple[int, int]
) -> None:
    image = make_film(np.zeros((40, 100)))
    state = make_state(image)
    (area,) = state.DisplayedAreaSelectionSequence
    for keyword, value in attributes.items():
        setattr(area, keyword, value)

    x0, y0, x1, y1 = view_of(state, image, size, []).place

    assert (x1 - x0, y1 - y0) == wanted


def test_a_state_without_a_displayed_area_shows_the_whole_image_as_it_is_turned() -> None:
    image, notes = make_film(np.zeros((40, 100)), pixel_spacing=(0.2, 0.1)), list[str]()
    state = make_state(image, ImageRotation=90)
    del state.DisplayedAreaSelectionSequence

    assert view_of(state, image, None, notes).canvas_size == (720, 900)
    assert len(notes) == 1


def test_an_image_turned_on_its_side_keeps_the_proportion_of_its_pixels() -> None:
    image = make_film(np.zeros((40, 100)))
    state = make_state(image)
    (area,) = state.DisplayedAreaSelectionSequence
    area.PresentationSizeMode, area.PresentationPixelAspectRatio = "SCALE TO FIT", [2, 1]
    turn(state, 90, "N", 100, 40)

    assert view_of(state, image, None, []).canvas_size == (720, 900)


@pytest.mark.parametrize(
    ("image", "wanted"),
    [
        ({"pixel_spacing": (0.2, 0.1)}, (450, 900)),
        ({"pixel_spacing": None, "PixelAspectRatio": [1, 2]}, (900, 450)),
        ({"pixel_spacing": (0.0, 0.0)}, (900, 900)),
        ({"pixel_spacing": None}, (900, 900)),
    ],
)
def test_an_image_by_itself_is_shown_in_its_own_proportion(image: dict[str, object], wanted: tuple[int, int]) -> None:
    assert plain_view(make_film(np.zeros((50, 50)), **image), None).canvas_size == wanted


@st.composite
def views(draw: st.DrawFn) -> View:
    """Any view of any displayed area, inside the image or not."""
    columns, rows = draw(st.integers(1, 60)), draw(st.integers(1, 60))
    image = Dataset()
    image.Columns, image.Rows, image.SOPInstanceUID = columns, rows, "1.2"
    image.SOPClassUID = image.SeriesInstanceUID = "1.3"
    state = make_state(image)
    turn(state, draw(st.sampled_from([0, 90, 180, 270])), draw(st.sampled_from("YN")), columns, rows)
    (area,) = state.DisplayedAreaSelectionSequence
    c, r = draw(st.integers(-9, columns)), draw(st.integers(-9, rows))
    area.DisplayedAreaTopLeftHandCorner = [c, r]
    area.DisplayedAreaBottomRightHandCorner = [c + draw(st.integers(0, 70)), r + draw(st.integers(0, 70))]
    area.PresentationPixelAspectRatio = [draw(st.integers(1, 3)), draw(st.integers(1, 3))]
    area.PresentationSizeMode = draw(st.sampled_from(["SCALE TO FIT", "MAGNIFY"]))
    size = draw(st.none() | st.tuples(st.integers(5, 300), st.integers(5, 300)))
    return view_of(state, image, size, [])


@settings(max_examples=100, deadline=None)
@given(views(), st.lists(st.tuples(st.floats(-50, 100), st.floats(-50, 100)), min_size=1, max_size=5))
def test_the_way_to_the_canvas_and_back_is_no_way(view: View, points: list[tuple[float, float]]) -> None:
    there = view.to_canvas(np.array(points))

    assert np.allclose(view.to_image(there), points, atol=1e-6)


@settings(max_examples=100, deadline=None)
@given(views())
def test_what_is_drawn_of_the_image_lies_where_its_points_are_mapped(view: View) -> None:
    columns, rows = view.image_size
    x, y = np.meshgrid(np.arange(columns) + 0.5, np.arange(rows) + 0.5)
    planes = [view.draw(np.rint(1 + 240 * axis / 60).astype(np.uint8)) for axis in (x, y)]
    at = np.argwhere((planes[0] > 0) & (planes[1] > 0))[:: max(1, planes[0].size // 200)]
    back = view.to_image(at[:, ::-1] + 0.5)
    # Where the image is made smaller, a pixel drawn at its edge has in it only a part of what it covers.
    edge = np.maximum(1, np.abs(np.diff(view.to_image(np.array([[0.0, 0.0], [1.0, 1.0]])), axis=0)))
    inside = (back > edge).all(axis=1) & (back < np.array([columns, rows]) - edge).all(axis=1)
    for axis, plane in enumerate(planes):
        seen = (plane[at[:, 0], at[:, 1]].astype(float) - 1) / 240 * 60
        assert np.abs(seen - back[:, axis])[inside].max(initial=0) < 1.0  # pixels of the image


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
@pytest.mark.parametrize("flip", ["N", "Y"])
def test_a_mark_stays_on_what_it_marks_however_the_image_is_turned(degrees: int, flip: str) -> None:
    levels = np.zeros((120, 90))
    levels[30:70, 20:45] = 255
    image = make_film(levels)
    state = annotated(make_state(image), graphic("POLYLINE", 20, 30, 45, 30, 45, 70, 20, 70, 20, 30))
    (area,) = state.DisplayedAreaSelectionSequence
    area.PresentationPixelMagnificationRatio = 4.0
    turn(state, degrees, flip, 90, 120)

    picture = render_presentation_state(state, image)

    bright = np.argwhere(picture[..., 2] > 128)
    (top, left), (bottom, right) = bright.min(axis=0), bright.max(axis=0) + 1
    assert box_in(amber(picture)) == pytest.approx((left, top, right, bottom), abs=2.5)  # a line hides the very edge


@pytest.mark.parametrize(
    "change",
    [
        {"ImageRotation": 45},
        {"ReferencedSeriesSequence": []},
        {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.11.2"},
    ],
)
def test_what_no_picture_can_be_made_of_says_so(change: dict[str, object]) -> None:
    image = make_film(LETTERS)

    with pytest.raises(CannotRender):
        render_presentation_state(make_state(image, **change), image)
