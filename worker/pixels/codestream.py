"""What a compressed stream says of itself, read from its markers before any decoder sees it.

JPEG and JPEG-LS: ISO/IEC 10918-1 Annex B, ISO/IEC 14495-1 Annex C. JPEG 2000: ISO/IEC 15444-1 Annex A.
A decoder allocates by these numbers, not by Rows and Columns: both must agree, or a small header hides a bomb.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field

from worker.pixels.errors import TruncatedPixels, UnsupportedPixels

SOF_SEQUENTIAL = frozenset({0xC0, 0xC1})  # baseline, extended: Huffman, sequential DCT
SOF_LOSSLESS = 0xC3
SOF_JPEG_LS = 0xF7
_SOF = SOF_SEQUENTIAL | {0xC2, SOF_LOSSLESS, *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0), SOF_JPEG_LS}
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a segment
_DHT, _SOS, _DRI, _EOI = 0xC4, 0xDA, 0xDD, 0xD9
_MORE_SCANS = frozenset({_DHT, _SOS, _DRI, 0xDB, 0xDC})
_SCAN_END = re.compile(rb"\xff+([\x01-\xcf\xd8-\xfe])", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Codestream:
    """Size of the picture in the stream; for JPEG also what is needed to follow its scan.

    huffman: (class, id) -> the BITS and HUFFVAL lists of DHT; scan: the entropy-coded bytes, still stuffed.
    """

    rows: int
    columns: int
    components: int
    precision: int
    process: int = 0
    restart: int = 0
    scan_tables: tuple[int, int] = (0, 0)
    scan: bytes = b""
    huffman: dict[tuple[int, int], tuple[bytes, bytes]] = field(default_factory=dict)


def read_jpeg(stream: bytes) -> Codestream:
    """A JPEG or JPEG-LS interchange stream with one scan.

    Raises TruncatedPixels when it does not reach its EOI, UnsupportedPixels when it has several scans.
    """
    if stream[:2] != b"\xff\xd8":
        raise TruncatedPixels("the JPEG stream does not begin with SOI")
    at, frame, restart = 2, None, 0
    huffman: dict[tuple[int, int], tuple[bytes, bytes]] = {}
    while True:
        marker, segment, at = _segment(stream, at)
        if marker in _SOF:
            frame = (marker, *_unpack(">BHHB", segment))
        elif marker == _DHT:
            huffman |= _huffman_tables(segment)
        elif marker == _DRI:
            restart = _unpack(">H", segment)[0]
        elif marker == _EOI:
            raise TruncatedPixels("the JPEG stream holds no scan")
        elif marker == _SOS:
            break
    if frame is None:
        raise TruncatedPixels("the JPEG stream holds no frame header")
    process, precision, rows, columns, components = frame
    tables = segment[2] if len(segment) > 2 else 0
    return Codestream(
        rows=rows,
        columns=columns,
        components=components,
        precision=precision,
        process=process,
        restart=restart,
        scan_tables=(tables >> 4, tables & 15),
        scan=_scan(stream, at, process),
        huffman=huffman,
    )


def read_j2k(stream: bytes) -> Codestream:
    """The SIZ segment of a JPEG 2000 codestream, bare or in JP2 boxes; A.5.1."""
    start = stream.find(b"\xff\x4f\xff\x51", 0, 4096)
    if start < 0:
        raise TruncatedPixels("the JPEG 2000 stream has no SIZ segment")
    _, _, x1, y1, x0, y0 = _unpack(">HHIIII", stream[start + 4 :])
    components, depth = _unpack(">HB", stream[start + 40 :])
    return Codestream(rows=y1 - y0, columns=x1 - x0, components=components, precision=(depth & 0x7F) + 1)


def _unpack(layout: str, segment: bytes) -> tuple[int, ...]:
    try:
        return struct.unpack_from(layout, segment)
    except struct.error as error:
        raise TruncatedPixels("a marker segment of the compressed stream is short") from error


def _segment(stream: bytes, at: int) -> tuple[int, bytes, int]:
    """The marker at `at`, its payload and the place after it."""
    while stream[at : at + 2] == b"\xff\xff":  # fill bytes, B.1.1.2
        at += 1
    marker = stream[at : at + 2]
    if len(marker) < 2 or marker[0] != 0xFF:
        raise TruncatedPixels("the JPEG stream breaks off between its markers")
    if marker[1] in _ALONE or marker[1] == _EOI:
        return marker[1], b"", at + 2
    length = _unpack(">H", stream[at + 2 : at + 4])[0]
    if length < 2 or at + 2 + length > len(stream):
        raise TruncatedPixels("a marker segment of the JPEG stream is short")
    return marker[1], stream[at + 4 : at + 2 + length], at + 2 + length


def _huffman_tables(segment: bytes) -> dict[tuple[int, int], tuple[bytes, bytes]]:
    tables, at = {}, 0
    while at + 17 <= len(segment):
        bits = segment[at + 1 : at + 17]
        end = at + 17 + sum(bits)
        tables[segment[at] >> 4, segment[at] & 15] = (bits, segment[at + 17 : end])
        at = end
    return tables


def _scan(stream: bytes, start: int, process: int) -> bytes:
    """The entropy-coded bytes up to EOI."""
    if process == SOF_JPEG_LS:
        # stuffed by bits (14495-1, A.1), and its decoder is strict about the end
        if b"\xff\xd9" not in stream[start:]:
            raise TruncatedPixels("the JPEG-LS stream does not reach its end (EOI)")
        return stream[start:]
    end = _SCAN_END.search(stream, start)
    if end is None:
        raise TruncatedPixels("the JPEG stream does not reach its end (EOI)")
    if end.group(1)[0] in _MORE_SCANS:
        raise UnsupportedPixels("the JPEG stream has several scans")
    if end.group(1)[0] != _EOI:
        raise TruncatedPixels("a marker stands amid the JPEG scan, which is damaged")
    return stream[start : end.start()]
