"""A copy in another transfer syntax holds the same picture, bit for bit, and the same attributes; PS3.5 section 10."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.encaps import generate_frames
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from tests.support.builders import make_cxr
from tests.support.drawings import file_of, whole
from worker.pixels.decode import raw_values
from worker.pixels.errors import PixelsUnreadable, UnsupportedPixels
from worker.render.transcode import frames_in, transcoded

TARGETS = [ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless, JPEGLSLossless, JPEG2000Lossless]
LOSSLESS = [RLELossless, JPEGLSLossless, JPEG2000Lossless]
SOURCES = [*TARGETS, DeflatedExplicitVRLittleEndian, JPEGLosslessSV1]
DEPTHS = [(8, 8, False), (8, 16, False), (10, 16, False), (12, 16, True), (16, 16, False), (16, 16, True)]


def make_colour(frames: int = 1) -> Dataset:
    film = make_cxr(rows=36, columns=50, sop_class="SC", bits_stored=8, bits_allocated=8)
    film.SamplesPerPixel, film.PhotometricInterpretation, film.PlanarConfiguration = 3, "RGB", 0
    film.PixelData = np.random.default_rng(3).integers(0, 256, frames * 5400, dtype=np.uint8).tobytes()
    if frames > 1:
        film.NumberOfFrames = frames
    return film


def reread(ds: Dataset, syntax: str) -> Dataset:
    return dcmread(BytesIO(transcoded(whole(file_of(ds)), syntax)))


def others(ds: Dataset) -> list[object]:
    return [element for element in ds if element.keyword != "PixelData"]


@pytest.mark.parametrize("source", SOURCES, ids=lambda uid: UID(uid).name)
@pytest.mark.parametrize("target", TARGETS, ids=lambda uid: UID(uid).name)
def test_the_picture_and_every_attribute_stay(source, target):
    plain = make_cxr(rows=40, columns=50)
    copy = reread(make_cxr(rows=40, columns=50, transfer_syntax=source), target)
    assert copy.file_meta.TransferSyntaxUID == target
    assert np.array_equal(raw_values(copy), raw_values(plain))
    uids = ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
    assert [e for e in others(copy) if e.keyword not in uids] == [e for e in others(plain) if e.keyword not in uids]


@pytest.mark.parametrize("target", LOSSLESS, ids=lambda uid: UID(uid).name)
@pytest.mark.parametrize(("stored", "allocated", "signed"), DEPTHS)
def test_every_depth_and_sign_is_kept(stored, allocated, signed, target):
    plain = make_cxr(rows=41, columns=51, bits_stored=stored, bits_allocated=allocated, signed=signed)
    assert np.array_equal(reread(plain, target).pixel_array, plain.pixel_array)


@pytest.mark.parametrize("target", [ExplicitVRLittleEndian, *LOSSLESS], ids=lambda uid: UID(uid).name)
def test_colour_and_several_frames_are_kept(target):
    plain = make_colour(frames=3)
    copy = reread(plain, target)
    assert np.array_equal(copy.pixel_array, plain.pixel_array)
    if target in LOSSLESS:
        back = dcmread(BytesIO(transcoded(copy, ExplicitVRLittleEndian)))
        assert np.array_equal(back.pixel_array, plain.pixel_array)


def test_bits_above_bits_stored_are_kept_in_rle_and_refused_where_they_would_be_lost():
    film = make_cxr(rows=40, columns=50)
    overlaid = np.frombuffer(film.PixelData, "<u2") | 0x8000
    film.PixelData = overlaid.tobytes()
    assert reread(reread(film, RLELossless), ExplicitVRLittleEndian).PixelData == film.PixelData
    for target in (JPEGLSLossless, JPEG2000Lossless):
        with pytest.raises(UnsupportedPixels, match="would be lost"):
            reread(film, target)


def test_a_lossy_film_is_decoded_into_a_native_copy_that_still_says_so():
    lossy = make_cxr(rows=40, columns=50, bits_stored=8, bits_allocated=8, transfer_syntax=JPEGBaseline8Bit)
    copy = reread(lossy, ExplicitVRLittleEndian)
    assert copy.LossyImageCompression == "01"
    assert np.array_equal(copy.pixel_array, lossy.pixel_array)


def test_nothing_is_made_lossy():
    with pytest.raises(UnsupportedPixels, match="converted to transfer syntax"):
        reread(make_cxr(rows=40, columns=50, bits_stored=8, bits_allocated=8), JPEGBaseline8Bit)


def test_an_object_without_pixels_has_native_copies_only():
    film = make_cxr(rows=40, columns=50)
    del film.PixelData
    assert reread(film, ImplicitVRLittleEndian).PatientName == film.PatientName
    with pytest.raises(UnsupportedPixels):
        reread(film, RLELossless)


def test_a_truncated_stream_is_never_copied():
    film = make_cxr(rows=40, columns=50, transfer_syntax=JPEGLSLossless)
    film.PixelData = film.PixelData[:200]
    with pytest.raises(PixelsUnreadable):
        reread(film, ExplicitVRLittleEndian)


@pytest.mark.parametrize("target", [ExplicitVRLittleEndian, *LOSSLESS], ids=lambda uid: UID(uid).name)
def test_frames_are_those_of_the_whole_copy(target):
    plain = make_colour(frames=3)
    whole_copy = reread(plain, target)
    first, last = frames_in(plain, [1, 3], target)
    if target == ExplicitVRLittleEndian:
        assert first + last == plain.PixelData[:5400] + plain.PixelData[10800:]
    else:
        in_file = list(generate_frames(whole_copy.PixelData, number_of_frames=3))
        assert [first.rstrip(b"\0"), last.rstrip(b"\0")] == [in_file[n].rstrip(b"\0") for n in (0, 2)]


def test_frames_in_the_objects_own_syntax_are_given_as_they_are():
    film = make_cxr(rows=40, columns=50, transfer_syntax=JPEG2000Lossless)
    (stream,) = frames_in(film, [1], JPEG2000Lossless)
    assert stream in film.PixelData
    with pytest.raises(PixelsUnreadable, match="no frame 2"):
        frames_in(film, [2], JPEG2000Lossless)


def test_the_encoders_that_are_named_are_there():
    from worker.render.transcode import ENCODERS, get_encoder

    for syntax, plugin in ENCODERS.items():
        assert plugin in get_encoder(syntax).available_plugins
        assert get_decoder(syntax).is_available
