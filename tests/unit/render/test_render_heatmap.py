"""A Parametric Map is seen where it is hot, in its own values, over its film: PS3.3 A.75, C.7.6.16.2.11, C.7.6.24."""

from dataclasses import replace

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.uid import ParametricMapStorage

from model.findings import HeatMap
from tests.support.drawings import Picture, file_of, make_film, whole
from tests.support.reports import digest_of, make_findings, make_request, one, reread
from worker.encode import SourceImage
from worker.pixels import PixelsUnreadable
from worker.render import CannotRender, render_map
from worker.render.heatmap import frame

HOT = (1, 4)  # row and column of the one hot cell of five by six


@pytest.fixture(scope="module")
def film() -> Dataset:
    return make_film(np.full((100, 120), 128))


def our_map(film: Dataset) -> Dataset:
    """The map that we write of a film with one hot cell."""
    values = np.zeros((5, 6))
    values[HOT] = 0.8
    found = replace(make_findings(width=120, height=100), heat=HeatMap(5, 6, tuple(values.ravel())))
    image = SourceImage(reread(file_of(film)), digest_of(film), found)
    return whole(one(make_request(image), "parametric-map").to_bytes())


def float_map(film: Dataset, values: np.ndarray, keyword: str = "FloatPixelData") -> Dataset:
    """Another maker's map in floats."""
    ds, reference = Dataset(), Dataset()
    ds.SOPClassUID, ds.SOPInstanceUID = ParametricMapStorage, "2.25.9"
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = film.SOPClassUID, film.SOPInstanceUID
    ds.ReferencedImageSequence = [reference]
    ds.Rows, ds.Columns = values.shape
    setattr(ds, keyword, values.astype("<f4" if keyword == "FloatPixelData" else "<f8").tobytes())
    return ds


def hottest(picture: Picture) -> tuple[float, float]:
    """The middle (x, y) of what is red, as a share of the film, which is at the bottom of the picture."""
    height = round(picture.shape[1] * 100 / 120)
    red = picture[-height:].astype(int)
    y, x = np.nonzero(red[..., 0] > red[..., 2] + 60)
    return float((x.mean() + 0.5) / picture.shape[1]), float((y.mean() + 0.5) / height)


def test_our_map_is_hot_where_the_detector_was(film: Dataset) -> None:
    x, y = hottest(render_map(our_map(film), film))

    assert (x, y) == pytest.approx(((HOT[1] + 0.5) / 6, (HOT[0] + 0.5) / 5), abs=0.02)


def test_our_maps_values_are_percent(film: Dataset) -> None:
    values = frame(our_map(film))

    assert (values.min(), values.max()) == (0.0, pytest.approx(80.0, abs=1.0))


@pytest.mark.parametrize("keyword", ["FloatPixelData", "DoubleFloatPixelData"])
def test_a_map_in_floats_is_hot_where_its_values_are_high(film: Dataset, keyword: str) -> None:
    values = np.full((10, 12), -3.5)
    values[8, 2] = 7.25

    x, y = hottest(render_map(float_map(film, values, keyword), film))

    assert (x, y) == pytest.approx((2.5 / 12, 8.5 / 10), abs=0.02)


def test_a_map_of_one_value_leaves_the_film_as_it_is(film: Dataset) -> None:
    picture = render_map(float_map(film, np.full((4, 4), np.nan)), film)

    assert (np.ptp(picture[-500:].astype(int), axis=2) == 0).all()


def test_a_map_of_another_image_or_without_its_values_is_refused(film: Dataset) -> None:
    short = float_map(film, np.zeros((4, 4)))
    short.Rows = 5

    with pytest.raises(CannotRender):
        render_map(float_map(make_film(np.eye(5)), np.zeros((4, 4))), film)
    with pytest.raises(PixelsUnreadable):
        render_map(short, film)
