"""Which media type and transfer syntax a client gets: PS3.18 8.7.3, tables 8.7.3-2 to 5.

Pure. A transfer syntax that is not asked for is that of the media type's default; `*` is the one in which the object is
stored. What can be had is the stored syntax, and any that the renderers convert to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

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
    JPEGLSNearLossless,
    RLELossless,
)

from daemon.web.media_types import DICOM, MULTIPART, OCTETS, Accepted, MediaRange

AS_STORED = "*"
DEFAULT = str(ExplicitVRLittleEndian)
NATIVE = frozenset(map(str, (ExplicitVRLittleEndian, ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian)))
# What daemon/web/renderers.py makes of any object it can decode; of one without pixels, the native ones.
MADE_NATIVE = frozenset(map(str, (ExplicitVRLittleEndian, ImplicitVRLittleEndian)))
MADE = MADE_NATIVE | frozenset(map(str, (JPEGLSLossless, JPEG2000Lossless, RLELossless)))

# PS3.18 table 8.7.3-5: the media type of a compressed frame, and the transfer syntaxes it may be in, its default first.
_FRAMES: Mapping[str, tuple[str, ...]] = {
    OCTETS: (DEFAULT,),
    "image/jpeg": (str(JPEGLosslessSV1), str(JPEGBaseline8Bit), str(JPEGLossless)),
    "image/jls": (str(JPEGLSLossless), str(JPEGLSNearLossless)),
    "image/jp2": (str(JPEG2000Lossless), str(JPEG2000)),
    "image/dicom-rle": (str(RLELossless),),
}
# Names of earlier editions (PS3.18 2014, 6.5.4), which clients still send.
_EARLIER = {"image/x-jls": "image/jls", "image/x-dicom-rle": "image/dicom-rle"}
_TYPE_OF = {syntax: media for media, syntaxes in _FRAMES.items() for syntax in syntaxes}


@dataclass(frozen=True, slots=True)
class Stored:
    """What is to be represented: its transfer syntax, and whether it has pixels."""

    transfer_syntax_uid: str
    pixels: bool

    def gives(self, syntax: str) -> bool:
        """Whether it may be had in `syntax`, before anything is decoded."""
        return syntax in (AS_STORED, self.transfer_syntax_uid) or syntax in MADE

    def part_syntax(self, syntax: str) -> str:
        """The transfer syntax of its part where `syntax` was chosen: without pixels nothing is compressed."""
        if syntax == AS_STORED:
            return self.transfer_syntax_uid
        return syntax if self.pixels or syntax in MADE_NATIVE else DEFAULT


@dataclass(frozen=True, slots=True)
class Choice:
    """One representation. syntax: a UID, or AS_STORED where each part has its own."""

    media_type: str
    syntax: str
    multipart: bool


def instances(accepted: Accepted, stored: Sequence[Stored]) -> Choice | None:
    """Of DICOM instances; None: 406. One part by itself only where one instance is asked for."""
    for wanted in accepted.ranges:
        if wanted.q == 0 or not wanted.covers(MediaRange(MULTIPART if _in_parts(wanted) else DICOM, {"type": DICOM})):
            continue
        syntax = wanted.parameters.get("transfer-syntax", DEFAULT)
        multipart = _in_parts(wanted)
        if (multipart or len(stored) == 1) and all(each.gives(syntax) for each in stored):
            return Choice(DICOM, syntax, multipart)
    return None


def frames(accepted: Accepted, stored: Stored, count: int) -> Choice | None:
    """Of `count` frames of one image; None: 406."""
    kept = DEFAULT if stored.transfer_syntax_uid in NATIVE else stored.transfer_syntax_uid
    for wanted in accepted.ranges:
        multipart = _in_parts(wanted)
        if wanted.q == 0 or not (multipart or count == 1):
            continue
        for syntax in _frame_syntaxes(wanted, kept):
            if syntax == kept or syntax in MADE:
                return Choice(_TYPE_OF[syntax], syntax, multipart)
    return None


def bulk(accepted: Accepted) -> Choice | None:
    """Of other bulk data, which is as it is in Explicit VR Little Endian; None: 406."""
    best = accepted.best([f'{MULTIPART}; type="{OCTETS}"', OCTETS])
    return None if best is None else Choice(OCTETS, DEFAULT, best != OCTETS)


def _in_parts(wanted: MediaRange) -> bool:
    """*/* leaves the form open: parts, as every edition of the standard has it."""
    return wanted.multipart or wanted.type in ("*/*", "multipart/*")


def _frame_syntaxes(wanted: MediaRange, kept: str) -> Iterator[str]:
    """The transfer syntaxes that a range asks for, with the one that the image is stored in written as `kept`."""
    content = _EARLIER.get(wanted.content, wanted.content) if not wanted.type.endswith("/*") else wanted.type
    any_type = content in ("*/*", "multipart/*")
    asked = wanted.parameters.get("transfer-syntax")
    # application/octet-stream with a compressed syntax, or any: common, and what is meant is clear.
    if asked == AS_STORED and (any_type or content in (OCTETS, _TYPE_OF[kept])):
        yield kept
    elif asked in (None, AS_STORED):
        yield from _FRAMES.get(OCTETS if any_type else content, ())[:1]
        if content == _TYPE_OF[kept]:
            yield kept  # image/jpeg of what is stored lossy: its default cannot be made
        if content == "image/*":
            yield from (kept,) if _TYPE_OF[kept] != OCTETS else (str(JPEGLSLossless),)
        elif content == "application/*":
            yield DEFAULT
    elif asked in _TYPE_OF and (any_type or content in (OCTETS, _TYPE_OF[asked])):
        yield asked
