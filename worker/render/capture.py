"""An image object by itself: a Secondary Capture, or any film, as its own attributes say. PS3.3 A.8, C.7.6.3.

Grey images go through the grey pipeline; colour ones are shown as they are stored, once they are RGB.
"""

from __future__ import annotations

import warnings

import numpy as np
from PIL import Image
from pydicom import Dataset

from daemon.core.attributes import integer
from worker.pixels.decode import MAX_PIXELS
from worker.pixels.errors import MissingPixels, PixelsUnreadable, UnsupportedPixels
from worker.render import pen
from worker.render.report import own_picture


def render_image(image: Dataset, size: tuple[int, int] | None = None, notes: list[str] | None = None) -> pen.Picture:
    """The image, with pixels, as uint8 [H, W, 3]; without `size` a colour image keeps its own pixels.

    Raises PixelsUnreadable when it has no readable pixels.
    """
    if integer(image, "SamplesPerPixel", 1) == 1:
        picture, _ = own_picture(image, size, [] if notes is None else notes)
        return picture
    colour = _rgb(image)
    return colour if size is None else np.asarray(Image.fromarray(colour).resize(size, Image.Resampling.BILINEAR))


def _rgb(image: Dataset) -> pen.Picture:
    if (integer(image, "Rows", 0) or 0) * (integer(image, "Columns", 0) or 0) > MAX_PIXELS:
        raise UnsupportedPixels(f"more than {MAX_PIXELS} pixels")
    if not image.get("PixelData"):
        raise MissingPixels("the data set has no Pixel Data")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of odd values; what matters is raised
        try:
            pixels = image.pixel_array  # RGB also of YBR: pydicom converts
        except Exception as error:  # pydicom and its decoders have no closed set of errors
            raise PixelsUnreadable(f"the colour image cannot be decoded ({type(error).__name__})") from error
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8:
        raise UnsupportedPixels("a colour image of another kind than 8 bits by three in one frame")
    return np.ascontiguousarray(pixels)
