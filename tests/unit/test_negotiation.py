"""Which media type and transfer syntax a client gets: PS3.18 8.7.3."""

from __future__ import annotations

import pytest
from pydicom.uid import (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from daemon.core.storage import TRANSFER_SYNTAXES_SCP
from daemon.web.media_types import Accepted
from daemon.web.negotiation import AS_STORED, Choice, Stored, frames, instances

DICOM, OCTETS = "application/dicom", "application/octet-stream"


def instance(header: str | None, *stored: str, pixels: bool = True) -> Choice | None:
    return instances(Accepted.parse(header), [Stored(syntax, pixels) for syntax in stored])


def frame(header: str | None, stored: str, count: int = 1) -> Choice | None:
    return frames(Accepted.parse(header), Stored(stored, pixels=True), count)


@pytest.mark.parametrize("header", [None, "*/*", "multipart/related", f'multipart/related; type="{DICOM}"'])
def test_without_a_transfer_syntax_instances_come_in_explicit_vr(header: str | None) -> None:
    assert instance(header, JPEGBaseline8Bit, RLELossless) == Choice(DICOM, ExplicitVRLittleEndian, multipart=True)


def test_a_star_is_as_stored() -> None:
    header = f"multipart/related; type={DICOM}; transfer-syntax=*"
    assert instance(header, JPEGBaseline8Bit, RLELossless) == Choice(DICOM, AS_STORED, multipart=True)


def test_what_cannot_be_made_is_given_only_where_it_is_stored_so() -> None:
    header = f"multipart/related; type={DICOM}; transfer-syntax={JPEGBaseline8Bit}"
    assert instance(header, JPEGBaseline8Bit) == Choice(DICOM, JPEGBaseline8Bit, multipart=True)
    assert instance(header, JPEGBaseline8Bit, ExplicitVRLittleEndian) is None
    fallback = f"{header}, multipart/related; type={DICOM}; transfer-syntax={JPEGLSLossless}; q=0.5"
    assert instance(fallback, JPEGBaseline8Bit, ImplicitVRLittleEndian) == Choice(DICOM, JPEGLSLossless, multipart=True)


def test_one_part_by_itself_is_for_one_instance() -> None:
    assert instance(DICOM, ExplicitVRLittleEndian) == Choice(DICOM, ExplicitVRLittleEndian, multipart=False)
    assert instance(DICOM, ExplicitVRLittleEndian, ExplicitVRLittleEndian) is None


@pytest.mark.parametrize("header", ["application/dicom+json", "image/jpeg", "*/*;q=0", "nonsense"])
def test_other_types_are_not_acceptable(header: str) -> None:
    assert instance(header, ExplicitVRLittleEndian) is None


def test_an_object_without_pixels_is_never_compressed() -> None:
    assert Stored(ExplicitVRLittleEndian, pixels=False).part_syntax(JPEGLSLossless) == ExplicitVRLittleEndian
    assert Stored(ImplicitVRLittleEndian, pixels=False).part_syntax(AS_STORED) == ImplicitVRLittleEndian


@pytest.mark.parametrize(
    ("header", "stored", "expected"),
    [
        (None, JPEGLSLossless, (OCTETS, ExplicitVRLittleEndian)),
        (None, ImplicitVRLittleEndian, (OCTETS, ExplicitVRLittleEndian)),
        (f'multipart/related; type="{OCTETS}"; transfer-syntax=*', JPEGLSLossless, ("image/jls", JPEGLSLossless)),
        (
            f"multipart/related; type={OCTETS}; transfer-syntax=*",
            ImplicitVRLittleEndian,
            (OCTETS, "1.2.840.10008.1.2.1"),
        ),
        ("multipart/related; type=image/jls", ExplicitVRLittleEndian, ("image/jls", JPEGLSLossless)),
        ("multipart/related; type=image/x-jls", ExplicitVRLittleEndian, ("image/jls", JPEGLSLossless)),
        ("multipart/related; type=image/jp2", RLELossless, ("image/jp2", JPEG2000Lossless)),
        ("multipart/related; type=image/jpeg", JPEGLosslessSV1, ("image/jpeg", JPEGLosslessSV1)),
        ("multipart/related; type=image/jpeg", JPEGBaseline8Bit, ("image/jpeg", JPEGBaseline8Bit)),
        ("multipart/related; type=image/jpeg", RLELossless, None),
        (
            f"multipart/related; type=image/jpeg; transfer-syntax={JPEGBaseline8Bit}",
            JPEGBaseline8Bit,
            ("image/jpeg", JPEGBaseline8Bit),
        ),
        (
            "multipart/related; type=image/dicom-rle; transfer-syntax=*",
            JPEGLSLossless,
            ("image/dicom-rle", RLELossless),
        ),
        ('multipart/related; type="image/*"', ExplicitVRLittleEndian, ("image/jls", JPEGLSLossless)),
        (
            f"multipart/related; type={OCTETS}; transfer-syntax={JPEGLSLossless}",
            RLELossless,
            ("image/jls", JPEGLSLossless),
        ),
        ("multipart/related; type=image/jls; transfer-syntax=1.2.3", JPEGLSLossless, None),
        ("multipart/related; type=application/dicom", JPEGLSLossless, None),
    ],
)
def test_frames_come_in_the_syntax_of_their_media_type(header, stored, expected) -> None:
    choice = frame(header, stored)
    assert expected == (choice and (choice.media_type, choice.syntax))
    assert choice is None or choice.multipart


def test_one_frame_may_come_by_itself_and_several_may_not() -> None:
    assert frame("image/jls", RLELossless) == Choice("image/jls", JPEGLSLossless, multipart=False)
    assert frame(OCTETS, RLELossless, count=2) is None


def test_every_transfer_syntax_that_is_taken_is_given_back_as_stored() -> None:
    for _, syntax in ((named.name, str(named.uid)) for named in TRANSFER_SYNTAXES_SCP):
        header = f"multipart/related; type={OCTETS}; transfer-syntax=*"
        assert frame(header, syntax) is not None
        assert instance(f"multipart/related; type={DICOM}; transfer-syntax=*", syntax) is not None
