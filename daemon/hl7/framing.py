"""The Minimal Lower Layer Protocol: a message between <VT> and <FS><CR> (HL7 2.5.1 appendix C.4.3)."""

from __future__ import annotations

START, END = b"\x0b", b"\x1c\x0d"


class NoFrame(ValueError):  # noqa: N818  named by what it is
    """What came is no frame, or is longer than it may be."""


def framed(message: bytes) -> bytes:
    """The message as a frame."""
    return START + message + END


class Frames:
    """Takes bytes as they arrive and gives out whole messages, of at most `limit` bytes each."""

    def __init__(self, limit: int) -> None:
        self._limit, self._held = limit, bytearray()
        self._searched = 0  # so far there is no end of the frame

    @property
    def begun(self) -> bool:
        """Whether a frame has begun and not ended."""
        return bool(self._held)

    def add(self, content: bytes) -> None:
        """Bytes that have arrived; line ends between frames are passed over. Raises NoFrame."""
        self._held += content if self._held else content.lstrip(b"\r\n")
        if self._held and not self._held.startswith(START):
            raise NoFrame("no frame begins there")

    def take(self) -> bytes | None:
        """The next whole message; None until one is there. Raises NoFrame."""
        end = self._held.find(END, self._searched)
        if (end if end >= 0 else len(self._held)) > self._limit + len(START):
            raise NoFrame(f"longer than {self._limit} bytes")
        if end < 0:
            self._searched = max(0, len(self._held) - 1)
            return None
        message, rest = bytes(self._held[len(START) : end]), bytes(self._held[end + len(END) :])
        self._held.clear()
        self._searched = 0
        self.add(rest)
        return message
