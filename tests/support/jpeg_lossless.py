"""A lossless JPEG encoder (Process 14, any predictor): ISO/IEC 10918-1 Annex H, PS3.5 section 10.2.

No Python library encodes it: GDCM does, but its encoder aborts the interpreter on odd sizes.
"""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

CATEGORIES = 17  # SSSS 0..16, table H.2
CODE_BITS = 5  # every category has a code of 5 bits: not the shortest stream, but a plain one


def encode(samples: NDArray[np.integer], precision: int, predictor: int = 1) -> bytes:
    """[H, W] samples in 0..2**precision - 1 -> one JPEG lossless stream; predictor 1 is selection value 1 (.70)."""
    rows, columns = samples.shape
    table = bytes([0, 0, 0, 0, CATEGORIES]) + bytes(11) + bytes(range(CATEGORIES))
    return b"".join(
        [
            b"\xff\xd8",
            b"\xff\xc3" + struct.pack(">HBHHB", 11, precision, rows, columns, 1) + b"\x01\x11\x00",
            b"\xff\xc4" + struct.pack(">HB", 3 + len(table), 0) + table,
            b"\xff\xda" + struct.pack(">HB", 8, 1) + b"\x01\x00" + bytes([predictor, 0, 0]),
            _scan(_differences(samples.astype(np.int64), precision, predictor)),
            b"\xff\xd9",
        ]
    )


def _differences(x: NDArray[np.int64], precision: int, predictor: int) -> NDArray[np.int64]:
    """Table H.1 and H.1.2.1: prediction differences modulo 2**16, in -32767..32768."""
    left, above, corner = np.roll(x, 1, 1), np.roll(x, 1, 0), np.roll(x, (1, 1), (0, 1))
    predicted = {
        1: left,
        2: above,
        4: left + above - corner,
        6: above + ((left - corner) >> 1),
        7: (left + above) >> 1,
    }[predictor].copy()
    predicted[:, 0] = above[:, 0]
    predicted[0, :] = left[0, :]
    predicted[0, 0] = 1 << (precision - 1)
    difference = (x - predicted) & 0xFFFF
    return np.where(difference > 0x8000, difference - 0x10000, difference)


def _scan(differences: NDArray[np.int64]) -> bytes:
    """Entropy-coded segment: category code, then the category's additional bits (table H.2, F.1.2.1.1)."""
    flat = differences.ravel()
    category = np.ceil(np.log2(np.abs(flat) + 1)).astype(np.int64)
    extra_bits = np.where(category == 16, 0, category)
    extra = np.where(flat < 0, flat + (1 << category) - 1, flat)
    length = CODE_BITS + extra_bits
    word = (category << extra_bits) | np.where(extra_bits > 0, extra, 0)
    at = np.arange(CODE_BITS + 15)
    shift = length[:, None] - 1 - at
    bits = (word[:, None] >> np.maximum(shift, 0)) & 1
    packed = bits[shift >= 0].astype(np.uint8)
    ones = np.ones(-len(packed) % 8, np.uint8)
    return np.packbits(np.concatenate([packed, ones])).tobytes().replace(b"\xff", b"\xff\x00")
