"""One frame out of an image of several, and its samples: PS3.3 C.7.6.6 (Multi-frame), PS3.5 8.2, A.4.

Grey frames are decoded as strictly as a film is (`worker.pixels.decode`); frames with several samples, or with a
palette, by pydicom, once their stream is measured.
"""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.encaps import encapsulate, get_frame
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID, RLELossless

from daemon.core.attributes import integer, word
from worker.pixels.codestream import read_j2k, read_jpeg
from worker.pixels.decode import DECODERS, MAX_PIXELS, NATIVE, PROCESSES, raw_values
from worker.pixels.errors import MissingPixels, PixelsUnreadable, TruncatedPixels, UnsupportedPixels

_REPLACED = frozenset({0x7FE00010, 0x00280008})  # Pixel Data, Number of Frames
GREY = ("MONOCHROME1", "MONOCHROME2")


def syntax_of(image: Dataset) -> UID:
    """The transfer syntax that the image is in."""
    return UID(str(getattr(getattr(image, "file_meta", None), "TransferSyntaxUID", "")))


def count(image: Dataset) -> int:
    """How many frames the image says it has."""
    return integer(image, "NumberOfFrames", 1) or 1


def stream_of(image: Dataset, number: int) -> bytes:
    """A frame, counted from 1, as Pixel Data holds it: native bytes, or its bit stream.

    Raises PixelsUnreadable.
    """
    pixels = image.get("PixelData")
    if not isinstance(pixels, bytes) or not pixels:
        raise MissingPixels("the data set has no Pixel Data")
    if not 1 <= number <= count(image):
        raise MissingPixels(f"there is no frame {number} of {count(image)}")
    if syntax_of(image) not in NATIVE:
        try:
            return get_frame(pixels, number - 1, number_of_frames=count(image))
        except Exception as error:  # pydicom has no closed set of errors for broken items
            raise TruncatedPixels("the encapsulated Pixel Data does not parse") from error
    bits = _size(image) * (integer(image, "BitsAllocated", 0) or 0)
    if not bits or (bits % 8 and count(image) > 1):
        raise UnsupportedPixels("frames that do not begin at a byte")
    length = -(-bits // 8)
    frame = pixels[(number - 1) * length : number * length]
    if len(frame) < length:
        raise TruncatedPixels(f"Pixel Data holds {len(pixels)} bytes, and {count(image)} frames need {length} each")
    return frame


def single(image: Dataset, number: int) -> Dataset:
    """The image with one of its frames alone, its other attributes untouched. Raises PixelsUnreadable."""
    if number == 1 and count(image) == 1:
        return image
    stream = stream_of(image, number)
    one = Dataset()
    one.update({tag: image.get_item(tag) for tag in image.keys() - _REPLACED})
    one.file_meta = image.file_meta
    one.PixelData = stream if syntax_of(image) in NATIVE else encapsulate([stream])
    one.NumberOfFrames = 1
    return one


def samples(image: Dataset, number: int) -> NDArray[np.unsignedinteger]:
    """A frame as the words of its samples, [H, W] or [H, W, samples]; YBR becomes RGB.

    Raises PixelsUnreadable.
    """
    one = single(image, number)
    if word(image, "PhotometricInterpretation") in GREY:
        return raw_values(one)
    syntax = syntax_of(image)
    if syntax not in NATIVE | DECODERS.keys() | {RLELossless}:
        raise UnsupportedPixels(f"transfer syntax {syntax or 'missing'}")
    if syntax in DECODERS:
        stream = stream_of(one, 1)
        said = read_jpeg(stream) if syntax in PROCESSES else read_j2k(stream)
        if (said.rows, said.columns) != (integer(image, "Rows"), integer(image, "Columns")):
            raise TruncatedPixels("the compressed stream is of another size than Rows x Columns")
        if said.components != integer(image, "SamplesPerPixel", 1):
            raise UnsupportedPixels(f"the compressed stream has {said.components} components")
    _size(image)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of odd values; what matters is raised
        try:
            decoded, _ = get_decoder(syntax).as_array(one, decoding_plugin=DECODERS.get(syntax, ""))
        except Exception as error:  # pydicom and its decoders have no closed set of errors
            raise PixelsUnreadable(f"the image cannot be decoded ({type(error).__name__})") from error
    return np.ascontiguousarray(decoded).view(f"u{decoded.dtype.itemsize}")


def _size(image: Dataset) -> int:
    """Samples of a frame. Raises UnsupportedPixels for more than any image has."""
    pixels = (integer(image, "Rows", 0) or 0) * (integer(image, "Columns", 0) or 0)
    per_pixel = integer(image, "SamplesPerPixel", 1) or 1
    if pixels > MAX_PIXELS or per_pixel not in (1, 3, 4):
        raise UnsupportedPixels(f"more than {MAX_PIXELS} pixels, or {per_pixel} samples each")
    return pixels * per_pixel
