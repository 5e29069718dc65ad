"""Query parameters of rendered resources are read as PS3.18 8.3.5.1 writes them, or refused."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import QueryParams

from daemon.web.rendered_query import BadParameter, frame_list, look_of, thumbnail_size
from daemon.web.renderers import Look, Viewport, Window


def look(query: str) -> Look:
    return look_of(QueryParams(query), "png")


def test_without_parameters_the_image_is_shown_whole_by_its_own_window():
    assert look("") == Look(format="png", window=None, viewport=None, annotation=(), quality=90)


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("40,400,linear", Window(40, 400, "LINEAR")),
        ("40.5,1e3,linear-exact", Window(40.5, 1000, "LINEAR_EXACT")),
        ("-600,0.25,SIGMOID", Window(-600, 0.25, "SIGMOID")),
        ("40,400", Window(40, 400, "LINEAR")),
    ],
)
def test_a_window_has_center_width_and_function(text, window):
    assert look(f"window={text}").window == window


@pytest.mark.parametrize("text", ["", "40", "40,400,linear,1", "40,nan,linear", "40,inf,linear", "40,1e30,linear",
                                  "40,0.9,linear", "40,0,sigmoid", "40,-5,linear-exact", "x,1,linear"])  # fmt: skip
def test_a_window_that_makes_no_picture_is_refused(text):
    with pytest.raises(BadParameter, match=r"^window"):
        look(f"window={text}")


@pytest.mark.parametrize(
    ("text", "viewport"),
    [
        ("200,100", Viewport(200, 100)),
        ("200,100,5.5,6", Viewport(200, 100, (5.5, 6.0, None, None))),
        ("200,100,,6,-50,", Viewport(200, 100, (0.0, 6.0, -50.0, None))),
        ("200,100,1,2,30,-40", Viewport(200, 100, (1.0, 2.0, 30.0, -40.0))),
    ],
)
def test_a_viewport_has_a_size_and_perhaps_a_region(text, viewport):
    assert look(f"viewport={text}").viewport == viewport


@pytest.mark.parametrize("text", ["", "200", "0,5", "-5,5", "5.5,5", "9000,1", "1,2,3,4,5,6,7", "9,9,0,0,0,1", "9,9,a"])
def test_a_viewport_that_makes_no_picture_is_refused(text):
    with pytest.raises(BadParameter, match=r"^viewport"):
        look(f"viewport={text}")


def test_annotation_and_quality_are_taken_as_they_are_listed():
    assert look("annotation=technique,patient&quality=1").annotation == ("technique", "patient")
    assert look("quality=100").quality == 100
    for query in ("annotation=", "annotation=name", "quality=0", "quality=101", "quality=9.5", "quality=90&quality=80"):
        with pytest.raises(BadParameter):
            look(query)


def test_a_colour_profile_is_taken_and_without_effect():
    assert look("iccprofile=srgb") == look("")


def test_a_thumbnail_is_never_larger_than_its_limit():
    assert thumbnail_size(QueryParams(""), 128, 1024) == (128, 128)
    assert thumbnail_size(QueryParams("viewport=64,5000"), 128, 1024) == (64, 1024)


def test_frames_are_numbers_from_one_on_each_once():
    assert frame_list("1,3,2") == [1, 3, 2]
    for text in ("", "0", "1,1", "1,,2", "-1", "1-3", "1e3", "9" * 30):
        with pytest.raises(BadParameter):
            frame_list(text)


@given(st.text(alphabet="0123456789.,-+eEnaif \t", max_size=40))
def test_whatever_is_written_is_a_usable_number_or_refused(text):
    for name in ("window", "viewport"):
        try:
            found = look_of(QueryParams({name: text}), "png")
        except BadParameter:
            continue
        if found.window:
            assert math.isfinite(found.window.center) and found.window.width > 0
        if found.viewport:
            assert 1 <= found.viewport.width <= 8192 and found.viewport.region[2] != 0
