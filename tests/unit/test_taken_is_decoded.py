"""Every transfer syntax that the SCP accepts can be decoded: nothing is taken that cannot be read."""

from __future__ import annotations

import jpeg_ls
import numpy as np
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGLSNearLossless

from daemon.dimse.contexts import TRANSFER_SYNTAXES_SCP
from tests.support.builders import compress, make_cxr
from worker.pixels import film

SYNTAXES = [item.uid for item in TRANSFER_SYNTAXES_SCP]


def near_lossless(ds):
    """`ds` in JPEG-LS with an error of at most 2 a pixel."""
    values = ds.pixel_array
    ds.PixelData = encapsulate([bytes(jpeg_ls.encode_array(values, lossy_error=2))])
    ds["PixelData"].VR = "OB"
    ds.file_meta.TransferSyntaxUID = JPEGLSNearLossless
    return ds


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda uid: uid.name)
def test_every_accepted_transfer_syntax_is_read(syntax):
    ds = make_cxr(rows=96, columns=80, bits_stored=8, bits_allocated=8)
    reference = film(ds).image
    other = near_lossless(ds) if syntax == JPEGLSNearLossless else compress(ds, syntax)
    assert np.abs(film(other).image - reference).max() < 0.06
