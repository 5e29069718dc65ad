"""Augmentation: geometry for generalisation, sharpness and intensity so that no scanner, file format or size is a cue.

Films of more than the small folders' pixels are degraded to a low resolution and back whatever their class, because
most of the small films come from another folder and resolution must not tell normal from abnormal.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from model.network import standardise
from model.train.films import SMALL_SIDE
from model.windows import FloatArray


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Strengths and probabilities; angles in degrees, shifts as fractions of the film."""

    rotate: float = 8.0
    log_scale: float = 0.14
    shift: float = 0.05
    flip: float = 0.5
    degrade: float = 0.4  # of the films that are larger than SMALL_SIDE
    jpeg: float = 0.2
    blur: float = 0.2
    gamma: float = 0.7
    contrast: float = 0.2
    noise: float = 0.3
    erase: float = 0.25  # of the films without boxes


def affines(count: int, strength: Augmentation, rng: np.random.Generator) -> FloatArray:
    """Random output-to-input maps [count, 2, 3] in the centred frame of -1..1 (grid_sample's)."""
    angle = np.deg2rad(rng.uniform(-strength.rotate, strength.rotate, count))
    scale = np.exp(rng.uniform(-strength.log_scale, strength.log_scale, (count, 2)) / [1.0, 2.0])
    sx, sy = scale[:, 0], scale[:, 0] * scale[:, 1]
    mirror = np.where(rng.random(count) < strength.flip, -1.0, 1.0)
    shift = rng.uniform(-2 * strength.shift, 2 * strength.shift, (count, 2))
    rows = [
        [np.cos(angle) * sx * mirror, -np.sin(angle) * sy, shift[:, 0]],
        [np.sin(angle) * sx * mirror, np.cos(angle) * sy, shift[:, 1]],
    ]
    return np.array(rows).transpose(2, 0, 1)  # [count, 2, 3]


def move_boxes(boxes: FloatArray, affine: FloatArray) -> tuple[FloatArray, np.ndarray]:
    """Boxes [K, 4] (unit xyxy) through the inverse of one affine [2, 3]: (boxes inside the film, which of K they are).

    Centre and sides are carried; the small rotation does not inflate the sides. A box that leaves by more than half
    is dropped.
    """
    inverse = np.linalg.inv(affine[:, :2])
    centres = (boxes[:, :2] + boxes[:, 2:]) - 1.0
    centres = ((centres - affine[:, 2]) @ inverse.T + 1.0) / 2.0
    half = (boxes[:, 2:] - boxes[:, :2]) / 2.0 / np.linalg.norm(affine[:, :2], axis=0)
    moved = np.concatenate([centres - half, centres + half], axis=1)
    clipped = np.clip(moved, 0.0, 1.0)
    kept_area = np.prod(np.clip(clipped[:, 2:] - clipped[:, :2], 0.0, None), axis=1)
    kept = kept_area > 0.5 * np.prod(2 * half, axis=1)
    return clipped[kept], np.flatnonzero(kept)


def augment(
    films: Tensor,
    boxes: Sequence[FloatArray],
    small: Sequence[bool],
    strength: Augmentation,
    rng: np.random.Generator,
) -> tuple[Tensor, list[FloatArray], list[np.ndarray]]:
    """Films uint8 [B, 1, S, S] and boxes (unit) -> (z-scored float32 [B, 1, S, S], moved boxes, which were kept).

    small: films whose file holds no more than the small side; they are not degraded again.
    """
    films = torch.stack([_recompressed(film, strength, rng) for film in films]).float()
    chance = rng.random((4, len(films)))
    for row in range(len(films)):
        if chance[0, row] < strength.degrade and not small[row]:
            films[row] = _degraded(films[row], int(SMALL_SIDE * rng.uniform(0.9, 1.2)))
        if chance[1, row] < strength.blur:
            films[row] = _blurred(films[row], rng.uniform(0.3, 1.2))
    maps = affines(len(films), strength, rng)
    grid = functional.affine_grid(torch.from_numpy(maps).float(), list(films.shape), align_corners=False)
    films = functional.grid_sample(films, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    films = _intensity(films, strength, rng)
    for row in range(len(films)):
        if len(boxes[row]) == 0 and chance[2, row] < strength.erase:
            _erase(films[row], rng)
    films = standardise(films)
    noisy = torch.from_numpy((chance[3] < strength.noise) * rng.uniform(0.0, 0.12, len(films))).float()
    films = films + noisy[:, None, None, None] * torch.from_numpy(rng.standard_normal(films.shape, dtype=np.float32))
    moved = [move_boxes(own, affine) for own, affine in zip(boxes, maps, strict=True)]
    return films, [box for box, _ in moved], [kept for _, kept in moved]


def resized(films: Tensor, side: int) -> Tensor:
    """Films uint8 [B, 1, S, S] -> uint8 [B, 1, side, side], antialiased."""
    if films.shape[-1] == side:
        return films
    small = functional.interpolate(films.float(), size=(side, side), mode="bilinear", antialias=True)
    return small.round().clamp(0, 255).to(torch.uint8)


def _recompressed(film: Tensor, strength: Augmentation, rng: np.random.Generator) -> Tensor:
    """Film uint8 [1, S, S], sometimes through JPEG."""
    if rng.random() >= strength.jpeg:
        return film
    coded = io.BytesIO()
    Image.fromarray(film[0].numpy()).save(coded, "JPEG", quality=int(rng.integers(30, 91)))
    return torch.from_numpy(np.array(Image.open(coded)))[None]


def _degraded(film: Tensor, side: int) -> Tensor:
    """Film [1, S, S] down to `side` and back up, as a small file would come."""
    low = functional.interpolate(film[None], size=(side, side), mode="bilinear", antialias=True, align_corners=False)
    return functional.interpolate(low, size=film.shape[-2:], mode="bilinear", align_corners=False)[0]


def _blurred(film: Tensor, sigma: float) -> Tensor:
    """Film [1, S, S] under a Gaussian of `sigma` pixels."""
    reach = math.ceil(2.5 * sigma)
    kernel = torch.exp(-(torch.arange(-reach, reach + 1).float() ** 2) / (2 * sigma * sigma))
    kernel = kernel / kernel.sum()
    padded = functional.pad(film[None], (reach, reach, reach, reach), mode="replicate")
    return functional.conv2d(functional.conv2d(padded, kernel[None, None, None, :]), kernel[None, None, :, None])[0]


def _intensity(films: Tensor, strength: Augmentation, rng: np.random.Generator) -> Tensor:
    """Films [B, 1, S, S] of 0..255 -> 0..1 under a random tone curve each: gamma, and sometimes a sigmoid."""
    count = len(films)
    x = (films / 255.0).clamp(1e-4, 1.0)
    gamma = np.where(rng.random(count) < strength.gamma, np.exp(rng.uniform(-0.45, 0.45, count)), 1.0)
    x = x ** torch.from_numpy(gamma).float()[:, None, None, None]
    for row in np.flatnonzero(rng.random(count) < strength.contrast):
        gain, centre = rng.uniform(4.0, 8.0), rng.uniform(0.35, 0.65)
        x[row] = torch.sigmoid(gain * (x[row] - centre))
    return x


def _erase(film: Tensor, rng: np.random.Generator) -> None:
    """A rectangle of film [1, S, S] set to the film's mean, in place."""
    side = film.shape[-1]
    h, w = (rng.uniform(0.08, 0.22, 2) * side).astype(int)
    y, x = rng.integers(0, side - h), rng.integers(0, side - w)
    film[:, y : y + h, x : x + w] = film.mean()
