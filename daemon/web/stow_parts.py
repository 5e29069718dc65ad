"""The body of a multipart/related request as it comes: PS3.18 8.6.1.2, RFC 2046 5.1.1, RFC 2387.

A state machine that holds no more than a boundary's length of content and a part's headers, whatever is fed to it.
Not python-multipart's parser: that one reads forms, where a preamble, padding behind a boundary and a boundary's own
beginning within the content do not occur; here they do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto

MAX_BOUNDARY = 200  # characters; RFC 2046 5.1.1 allows 70, Orthanc sends 73
MAX_HEADERS = 16 * 1024  # bytes, of one part
MAX_PREAMBLE = 64 * 1024  # bytes
MAX_PADDING = 64  # blanks behind a boundary
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]*[0-9A-Za-z'()+_,./:=?-]")


class MalformedBody(ValueError):  # noqa: N818
    """The body is no multipart body; the message says in which way, and nothing of its content."""


@dataclass(frozen=True, slots=True)
class PartBegins:
    """A part's headers, names in lower case; of those that come twice the first."""

    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PartContent:
    """Some bytes of the part that began last."""

    content: bytes


@dataclass(frozen=True, slots=True)
class PartEnds:
    """The part that began last is whole."""


Event = PartBegins | PartContent | PartEnds


class _In(Enum):
    PREAMBLE = auto()
    DELIMITER = auto()  # just behind one
    HEADERS = auto()
    CONTENT = auto()
    EPILOGUE = auto()


class Parts:
    """One body. Raises MalformedBody for a boundary that none can have."""

    def __init__(self, boundary: str) -> None:
        if not (len(boundary) <= MAX_BOUNDARY and _BOUNDARY.fullmatch(boundary)):
            raise MalformedBody("the boundary has not the form of one (RFC 2046 5.1.1)")
        self._delimiter = b"\r\n--" + boundary.encode("ascii")
        self._buffer = bytearray(b"\r\n")  # the first delimiter may be the very first bytes
        self._state, self._before = _In.PREAMBLE, _In.PREAMBLE  # the latter: whence a delimiter was found
        self._preamble = 0

    @property
    def ended(self) -> bool:
        """Whether the closing delimiter has come."""
        return self._state is _In.EPILOGUE

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """What `chunk` adds. The iterator must be used up before the next chunk. Raises MalformedBody."""
        self._buffer += chunk
        progress = True
        while progress and self._buffer:
            before = (self._state, len(self._buffer))
            match self._state:
                case _In.PREAMBLE | _In.CONTENT:
                    yield from self._to_delimiter()
                case _In.DELIMITER:
                    yield from self._behind_delimiter()
                case _In.HEADERS:
                    yield from self._headers()
                case _In.EPILOGUE:
                    self._buffer.clear()
            progress = (self._state, len(self._buffer)) != before

    def end(self) -> None:
        """The body is over. Raises MalformedBody where it was not yet."""
        if not self.ended:
            missing = "has no part" if self._state is _In.PREAMBLE else "ends before its closing boundary"
            raise MalformedBody(f"the body {missing}")

    def _to_delimiter(self) -> Iterator[Event]:
        found = self._buffer.find(self._delimiter)
        # What may be the beginning of a delimiter stays here.
        length = found if found >= 0 else max(0, len(self._buffer) - len(self._delimiter) + 1)
        yield from self._content(length)
        if found >= 0:
            del self._buffer[: len(self._delimiter)]
            self._before, self._state = self._state, _In.DELIMITER

    def _content(self, length: int) -> Iterator[Event]:
        if length == 0:
            return
        if self._state is _In.PREAMBLE:
            self._preamble += length
            if self._preamble > MAX_PREAMBLE:
                raise MalformedBody(f"no part begins within {MAX_PREAMBLE} bytes")
        else:
            yield PartContent(bytes(memoryview(self._buffer)[:length]))
        del self._buffer[:length]

    def _behind_delimiter(self) -> Iterator[Event]:
        """Only a line's end, or "--", makes a delimiter of it; else it is content that happens to begin like one."""
        padding = len(self._buffer) - len(self._buffer.lstrip(b" \t"))
        line_end = bytes(self._buffer[padding : padding + 2])
        if self._buffer.startswith(b"--"):
            following = _In.EPILOGUE
        elif padding <= MAX_PADDING and line_end == b"\r\n":
            following = _In.HEADERS
        elif padding <= MAX_PADDING and (line_end in (b"", b"\r") or self._buffer == b"-"):
            return  # the rest is still to come
        else:
            self._state = self._before
            if self._state is _In.CONTENT:
                yield PartContent(self._delimiter)
            return
        if self._before is _In.CONTENT:
            yield PartEnds()
        del self._buffer[:padding]  # its line end stays: where a part has no headers, an empty line is here already
        self._state = following

    def _headers(self) -> Iterator[Event]:
        """Behind a delimiter's line, from its line end on."""
        end = self._buffer.find(b"\r\n\r\n")
        if end > MAX_HEADERS or (end < 0 and len(self._buffer) > MAX_HEADERS + 4):
            raise MalformedBody(f"a part's headers are longer than {MAX_HEADERS} bytes")
        if end < 0:
            return
        block = bytes(self._buffer[2:end])
        del self._buffer[: end + 4]
        self._state = _In.CONTENT
        yield PartBegins(_fields(block))


def _fields(block: bytes) -> dict[str, str]:
    """Header fields (RFC 5322 2.2), folded ones (2.2.3) unfolded."""
    fields: dict[str, str] = {}
    for line in re.sub(rb"\r\n[ \t]+", b" ", block).split(b"\r\n") if block else []:
        name, colon, text = line.decode("latin-1").partition(":")
        if not colon or not re.fullmatch(r"[!-9;-~]+", name):
            raise MalformedBody("a line among a part's headers is no header field")
        fields.setdefault(name.lower(), text.strip())
    return fields
