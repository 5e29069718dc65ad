"""Reading a received Part 10 file (PS3.10 section 7) up to, never into, its pixels.

Large values are read last and only as far as MAX_PARSED bytes in all reach, and a deflated data set (PS3.5 A.5) is
inflated only as far as a header can reach, so a hostile file costs a bounded amount of memory and time. What does not
fit is left out of the header: a value is there as it came or not at all, never to be read from the file later.
"""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import IO, BinaryIO, cast

from pydicom import Dataset, dcmread
from pydicom.dataelem import RawDataElement
from pydicom.dataset import FileMetaDataset
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag
from pydicom.uid import DeflatedExplicitVRLittleEndian

from daemon.core import character_sets  # noqa: F401  its import is its effect
from daemon.core.errors import UnreadableDataSet

MAX_INFLATED_HEADER = 16 * 1024 * 1024
MAX_INFLATED_RESULT = 256 * 1024 * 1024  # a Secondary Capture of the largest of films
MAX_PARSED = 4 * 1024 * 1024  # of elements; large values that are left out do not count
_MAX_META = 1024 * 1024
_DEFER_ABOVE = 256 * 1024  # read after all others, for as long as MAX_PARSED lasts
_PART = 1024 * 1024
_LEAST_READ = 64  # bytes that a read counts for at least; an element takes two or three
_PIXELS = 0x7FE00008  # Float Pixel Data, the first of the pixel elements


def read_header(file: IO[bytes]) -> Dataset:
    """The data set without its pixels, `file_meta` kept.

    Raises UnreadableDataSet when the bytes are no data set or lack one of the four UIDs that identify an instance.
    """
    try:
        meta = _read_meta(file)
        if meta.TransferSyntaxUID == DeflatedExplicitVRLittleEndian:
            ds = _read_deflated(file)
            ds.file_meta = meta
        else:
            file.seek(0)
            metered = _Metered(file)
            ds = dcmread(cast(BinaryIO, metered), stop_before_pixels=True, defer_size=_DEFER_ABOVE)
            _read_deferred(ds, metered)
        uids = [ds.SOPClassUID, ds.SOPInstanceUID, ds.StudyInstanceUID, ds.SeriesInstanceUID]
    except UnreadableDataSet:
        raise
    except AttributeError as error:
        raise UnreadableDataSet("the data set lacks SOP Class, SOP Instance, Study or Series Instance UID") from error
    except Exception as error:
        # pydicom has no closed set of errors for broken bytes; all of them mean the same to a sender.
        raise UnreadableDataSet(f"the data set does not parse ({type(error).__name__})") from error
    if not all(uids):
        raise UnreadableDataSet("SOP Class, SOP Instance, Study or Series Instance UID is empty")
    return ds


def read_meta(file: IO[bytes]) -> FileMetaDataset:
    """The file meta information of a PS3.10 file. Raises UnreadableDataSet where there is none."""
    try:
        meta = _read_meta(file)
        for tag in list(meta.keys()):
            meta[tag]  # pydicom reads a value when it is asked for, and may not be able to
        return meta
    except UnreadableDataSet:
        raise
    except Exception as error:  # as in read_header
        raise UnreadableDataSet("no file meta information") from error


def inflates_beyond(file: IO[bytes], limit: int) -> bool:
    """Whether a deflated data set is longer than `limit` bytes, found without holding more than a part of it.

    Leaves `file` anywhere. Raises UnreadableDataSet without file meta information.
    """
    if _read_meta(file).TransferSyntaxUID != DeflatedExplicitVRLittleEndian:
        return False
    unpacker, pending, length = zlib.decompressobj(-zlib.MAX_WBITS), b"", 0
    while not unpacker.eof and (pending := pending or file.read(_PART)):
        length += len(unpacker.decompress(pending, _PART))
        pending = unpacker.unconsumed_tail
        if length > limit:
            return True
    return False


def _read_meta(file: IO[bytes]) -> FileMetaDataset:
    """The file meta information; leaves `file` at the first byte after it."""
    start = file.read(144)  # preamble, "DICM", (0002,0000) UL with its 4-byte value
    group_length = struct.unpack("<L", start[140:144])[0]
    if start[128:136] != b"DICM\x02\x00\x00\x00" or group_length > _MAX_META:
        raise UnreadableDataSet("no file meta information")
    return dcmread(BytesIO(start + file.read(group_length))).file_meta


def _read_deferred(ds: Dataset, file: _Metered) -> None:
    """Read the large values that pydicom left on disk; private ones, and those without room, leave the header."""
    for tag in sorted(ds.keys()):
        element = ds.get_item(tag, keep_deferred=True)
        if not isinstance(element, RawDataElement) or element.value is not None or not element.length:
            continue
        if tag.is_private or element.length > file.left:
            del ds[tag]
            continue
        file.seek(element.value_tell)
        ds[tag] = element._replace(value=file.read(element.length))


def _read_deflated(file: IO[bytes]) -> Dataset:
    inflated = zlib.decompressobj(-zlib.MAX_WBITS).decompress(file.read(), MAX_INFLATED_HEADER)

    def at_pixels(tag: BaseTag, _vr: str | None, _length: int) -> bool:
        return tag >= _PIXELS

    return read_dataset(cast(BinaryIO, _Metered(BytesIO(inflated))), False, True, stop_when=at_pixels)


class _Metered:
    """A file that ends the reading after MAX_PARSED bytes, or as many small reads as would cost as much.

    Half a million empty elements are 4 MB of file, 150 MB of memory and seconds of a processor.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self.left = file, MAX_PARSED
        self.seek, self.tell = file.seek, file.tell

    def read(self, size: int = -1) -> bytes:
        """As of a file. Raises UnreadableDataSet past the limit."""
        content = self._file.read(size)
        self.left -= max(len(content), _LEAST_READ)
        if self.left < 0:
            raise UnreadableDataSet("the header is longer than any radiograph's")
        return content
