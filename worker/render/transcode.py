"""An object in another transfer syntax, bit for bit the same picture: PS3.5 section 8.2, 10, Annex A.

Into native and lossless syntaxes only, so the SOP Instance UID stays (PS3.3 C.12.1.1.9 asks for a new one of a lossy
copy). What would lose a bit is refused: bits above Bits Stored have no place in a JPEG-LS or JPEG 2000 stream.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.encaps import encapsulate
from pydicom.pixels.encoders.base import get_encoder
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from daemon.core.attributes import integer, word
from worker.pixels.decode import NATIVE as NATIVE_SOURCES
from worker.pixels.errors import UnsupportedPixels
from worker.render import frames

NATIVE = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
# One encoder each, so that a copy is the same on every host. GDCM's end the process on odd sizes.
ENCODERS = {JPEGLSLossless: "pyjpegls", JPEG2000Lossless: "pylibjpeg", RLELossless: "pydicom"}
MAX_SAMPLES = 2**28  # of all frames of one object

Samples = NDArray[np.unsignedinteger]


def transcoded(ds: Dataset, syntax: str) -> bytes:
    """The PS3.10 file of the object in `syntax`; `ds` is changed.

    Raises PixelsUnreadable: a picture that cannot be decoded, or not kept bit for bit.
    """
    _check(syntax)
    target, source = UID(syntax), frames.syntax_of(ds)
    if "PixelData" not in ds:
        if target not in NATIVE:
            raise UnsupportedPixels("an object without Pixel Data has no compressed form")
    elif target != source and not (target in NATIVE and source in NATIVE_SOURCES):
        _recode(ds, target)
    ds.file_meta.TransferSyntaxUID = target
    file = BytesIO()
    ds.save_as(file, enforce_file_format=True, implicit_vr=target == ImplicitVRLittleEndian, little_endian=True)
    return file.getvalue()


def frames_in(ds: Dataset, numbers: Sequence[int], syntax: str) -> list[bytes]:
    """Frames, counted from 1, in `syntax`: native little endian bytes, or a bit stream each.

    In the object's own syntax they are given as they are. Raises PixelsUnreadable.
    """
    target, source = UID(syntax), frames.syntax_of(ds)
    if target == source or (target in NATIVE and source in NATIVE_SOURCES):
        return [frames.stream_of(ds, number) for number in numbers]
    _check(syntax)
    made = (frames.samples(ds, number) for number in numbers)
    return [one.tobytes() if target in NATIVE else _encoded(ds, one, target) for one in made]


def _check(syntax: str) -> None:
    if syntax not in (*NATIVE, *ENCODERS):
        raise UnsupportedPixels(f"nothing is converted to transfer syntax {syntax}")


def _recode(ds: Dataset, target: UID) -> None:
    count = frames.count(ds)
    size = (integer(ds, "Rows", 0) or 0) * (integer(ds, "Columns", 0) or 0) * (integer(ds, "SamplesPerPixel", 1) or 1)
    if not 0 < size * count <= MAX_SAMPLES:
        raise UnsupportedPixels("the image is empty, or too large to be converted")
    made = [frames.samples(ds, number) for number in range(1, count + 1)]
    if target in NATIVE:
        pixels = b"".join(one.tobytes() for one in made)
        ds.PixelData = pixels + b"\0" * (len(pixels) % 2)
    else:
        ds.PixelData = encapsulate([_encoded(ds, one, target) for one in made])
    ds["PixelData"].VR = "OW" if target in NATIVE and made[0].itemsize > 1 else "OB"
    ds["PixelData"].is_undefined_length = target not in NATIVE
    for keyword in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths"):  # C.7.6.3.1.8: of the stream that was
        if keyword in ds:
            delattr(ds, keyword)
    if made[0].ndim == 3:
        ds.PhotometricInterpretation, ds.PlanarConfiguration = "RGB", 0


def _encoded(ds: Dataset, frame: Samples, target: UID) -> bytes:
    """One frame as a lossless bit stream."""
    allocated = 8 * frame.itemsize
    stored = integer(ds, "BitsStored", allocated) or allocated
    signed = integer(ds, "PixelRepresentation", 0) == 1
    if target == RLELossless:
        # It packs bytes, whatever they mean; pydicom 3.0 would drop half of 8 bits stored in 16.
        stored, signed = allocated, False
    elif not _fills(frame, stored, signed) or integer(ds, "HighBit", stored - 1) != stored - 1:
        raise UnsupportedPixels("bits above Bits Stored are set, and would be lost")
    words = frame.view(f"i{frame.itemsize}") if signed else frame
    try:
        return get_encoder(target).encode(
            words,
            encoding_plugin=ENCODERS[target],
            rows=frame.shape[0],
            columns=frame.shape[1],
            number_of_frames=1,
            samples_per_pixel=1 if frame.ndim == 2 else frame.shape[2],
            bits_allocated=allocated,
            bits_stored=stored,
            pixel_representation=int(signed),
            photometric_interpretation="RGB" if frame.ndim == 3 else word(ds, "PhotometricInterpretation"),
            planar_configuration=0,
        )
    except Exception as error:  # encoders have no closed set of errors: openjpeg takes no side below 32 pixels
        raise UnsupportedPixels(f"the encoder does not take this picture ({type(error).__name__})") from error


def _fills(frame: Samples, stored: int, signed: bool) -> bool:
    """Whether every word is a value of `stored` bits, sign-extended where it is signed."""
    if not signed:
        return int(frame.max()) < 1 << stored
    words = frame.view(f"i{frame.itemsize}")
    return -(1 << (stored - 1)) <= int(words.min()) and int(words.max()) < 1 << (stored - 1)
