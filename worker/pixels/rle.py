"""RLE lossless: PS3.5 Annex G, decoded strictly.

pydicom's decoder lets a damaged segment pass with a warning about padding; here it is an error.
"""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from worker.pixels.errors import TruncatedPixels

# A segment is padded to an even length (G.3.1); encoders that align to a word are let pass.
MAX_SPARE_BYTES = 4


def decode_rle(stream: bytes, rows: int, columns: int, bytes_per_sample: int) -> NDArray[np.uint16]:
    """One frame of one sample per pixel -> [rows, columns] raw unsigned words."""
    if len(stream) < 64:
        raise TruncatedPixels("the RLE header is cut short")
    count, *offsets = struct.unpack("<16L", stream[:64])
    if count != bytes_per_sample:
        raise TruncatedPixels(f"the RLE stream has {count} segments, not {bytes_per_sample}")
    ends = [*offsets[1:count], len(stream)]
    words: NDArray[np.uint16] = np.zeros(rows * columns, np.uint16)
    for start, end in zip(offsets, ends, strict=False):  # the most significant byte comes first, G.2
        if not 64 <= start < end <= len(stream):
            raise TruncatedPixels("the RLE header points outside its stream")
        words = ((words << 8) | np.frombuffer(_unpack(stream[start:end], rows * columns), np.uint8)).astype(np.uint16)
    return words.reshape(rows, columns)


def _unpack(segment: bytes, length: int) -> bytes:
    """PackBits, G.3.2: `length` bytes, and no more than padding left over."""
    out, at = bytearray(), 0
    try:
        while len(out) < length:
            control = segment[at]
            if control < 128:
                out += segment[at + 1 : at + 2 + control]
                at += 2 + control
            else:
                if control > 128:
                    out += segment[at + 1 : at + 2] * (257 - control)
                at += 2 if control > 128 else 1
    except IndexError as error:
        raise TruncatedPixels("an RLE segment ends early") from error
    if len(out) != length or at > len(segment) or len(segment) - at > MAX_SPARE_BYTES:
        raise TruncatedPixels("an RLE segment is damaged")
    return bytes(out)
