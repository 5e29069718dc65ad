"""Modality LUT, VOI, padding, polarity and unused bits."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom import Dataset

from tests.support.builders import make_cxr, make_thorax_pixels
from worker.pixels import MissingPixels, film

PICTURE = make_thorax_pixels(96, 80, seed=1)
STORED = np.rint(PICTURE * 4095).astype(np.int64)


def image_of(**film_as) -> np.ndarray:
    return film(make_cxr(pixels=PICTURE, **film_as)).image


def notes_of(**film_as) -> str:
    return " | ".join(film(make_cxr(pixels=PICTURE, **film_as)).notes)


def table(entries: np.ndarray, first: int = 0, bits: int = 16) -> list[Dataset]:
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [len(entries) & 0xFFFF, first & 0xFFFF, bits])
    item.ModalityLUTType = "US"
    item.add_new("LUTData", "OW", np.asarray(entries, dtype="<u2").tobytes())
    return [item]


def test_rescale_slope_and_intercept_come_before_the_window():
    rescaled = image_of(RescaleSlope=2, RescaleIntercept=-1000, WindowCenter=3095.5, WindowWidth=8191)
    assert np.allclose(rescaled, image_of(), atol=1e-4)


def test_a_negative_slope_turns_the_picture_over():
    turned = image_of(RescaleSlope=-1, RescaleIntercept=4095)
    assert np.allclose(turned, 1 - image_of(), atol=1e-6)


def test_a_slope_of_zero_is_ignored_and_noted():
    assert np.array_equal(image_of(RescaleSlope=0), image_of())
    assert "Rescale Slope" in notes_of(RescaleSlope=0)


def test_a_modality_lut_comes_before_the_window():
    curve = np.rint(np.sqrt(np.arange(4096) / 4095) * 4095)
    assert np.allclose(image_of(ModalityLUTSequence=table(curve)), np.sqrt(STORED / 4095), atol=2e-3)


def test_a_modality_lut_holds_its_ends_outside_its_range():
    short = table(np.arange(1000, 3000), first=1000)
    expected = (np.clip(STORED, 1000, 2999) - 1000) / 1999
    image = image_of(ModalityLUTSequence=short, WindowCenter=None, WindowWidth=None)
    assert np.allclose(image, expected, atol=1e-3)


def test_a_broken_modality_lut_is_ignored_and_noted():
    broken = table(np.arange(4096))
    broken[0].LUTData = broken[0].LUTData[:100]
    assert np.array_equal(image_of(ModalityLUTSequence=broken), image_of())
    assert "Modality LUT" in notes_of(ModalityLUTSequence=broken)


def test_a_voi_lut_is_preferred_to_the_window():
    curve = np.rint((np.arange(4096) / 4095) ** 2 * 1023)
    image = image_of(VOILUTSequence=table(curve, bits=10))
    assert np.allclose(image, (STORED / 4095) ** 2, atol=2e-3)


def test_a_voi_lut_of_fewer_used_bits_than_it_promises_fills_the_range():
    image = image_of(VOILUTSequence=table(np.arange(4096), bits=16))
    assert image.max() > 0.99


def test_a_voi_lut_of_negative_inputs_is_read_in_its_own_sign():
    curve = table(np.arange(4096), first=-2048)
    image = image_of(RescaleIntercept=-2048, VOILUTSequence=curve)
    assert np.allclose(image, STORED / 4095, atol=1e-3)


def test_eight_bit_lut_entries_packed_in_words_are_read():
    item = table(np.arange(4096) >> 4, bits=8)
    item[0].LUTData = (np.arange(4096) >> 4).astype("u1").tobytes()
    assert np.allclose(image_of(VOILUTSequence=item), STORED / 4095, atol=0.005)


def test_a_broken_voi_lut_gives_way_to_the_window():
    broken = table(np.zeros(4096))
    assert np.array_equal(image_of(VOILUTSequence=broken), image_of())
    assert "VOI LUT is broken" in notes_of(VOILUTSequence=broken)


def test_a_window_is_applied_as_the_standard_writes_it():
    image = image_of(WindowCenter=2000, WindowWidth=3001)
    assert np.allclose(image, np.clip((STORED - 1999.5) / 3000 + 0.5, 0, 1), atol=1e-6)


def test_linear_exact_and_sigmoid_follow_their_formulas():
    exact = image_of(WindowCenter=2000, WindowWidth=3000, VOILUTFunction="LINEAR_EXACT")
    assert np.allclose(exact, np.clip((STORED - 2000) / 3000 + 0.5, 0, 1), atol=1e-6)
    sigmoid = image_of(WindowCenter=2000, WindowWidth=3000, VOILUTFunction="SIGMOID")
    assert np.allclose(sigmoid, 1 / (1 + np.exp(-4 * (STORED - 2000) / 3000)), atol=1e-6)


@pytest.mark.parametrize(
    "window", [(2048, 0), (2048, 1), (-5000, 100), (60000, 4096), (2048, 10), (300, 200), (2048, 900000), (2048, -4096)]
)
def test_a_window_that_hides_the_film_is_not_applied_and_noted(window):
    how = {"WindowCenter": window[0], "WindowWidth": window[1]}
    image = image_of(**how)
    assert "not applied" in notes_of(**how)
    assert np.corrcoef(image.ravel(), PICTURE.ravel())[0, 1] > 0.999
    assert image.max() - image.min() > 0.9


def test_the_first_usable_of_several_windows_is_applied():
    both = image_of(WindowCenter=[60000, 2000], WindowWidth=[1, 3001])
    assert np.array_equal(both, image_of(WindowCenter=2000, WindowWidth=3001))


def test_without_a_window_the_range_of_the_depth_is_used():
    assert np.allclose(image_of(WindowCenter=None, WindowWidth=None), STORED / 4095, atol=1e-6)


def test_twelve_bits_sent_as_sixteen_without_a_window_fill_the_range():
    ds = make_cxr(pixels=STORED, bits_stored=16, WindowCenter=None, WindowWidth=None)
    assert film(ds).image.max() == 1.0
    assert np.corrcoef(film(ds).image.ravel(), PICTURE.ravel())[0, 1] > 0.999


def test_a_black_border_does_not_count_as_what_a_window_hides():
    framed = np.zeros((200, 200))
    framed[50:150, 60:140] = 0.3 + 0.6 * make_thorax_pixels(100, 80, seed=1)
    ds = make_cxr(pixels=framed, WindowCenter=0.6 * 4095, WindowWidth=0.7 * 4095)
    assert film(ds).notes == ()


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_becomes_air_and_leaves_the_film_as_it_was(photometric):
    padded = make_cxr(pixels=PICTURE, photometric=photometric, PixelPaddingValue=4095, PixelPaddingRangeLimit=4000)
    stored = np.frombuffer(padded.PixelData, "<u2").reshape(PICTURE.shape).copy()
    stored[:10] = 4050
    padded.PixelData = stored.tobytes()
    image, plain = film(padded).image, image_of(photometric=photometric)
    kept = stored < 4000
    assert not image[:10].any()
    assert np.array_equal(image[kept], plain[kept])


def test_padding_of_a_signed_film_written_unsigned_is_understood():
    signed = np.rint(PICTURE * 4000).astype(np.int64) - 2000
    signed[:5] = -2048
    ds = make_cxr(pixels=signed, signed=True, sop_class="CR", PixelPaddingValue=0xF800)
    assert not film(ds).image[:5].any()


def test_padding_that_would_cover_everything_is_ignored():
    assert np.array_equal(image_of(PixelPaddingValue=0, PixelPaddingRangeLimit=4095), image_of())


@pytest.mark.parametrize(("photometric", "shape"), [("MONOCHROME1", "IDENTITY"), ("MONOCHROME2", "INVERSE")])
def test_the_photometric_interpretation_wins_over_a_contradicting_shape(photometric, shape):
    assert np.array_equal(image_of(photometric=photometric, PresentationLUTShape=shape), image_of())
    assert f"{shape} contradicts {photometric}" in notes_of(photometric=photometric, PresentationLUTShape=shape)


def test_a_consistent_header_leaves_no_note():
    assert notes_of() == notes_of(photometric="MONOCHROME1") == ""


@pytest.mark.parametrize("signed", [False, True])
def test_overlays_and_rubbish_in_the_unused_bits_are_masked(signed):
    ds = make_cxr(pixels=PICTURE, signed=signed, sop_class="CR")
    clean = film(ds)
    dirty = np.frombuffer(ds.PixelData, "<u2").copy()
    dirty[::3] ^= 0xA000
    ds.PixelData = dirty.tobytes()
    assert np.array_equal(film(ds).image, clean.image)
    assert film(ds).notes == ("bits above Bits Stored were set; ignored",)


def test_pixels_in_the_high_bits_are_found_by_high_bit():
    ds = make_cxr(pixels=STORED << 4, bits_stored=16)
    ds.BitsStored, ds.HighBit, ds.WindowCenter, ds.WindowWidth = 12, 15, 2048, 4096
    assert np.array_equal(film(ds).image, image_of())


def test_an_overlay_plane_of_its_own_is_ignored():
    overlay = {"OverlayRows": 96, "OverlayColumns": 80, "OverlayType": "G", "OverlayBitsAllocated": 1}
    ds = make_cxr(pixels=PICTURE)
    for offset, (vr, value) in enumerate([("US", 96), ("US", 80)]):
        ds.add_new(0x60000010 + offset, vr, value)
    ds.add_new(0x60003000, "OW", b"\xff" * (96 * 80 // 8))
    assert overlay and np.array_equal(film(ds).image, image_of())


def test_a_film_of_one_grey_is_no_film():
    with pytest.raises(MissingPixels, match="same value"):
        film(make_cxr(pixels=np.full((64, 64), 700)))


@pytest.mark.parametrize(
    "bad", ["WindowCenter", "WindowWidth", "RescaleSlope", "RescaleIntercept", "PixelPaddingValue"]
)
def test_an_empty_attribute_is_an_absent_one(bad):
    assert np.isfinite(image_of(**{bad: ""})).all()
