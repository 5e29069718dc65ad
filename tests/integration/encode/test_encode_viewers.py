"""DICOMscope draws our GSPS where the detector saw the lesions."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.support.builders import make_cxr, write
from tests.support.reports import digest_of, make_findings, make_request, one, reread
from tests.support.viewers import dicomscope
from worker.encode import SourceImage

ROWS, COLUMNS = 700, 520
BOXES = ((104.0, 210.0, 182.4, 350.0), (312.0, 385.0, 468.0, 560.0))
VIEWPORT_LEFT, VIEWPORT_TOP, VIEWPORT_HEIGHT = 7, 68, 863  # of DICOMscope on the screen that the driver gives it

Grey = NDArray[np.uint8]


@pytest.fixture(params=["MONOCHROME1", "MONOCHROME2"])
def film(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    made = make_cxr(rows=ROWS, columns=COLUMNS, photometric=request.param)
    return write(made, tmp_path / "film.dcm")


def result(film: Path, kind: str, profile: str) -> Path:
    header = reread(film.read_bytes())
    found = make_findings(*BOXES, width=COLUMNS, height=ROWS)
    made = one(make_request(SourceImage(header, digest_of(header), found)), kind, profile)
    file = film.with_name(f"{kind}.dcm")
    file.write_bytes(made.to_bytes())
    return file


def test_dicomscope_draws_the_boxes_of_the_gsps_on_a_film_that_is_not_inverted(film: Path, tmp_path: Path) -> None:
    if absent := dicomscope.missing():
        pytest.skip(f"not installed: {', '.join(absent)}")

    picture = dicomscope.photograph(result(film, "gsps", ""), film, tmp_path / "scope")

    grey = np.array(Image.open(picture).convert("L"))
    rows, columns = lines(grey)
    (scale_y, top), y_miss = fitted([box[1] for box in BOXES] + [box[3] for box in BOXES], rows)
    (scale_x, left), x_miss = fitted([box[0] for box in BOXES] + [box[2] for box in BOXES], columns)
    assert max(x_miss, y_miss) < 1.5  # every side within a screen pixel and a half of its place on the film
    assert scale_x == pytest.approx(scale_y, rel=0.01) and scale_y == pytest.approx(VIEWPORT_HEIGHT / ROWS, rel=0.01)
    assert abs(left - VIEWPORT_LEFT) < 6 and abs(top - VIEWPORT_TOP) < 6
    lung, spine = (grey[int(top + 300 * scale_y), int(left + x * scale_x)] for x in (150, 260))
    assert int(lung) + 60 < int(spine)  # the lung is darker, in both photometric interpretations


def lines(grey: Grey) -> tuple[list[int], list[int]]:
    """The screen rows and columns on which a white line of more than 60 pixels runs within the viewport."""
    white = grey >= 250
    white[:, :10] = white[:, 1120:] = white[:70] = white[930:] = False
    return [int(y) for y in np.flatnonzero(white.sum(1) > 60)], [int(x) for x in np.flatnonzero(white.sum(0) > 60)]


def fitted(on_film: list[float], on_screen: list[int]) -> tuple[tuple[float, float], float]:
    """Scale and offset that take the film's lines to the screen's, and the largest miss."""
    assert len(on_film) == len(on_screen)
    film, screen = np.sort(np.array(on_film)), np.array(on_screen)
    scale, offset = np.polyfit(film, screen, 1)
    return (float(scale), float(offset)), float(np.abs(film * scale + offset - screen).max())
