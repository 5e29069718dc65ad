"""Stored values of a single-frame grey image: PS3.3 C.7.6.3, PS3.5 section 8 and Annex A.

Every stream is measured before it is decoded, so that a truncated one is an error and never a grey half.
Limit: damage inside a JPEG 2000 code block that keeps its length, or inside native pixels, leaves no trace to find.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.encaps import get_frame
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import (
    JPEG2000,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from daemon.core.attributes import integer, word
from worker.pixels.codestream import SOF_JPEG_LS, SOF_LOSSLESS, SOF_SEQUENTIAL, Codestream, read_j2k, read_jpeg
from worker.pixels.entropy import check_scan
from worker.pixels.errors import MissingPixels, TruncatedPixels, UnsupportedPixels
from worker.pixels.rle import decode_rle

MAX_PIXELS = 100_000_000  # four times the largest detector; more is a decompression bomb
NATIVE = frozenset({ExplicitVRLittleEndian, ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian})
# One decoder each, so that an image is the same on every host. GDCM aborts its process on some damaged streams:
# it gets only those that check_scan has passed.
DECODERS = {
    JPEGBaseline8Bit: "pillow",
    JPEGLossless: "gdcm",
    JPEGLosslessSV1: "gdcm",
    JPEGLSLossless: "pyjpegls",
    JPEGLSNearLossless: "pyjpegls",
    JPEG2000: "pylibjpeg",
    JPEG2000Lossless: "pylibjpeg",
}
PROCESSES = {
    JPEGBaseline8Bit: SOF_SEQUENTIAL,
    JPEGLossless: frozenset({SOF_LOSSLESS}),
    JPEGLosslessSV1: frozenset({SOF_LOSSLESS}),
    JPEGLSLossless: frozenset({SOF_JPEG_LS}),
    JPEGLSNearLossless: frozenset({SOF_JPEG_LS}),
}


@dataclass(frozen=True, slots=True)
class Stored:
    """Stored values, all of them at least `lowest`: level [H, W] uint16 = stored value - lowest.

    levels: how many different stored values Bits Stored allows.
    """

    level: NDArray[np.uint16]
    lowest: int
    levels: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Layout:
    """The Image Pixel attributes; PS3.3 table C.7-11a."""

    rows: int
    columns: int
    allocated: int
    stored: int
    high: int
    signed: bool


def stored_values(ds: Dataset) -> Stored:
    """The picture of a data set as stored values, unused bits masked out.

    Raises PixelsUnreadable.
    """
    layout = _layout(ds)
    raw, notes = _raw(ds, layout)
    return _masked(raw, layout, notes)


def raw_values(ds: Dataset) -> NDArray[np.unsignedinteger]:
    """The picture of a data set as the words that hold it [H, W], unused bits and all.

    Raises PixelsUnreadable.
    """
    return _raw(ds, _layout(ds))[0]


def _raw(ds: Dataset, layout: _Layout) -> tuple[NDArray[np.unsignedinteger], tuple[str, ...]]:
    syntax = UID(str(getattr(getattr(ds, "file_meta", None), "TransferSyntaxUID", "")))
    if syntax not in NATIVE | DECODERS.keys() | {RLELossless}:
        raise UnsupportedPixels(f"transfer syntax {syntax or 'missing'}")
    if "PixelData" not in ds or not ds["PixelData"].value:
        raise MissingPixels("the data set has no Pixel Data")
    if not isinstance(ds.PixelData, bytes):
        raise UnsupportedPixels("Pixel Data is not a byte string")
    if syntax in NATIVE:
        return _native(ds.PixelData, layout)
    return _compressed(ds, syntax, layout), ()


def _layout(ds: Dataset) -> _Layout:
    rows, columns = integer(ds, "Rows", 0) or 0, integer(ds, "Columns", 0) or 0
    if rows <= 0 or columns <= 0:
        raise MissingPixels("Rows and Columns do not give a size")
    if rows * columns > MAX_PIXELS:
        raise UnsupportedPixels(f"{rows} x {columns} pixels are more than {MAX_PIXELS}")
    if integer(ds, "SamplesPerPixel", 1) != 1:
        raise UnsupportedPixels("several samples per pixel (colour)")
    if word(ds, "PhotometricInterpretation") not in ("MONOCHROME1", "MONOCHROME2"):
        raise UnsupportedPixels("Photometric Interpretation is not MONOCHROME1 or MONOCHROME2")
    if integer(ds, "NumberOfFrames", 1) not in (0, 1):
        raise UnsupportedPixels("several frames")
    allocated = integer(ds, "BitsAllocated", 0) or 0
    stored = integer(ds, "BitsStored", allocated) or 0
    high = integer(ds, "HighBit", stored - 1)
    if allocated not in (8, 16) or not 1 <= stored <= allocated:
        raise UnsupportedPixels(f"{stored} bits stored in {allocated}")
    if high is None or not stored - 1 <= high < allocated:
        high = stored - 1
    return _Layout(rows, columns, allocated, stored, high, integer(ds, "PixelRepresentation", 0) == 1)


def _native(pixels: bytes, layout: _Layout) -> tuple[NDArray[np.unsignedinteger], tuple[str, ...]]:
    count = layout.rows * layout.columns
    needed = count * layout.allocated // 8
    if len(pixels) < needed:
        raise TruncatedPixels(f"Pixel Data holds {len(pixels)} bytes of {needed}")
    notes = (f"Pixel Data is {len(pixels) - needed} bytes too long",) if len(pixels) > needed + needed % 2 else ()
    raw = np.frombuffer(pixels, f"<u{layout.allocated // 8}", count)
    return raw.reshape(layout.rows, layout.columns), notes


def _compressed(ds: Dataset, syntax: UID, layout: _Layout) -> NDArray[np.unsignedinteger]:
    try:
        stream = get_frame(ds.PixelData, 0, number_of_frames=1)
    except Exception as error:  # pydicom has no closed set of errors for broken items
        raise TruncatedPixels("the encapsulated Pixel Data does not parse") from error
    if syntax == RLELossless:
        return decode_rle(stream, layout.rows, layout.columns, layout.allocated // 8)
    _measure(stream, syntax, layout)
    try:
        decoded, _ = get_decoder(syntax).as_array(ds, raw=True, decoding_plugin=DECODERS[syntax])
    except Exception as error:  # nor have the decoders behind it
        raise TruncatedPixels("the compressed Pixel Data cannot be decoded") from error
    if decoded.shape != (layout.rows, layout.columns):
        raise TruncatedPixels("the decoded picture has another size than Rows x Columns")
    return np.ascontiguousarray(decoded).view(f"u{decoded.dtype.itemsize}")


def _measure(stream: bytes, syntax: UID, layout: _Layout) -> None:
    """Refuses a stream that is not the picture that the header describes, or not the whole of it."""
    said: Codestream = read_j2k(stream) if syntax not in PROCESSES else read_jpeg(stream)
    if said.components != 1:
        raise UnsupportedPixels(f"the compressed stream has {said.components} components")
    if (said.rows, said.columns) != (layout.rows, layout.columns):
        size = f"{said.rows} x {said.columns}, not {layout.rows} x {layout.columns}"
        raise TruncatedPixels(f"the compressed stream is {size}")
    if said.precision > layout.allocated:
        raise UnsupportedPixels(f"the compressed stream has {said.precision} bits in {layout.allocated} allocated")
    if syntax in PROCESSES and said.process not in PROCESSES[syntax]:
        raise UnsupportedPixels(f"JPEG process SOF{said.process & 15} is not the one of the transfer syntax")
    if said.process in SOF_SEQUENTIAL | {SOF_LOSSLESS}:
        check_scan(said)


def _masked(raw: NDArray[np.unsignedinteger], layout: _Layout, notes: tuple[str, ...]) -> Stored:
    """Drops the bits that hold no pixel (old overlays, rubbish; PS3.5 8.1.1) and moves signed values up to 0.."""
    shift = layout.high + 1 - layout.stored
    mask = (1 << layout.stored) - 1
    level = (raw.astype(np.uint16) >> shift) & mask
    half = 1 << (layout.stored - 1)
    if layout.stored < layout.allocated:
        outside = raw.astype(np.uint16) & (0xFFFF >> (16 - layout.allocated) & ~(mask << shift))
        # repeated sign bits of a negative value are not rubbish
        extended = ((1 << layout.allocated) - 1) & ~(mask << shift) if layout.signed else 0
        if np.any((outside != 0) & ((outside != extended) | (level & half == 0))):
            notes = (*notes, "bits above Bits Stored were set; ignored")
    if layout.signed:
        level ^= half  # two's complement to offset binary
    return Stored(level.astype(np.uint16), -half if layout.signed else 0, 1 << layout.stored, notes)
