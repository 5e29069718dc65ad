"""Films that come as PNG or JPEG files: 8 or 16 bits, grey or colour, bright = dense.

The same grey scale rules as for a data set without a window (`grey`): the full range of the depth, or the picture's
own range where it fills too little of it.
"""

from __future__ import annotations

import io
import os
import warnings
from pathlib import Path

import numpy as np
from PIL import Image

from worker.pixels.codestream import SOF_SEQUENTIAL, read_jpeg
from worker.pixels.decode import MAX_PIXELS, Stored
from worker.pixels.entropy import check_scan
from worker.pixels.errors import PixelsUnreadable, TruncatedPixels, UnsupportedPixels

FORMATS = ("PNG", "JPEG")
DEEP_MODES = ("I;16", "I;16B", "I;16L", "I;16N", "I")


def is_picture(path: os.PathLike[str] | str) -> bool:
    """Whether a file begins as a PNG or JPEG file does."""
    with Path(path).open("rb") as file:
        return file.read(8).startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"))


def read_picture(path: os.PathLike[str] | str) -> Stored:
    """The values of a PNG or JPEG file.

    Raises PixelsUnreadable.
    """
    data = Path(path).read_bytes()
    try:
        return _stored(data)
    except PixelsUnreadable:
        raise
    except Exception as error:  # Pillow has no closed set of errors for broken files
        raise TruncatedPixels("the picture cannot be decoded whole") from error


def _stored(data: bytes) -> Stored:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the limit below is ours
        picture = Image.open(io.BytesIO(data), formats=FORMATS)
    with picture:
        if picture.width * picture.height > MAX_PIXELS:
            raise UnsupportedPixels(f"{picture.height} x {picture.width} pixels are more than {MAX_PIXELS}")
        if picture.format == "JPEG" and picture.mode == "L" and not picture.info.get("progressive"):
            stream = read_jpeg(data)
            if stream.process in SOF_SEQUENTIAL:
                check_scan(stream)
        if picture.mode in DEEP_MODES:
            level = np.asarray(picture, dtype=np.int64)
            if level.min() < 0 or level.max() > 0xFFFF:
                raise UnsupportedPixels("more than 16 bits")
            return Stored(level.astype(np.uint16), 0, 1 << 16)
        colours = picture.convert("RGBA").convert("RGB") if picture.mode in ("P", "PA", "LA", "RGBA") else picture
        return Stored(np.asarray(colours.convert("L"), dtype=np.uint16), 0, 1 << 8)
