"""Why a film could not be made of a data set.

PixelsUnreadable             the root: analysis FAILED, `reason` is shown to the operator
├── MissingPixels            no pixel data, or no picture in them
├── TruncatedPixels          the stream ends early, or is damaged
└── UnsupportedPixels        whole perhaps, but not a film that we read

Reasons carry no patient data: attribute names, sizes and counts only.
"""

from __future__ import annotations

from daemon.core.errors import ThoraxdError


class PixelsUnreadable(ThoraxdError):  # noqa: N818  named by what the caller must know
    """No film can be made of this data set."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class MissingPixels(PixelsUnreadable):
    """There are no pixels, or every pixel is the same."""


class TruncatedPixels(PixelsUnreadable):
    """The pixel stream ends early or is damaged."""


class UnsupportedPixels(PixelsUnreadable):
    """The pixels are of a kind that is not read: colour, several frames, an odd encoding, absurd sizes."""
