"""One film sent in many encodings gets one answer from the detector."""

from __future__ import annotations

import pytest
from pydicom.uid import (
    JPEG2000,
    DeflatedExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from model.detector import Detector
from tests.support.builders import wrap_film
from worker.pixels import film, read_film

EXACT = [
    {"photometric": "MONOCHROME1"},
    {"photometric": "MONOCHROME1", "transfer_syntax": JPEGLSLossless},
    {"sop_class": "CR", "transfer_syntax": JPEGLosslessSV1},
    {"sop_class": "SC", "transfer_syntax": RLELossless},
    {"photometric": "MONOCHROME1", "sop_class": "CR", "transfer_syntax": JPEG2000Lossless},
    {"transfer_syntax": DeflatedExplicitVRLittleEndian, "WindowCenter": None, "WindowWidth": None},
]
CLOSE = [
    {"bits_stored": 12, "photometric": "MONOCHROME1"},
    {"bits_stored": 16, "signed": True, "sop_class": "CR"},
    {"transfer_syntax": JPEGBaseline8Bit},
    {"bits_stored": 12, "transfer_syntax": JPEG2000, "photometric": "MONOCHROME1"},
]


@pytest.fixture(scope="module")
def jpeg(data_folder):
    return sorted((data_folder / "rsna" / "images").glob("*.jpg"))[5]


@pytest.fixture(scope="module")
def detector():
    return Detector.load(None, "cpu")


@pytest.fixture(scope="module")
def answer(detector, jpeg):
    return detector.detect(read_film(jpeg).image)


@pytest.mark.parametrize("film_as", EXACT, ids=str)
def test_a_lossless_8_bit_film_is_the_jpeg_it_was_made_of(jpeg, film_as):
    assert (film(wrap_film(jpeg, **film_as)).image == read_film(jpeg).image).all()


@pytest.mark.parametrize("film_as", CLOSE, ids=str)
def test_another_depth_or_a_lossy_encoding_moves_the_answer_within_the_tolerance(detector, jpeg, answer, film_as):
    found = detector.detect(film(wrap_film(jpeg, **film_as)).image)
    assert abs(found.probability - answer.probability) <= 0.01
    # a lesion near the score at which lesions are dropped may come or go; the marked ones must not
    assert [lesion.label for lesion in found.shown] == [lesion.label for lesion in answer.shown]
    for lesion, twin in zip(found.shown, answer.shown, strict=True):
        assert abs(lesion.probability - twin.probability) <= 0.01
        assert all(abs(edge - other) <= 1 for edge, other in zip(lesion.box, twin.box, strict=True))
