"""Others take the Parametric Map: validators are silent on odd films, readers give back the heat, Orthanc draws it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from highdicom.pm import ParametricMap
from PIL import Image
from pydicom import Dataset, dcmread

from model.findings import HeatMap
from tests.conftest import need
from tests.support import validators
from tests.support.odd_films import FILMS, write_odd
from tests.support.peers import sender
from tests.support.peers.orthanc import Orthanc
from tests.support.reports import digest_of, make_findings, make_request, one, reread
from worker.encode import SourceImage

# Hot near the left edge and warm at the bottom right: a map that is mirrored, turned or shifted shows it.
HOT, WARM = (6, 3), (27, 29)  # (row, column) of 32 x 32 cells


def two_spots() -> HeatMap:
    """0.9 in HOT, 0.45 in WARM, and half of each in the cells beside them."""
    heat = np.zeros((32, 32))
    for (row, column), chance in ((HOT, 0.9), (WARM, 0.45)):
        heat[row - 1 : row + 2, column - 1 : column + 2] = chance / 2
        heat[row, column] = chance
    return HeatMap(32, 32, tuple(heat.ravel().tolist()))


def map_of(film: Path) -> Path:
    """The film's map, written beside it."""
    header = reread(film.read_bytes())
    found = make_findings((2.0, 2.0, 20.0, 30.0), width=header.Columns, height=header.Rows)
    image = SourceImage(header, digest_of(header), replace(found, heat=two_spots()))
    made = film.with_name("map.dcm")
    made.write_bytes(one(make_request(image), "parametric-map").to_bytes())
    return made


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return write_odd("DX, wide", tmp_path / "film.dcm")


def brightest(picture: Image.Image) -> tuple[float, float]:
    """(row, column) of the middle of the brightest pixels, in cells of 32 x 32."""
    grey = np.array(picture.convert("L"), float)
    rows, columns = np.nonzero(grey >= grey.max() - 2)
    return (rows.mean() + 0.5) / grey.shape[0] * 32 - 0.5, (columns.mean() + 0.5) / grey.shape[1] * 32 - 0.5


@pytest.mark.parametrize("name", FILMS)
def test_dicom3tools_is_silent(name: str, tmp_path: Path) -> None:
    need("dciodvfy")
    film = write_odd(name, tmp_path / "film.dcm")

    made = map_of(film)

    assert validators.dciodvfy(made) == []
    assert validators.dcentvfy(film, made) == []


def without_position(ds: Dataset) -> None:
    del ds.SharedFunctionalGroupsSequence[0].PlanePositionSequence


def without_meaning(ds: Dataset) -> None:
    del ds.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence


def original(ds: Dataset) -> None:
    ds.ImageType = ["ORIGINAL", "PRIMARY", "STATIC", "NONE"]


def proportioned_twice(ds: Dataset) -> None:
    ds.PixelAspectRatio = [1, 2]


@pytest.mark.parametrize("fault", [without_position, without_meaning, original, proportioned_twice])
def test_dciodvfy_does_complain_of_what_is_wrong(fault: Callable[[Dataset], None], film: Path) -> None:
    need("dciodvfy")
    ds = dcmread(map_of(film))

    fault(ds)
    ds.save_as(film.with_name("bad.dcm"))

    assert any("Error" in line for line in validators.dciodvfy(film.with_name("bad.dcm")))


def test_highdicom_reads_the_percent_of_each_cell(film: Path) -> None:
    read = ParametricMap.from_dataset(dcmread(map_of(film)))

    percent = read.get_frame(1)

    # 512 columns are 16 a cell: between the two in its middle lies the cell's own value
    middles = percent.reshape(len(percent), 32, 16)[:, :, 7:9].mean(2)
    row = round((HOT[0] + 0.5) / 32 * len(percent))
    assert percent.shape == (round(512 * 120 / 333), 512)
    assert middles.max() == pytest.approx(90.0, abs=8) and middles[row].argmax() == HOT[1]
    assert (percent >= 0).all() and percent[:, 256].max() == 0


def test_dcmtk_draws_the_heat_where_it_is(film: Path) -> None:
    picture = film.with_suffix(".png")

    subprocess.run([need("dcmj2pnm"), "+on", "+Wm", str(map_of(film)), str(picture)], check=True)

    assert brightest(Image.open(picture)) == pytest.approx(HOT, abs=0.6)


def test_orthanc_takes_the_map_and_draws_it(film: Path, pacs: Orthanc) -> None:
    ds = dcmread(map_of(film))

    assert sender.send(pacs.dicom_port, [ds]) == [0x0000]

    (held,) = pacs.of_study(ds.StudyInstanceUID)
    assert held.sop_uid == ds.SOPInstanceUID and held.references == {reread(film.read_bytes()).SOPInstanceUID}
    assert pacs.dataset(held.orthanc_id).PixelData == ds.PixelData
    preview = Image.open(BytesIO(pacs.get(f"/instances/{held.orthanc_id}/preview")))
    assert preview.size == (ds.Columns, ds.Rows)
    assert brightest(preview) == pytest.approx(HOT, abs=0.6)
