"""Film files: PNG and JPEG here; other kinds (DICOM) by a reader that is handed in, since the model knows no DICOM.

One place for training, calibration and evaluation: what one of them reads the others read alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

FilmArray = npt.NDArray[np.float32]
FORMATS = ("PNG", "JPEG")
PICTURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")
DEEP_MODES = ("I", "I;16", "I;16B", "I;16L", "I;16N")


class FilmUnreadable(Exception):  # noqa: N818  (named by what happened, as its callers read it)
    """No film can be made of this file; the message names it and says why."""


class UnreadableKind(Exception):  # noqa: N818
    """A reason alone, from a reader of another kind."""


@dataclass(frozen=True, slots=True)
class OtherKind:
    """How files that are neither PNG nor JPEG are read; both functions raise UnreadableKind.

    size: (width, height) from the header alone. pixels: float32 [H, W] of 0..255, bright = dense.
    """

    size: Callable[[Path], tuple[int, int]]
    pixels: Callable[[Path], FilmArray]


_other: list[OtherKind] = []


def read_others_by(kind: OtherKind) -> None:
    """From now on files that are neither PNG nor JPEG are read so; replaces what was said before."""
    _other[:] = [kind]


def film_size(path: Path) -> tuple[int, int]:
    """(width, height) of a film file, from its header. Raises FilmUnreadable."""
    try:
        if not _is_picture(path):
            return _other_kind().size(path)
        with Image.open(path, formats=FORMATS) as picture:
            return picture.size
    except UnreadableKind as error:
        raise FilmUnreadable(f"{path} cannot be read: {error}") from error
    except (Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
        raise FilmUnreadable(f"{path} cannot be read: the picture's header is damaged") from error


def read_film(path: Path) -> FilmArray:
    """A film file as float32 [H, W] of 0..255, grey, bright = dense. Raises FilmUnreadable.

    Pictures of 8 bits are taken as they lie; of 16 bits, their own range is spread over 0..255.
    """
    try:
        if not _is_picture(path):
            return _other_kind().pixels(path)
        with Image.open(path, formats=FORMATS) as picture:
            deep = picture.mode in DEEP_MODES
            film = np.asarray(picture if deep or picture.mode == "L" else picture.convert("L"), dtype=np.float32)
    except UnreadableKind as error:
        raise FilmUnreadable(f"{path} cannot be read: {error}") from error
    except (Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
        raise FilmUnreadable(f"{path} cannot be read: the picture is damaged or ends early") from error
    if film.size == 0 or film.min() == film.max():
        raise FilmUnreadable(f"{path} cannot be read: every pixel is the same")
    return spread(film) if deep else film


def spread(film: FilmArray) -> FilmArray:
    """A film of any range -> 0..255, its least value 0 and its greatest 255."""
    low, high = film.min(), film.max()
    result: FilmArray = (film - low) * np.float32(255.0 / max(float(high - low), 1e-12))
    return result


def _is_picture(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(8).startswith(PICTURES)
    except OSError as error:
        raise UnreadableKind(error.strerror or "it cannot be opened") from error


def _other_kind() -> OtherKind:
    if not _other:
        raise UnreadableKind("neither PNG nor JPEG; DICOM is read by the command thoraxd-model only")
    return _other[0]
