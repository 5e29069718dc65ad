"""One film out of one data set: float32 [H, W] in [0, 1], bright = dense, whatever the sender's encoding.

PS3.3 C.7.6.3 (Image Pixel), C.11.1 (Modality LUT), C.11.2 (VOI LUT), C.7.5.1.1.2 (padding). The stages are in
`decode` (stored values), `grey` (what they mean) and `picture` (PNG and JPEG files); errors in `errors`.

Tolerance: the image is bit-identical in all lossless transfer syntaxes and for MONOCHROME1 and MONOCHROME2 of the same
anatomy; between 8 and 16 bits it differs by the rounding of the depth (at most half a step, 0.002 for 8 bits). The
detector's answer then moves by at most 0.01 in probability and 1 px in a box (tests/unit/test_same_answer.py).
The image is in source pixels: nothing is resized, turned or cropped, so that boxes need no way back.
"""

from __future__ import annotations

import os
import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_file_meta_info
from pydicom.misc import is_dicom
from pydicom.uid import DeflatedExplicitVRLittleEndian

from worker.pixels.decode import MAX_PIXELS, Stored, stored_values
from worker.pixels.errors import MissingPixels, PixelsUnreadable, TruncatedPixels, UnsupportedPixels
from worker.pixels.grey import grey_image
from worker.pixels.picture import is_picture, read_picture

__all__ = [
    "Film",
    "MissingPixels",
    "PixelsUnreadable",
    "TruncatedPixels",
    "UnsupportedPixels",
    "film",
    "read_dataset",
    "read_film",
]

MAX_INFLATED = 2 * MAX_PIXELS + 64 * 2**20  # the largest film at 16 bits, and its header
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Film:
    """A radiograph as the detector takes it.

    image: float32 [height, width] in [0, 1], bright = dense. notes: what in the header was odd and how it was settled;
    no patient data. modality_range: least and greatest value of the picture after its Modality LUT.
    """

    image: NDArray[np.float32]
    notes: tuple[str, ...] = ()
    modality_range: tuple[float, float] | None = None

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.image.shape[0])

    @property
    def width(self) -> int:
        """Columns."""
        return int(self.image.shape[1])


def film(source: Dataset | os.PathLike[str] | str) -> Film:
    """The film in a data set or in a PS3.10 file.

    Raises PixelsUnreadable (missing, truncated or unsupported pixels); nothing else, whatever the bytes.
    """
    with warnings.catch_warnings():
        # pydicom warns of odd values by printing them; what matters here is raised or noted instead
        warnings.simplefilter("ignore")
        try:
            ds = source if isinstance(source, Dataset) else read_dataset(Path(source))
            return _film(ds, stored_values(ds))
        except PixelsUnreadable:
            raise
        except (MemoryError, OSError) as error:
            raise PixelsUnreadable(f"the film cannot be read here ({type(error).__name__})") from error
        except Exception as error:  # pydicom has no closed set of errors for broken values
            raise PixelsUnreadable(f"the data set is damaged ({type(error).__name__})") from error


def read_film(path: os.PathLike[str] | str) -> Film:
    """The film in a DICOM, PNG or JPEG file.

    Raises PixelsUnreadable, and OSError for a file that cannot be opened.
    """
    if not is_picture(path):
        if not is_dicom(Path(path)):
            raise UnsupportedPixels("not a DICOM, PNG or JPEG file")
        return film(path)
    return _film(Dataset(), read_picture(path))


def read_dataset(path: Path) -> Dataset:
    """A whole data set in a PS3.10 file, every byte of it there.

    Raises PixelsUnreadable, and OSError for a file that cannot be opened.
    """
    try:
        _refuse_deflate_bomb(path)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            ds = dcmread(path)
    except InvalidDicomError as error:
        raise UnsupportedPixels("not a DICOM file") from error
    except (EOFError, zlib.error) as error:
        raise TruncatedPixels("the file ends early or is damaged") from error
    # pydicom gives what it has of a file that breaks off, and only warns
    if any("end of file" in str(warning.message).lower() for warning in caught):
        raise TruncatedPixels("the file ends early")
    return ds


def _refuse_deflate_bomb(path: Path) -> None:
    """Deflate packs 1,000 to 1 and pydicom inflates all of it at once: measured first, in pieces (PS3.5 A.5)."""
    meta = read_file_meta_info(path)
    if meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
        return
    inflater, length = zlib.decompressobj(-zlib.MAX_WBITS), 0
    with path.open("rb") as file:
        file.seek(132 + 12 + int(meta.FileMetaInformationGroupLength))
        # The end of the stream is not the end of the file: a NULL pads it to an even length.
        while not inflater.eof and (piece := inflater.unconsumed_tail or file.read(_CHUNK)):
            length += len(inflater.decompress(piece, _CHUNK))
            if length > MAX_INFLATED:
                raise UnsupportedPixels("the deflated data set is larger than any film")
    if not inflater.eof:
        raise TruncatedPixels("the deflated data set ends early")


def _film(ds: Dataset, stored: Stored) -> Film:
    image, grey = grey_image(ds, stored)
    return Film(image, grey.notes, grey.modality_range)
