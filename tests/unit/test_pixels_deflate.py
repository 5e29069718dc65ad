"""A deflated data set whose stream has an odd length is padded with a NULL: PS3.5 A.5."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian

from tests.support.builders import make_cxr, write
from worker.pixels import film


@pytest.mark.timeout(20)
def test_a_padded_stream_is_read_like_one_that_is_not(tmp_path: Path) -> None:
    path = write(make_cxr(rows=32, columns=24, transfer_syntax=DeflatedExplicitVRLittleEndian), tmp_path / "film.dcm")
    image = film(path).image
    path.write_bytes(path.read_bytes() + b"\0")
    assert (film(path).image == image).all()
