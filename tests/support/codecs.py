"""Data sets in another transfer syntax: PS3.5 section 10 and Annex A.4.

Encoders: Pillow (JPEG baseline), our own (JPEG lossless), pyjpegls, openjpeg through pylibjpeg, pydicom's own RLE.
Pixels are encoded from the native ones of the data set given.
"""

from __future__ import annotations

import copy
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import (
    JPEG2000,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from tests.support import jpeg_lossless

NATIVE = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian)
LOSSLESS = (JPEGLossless, JPEGLosslessSV1, JPEGLSLossless, JPEG2000Lossless, RLELossless)
LOSSY = (JPEGBaseline8Bit, JPEG2000)
ENCODERS = {JPEGLSLossless: "pyjpegls", JPEG2000Lossless: "pylibjpeg"}


def compress(ds: Dataset, transfer_syntax: str) -> Dataset:
    """A copy of a natively encoded data set in another transfer syntax, same SOP Instance UID."""
    ds = copy.deepcopy(ds)
    if transfer_syntax in NATIVE:
        ds.file_meta.TransferSyntaxUID = transfer_syntax
        return _reread(ds)
    if transfer_syntax in (JPEGLossless, JPEGLosslessSV1):
        _encapsulate(ds, _jpeg_lossless(ds, transfer_syntax), transfer_syntax)
    elif transfer_syntax == JPEGBaseline8Bit:
        _encapsulate(ds, _pillow_jpeg(ds), transfer_syntax)
        _mark_lossy(ds, "ISO_10918_1", native_length=ds.Rows * ds.Columns)
    elif transfer_syntax == JPEG2000:
        native_length = len(ds.PixelData)
        ds.compress(JPEG2000, j2k_cr=[8], encoding_plugin="pylibjpeg", generate_instance_uid=False)
        _mark_lossy(ds, "ISO_15444_1", native_length)
    elif transfer_syntax == RLELossless:
        # pydicom's encoder writes only half of each 8-bit sample in 16 (pydicom 3.0): it is told 16
        stored, ds.BitsStored = ds.BitsStored, ds.BitsAllocated
        ds.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
        ds.BitsStored = stored
    else:
        # GDCM's encoders abort the process on odd sizes, so the encoder is named
        ds.compress(transfer_syntax, encoding_plugin=ENCODERS[transfer_syntax], generate_instance_uid=False)
    return ds


def _reread(ds: Dataset) -> Dataset:
    """The data set as a reader of its transfer syntax gets it: a change of VR encoding is not a copy."""
    file = io.BytesIO()
    ds.save_as(file, enforce_file_format=True)
    file.seek(0)
    return dcmread(file)


def _encapsulate(ds: Dataset, stream: bytes, transfer_syntax: str) -> None:
    ds.PixelData = encapsulate([stream])
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    ds.file_meta.TransferSyntaxUID = transfer_syntax


def _mark_lossy(ds: Dataset, method: str, native_length: int) -> None:
    """PS3.3 C.7.6.1.1.5."""
    ds.LossyImageCompression = "01"
    ds.LossyImageCompressionRatio = round(native_length / len(ds.PixelData), 2)
    ds.LossyImageCompressionMethod = method


def _native(ds: Dataset) -> NDArray[np.generic]:
    kind = f"<{'i' if ds.PixelRepresentation else 'u'}{ds.BitsAllocated // 8}"
    count = ds.Rows * ds.Columns
    return np.frombuffer(ds.PixelData, kind, count).reshape(ds.Rows, ds.Columns)


def _pillow_jpeg(ds: Dataset) -> bytes:
    if ds.BitsAllocated != 8:
        raise ValueError("JPEG baseline holds 8 bits")
    stream = io.BytesIO()
    Image.fromarray(_native(ds)).save(stream, "JPEG", quality=95)
    return stream.getvalue()


def _jpeg_lossless(ds: Dataset, transfer_syntax: str) -> bytes:
    """Selection value 1 for .70, another one for .57, which allows them all; signed samples as two's complement."""
    pixels = _native(ds).astype(np.int64) & (2**ds.BitsAllocated - 1)
    precision = ds.BitsAllocated if ds.PixelRepresentation else ds.BitsStored
    return jpeg_lossless.encode(pixels, precision, predictor=1 if transfer_syntax == JPEGLosslessSV1 else 7)
