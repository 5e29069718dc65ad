"""Real files: what CATALOG.csv says of each is what becomes of it."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from pydicom import dcmread

from worker.pixels import MissingPixels, film

# Whether the film shows bright = dense: two places (row, column in parts of the film), the first the denser one.
DENSER_THAN = {
    "gdcm-CR-MONO1-10-chest.dcm": ((0.5, 0.5), (0.4, 0.25)),  # spine, right lung
    "RG1_J2KI.dcm": ((0.8, 0.5), (0.25, 0.3)),
    "cxr.dcm": ((0.6, 0.45), (0.4, 0.25)),
    "siim-sc-mono2.dcm": ((0.75, 0.5), (0.5, 0.75)),
    "dx_image.dcm": ((0.67, 0.68), (0.95, 0.95)),  # abdomen, air
    "RG2_JPLL.dcm": ((0.42, 0.53), (0.8, 0.3)),  # femoral head, air
    "RG3_UNC.dcm": ((0.2, 0.5), (0.2, 0.3)),  # tibia, air
}


@pytest.fixture(scope="module")
def catalogue(data_folder):
    rows = csv.DictReader((data_folder / "dicom" / "CATALOG.csv").read_text("utf-8").splitlines())
    return {row["file"]: row for row in rows}


def test_each_catalogued_file_is_decoded_or_fails_as_its_use_says(data_folder, catalogue):
    for name, row in catalogue.items():
        path = data_folder / "dicom" / name
        if "missing PixelData" in row["use"]:
            with pytest.raises(MissingPixels):
                film(path)
            continue
        ds, found = dcmread(path, stop_before_pixels=True), film(path)
        assert (found.height, found.width) == (ds.Rows, ds.Columns), name
        assert found.image.dtype == np.float32
        assert 0.0 <= found.image.min() < found.image.max() <= 1.0, name
        assert np.std(found.image) > 0.05, name


@pytest.mark.parametrize("name", sorted(DENSER_THAN))
def test_bright_is_dense_in_every_real_film(data_folder, name):
    found = film(data_folder / "dicom" / name)

    def around(place: tuple[float, float]) -> float:
        row, column = int(place[0] * found.height), int(place[1] * found.width)
        reach = found.height // 50
        return float(np.median(found.image[row - reach : row + reach, column - reach : column + reach]))

    dense, thin = (around(place) for place in DENSER_THAN[name])
    assert dense > thin + 0.04


def test_the_same_pixels_in_four_transfer_syntaxes_are_the_same_film(data_folder, catalogue):
    names = [name for name in catalogue if name.startswith("RG3")]
    images = [film(data_folder / "dicom" / name).image for name in names]
    assert len(images) == 4
    assert all(np.array_equal(images[0], image) for image in images)


def test_the_same_pattern_through_three_grey_scale_pipelines_is_nearly_the_same_film(data_folder):
    names = ["vlut_04.dcm", "mlut_18.dcm", "test16signed.dcm"]
    images = [film(data_folder / "dicom" / name).image for name in names]
    for image in images[1:]:
        assert np.median(np.abs(image - images[0])) < 0.01


def test_the_original_films_of_the_challenge_are_their_jpegs(data_folder):
    for path in sorted((data_folder / "dicom" / "rsna").glob("*.dcm"))[:4]:
        stored = dcmread(path).pixel_array
        assert np.abs(film(path).image - stored / 255).max() < 1e-6
