"""Words burnt into a film in a five by seven dot face, so that no viewer can take a phantom for a patient."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Seven rows of five dots, most significant bit left.
GLYPHS: dict[str, tuple[int, ...]] = {
    " ": (0, 0, 0, 0, 0, 0, 0),
    "A": (14, 17, 17, 31, 17, 17, 17),
    "C": (14, 17, 16, 16, 16, 17, 14),
    "E": (31, 16, 16, 30, 16, 16, 31),
    "H": (17, 17, 17, 31, 17, 17, 17),
    "I": (14, 4, 4, 4, 4, 4, 14),
    "L": (16, 16, 16, 16, 16, 16, 31),
    "M": (17, 27, 21, 21, 17, 17, 17),
    "N": (17, 25, 25, 21, 19, 19, 17),
    "O": (14, 17, 17, 17, 17, 17, 14),
    "P": (30, 17, 17, 30, 16, 16, 16),
    "S": (15, 16, 16, 14, 1, 1, 30),
    "T": (31, 4, 4, 4, 4, 4, 4),
    "Y": (17, 17, 10, 4, 4, 4, 4),
}


def burn(pixels: NDArray[np.uint16], text: str, at: tuple[int, int], dot: int, value: int) -> None:
    """Write `text` into `pixels` [H, W] in place, its top left corner at `at` (row, column), `dot` pixels a dot."""
    mask = np.concatenate([_glyph(letter) for letter in text], axis=1).repeat(dot, 0).repeat(dot, 1)
    row, column = at
    patch = pixels[row : row + mask.shape[0], column : column + mask.shape[1]]
    patch[mask[: patch.shape[0], : patch.shape[1]]] = value


def width(text: str, dot: int) -> int:
    """Pixels that `text` takes across."""
    return 6 * dot * len(text)


def _glyph(letter: str) -> NDArray[np.bool_]:
    """[7, 6] dots, the last column blank."""
    rows = np.asarray(GLYPHS[letter])
    dots = (rows[:, None] >> np.arange(4, -1, -1)) & 1
    return np.pad(dots, ((0, 0), (0, 1))).astype(bool)
