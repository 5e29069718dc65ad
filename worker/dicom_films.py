"""DICOM files as films for training, calibration and evaluation: read as the daemon's own worker reads them.

MONOCHROME1 comes out with dense = bright, windows and modality tables applied (`worker.pixels`).
"""

from __future__ import annotations

import warnings
from pathlib import Path

from pydicom import dcmread
from pydicom.misc import is_dicom

from model.train.readers import FilmArray, OtherKind, UnreadableKind
from worker.pixels import PixelsUnreadable
from worker.pixels import read_film as read_source

WHITE = 255.0


def _size(path: Path) -> tuple[int, int]:
    """(Columns, Rows) of the header (PS3.3 C.7.6.3)."""
    if not is_dicom(path):
        raise UnreadableKind("neither DICOM nor PNG nor JPEG")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd values that do not concern the size
            ds = dcmread(path, stop_before_pixels=True, specific_tags=["Rows", "Columns"])
            width, height = int(ds.Columns), int(ds.Rows)
    except Exception as error:  # pydicom has no closed set of errors for broken files
        raise UnreadableKind(
            f"its DICOM header is damaged or has no Rows and Columns ({type(error).__name__})"
        ) from error
    return width, height


def _pixels(path: Path) -> FilmArray:
    try:
        return read_source(path).image * WHITE
    except (PixelsUnreadable, OSError) as error:
        raise UnreadableKind(str(error)) from error


DICOM = OtherKind(_size, _pixels)
