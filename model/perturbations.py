"""What may happen to a film on its way to us, as functions of its pixels, each with where its boxes go.

Slight changes must not move the answer; gross ones (polarity, quarter turns) must be refused by the picture check.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from model.detector import LEAST_SIDE
from model.windows import FloatArray

FilmArray = npt.NDArray[np.float32]
WHITE = 255.0


def _same_place(boxes: FloatArray) -> FloatArray:
    return boxes


@dataclass(frozen=True, slots=True)
class Perturbation:
    """change: film [H, W] of 0..255 and a random generator -> film. place: unit boxes [K, 4] -> where they then are.

    gross: to be refused, not tolerated.
    """

    name: str
    change: Callable[[FilmArray, np.random.Generator], FilmArray]
    place: Callable[[FloatArray], FloatArray] = _same_place
    gross: bool = False


def rotated(degrees: float) -> Perturbation:
    """Turned counter-clockwise about its centre; the edge's pixels fill the corners. Boxes keep their size."""

    def change(film: FilmArray, _: np.random.Generator) -> FilmArray:
        turned: FilmArray = ndimage.rotate(film, degrees, reshape=False, order=1, mode="nearest")
        return turned

    def place(boxes: FloatArray) -> FloatArray:
        # Films are nearly square: the turn of the unit square is taken for the turn of the film.
        angle = np.deg2rad(degrees)
        centre = (boxes[:, :2] + boxes[:, 2:]) / 2 - 0.5
        x = centre[:, 0] * np.cos(angle) + centre[:, 1] * np.sin(angle)
        y = centre[:, 1] * np.cos(angle) - centre[:, 0] * np.sin(angle)
        half = (boxes[:, 2:] - boxes[:, :2]) / 2
        moved = np.stack([x, y], axis=1) + 0.5
        return np.concatenate([moved - half, moved + half], axis=1)

    return Perturbation(f"rotated by {degrees:+g} degrees", change, place)


def cropped(share: float) -> Perturbation:
    """Without `share` of its side at each edge."""

    def change(film: FilmArray, _: np.random.Generator) -> FilmArray:
        y, x = (round(side * share) for side in film.shape)
        return film[y : film.shape[0] - y, x : film.shape[1] - x]

    return Perturbation(f"cropped by {share:.0%} at each edge", change, lambda boxes: (boxes - share) / (1 - 2 * share))


def _curve(film: FilmArray, gamma: float) -> FilmArray:
    result: FilmArray = (film / WHITE) ** np.float32(gamma) * np.float32(WHITE)
    return result


def _window(film: FilmArray, low: float, high: float) -> FilmArray:
    """As a display window would show it: what lies outside low..high (shares of the range) is cut off."""
    result: FilmArray = np.clip((film / WHITE - low) / (high - low), 0, 1).astype(np.float32) * np.float32(WHITE)
    return result


def _noisy(film: FilmArray, rng: np.random.Generator) -> FilmArray:
    return np.clip(film + rng.normal(0, 0.05 * WHITE, film.shape), 0, WHITE).astype(np.float32)


def _grey(film: FilmArray) -> Image.Image:
    return Image.fromarray(np.clip(film, 0, WHITE).round().astype(np.uint8))


def _jpeg(film: FilmArray, _: np.random.Generator) -> FilmArray:
    file = io.BytesIO()
    _grey(film).save(file, "JPEG", quality=50)
    return np.asarray(Image.open(file), dtype=np.float32)


def _resized(film: FilmArray, factor: float) -> FilmArray:
    factor = max(factor, LEAST_SIDE / min(film.shape))
    height, width = (round(side * factor) for side in film.shape)
    return np.asarray(_grey(film).resize((width, height), Image.Resampling.BICUBIC), dtype=np.float32)


def _written(film: FilmArray, marks: tuple[tuple[float, float, float, str], ...]) -> FilmArray:
    """With white letters burned in: marks are (x, y, height, text), the numbers as shares of the film's side."""
    page = _grey(film)
    draw = ImageDraw.Draw(page)
    for x, y, height, text in marks:
        font = ImageFont.load_default(max(round(height * page.height), 6))
        draw.text((x * page.width, y * page.height), text, fill=255, font=font)
    return np.asarray(page, dtype=np.float32)


def _bordered(film: FilmArray, share: float = 0.02) -> FilmArray:
    y, x = (round(side * share) for side in film.shape)
    black = np.zeros_like(film)
    black[y:-y, x:-x] = film[y:-y, x:-x]
    return black


def _mirrored_place(boxes: FloatArray) -> FloatArray:
    placed: FloatArray = np.stack([1 - boxes[:, 2], boxes[:, 1], 1 - boxes[:, 0], boxes[:, 3]], axis=1)
    return placed


CORNERS = ((0.03, 0.03, 0.07, "L"), (0.72, 0.03, 0.035, "PORTABLE"), (0.03, 0.93, 0.035, "AP 10:42"))
LINE = ((0.02, 0.48, 0.035, "SUPINE  STAT  110 KV  4 MAS  SID 100 CM  TECH 07  ROOM 2"),)

SLIGHT: tuple[Perturbation, ...] = (
    *(rotated(degrees) for degrees in (2, -2, 5, -5, 10, -10)),
    cropped(0.05),
    cropped(0.10),
    Perturbation("darkened, gamma 1.5", lambda film, _: _curve(film, 1.5)),
    Perturbation("brightened, gamma 0.67", lambda film, _: _curve(film, 0.67)),
    Perturbation("darkened, lowest fifth of the range cut off", lambda film, _: _window(film, 0.2, 1.0)),
    Perturbation("brightened, highest fifth of the range cut off", lambda film, _: _window(film, 0.0, 0.8)),
    Perturbation("noise of 5 % of the range", _noisy),
    Perturbation("JPEG, quality 50", _jpeg),
    Perturbation("0.5 x the pixels a side", lambda film, _: _resized(film, 0.5)),
    Perturbation("2 x the pixels a side", lambda film, _: _resized(film, 2.0)),
    Perturbation("letters in three corners", lambda film, _: _written(film, CORNERS)),
    Perturbation("a line of text across the middle", lambda film, _: _written(film, LINE)),
    Perturbation("a black border of 2 %", lambda film, _: _bordered(film)),
)
GROSS: tuple[Perturbation, ...] = (
    Perturbation("inverted and mislabelled", lambda film, _: np.float32(WHITE) - film, gross=True),
    Perturbation("turned by 90 degrees", lambda film, _: np.rot90(film, 1), gross=True),
    Perturbation("turned by 180 degrees", lambda film, _: np.rot90(film, 2), gross=True),
    Perturbation("turned by 270 degrees", lambda film, _: np.rot90(film, 3), gross=True),
    Perturbation("mirrored left to right", lambda film, _: film[:, ::-1], _mirrored_place, gross=True),
)
