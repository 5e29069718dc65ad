"""Shutters and overlays, pixel by pixel: PS3.3 C.7.6.11, C.7.6.15, C.11.12, C.9.2, C.11.7."""

import numpy as np
import pytest
from pydicom import Dataset

from tests.support.drawings import annotated, make_film, make_state
from worker.render import render_presentation_state

WHITE = [65535, 32896, 32896]  # CIELab L* 100
EDGES = {
    "ShutterLeftVerticalEdge": 2,
    "ShutterRightVerticalEdge": 4,
    "ShutterUpperHorizontalEdge": 2,
    "ShutterLowerHorizontalEdge": 3,
}


def visible(rows: int, columns: int, **shutter: object) -> list[str]:
    """The picture of a white image under a shutter: # is visible, . is hidden."""
    image = make_film(np.full((rows, columns), 255))
    greys = render_presentation_state(make_state(image, ShutterPresentationValue=0x4000, **shutter), image)[..., 0]
    assert set(np.unique(greys)) <= {64, 255}  # 4000H of FFFFH
    return ["".join("#" if grey == 255 else "." for grey in row) for row in greys]


def test_a_rectangle_leaves_its_edges_and_what_is_between_them() -> None:
    assert visible(4, 5, ShutterShape="RECTANGULAR", **EDGES) == [".....", ".###.", ".###.", "....."]


def test_a_circle_leaves_what_is_within_its_radius() -> None:
    shape = visible(5, 7, ShutterShape="CIRCULAR", CenterOfCircularShutter=[3, 4], RadiusOfCircularShutter=2)

    assert shape == ["...#...", "..###..", ".#####.", "..###..", "...#..."]


def test_a_circle_is_one_on_the_display_whatever_the_shape_of_the_pixels() -> None:
    image = make_film(np.full((90, 90), 255))
    state = make_state(image, ShutterShape="CIRCULAR", CenterOfCircularShutter=[45, 45], RadiusOfCircularShutter=30)
    state.DisplayedAreaSelectionSequence[0].PresentationPixelAspectRatio = [2, 1]  # twice as high as wide

    seen = render_presentation_state(state, image)[..., 0] > 128

    assert seen.shape == (180, 90)
    assert (seen.any(axis=1).sum(), seen.any(axis=0).sum()) == pytest.approx((61, 61), abs=2)


def test_a_polygon_leaves_what_is_within_it() -> None:
    shape = visible(4, 5, ShutterShape="POLYGONAL", VerticesOfThePolygonalShutter=[1, 1, 1, 4, 4, 1])

    assert shape == ["####.", "###..", "##...", "#...."]


def test_shapes_combine_so_that_the_least_remains() -> None:
    shape = visible(
        5,
        7,
        ShutterShape=["RECTANGULAR", "CIRCULAR"],
        CenterOfCircularShutter=[3, 4],
        RadiusOfCircularShutter=2,
        **EDGES,
    )

    assert shape == [".......", "..##...", ".###...", ".......", "......."]


def test_a_bitmap_hides_where_it_is_set() -> None:
    image = make_film(np.full((2, 4), 255))
    state = make_state(image, ShutterShape="BITMAP", ShutterOverlayGroup=0x6002, ShutterPresentationValue=0)
    put_overlay(state, 0x6002, [[1, 0, 0, 1], [0, 0, 0, 1]])

    assert render_presentation_state(state, image)[..., 0].tolist() == [[0, 255, 255, 0], [255, 255, 255, 0]]


@pytest.mark.parametrize("shape", ["RECTANGULAR", "CIRCULAR", "POLYGONAL", "BITMAP", "OVAL"])
def test_a_shutter_that_is_not_whole_hides_nothing_and_is_noted(shape: str) -> None:
    image, notes = make_film(np.full((2, 4), 255)), list[str]()

    picture = render_presentation_state(make_state(image, ShutterShape=shape), image, None, notes)

    assert (picture == 255).all() and len(notes) == 1


def test_a_shutter_of_the_image_is_none_of_the_states() -> None:
    image = make_film(np.full((4, 5), 255), ShutterShape="RECTANGULAR", **EDGES)

    assert (render_presentation_state(make_state(image), image) == 255).all()


def put_overlay(ds: Dataset, group: int, bits: list[list[int]], origin: tuple[int, int] = (1, 1)) -> None:
    packed = np.packbits(np.array(bits, dtype=np.uint8).ravel(), bitorder="little").tobytes()
    for element, vr, value in (
        (0x0010, "US", len(bits)), (0x0011, "US", len(bits[0])), (0x0040, "CS", "G"), (0x0050, "SS", list(origin)),
        (0x0100, "US", 1), (0x0102, "US", 0), (0x3000, "OW", packed + b"\0" * (len(packed) % 2)),
    ):  # fmt: skip
        ds.add_new((group << 16) + element, vr, value)


def overlaid(group: int | None, origin: tuple[int, int] = (1, 1)) -> list[list[int]]:
    """A black image with an overlay in group 6000, shown where the state activates `group`."""
    image = make_film(np.zeros((2, 4)))
    put_overlay(image, 0x6000, [[1, 0, 0, 1], [0, 1, 0, 0]], origin)
    state = annotated(make_state(image), layer="BURNT", CIELab=WHITE)
    if group is not None:
        state.add_new((group << 16) + 0x1001, "CS", "BURNT")
    return [[int(v) for v in row] for row in render_presentation_state(state, image)[..., 0]]


def test_an_overlay_of_the_image_is_drawn_only_when_it_is_activated() -> None:
    assert overlaid(0x6000) == [[255, 0, 0, 255], [0, 255, 0, 0]]
    assert overlaid(None) == [[0] * 4] * 2
    assert overlaid(0x6002) == [[0] * 4] * 2  # there is none


@pytest.mark.parametrize(
    ("origin", "seen"),
    [((2, 2), [[0, 0, 0, 0], [0, 255, 0, 0]]), ((0, 0), [[255, 0, 0, 0], [0] * 4]), ((9, -9), [[0] * 4] * 2)],
)
def test_an_overlay_lies_at_its_origin_and_is_cut_at_the_images_edge(
    origin: tuple[int, int], seen: list[list[int]]
) -> None:
    assert overlaid(0x6000, origin) == seen


def test_a_group_that_the_state_holds_itself_takes_the_place_of_the_images() -> None:
    image = make_film(np.zeros((2, 4)))
    put_overlay(image, 0x6000, [[1, 1, 1, 1], [1, 1, 1, 1]])
    state = annotated(make_state(image), layer="BURNT", CIELab=WHITE)
    put_overlay(state, 0x6000, [[0, 1, 0, 0], [0, 0, 0, 0]])
    state.add_new(0x60001001, "CS", "BURNT")

    assert render_presentation_state(state, image)[..., 0].tolist() == [[0, 255, 0, 0], [0, 0, 0, 0]]
