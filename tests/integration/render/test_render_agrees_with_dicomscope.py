"""Our picture of a GSPS is DICOMscope's: the same lines at the same places, the same greys, whatever the GSPS asks.

Measured (DICOMscope 3.6.0): every line within 0.6 px of the screen after one shift, scales equal within 0.3 %; greys
differ by 0.5 to 1.1 of 255 in the mean and correlate by at least 0.9997 (0.9945 where a shutter's edges are seen).
DICOMscope draws every graphic about one pixel of the film up and left of the film itself, so lines are compared with
lines, and greys with greys.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset
from pydicom.sequence import Sequence
from scipy.ndimage import binary_dilation

from tests.support.builders import write
from tests.support.drawings import amber, encoded, fitted, lines, lut, make_film, turn
from tests.support.viewers import dicomscope
from worker.render import render_presentation_state

ROWS, COLUMNS = 700, 520
BOXES = ((104.0, 210.0, 182.4, 350.0), (312.0, 385.0, 468.0, 560.0))
LEFT, TOP, WIDTH, HEIGHT = 7, 68, 1126, 863  # of DICOMscope's picture on the screen that the driver gives it


def voi_lut(state: Dataset) -> None:
    """A curve instead of the window: dark greys spread less than bright ones."""
    (voi,) = state.SoftcopyVOILUTSequence
    del voi.WindowCenter, voi.WindowWidth
    voi.VOILUTSequence = Sequence([lut(np.rint(np.linspace(0, 1, 4096) ** 2 * 4095), 12)])


def presentation_lut(state: Dataset) -> None:
    """A curve of 4096 entries that ends below white."""
    del state.PresentationLUTShape
    state.PresentationLUTSequence = Sequence([lut(np.rint(np.linspace(0, 0.81, 4096) ** 0.5 * 65535), 16)])


def shutters(state: Dataset) -> None:
    """All three shapes, a middle grey outside."""
    state.ShutterShape, state.ShutterPresentationValue = ["RECTANGULAR", "CIRCULAR", "POLYGONAL"], 0x8000
    state.ShutterLeftVerticalEdge, state.ShutterRightVerticalEdge = 41, 480
    state.ShutterUpperHorizontalEdge, state.ShutterLowerHorizontalEdge = 31, 660
    state.CenterOfCircularShutter, state.RadiusOfCircularShutter = [350, 260], 330
    state.VerticesOfThePolygonalShutter = [1, 200, 1, 520, 700, 520, 700, 1, 300, 1]


def turned(degrees: int, flip: str) -> Callable[[Dataset], None]:
    return lambda state: turn(state, degrees, flip, COLUMNS, ROWS)


CASES: dict[str, tuple[dict[str, Any], tuple[Callable[[Dataset], None], ...], float]] = {
    "MONOCHROME1": ({"photometric": "MONOCHROME1"}, (), 0.999),
    "tall pixels, VOI LUT": ({"pixel_spacing": (0.3, 0.2)}, (voi_lut,), 0.999),
    "MONOCHROME1, wide pixels, turned and flipped": (
        {"photometric": "MONOCHROME1", "pixel_spacing": (0.2, 0.3)}, (turned(90, "Y"),), 0.999
    ),
    "flipped, shutters, Presentation LUT": ({}, (turned(0, "Y"), shutters, presentation_lut), 0.99),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_our_picture_is_dicomscopes(case: str, tmp_path: Path) -> None:
    if absent := dicomscope.missing():
        pytest.skip(f"not installed: {', '.join(absent)}")
    film_as, changes, likeness = CASES[case]
    film = make_film(rows=ROWS, columns=COLUMNS, **film_as)
    state = encoded(film, "gsps", *BOXES)
    for change in changes:
        change(state)
    files = write(state, tmp_path / "gsps.dcm"), write(film, tmp_path / "film.dcm")

    screen = np.array(Image.open(dicomscope.photograph(*files, tmp_path / "scope")).convert("L"))
    size = size_of(film, sideways=bool(int(state.get("ImageRotation", 0)) % 180))
    theirs = screen[TOP : TOP + size[1], LEFT : LEFT + size[0]]
    ours = render_presentation_state(state, film, size)

    ours_at, theirs_at = lines(amber(ours), 60), lines(theirs >= 250, 60)
    for on_ours, on_theirs in zip(ours_at, theirs_at, strict=True):
        scale, offset, miss = fitted(on_ours, on_theirs)
        assert miss < 1.2 and scale == pytest.approx(1, abs=0.005) and abs(offset) < 5
    difference, correlation = compared(ours, theirs)
    assert difference < 2 and correlation > likeness


def size_of(film: Dataset, *, sideways: bool) -> tuple[int, int]:
    """(width, height) of the film in DICOMscope's window, which it fills from the top left."""
    tall = film.PixelSpacing[0] / film.PixelSpacing[1]
    wide, high = (ROWS * tall, COLUMNS) if sideways else (COLUMNS, ROWS * tall)
    scale = min(WIDTH / wide, HEIGHT / high)
    return round(wide * scale), round(high * scale)


def compared(ours: np.ndarray, theirs: np.ndarray) -> tuple[float, float]:
    """Mean difference of grey and correlation, off the marks and words of either."""
    drawn = (np.ptp(ours.astype(int), axis=2) > 8) | (theirs >= 240)
    film = ~binary_dilation(drawn, iterations=6)
    film[:60] = film[-3:] = False  # the words at the top with their dark rims; the frame of the window
    a, b = ours[..., 0][film].astype(float), theirs[film].astype(float)
    assert film.mean() > 0.6 and np.ptp(a) > 100
    return float(np.abs(a - b).mean()), float(np.corrcoef(a, b)[0, 1])
