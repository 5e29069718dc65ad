"""A truncated or damaged stream is an error, never a film: PixelsUnreadable and nothing else."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from pydicom.encaps import encapsulate, get_frame
from pydicom.uid import (
    JPEG2000,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from tests.support import jpeg_lossless
from tests.support.builders import make_cxr, make_thorax_pixels, write
from tests.support.codecs import NATIVE
from worker.pixels import MissingPixels, PixelsUnreadable, TruncatedPixels, UnsupportedPixels, film
from worker.pixels.codestream import read_jpeg
from worker.pixels.entropy import check_scan

JPEGS = [JPEGBaseline8Bit, JPEGLossless, JPEGLosslessSV1, JPEGLSLossless]
COMPRESSED = [*JPEGS, JPEG2000, JPEG2000Lossless, RLELossless]
PICTURE = make_thorax_pixels(96, 80, seed=1)


def compressed(transfer_syntax):
    bits = 8 if transfer_syntax == JPEGBaseline8Bit else 12
    return make_cxr(
        pixels=PICTURE, bits_stored=bits, bits_allocated=8 if bits == 8 else 16, transfer_syntax=transfer_syntax
    )


def stream_of(ds) -> bytes:
    return get_frame(ds.PixelData, 0, number_of_frames=1).rstrip(b"\0")


def with_stream(ds, stream: bytes):
    ds.PixelData = encapsulate([stream])
    return ds


def test_an_rle_segment_with_more_in_it_than_its_picture_is_damage():
    ds = compressed(RLELossless)
    with pytest.raises(TruncatedPixels, match="segment is damaged"):
        film(with_stream(ds, stream_of(ds) + b"\x01\x02\x03\x04\x05\x06\x07\x08"))


def test_missing_pixel_data_is_missing():
    with pytest.raises(MissingPixels, match="no Pixel Data"):
        film(make_cxr(pixels=PICTURE, PixelData=None))


@pytest.mark.parametrize("transfer_syntax", NATIVE, ids=lambda syntax: syntax.name)
@pytest.mark.parametrize("lost", [2, 100, 5000])
def test_native_pixels_that_are_too_short_are_truncated(tmp_path, transfer_syntax, lost):
    ds = make_cxr(pixels=PICTURE, transfer_syntax=transfer_syntax)
    ds.PixelData = ds.PixelData[:-lost]
    with pytest.raises(TruncatedPixels, match="bytes of"):
        film(write(ds, tmp_path / "film.dcm"))


@pytest.mark.parametrize("transfer_syntax", COMPRESSED, ids=lambda syntax: syntax.name)
@pytest.mark.parametrize("kept", [0.02, 0.3, 0.5, 0.9, -20, -3])
def test_a_compressed_stream_cut_anywhere_is_truncated(transfer_syntax, kept):
    ds = compressed(transfer_syntax)
    stream = stream_of(ds)
    ds = with_stream(ds, stream[: int(len(stream) * kept) if kept > 0 else int(kept)])
    with pytest.raises(TruncatedPixels):
        film(ds)


@pytest.mark.parametrize("transfer_syntax", JPEGS, ids=lambda syntax: syntax.name)
@pytest.mark.parametrize("kept", [0.4, 0.7, 0.9, 0.98])
def test_a_jpeg_cut_and_closed_with_an_end_marker_is_truncated(transfer_syntax, kept):
    ds = compressed(transfer_syntax)
    stream = stream_of(ds)
    cut = stream[: int(len(stream) * kept)].rstrip(b"\xff") + b"\xff\xd9"
    with pytest.raises(TruncatedPixels):
        film(with_stream(ds, cut))


@pytest.mark.parametrize("transfer_syntax", [*JPEGS, RLELossless], ids=lambda syntax: syntax.name)
def test_a_hole_of_zeros_in_the_stream_is_damage(transfer_syntax):
    ds = compressed(transfer_syntax)
    stream = bytearray(stream_of(ds))
    at = len(stream) // 2
    stream[at : at + 200] = bytes(200)
    with pytest.raises(TruncatedPixels):
        film(with_stream(ds, bytes(stream)))


@pytest.mark.parametrize("transfer_syntax", [*NATIVE, *COMPRESSED], ids=lambda syntax: syntax.name)
@pytest.mark.parametrize("kept", [0.75, 0.9, -12])  # the last 8 bytes of an encapsulated file are the delimiter's own
def test_a_file_that_breaks_off_is_never_a_film(tmp_path, transfer_syntax, kept):
    ds = compressed(transfer_syntax) if transfer_syntax in COMPRESSED else make_cxr(pixels=PICTURE)
    ds.file_meta.TransferSyntaxUID = transfer_syntax
    path = write(ds, tmp_path / "film.dcm")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * kept) if kept > 0 else kept])
    with pytest.raises(TruncatedPixels):
        film(path)


@pytest.mark.parametrize("transfer_syntax", [*JPEGS, JPEG2000Lossless], ids=lambda syntax: syntax.name)
@pytest.mark.parametrize("size", [(96, 81), (48, 80), (60000, 60000)])
def test_a_stream_of_another_size_than_the_header_is_refused_before_decoding(transfer_syntax, size):
    ds = compressed(transfer_syntax)
    old, new = struct.pack(">HH", 96, 80), struct.pack(">HH", *size)
    if transfer_syntax == JPEG2000Lossless:
        old, new = struct.pack(">II", 80, 96), struct.pack(">II", *size[::-1])
    stream = stream_of(ds)
    assert old in stream
    with pytest.raises(TruncatedPixels, match=f"{size[0]} x {size[1]}, not 96 x 80"):
        film(with_stream(ds, stream.replace(old, new, 1)))


@pytest.mark.parametrize(
    "attributes",
    [
        {"Rows": 60000, "Columns": 60000},
        {"SamplesPerPixel": 3},
        {"PhotometricInterpretation": "RGB"},
        {"NumberOfFrames": 2},
        {"BitsAllocated": 32, "BitsStored": 32},
        {"BitsAllocated": 12},
        {"BitsStored": 20},
    ],
)
def test_what_is_no_grey_single_frame_of_sane_size_is_unsupported(attributes):
    with pytest.raises(UnsupportedPixels):
        film(make_cxr(pixels=PICTURE, **attributes))


def test_an_unknown_transfer_syntax_is_unsupported():
    ds = make_cxr(pixels=PICTURE)
    ds.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.100"
    with pytest.raises(UnsupportedPixels, match="transfer syntax"):
        film(ds)


def test_a_file_that_is_no_dicom_is_unsupported(tmp_path):
    (tmp_path / "film.dcm").write_bytes(b"hello" * 100)
    with pytest.raises(UnsupportedPixels, match="not a DICOM file"):
        film(tmp_path / "film.dcm")


def test_a_deflate_bomb_is_refused_before_it_is_inflated(tmp_path):
    path = write(make_cxr(pixels=PICTURE, transfer_syntax=DeflatedExplicitVRLittleEndian), tmp_path / "film.dcm")
    meta_end = 132 + 12 + struct.unpack("<L", path.read_bytes()[140:144])[0]
    squeeze = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
    bomb = b"".join(squeeze.compress(bytes(1 << 20)) for _ in range(270)) + squeeze.flush()
    path.write_bytes(path.read_bytes()[:meta_end] + bomb)
    with pytest.raises(UnsupportedPixels, match="larger than any film"):
        film(path)


@pytest.mark.parametrize("predictor", [1, 2, 4, 6, 7])
@pytest.mark.parametrize("precision", [8, 12, 16])
def test_every_whole_lossless_scan_is_followed_to_its_end(predictor, precision):
    noise = np.random.default_rng(precision).integers(0, 2**precision, (37, 41))
    check_scan(read_jpeg(jpeg_lossless.encode(noise, precision, predictor)))


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 70), st.integers(1, 70), st.integers(1, 100), st.booleans(), st.integers(0, 2**32 - 1))
def test_every_whole_baseline_scan_is_followed_to_its_end(rows, columns, quality, optimize, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (rows, columns), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=quality, optimize=optimize, restart_marker_blocks=seed % 4)
    check_scan(read_jpeg(stream.getvalue()))


@pytest.fixture(scope="module")
def whole_files(tmp_path_factory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("whole")
    files = {}
    for transfer_syntax in (ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, *COMPRESSED):
        ds = compressed(transfer_syntax) if transfer_syntax in COMPRESSED else make_cxr(pixels=PICTURE)
        ds.file_meta.TransferSyntaxUID = transfer_syntax
        files[transfer_syntax.name] = write(ds, folder / "film.dcm").read_bytes()
    return files


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_randomly_corrupted_file_gives_a_finite_film_or_pixels_unreadable(whole_files, tmp_path, data):
    file = bytearray(whole_files[data.draw(st.sampled_from(sorted(whole_files)))])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(128, len(file) - 1))
        junk = data.draw(st.binary(min_size=1, max_size=16))
        file[at : at + len(junk)] = junk
    path = Path(tmp_path / "film.dcm")
    path.write_bytes(file[: data.draw(st.integers(len(file) // 2, len(file)))])
    try:
        image = film(path).image
    except PixelsUnreadable as error:
        assert error.reason
    else:
        assert image.dtype == np.float32
        assert image.ndim == 2
        assert np.isfinite(image).all()
