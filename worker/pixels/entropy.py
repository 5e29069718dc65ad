"""Whether a JPEG scan holds its whole picture: follows every Huffman code, without computing a pixel.

ISO/IEC 10918-1 F.2.2 (sequential DCT) and H.2 (lossless). libjpeg answers a stream that was cut and closed with EOI,
or damaged in the middle, with grey and a warning that Pillow and GDCM do not pass on; a grey half must not be read
as a healthy lung. So the codes are counted here: blocks or samples must come out even with the bits.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from typing import cast

import numpy as np

from worker.pixels.codestream import SOF_LOSSLESS, SOF_SEQUENTIAL, Codestream
from worker.pixels.errors import TruncatedPixels, UnsupportedPixels

# An interval is filled up with 1-bits to a byte (F.1.2.3); encoders that align to a word are let pass.
MAX_SPARE_BITS = 32
_RESTART = re.compile(rb"\xff[\xd0-\xd7]")
_PAD = 4  # bytes of zeros behind the data, so that a code can be looked up at its very end
_DAMAGED = "the JPEG scan is cut short or damaged"
_END_OF_BLOCK = 1024  # "coefficients passed" by EOB: more than any run
_LOOK = 16  # bits looked at once, the longest code


def check_scan(stream: Codestream) -> None:
    """Raises TruncatedPixels unless the scan decodes to exactly the samples that the frame header promises."""
    if stream.process in SOF_SEQUENTIAL:
        units = -(-stream.rows // 8) * -(-stream.columns // 8)
        dc = _lookup(stream, (0, stream.scan_tables[0]), _dc_step)
        ac = _lookup(stream, (1, stream.scan_tables[1]), _ac_step)
    elif stream.process == SOF_LOSSLESS:
        units = stream.rows * stream.columns
        dc = _lookup(stream, (0, stream.scan_tables[0]), _lossless_step)
        many = _several(dc)
    else:
        raise UnsupportedPixels(f"JPEG process SOF{stream.process & 15} is not one of the transfer syntax")
    cuts = [0, *(match.end() for match in _RESTART.finditer(stream.scan)), len(stream.scan) + 2]
    intervals = [stream.scan[start : end - 2] for start, end in pairwise(cuts)]
    each = stream.restart or units
    if len(intervals) != -(-units // each):
        raise TruncatedPixels("the JPEG scan lacks restart intervals")
    for number, interval in enumerate(intervals):
        count = min(each, units - number * each)
        words, bits = _words(interval.replace(b"\xff\x00", b"\xff"))
        try:
            used = (
                _follow_lossless(words, dc, many, count)
                if stream.process == SOF_LOSSLESS
                else _follow_blocks(words, dc, ac, count)
            )
        except IndexError as error:
            raise TruncatedPixels(_DAMAGED) from error
        if not 0 <= bits - used <= MAX_SPARE_BITS:
            raise TruncatedPixels(_DAMAGED)


def _words(data: bytes) -> tuple[list[int], int]:
    """The 24 bits that begin at each byte, and the number of bits there are."""
    octets = np.frombuffer(data + bytes(_PAD), np.uint8).astype(np.int32)
    return ((octets[:-2] << 16) | (octets[1:-1] << 8) | octets[2:]).tolist(), 8 * len(data)


def _lossless_step(length: int, category: int) -> int:
    return length + (category if category < 16 else 0) if category <= 16 else 0  # H.1.2.2


def _dc_step(length: int, category: int) -> int:
    return length + category if category <= 15 else 0


def _ac_step(length: int, symbol: int) -> int:
    """Bits in the low five, coefficients passed above them; F.2.2.2. End of block passes all of them."""
    run, size = symbol >> 4, symbol & 15
    if size == 0 and run not in (0, 15):
        return 0
    return (length + size) | ((_END_OF_BLOCK if symbol == 0 else run + 1) << 5)


def _lookup(stream: Codestream, table: tuple[int, int], step: Callable[[int, int], int]) -> list[int]:
    """For every 16 bits: the step of the code they begin with; 0 where they begin with none. Annex C."""
    if table not in stream.huffman:
        raise TruncatedPixels("the JPEG stream lacks a Huffman table")
    bits, symbols = stream.huffman[table]
    steps = np.zeros(1 << _LOOK, np.int64)
    code = taken = 0
    for length, count in enumerate(bits, start=1):
        for symbol in symbols[taken : taken + count]:
            shift = _LOOK - length
            steps[code << shift : (code + 1) << shift] = step(length, symbol)
            code += 1
        taken += count
        code <<= 1
    return steps.tolist()


def _several(single: list[int]) -> list[int]:
    """For every 16 bits: bits of all codes that lie whole within them (low five), and how many codes (above)."""
    step = np.array(single)
    bits, codes = np.where(step > 0, step, 0), (step > 0).astype(np.int64)
    for _ in range(_LOOK):
        rest = (np.arange(1 << _LOOK) << np.minimum(bits, _LOOK)) & 0xFFFF
        following = step[rest]
        fits = (bits > 0) & (following > 0) & (bits + following <= _LOOK)
        bits, codes = bits + np.where(fits, following, 0), codes + fits
        if not fits.any():
            break
    return cast(list[int], (bits | (codes << 5)).tolist())


def _follow_lossless(words: list[int], single: list[int], many: list[int], count: int) -> int:
    """Bits that `count` samples take."""
    at = done = 0
    while done < count - _LOOK:
        step = many[(words[at >> 3] >> (8 - (at & 7))) & 0xFFFF]
        if not step:
            raise TruncatedPixels(_DAMAGED)
        at += step & 31
        done += step >> 5
    while done < count:
        step = single[(words[at >> 3] >> (8 - (at & 7))) & 0xFFFF]
        if not step:
            raise TruncatedPixels(_DAMAGED)
        at += step
        done += 1
    return at


def _follow_blocks(words: list[int], dc: list[int], ac: list[int], count: int) -> int:
    """Bits that `count` blocks of 8 x 8 take."""
    at = 0
    for _ in range(count):
        step = dc[(words[at >> 3] >> (8 - (at & 7))) & 0xFFFF]
        if not step:
            raise TruncatedPixels(_DAMAGED)
        at += step
        passed = 1
        while passed < 64:
            step = ac[(words[at >> 3] >> (8 - (at & 7))) & 0xFFFF]
            if not step:
                raise TruncatedPixels(_DAMAGED)
            at += step & 31
            passed += step >> 5
        if 64 < passed < _END_OF_BLOCK:  # a run past coefficient 63 can only come of damage
            raise TruncatedPixels(_DAMAGED)
    return at
