"""Boxes read back from the written objects are the detector's boxes."""

from collections.abc import Iterator
from copy import deepcopy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import Dataset

from model.findings import Box
from tests.support.reports import KINDS, make_header, make_image, make_request, written

TOLERANCE_PX = 0.01
HEADERS = {name: make_header(photometric=name) for name in ("MONOCHROME1", "MONOCHROME2")}


@st.composite
def films(draw: st.DrawFn) -> tuple[Dataset, list[Box]]:
    """A film of odd size and proportion in either photometric interpretation, with one to four boxes in it."""
    columns, rows = draw(st.integers(16, 6000)), draw(st.integers(16, 6000))
    header = deepcopy(HEADERS[draw(st.sampled_from(sorted(HEADERS)))])
    header.Rows, header.Columns = rows, columns
    fraction = st.floats(0, 1, allow_nan=False)
    boxes = []
    for _ in range(draw(st.integers(1, 4))):
        x0, y0 = draw(fraction) * (columns - 8), draw(fraction) * (rows - 8)
        x1, y1 = x0 + 8 + draw(fraction) * (columns - 8 - x0), y0 + 8 + draw(fraction) * (rows - 8 - y0)
        boxes.append((x0, y0, min(x1, float(columns)), min(y1, float(rows))))
    return header, boxes


@settings(max_examples=10, deadline=None)
@given(films())
@pytest.mark.parametrize(("kind", "profile"), KINDS)
def test_boxes_survive_the_round_trip_through_the_written_bytes(
    kind: str, profile: str, film: tuple[Dataset, list[Box]]
) -> None:
    header, boxes = film
    ds = written(make_request(make_image(*boxes, header=header)), kind, profile)

    drawn = list(boxes_of(ds))

    assert len(drawn) == len(boxes) * (2 if profile == "ohif" else 1)
    for box in boxes:
        nearest = min(drawn, key=lambda other: max(abs(a - b) for a, b in zip(box, other, strict=True)))
        assert nearest == pytest.approx(box, abs=TOLERANCE_PX)
    for x0, y0, x1, y1 in drawn:
        assert x0 >= 0 and y0 >= 0 and x1 <= header.Columns and y1 <= header.Rows


def boxes_of(ds: Dataset) -> Iterator[Box]:
    """Every closed five-point polyline of an SR or a GSPS, as a box."""
    for element in ds.iterall():
        if element.keyword == "GraphicData":
            points = list(zip(element.value[0::2], element.value[1::2], strict=True))
            assert len(points) == 5 and points[0] == points[4]
            xs, ys = [x for x, _ in points], [y for _, y in points]
            assert len(set(xs)) == len(set(ys)) == 2  # an upright rectangle
            yield min(xs), min(ys), max(xs), max(ys)
