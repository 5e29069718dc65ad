"""Which films make a batch: sources in fixed shares, and within a source and view as many normal as abnormal films."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import torch

from model.train.augment import Augmentation, augment, resized
from model.train.cache import ByteArray
from model.train.films import Film, box_targets, image_targets
from model.train.losses import Batch, window_targets
from model.windows import FloatArray

SHARES: Mapping[str, float] = {"nih128": 0.5, "rsna": 0.3, "nih": 0.2}  # folders not named here share like nih


def draw_weights(films: Sequence[Film], shares: Mapping[str, float] = SHARES) -> FloatArray:
    """Chance [N] of each film to be drawn, summing to 1; within a stratum both classes weigh the same."""
    classes = Counter((film.stratum, film.normal) for film in films)
    strata = Counter(film.stratum for film in films)
    folders = Counter(film.folder for film in films)
    both = {stratum for stratum, normal in classes if (stratum, not normal) in classes}
    weights = np.array(
        [
            shares.get(film.folder, 0.2)
            * (strata[film.stratum] / folders[film.folder])
            * (0.5 if film.stratum in both else 1.0)
            / classes[film.stratum, film.normal]
            for film in films
        ]
    )
    return weights / weights.sum()


class Batches:
    """Draws batches for ever, reproducibly from the generator's state.

    pixels: uint8 [M, S, S]; rows: which of its rows each of the films is.
    """

    def __init__(
        self,
        films: Sequence[Film],
        pixels: ByteArray,
        rows: Sequence[int],
        windows: FloatArray,
        strength: Augmentation,
    ) -> None:
        self.films, self.pixels, self.rows, self.windows, self.strength = films, pixels, rows, windows, strength
        self.weights = draw_weights(films)
        targets = [image_targets(film) for film in films]
        self.image = torch.from_numpy(np.stack([target for target, _ in targets]))
        self.known = torch.from_numpy(np.stack([known for _, known in targets]))

    def draw(self, size: int, side: int, rng: np.random.Generator) -> Batch:
        """One batch of `size` films, augmented, side x side pixels."""
        rows = rng.choice(len(self.films), size, p=self.weights)
        chosen = [self.films[row] for row in rows]
        raw = torch.from_numpy(np.stack([self.pixels[self.rows[row]] for row in rows]))[:, None]  # uint8 [B, 1, S, S]
        raw = resized(raw, side)
        small = [film.small for film in chosen]
        films, boxes, kept = augment(raw, [film.boxes for film in chosen], small, self.strength, rng)
        named = [box_targets(film) for film in chosen]
        return Batch(
            films=films,
            image=self.image[rows],
            image_known=self.known[rows],
            windows=[window_targets(self.windows, b, f.normal) for b, f in zip(boxes, chosen, strict=True)],
            box_target=[torch.from_numpy(target[which]) for (target, _), which in zip(named, kept, strict=True)],
            box_known=[torch.from_numpy(known[which]) for (_, known), which in zip(named, kept, strict=True)],
        )
