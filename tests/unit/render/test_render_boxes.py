"""The regression test of every overlay: what a person sees in our GSPS and SRs lies where the detector saw it.

The boxes are looked for in the picture by their colour; the place where they should be is worked out from the film's
size and the shape of its pixels alone.
"""

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pydicom import Dataset

from model.findings import Box
from tests.support.drawings import amber, box_in, encoded, lines, make_film
from worker.render import render_presentation_state, render_report

LONG_SIDE = 900  # of the picture of a small film
RENDER = {"gsps": render_presentation_state, "sr": render_report, "chest-cad-sr": render_report}


@st.composite
def films(draw: st.DrawFn) -> tuple[Dataset, float]:
    """A film of any size, photometric interpretation and shape of pixels, and that shape: height over width."""
    rows, columns = draw(st.integers(24, 160)), draw(st.integers(24, 160))
    tall = draw(st.sampled_from([1.0, 1.0, 0.5, 2.0, 1.25, 0.8]))
    spacing = draw(st.sampled_from(["PixelSpacing", "ImagerPixelSpacing", "PixelAspectRatio"]))
    shape: dict[str, Any] = {"pixel_spacing": None}
    shape[spacing] = [round(100 * tall), 100] if spacing == "PixelAspectRatio" else [0.2 * tall, 0.2]
    photometric = draw(st.sampled_from(["MONOCHROME1", "MONOCHROME2"]))
    film = make_film(
        sop_class=draw(st.sampled_from(["CR", "DX"])),
        rows=rows,
        columns=columns,
        photometric=photometric,
        bits_stored=draw(st.sampled_from([8, 10, 12, 16])),
        signed=draw(st.booleans()),
        **shape,
    )
    return film, tall


def box_within(draw: st.DrawFn, columns: int, rows: int) -> Box:
    """Any box of at least a third of the film along each side, in 32-bit floats, as DICOM stores it."""
    share = st.floats(0, 1, width=32)
    wide, high = (side * (0.4 + 0.55 * draw(share)) for side in (columns, rows))
    left, top = draw(share) * (columns - wide), draw(share) * (rows - high)
    x0, y0, x1, y1 = np.float32([left, top, left + wide, top + high]).tolist()
    return x0, y0, min(x1, columns), min(y1, rows)


@pytest.mark.parametrize("kind", RENDER)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_drawn_box_is_within_a_pixel_of_the_detectors(kind: str, data: st.DataObject) -> None:
    film, tall = data.draw(films())
    rows, columns = int(film.Rows), int(film.Columns)
    box = data.draw(st.composite(lambda draw: box_within(draw, columns, rows))())
    profile = data.draw(st.sampled_from(["air", "stone", "ohif"]))

    scale = LONG_SIDE / max(columns, rows * tall)
    wide, high = columns * scale, rows * tall * scale
    assume(all(abs(side % 1 - 0.5) > 0.01 for side in (wide, high)))  # a tie is rounded by the last bit
    result = encoded(film, kind, box, profile=profile)
    if kind == "gsps":  # on films so small its words are large and hide lines
        del result.GraphicAnnotationSequence[0].TextObjectSequence

    picture = RENDER[kind](result, film)

    width, height = round(wide), round(high)
    x, y = width / columns, height / rows
    assert picture.shape[1] == width and picture.shape[0] >= height
    seen = box_in(amber(picture[-height:]), least=20)  # more than a letter, less than a side
    assert seen == pytest.approx((box[0] * x, box[1] * y, box[2] * x, box[3] * y), abs=1.0)


@pytest.mark.parametrize("kind", RENDER)
@pytest.mark.parametrize("marking", [True, False])
def test_a_result_without_marks_has_no_line_on_the_film(kind: str, marking: bool) -> None:
    film = make_film(rows=120, columns=100)
    boxes = [(20.0, 30.0, 70.0, 80.0), (40.0, 60.0, 90.0, 110.0)]

    picture = RENDER[kind](encoded(film, kind, *(boxes if not marking else ()), marking=marking), film)

    assert lines(amber(picture)) == ([], [])


@pytest.mark.parametrize("kind", RENDER)
def test_every_shown_lesion_is_drawn(kind: str) -> None:
    film = make_film(rows=500, columns=400)
    boxes = [(20.0, 60.0, 120.0, 180.0), (200.0, 240.0, 320.0, 300.0), (60.0, 350.0, 370.0, 450.0)]

    rows, columns = lines(amber(RENDER[kind](encoded(film, kind, *boxes), film)))

    assert len(rows) == len(columns) == 6


@pytest.mark.parametrize("kind", RENDER)
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_the_lung_is_darker_than_the_spine_in_both_photometric_interpretations(kind: str, photometric: str) -> None:
    film = make_film(rows=512, columns=400, photometric=photometric)

    picture = RENDER[kind](encoded(film, kind), film)[-900:, :, 0].astype(int)

    height, width = picture.shape
    assert picture[int(0.45 * height), int(0.29 * width)] + 60 < picture[int(0.45 * height), width // 2]
