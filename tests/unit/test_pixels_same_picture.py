"""The same anatomy is the same image, however it was encoded."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom.uid import JPEG2000, ExplicitVRLittleEndian, JPEGBaseline8Bit

from tests.support.builders import make_cxr, make_thorax_pixels, write
from tests.support.codecs import LOSSLESS, NATIVE
from worker.pixels import film

ROWS, COLUMNS = 131, 97  # odd, so that 8-bit pixels need a padding byte
DEPTHS = [
    (8, 8, False),
    (8, 16, False),
    (10, 16, False),
    (12, 16, False),
    (16, 16, False),
    (12, 16, True),
    (16, 16, True),
]
PICTURE = make_thorax_pixels(ROWS, COLUMNS, seed=3)
HALF_A_STEP = 0.5 / 255 + 1e-6


def image_of(tmp_path=None, **film_as):
    ds = make_cxr(pixels=PICTURE, **film_as)
    return film(ds if tmp_path is None else write(ds, tmp_path / "film.dcm")).image


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("depth", DEPTHS, ids=str)
@pytest.mark.parametrize("transfer_syntax", [*NATIVE, *LOSSLESS], ids=lambda syntax: syntax.name)
def test_a_lossless_encoding_changes_no_bit_of_the_image(tmp_path, photometric, depth, transfer_syntax):
    bits_stored, bits_allocated, signed = depth
    shape = {"bits_stored": bits_stored, "bits_allocated": bits_allocated, "signed": signed, "sop_class": "CR"}
    image = image_of(tmp_path, photometric=photometric, transfer_syntax=transfer_syntax, **shape)
    plain = image_of(photometric="MONOCHROME2", **shape)
    assert image.dtype == np.float32
    assert np.array_equal(image, plain)


@pytest.mark.parametrize("depth", DEPTHS, ids=str)
def test_depth_changes_the_image_by_its_rounding_only(depth):
    bits_stored, bits_allocated, signed = depth
    image = image_of(bits_stored=bits_stored, bits_allocated=bits_allocated, signed=signed, sop_class="CR")
    assert np.abs(image - PICTURE).max() <= HALF_A_STEP


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize(("transfer_syntax", "bits"), [(JPEGBaseline8Bit, 8), (JPEG2000, 8), (JPEG2000, 12)])
def test_a_lossy_encoding_stays_close(photometric, transfer_syntax, bits):
    allocated = 8 if bits == 8 else 16
    how = {"bits_stored": bits, "bits_allocated": allocated, "photometric": photometric}
    image = image_of(transfer_syntax=transfer_syntax, **how)
    assert np.sqrt(np.mean((image - PICTURE) ** 2)) < 0.02


@pytest.mark.parametrize("sop_class", ["CR", "DX", "SC", "DX-PROCESSING"])
def test_the_sop_class_does_not_matter_to_the_image(sop_class):
    assert np.array_equal(image_of(sop_class=sop_class), image_of(sop_class="DX"))


@pytest.mark.parametrize("window", [(None, None), (2048, 4096), (2000, 3000), (1900, 2500)])
@pytest.mark.parametrize("function", [None, "LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_monochrome1_is_its_monochrome2_twin_through_every_window(window, function):
    centre, width = window
    shift = 0 if function in ("LINEAR_EXACT", "SIGMOID") else 1  # LINEAR is centred between c - 1 and c
    two = {"WindowCenter": centre, "WindowWidth": width, "VOILUTFunction": function}
    one = two | {"WindowCenter": None if centre is None else 4095 - centre + shift}
    images = [image_of(photometric=f"MONOCHROME{n}", **how) for n, how in ((1, one), (2, two))]
    assert np.array_equal(*images)


def test_bright_is_dense():
    lung, spine = np.s_[55:75, 20:35], np.s_[55:75, 45:52]
    for photometric in ("MONOCHROME1", "MONOCHROME2"):
        image = image_of(photometric=photometric)
        assert image[spine].mean() > image[lung].mean() + 0.3


def test_a_film_is_the_same_from_a_file_and_from_a_data_set(tmp_path):
    ds = make_cxr(pixels=PICTURE, transfer_syntax=ExplicitVRLittleEndian)
    assert np.array_equal(film(ds).image, film(write(ds, tmp_path / "film.dcm")).image)
    assert (film(ds).height, film(ds).width) == (ROWS, COLUMNS)
