"""Our greys of a GSPS are those of DCMTK's dcmp2pgm, pixel by pixel, to one level of 255 (DCMTK cuts where we round).

dcmp2pgm draws no graphics, shutters or displayed area, and takes every window for LINEAR: what it shows is grey,
turn and flip. A sigmoid, and images by themselves, are compared with dcm2pnm.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset
from pydicom.sequence import Sequence

from tests.conftest import need
from tests.support.builders import write
from tests.support.drawings import encoded, lut, make_film, turn
from worker.render import render_image, render_presentation_state

ROWS, COLUMNS = 120, 90


def curve(state: Dataset, entries: int = 4096, first: int = 0) -> None:
    """A VOI LUT in the window's place."""
    (voi,) = state.SoftcopyVOILUTSequence
    del voi.WindowCenter, voi.WindowWidth
    voi.VOILUTSequence = Sequence([lut(np.rint(np.linspace(0, 1, entries) ** 1.7 * 1023), 10, first)])


def windowed(**window: Any) -> Callable[[Dataset], None]:
    def change(state: Dataset) -> None:
        for keyword, value in window.items():
            setattr(state.SoftcopyVOILUTSequence[0], keyword, value)

    return change


def without_voi(state: Dataset) -> None:
    del state.SoftcopyVOILUTSequence


def modality_curve(state: Dataset) -> None:
    """A Modality LUT for the stored values, and no window after it."""
    for keyword in ("RescaleSlope", "RescaleIntercept", "RescaleType", "SoftcopyVOILUTSequence"):
        if keyword in state:
            del state[keyword]
    table = lut(np.rint(65535 * np.linspace(0, 1, 4096) ** 0.8), 16)
    table.ModalityLUTType = "OD"
    state.ModalityLUTSequence = Sequence([table])


def presentation_curve(state: Dataset) -> None:
    """A Presentation LUT of 4096 entries."""
    del state.PresentationLUTShape
    state.PresentationLUTSequence = Sequence([lut(np.rint(65535 * np.linspace(0, 1, 4096) ** 1.3), 16)])


def turned(degrees: int, flip: str) -> Callable[[Dataset], None]:
    return lambda state: turn(state, degrees, flip, COLUMNS, ROWS)


CASES: list[tuple[str, dict[str, Any], Callable[[Dataset], None]]] = [
    ("window", {}, lambda state: None),
    ("MONOCHROME1", {"photometric": "MONOCHROME1"}, lambda state: None),
    ("8 bits", {"bits_stored": 8, "bits_allocated": 8}, lambda state: None),
    ("16 bits", {"bits_stored": 16}, lambda state: None),
    ("signed", {"signed": True}, lambda state: None),
    ("narrow window", {}, windowed(WindowCenter=1800, WindowWidth=900)),
    ("no VOI LUT", {}, without_voi),
    ("rescale", {"RescaleSlope": 2.5, "RescaleIntercept": -100}, windowed(WindowCenter=5000, WindowWidth=7000)),
    ("VOI LUT", {}, curve),
    ("VOI LUT that is narrower than the values", {}, lambda state: curve(state, 1500, 1000)),
    ("Modality LUT", {}, modality_curve),
    ("Presentation LUT", {}, presentation_curve),
    *((f"turned {n}, flip {flip}", {}, turned(n, flip)) for n in (0, 90, 180, 270) for flip in "NY"),
]


@pytest.mark.parametrize(("film_as", "change"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_each_pixel_has_dcmtks_grey(film_as: dict[str, Any], change: Callable[[Dataset], None], tmp_path: Path) -> None:
    program = need("dcmp2pgm")
    film = make_film(rows=ROWS, columns=COLUMNS, **film_as)
    state = encoded(film, "gsps")
    del state.GraphicAnnotationSequence, state.GraphicLayerSequence
    (area,) = state.DisplayedAreaSelectionSequence
    area.PresentationSizeMode, area.PresentationPixelMagnificationRatio = "MAGNIFY", 1.0
    change(state)
    write(film, tmp_path / "film.dcm")
    write(state, tmp_path / "state.dcm")

    command = [program, "-p", "state.dcm", "film.dcm", "theirs.pgm"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=30)
    theirs = np.asarray(Image.open(tmp_path / "theirs.pgm")).astype(int)
    ours = render_presentation_state(state, film)[..., 0].astype(int)

    assert ours.shape == theirs.shape and np.ptp(theirs) > 80
    assert np.abs(ours - theirs).max() <= 1


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("function", ["LINEAR", "SIGMOID"])
def test_an_image_by_itself_has_dcmtks_grey(photometric: str, function: str, tmp_path: Path) -> None:
    program = need("dcm2pnm")
    how = {"VOILUTFunction": function, "WindowCenter": 1900, "WindowWidth": 1500}
    film = make_film(rows=ROWS, columns=COLUMNS, photometric=photometric, **how)
    write(film, tmp_path / "film.dcm")

    option = {"LINEAR": "+Wfl", "SIGMOID": "+Wfs"}[function]
    subprocess.run(
        [program, option, "+Wi", "1", "film.dcm", "theirs.pgm"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        timeout=30,
    )
    theirs = np.asarray(Image.open(tmp_path / "theirs.pgm")).astype(int)
    ours = render_image(film, (COLUMNS, ROWS))[..., 0].astype(int)

    assert np.ptp(theirs) > 80 and np.abs(ours - theirs).max() <= 1
