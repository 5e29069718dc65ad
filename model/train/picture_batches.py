"""Batches for the picture check: real frontal films against what they are not.

Most wrong pictures are made from real films (turned, inverted, cut, squashed, shuffled), so that texture cannot tell
right from wrong; the rest are phantom laterals and the shapes of `picture_shapes`, half of them with a film's texture.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from model.picture import FRONTAL, KINDS, SIDE, standardise

INVERTED, LATERAL, OTHER = KINDS.index("inverted"), KINDS.index("lateral chest"), KINDS.index("not a frontal chest")
# Share of a batch per recipe.
SHARES = {
    "frontal": 0.45,
    "phantom frontal": 0.02,
    "inverted": 0.08,
    "turned": 0.13,
    "oblique": 0.01,
    "cut": 0.06,
    "half": 0.04,
    "squashed": 0.03,
    "shuffled": 0.05,
    "mosaic": 0.02,
    "lateral": 0.06,
    "shape": 0.05,
}


@dataclass(frozen=True, slots=True)
class Stock:
    """What batches are drawn from, uint8 [N, 144, 144] each, bright = dense."""

    films: Tensor
    shapes: Tensor
    frontal_phantoms: Tensor
    lateral_phantoms: Tensor
    lateral_films: Tensor


def batch(stock: Stock, size: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Standardised pictures [size, 1, 96, 96] and their kinds [size]."""
    names = rng.choice(list(SHARES), size, p=np.array(list(SHARES.values())) / sum(SHARES.values()))
    pictures, kinds = zip(*(recipe(str(name), stock, rng) for name in names), strict=True)
    together = _expose(torch.cat(pictures), rng)
    kind = torch.tensor(kinds)
    # Polarity is the last step of a film's making, so it is the last one here.
    flip = (kind == INVERTED) | ((kind == OTHER) | (kind == LATERAL)) & torch.from_numpy(rng.random(size) < 0.3)
    together = torch.where(flip[:, None, None, None], 1 - together, together)
    return standardise(together), kind


def recipe(name: str, stock: Stock, rng: np.random.Generator) -> tuple[Tensor, int]:
    """One picture [1, 1, 96, 96] in 0..1 made by the recipe `name`, and its kind (inversion still to come)."""
    film = _draw(stock.films, rng)
    if name == "frontal":
        return _warp(_hemithorax(film, rng), rng), FRONTAL
    if name == "phantom frontal":
        return _warp(_draw(stock.frontal_phantoms, rng), rng), FRONTAL
    if name == "inverted":
        turn = 0.0 if rng.random() < 0.8 else 180.0
        return _warp(film, rng, turn=turn), INVERTED
    if name == "turned":
        quarter = int(rng.integers(1, 4))
        return _warp(film, rng, turn=90.0 * quarter), FRONTAL + 1 + quarter
    if name == "lateral":
        if rng.random() < 0.6 and len(stock.lateral_films):
            return _warp(_draw(stock.lateral_films, rng), rng, stretch=0.2), LATERAL
        return _warp(_textured(_draw(stock.lateral_phantoms, rng), film, rng), rng, stretch=0.25), LATERAL
    return _wrong(name, film, stock, rng), OTHER


def _wrong(name: str, film: Tensor, stock: Stock, rng: np.random.Generator) -> Tensor:
    """A picture of the last kind."""
    if name == "oblique":
        return _warp(film, rng, turn=float(rng.uniform(35, 60)) * rng.choice([-1, 1]))
    if name == "cut":
        side = rng.uniform(0.18, 0.48)
        return _warp(film, rng, zoom=(side, side), centre=tuple(rng.uniform(-1 + side, 1 - side, 2)))
    if name == "half":
        cut, long = rng.uniform(0.35, 0.52), rng.uniform(0.55, 1.0)
        if rng.random() < 0.6:
            return _warp(film, rng, zoom=(cut, long), centre=(rng.choice([-1, 1]) * (1 - cut), rng.normal(0, 0.1)))
        return _warp(film, rng, zoom=(long, cut), centre=(rng.normal(0, 0.1), rng.choice([-1, 1]) * (1 - cut)))
    if name == "squashed":
        thin = rng.uniform(2.3, 4.5)
        return _warp(film, rng, zoom=(thin, 1.0) if rng.random() < 0.5 else (1.0, thin))
    if name == "shuffled":
        return _warp(_shuffle(film, rng), rng)
    if name == "mosaic":
        tiles = int(rng.integers(2, 4))
        row = torch.cat([torch.cat([_draw(stock.films, rng) for _ in range(tiles)], 3) for _ in range(tiles)], 2)
        return _warp(row, rng)
    turn = float(rng.choice([0, 0, 90, 180, 270]))
    return _warp(_textured(_draw(stock.shapes, rng), film, rng), rng, turn=turn, stretch=0.25)


def _draw(stock: Tensor, rng: np.random.Generator) -> Tensor:
    return stock[int(rng.integers(len(stock)))][None, None].float() / 255


def _warp(
    picture: Tensor,
    rng: np.random.Generator,
    turn: float = 0.0,
    zoom: tuple[float, float] = (1.0, 1.0),
    centre: tuple[float, float] = (0.0, 0.0),
    stretch: float = 0.10,
) -> Tensor:
    """[1, 1, H, W] -> [1, 1, 96, 96]: `turn` degrees, `zoom` (share shown, per axis), and everybody's jitter."""
    angle = np.radians(turn + rng.uniform(-14, 14))
    size = np.exp(rng.uniform(-0.24, 0.24)) * np.exp(rng.uniform(-stretch, stretch, 2) * (1, -1)) * np.array(zoom)
    mirror = rng.choice([-1.0, 1.0])
    cos, sin = np.cos(angle), np.sin(angle)
    shift = np.array(centre) + rng.uniform(-0.14, 0.14, 2) * np.minimum(zoom, 1)
    # The mirror comes first, then the turn: mirrored after it, a quarter turn would become the opposite one.
    theta = np.array(
        [
            [cos * size[0] * mirror, -sin * size[1] * mirror, shift[0]],
            [sin * size[0], cos * size[1], shift[1]],
        ]
    )
    grid = functional.affine_grid(torch.from_numpy(theta).float()[None], [1, 1, SIDE, SIDE], align_corners=False)
    padding = "zeros" if rng.random() < 0.6 else "border"
    return functional.grid_sample(picture, grid, mode="bilinear", padding_mode=padding, align_corners=False)


def _shuffle(film: Tensor, rng: np.random.Generator) -> Tensor:
    """Halves swapped, rolled round, or tiles permuted: a film's texture without its layout."""
    side = film.shape[-1]
    way = int(rng.integers(4))
    if way == 0:
        return film.roll(int(side * rng.uniform(0.3, 0.7)), dims=3)
    if way == 1:
        return film.roll(int(side * rng.uniform(0.3, 0.7)), dims=2)
    count = int(rng.integers(2, 5))
    tile = side // count
    order = rng.permutation(count * count)
    if (order == np.arange(count * count)).all():
        order = order[::-1]
    tiles = film[:, :, : tile * count, : tile * count].unfold(2, tile, tile).unfold(3, tile, tile)
    tiles = tiles.reshape(count * count, tile, tile)[torch.from_numpy(order.copy())].reshape(count, count, tile, tile)
    return tiles.permute(0, 2, 1, 3).reshape(1, 1, tile * count, tile * count)


def _textured(shape: Tensor, film: Tensor, rng: np.random.Generator) -> Tensor:
    """Half of the shapes get the fine structure of a film, so that smoothness is no sign of a wrong picture."""
    if rng.random() < 0.5:
        return shape
    fine = film - functional.avg_pool2d(film, 15, 1, 7, count_include_pad=False)
    return (shape + rng.uniform(0.3, 1.2) * fine * (0.3 + shape)).clamp(0, 1)


def _hemithorax(film: Tensor, rng: np.random.Generator) -> Tensor:
    """One film in eight gets a lung or part of it made dense, as an effusion or a collapse makes it."""
    if rng.random() > 0.125:
        return film
    side = film.shape[-1]
    y, x = torch.meshgrid(torch.linspace(-1, 1, side), torch.linspace(-1, 1, side), indexing="ij")
    x0, y0, a, b = rng.choice([-0.45, 0.45]), rng.uniform(-0.3, 0.6), rng.uniform(0.2, 0.5), rng.uniform(0.25, 0.9)
    veil = torch.sigmoid(6 * (1 - ((x - x0) / a) ** 2 - ((y - y0) / b) ** 2))
    return film + (rng.uniform(0.65, 0.95) - film).clamp_min(0) * veil * rng.uniform(0.6, 1.0)


def _expose(pictures: Tensor, rng: np.random.Generator) -> Tensor:
    """Brightness, window, blur, noise, borders, letters, lines: what consoles and bedsides add, to every kind alike."""
    count = len(pictures)

    def each(low: float, high: float) -> Tensor:
        return torch.from_numpy(rng.uniform(low, high, (count, 1, 1, 1))).float()

    pictures = pictures.clamp(1e-4, 1) ** torch.exp(each(-0.45, 0.45))
    pictures = (pictures - each(-0.05, 0.15) * (each(0, 1) < 0.5)) / each(0.75, 1.15)
    pictures = torch.where(
        each(0, 1) < 0.3, functional.avg_pool2d(pictures, 3, 1, 1, count_include_pad=False), pictures
    )
    pictures = (
        pictures + each(0, 0.07) * (each(0, 1) < 0.5) * torch.from_numpy(rng.standard_normal(pictures.shape)).float()
    )
    line = torch.linspace(0, 1, SIDE)
    y, x = line[None, None, :, None], line[None, None, None, :]
    frame = (x < each(-0.12, 0.13)) | (x > each(0.87, 1.12)) | (y < each(-0.12, 0.13)) | (y > each(0.87, 1.12))
    pictures = torch.where(frame & (each(0, 1) < 0.35), each(0, 1).round(), pictures.clamp(0, 1))
    for _ in range(2):
        across = (x - each(0, 1)).abs() < each(0.01, 0.09)
        down = (y - each(0.02, 0.25) - 0.72 * each(0, 1).round()).abs() < each(0.005, 0.025)
        pictures = torch.where(across & down & (each(0, 1) < 0.3), each(0.6, 1), pictures)
        wire = (x - each(0.2, 0.8) - each(-1, 1) * (y - 0.5) - each(-1, 1) * (y - 0.5) ** 2).abs() < 0.007
        pictures = torch.where(wire & (y > each(0, 0.6)) & (each(0, 1) < 0.12), (pictures + 0.25).clamp(0, 1), pictures)
    return pictures
