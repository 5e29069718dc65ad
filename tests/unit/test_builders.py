"""The builders make what the standard asks for, so that what fails in a test is ours."""

from __future__ import annotations

import subprocess

import pytest
from pydicom import dcmread

from tests.conftest import need
from tests.support.builders import make_cxr, write


@pytest.mark.parametrize("sop_class", ["DX", "CR", "SC", "DX-PROCESSING"])
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize(("bits", "view"), [(8, "PA"), (10, "AP"), (12, "LL"), (16, "PA")])
def test_dciodvfy_finds_no_error_in_a_built_film(tmp_path, sop_class, photometric, bits, view):
    allocated = 8 if bits == 8 else 16
    ds = make_cxr(
        sop_class=sop_class, photometric=photometric, bits_stored=bits, bits_allocated=allocated, view=view,
        rows=61, columns=47,
    )  # fmt: skip
    path = write(ds, tmp_path / "film.dcm")
    told = subprocess.run([need("dciodvfy"), "-new", path], capture_output=True, text=True, check=False)
    assert [line for line in (told.stdout + told.stderr).splitlines() if line.startswith("Error")] == []


def test_attributes_are_set_last_and_none_deletes_one():
    ds = make_cxr(rows=8, columns=8, BodyPartExamined="HAND", WindowCenter=None)
    assert ds.BodyPartExamined == "HAND"
    assert "WindowCenter" not in ds


def test_monochrome1_is_stored_inverted():
    one, two = (make_cxr(rows=8, columns=8, photometric=f"MONOCHROME{n}").pixel_array for n in (1, 2))
    assert (one.astype(int) + two == 4095).all()


def test_a_written_film_reads_back_as_it_was(tmp_path):
    ds = make_cxr(rows=8, columns=8, sop_uid="1.2.3", study_uid="1.2.4", series_uid="1.2.5", patient_name="A^B")
    again = dcmread(write(ds, tmp_path / "folder" / "film.dcm"))
    assert (again.SOPInstanceUID, again.StudyInstanceUID, again.SeriesInstanceUID) == ("1.2.3", "1.2.4", "1.2.5")
    assert again.PixelData == ds.PixelData
