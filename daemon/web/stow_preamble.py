"""Parts that begin with their file meta information, as dicomweb-client sends data sets that were made in memory.

PS3.10 7.1 wants a preamble, the prefix DICM and the group's length before it. They say nothing of the instance, so what
is missing is put there, and the archive holds whole files.
"""

from __future__ import annotations

import shutil
import struct
from pathlib import Path
from typing import IO

_GROUP = b"\x02\x00"  # of the file meta information, Explicit VR Little Endian
_LENGTH = b"\x02\x00\x00\x00UL\x04\x00"  # File Meta Information Group Length (0002,0000)
_LONG = (b"OB", b"OW", b"UN", b"UT", b"SQ")  # VRs with a length of four bytes (PS3.5 7.1.2)
_MOST = 65_536  # bytes; longer ones are none


def complete(path: Path) -> None:
    """Puts preamble, prefix and group length before a file that begins without them; any other stays as it is."""
    with path.open("rb") as file:
        if file.read(2) != _GROUP:
            return
        file.seek(0)
        has_length = file.read(len(_LENGTH)) == _LENGTH
        file.seek(0)
        length = None if has_length else _group_length(file)
        if length is None and not has_length:
            return
        file.seek(0)
        whole = path.with_name(f"{path.name}-whole")
        try:
            with whole.open("xb") as target:
                target.write(bytes(128) + b"DICM")
                if length is not None:
                    target.write(_LENGTH + struct.pack("<L", length))
                shutil.copyfileobj(file, target, 1 << 20)
            whole.replace(path)
        finally:
            whole.unlink(missing_ok=True)


def _group_length(file: IO[bytes]) -> int | None:
    """Bytes of the elements of group 0002; None where they are none, or without an end."""
    while file.tell() < _MOST:
        start = file.tell()
        head = file.read(8)
        if len(head) < 8:
            return None
        if head[:2] != _GROUP:
            return start
        if head[4:6] in _LONG:
            length = struct.unpack("<L", file.read(4).ljust(4, b"\xff"))[0]
        else:
            length = struct.unpack("<H", head[6:8])[0]
        file.seek(length, 1)
    return None
