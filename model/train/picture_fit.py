"""`python -m model.train.picture_fit DATA --phantoms P.npz --out picture.safetensors`: train the picture check.

DATA holds the film folders (images/, labels.csv with `fold`). Fold 0 is held out. The limits come from the trained
films, moved outward by a margin; `picture_measure` counts what they refuse of films and pictures never trained on.
P.npz comes from `python -m daemon.phantom P.npz`.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional

from model.picture import FRONTAL, KINDS, SIDE, PictureCheck, PictureNet, standardise, write
from model.train.picture_batches import Stock, batch
from model.train.picture_labels import RELABELLED
from model.train.picture_shapes import FAMILIES, make

FOLDERS = ("nih", "rsna", "nih128")
STOCK_SIDE = 144
HELD_OUT = 0


@dataclass(frozen=True, slots=True)
class Films:
    """Thumbnails uint8 [N, 144, 144] with their folds [N] and what they show [N], of `KINDS`."""

    pictures: NDArray[np.uint8]
    folds: NDArray[np.int_]
    kinds: NDArray[np.str_]

    @classmethod
    def read(cls, data: Path, folders: Sequence[str] = FOLDERS) -> Films:
        """Every film named in the folders' labels.csv."""
        pictures, folds, kinds = [], [], []
        for folder in folders:
            with (data / folder / "labels.csv").open() as table:
                for row in csv.DictReader(table):
                    pictures.append(thumbnail(data / folder / "images" / row["image"]))
                    folds.append(int(row["fold"]))
                    kinds.append(RELABELLED.get(row["image"], KINDS[FRONTAL]))
        return cls(np.stack(pictures), np.array(folds), np.array(kinds))

    def trained(self, kind: str) -> Tensor:
        """The films of `kind` outside the held-out fold."""
        return torch.from_numpy(self.pictures[(self.folds != HELD_OUT) & (self.kinds == kind)])


def thumbnail(path: Path) -> NDArray[np.uint8]:
    """A film as [144, 144] uint8, area averaged."""
    with Image.open(path) as film:
        film.draft("L", (2 * STOCK_SIDE, 2 * STOCK_SIDE))
        small = min(film.size) < 2 * STOCK_SIDE
        way = Image.Resampling.BILINEAR if small else Image.Resampling.BOX
        return np.asarray(film.convert("L").resize((STOCK_SIDE, STOCK_SIDE), way))


def shapes(count: int, seed: int) -> Tensor:
    """`count` pictures of every family, uint8 [families * count, 144, 144]."""
    rng = np.random.default_rng(seed)
    return torch.from_numpy(np.stack([make(family, rng) for family in FAMILIES for _ in range(count)]))


def train(network: PictureNet, stock: Stock, steps: int, size: int, seed: int) -> PictureNet:
    """`network` after `steps` batches of `size`, weights averaged over the last half (Polyak)."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    network.train()
    mean = torch.optim.swa_utils.AveragedModel(
        network, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.99), use_buffers=True
    )
    chooser = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=0.02)
    rate = torch.optim.lr_scheduler.OneCycleLR(chooser, 3e-3, total_steps=steps, pct_start=0.1)
    began = time.monotonic()
    right = 0.0
    for step in range(1, steps + 1):
        pictures, kinds = batch(stock, size, rng)
        logits, _ = network(pictures)
        loss = functional.cross_entropy(logits, kinds, label_smoothing=0.01)
        chooser.zero_grad()
        loss.backward()
        chooser.step()
        rate.step()
        mean.update_parameters(network)
        right = 0.98 * right + 0.02 * float((logits.argmax(1) == kinds).float().mean())
        if step % 50 == 0:
            sys.stdout.write(f"step {step} loss {loss.item():.4f} right {right:.4f} {time.monotonic() - began:.0f} s\n")
            sys.stdout.flush()
    averaged = mean.module
    assert isinstance(averaged, PictureNet)
    return averaged.eval()


def outputs(network: PictureNet, pictures: Tensor) -> tuple[Tensor, Tensor]:
    """Frontal share [N] and features [N, 96] of uint8 pictures [N, H, W]."""
    shares, features = [], []
    with torch.inference_mode():
        for part in pictures.split(256):
            small = functional.interpolate(part[:, None].float(), (SIDE, SIDE), mode="area")
            logits, feature = network(standardise(small))
            shares.append(logits.softmax(1)[:, FRONTAL])
            features.append(feature)
    return torch.cat(shares), torch.cat(features)


def fit_distance(network: PictureNet, stock: Stock, seed: int) -> None:
    """Set the network's mean and precision from real films, jittered and as they are."""
    rng = np.random.default_rng(seed)
    found = []
    with torch.inference_mode():
        for _ in range(60):
            pictures, kinds = batch(stock, 256, rng)
            found.append(network(pictures[kinds == FRONTAL])[1])
    features = torch.cat([*found, outputs(network, stock.films)[1]]).double()
    spread = torch.cov(features.T)
    spread = 0.98 * spread + 0.02 * spread.diagonal().mean() * torch.eye(len(spread), dtype=torch.float64)
    network.mean.copy_(features.mean(0).float())
    network.precision.copy_(torch.linalg.inv(spread).float())


def limits(shares: Tensor, distances: Tensor) -> tuple[float, float]:
    """The cut and the reach by the trained films as they are: both leave nearly all of them a wide margin.

    The cut is a third: a film is refused when all else together is twice as likely as a frontal chest.
    """
    reach = 1.25 * float(torch.quantile(distances.double(), 0.999))
    return min(1 / 3, float(torch.quantile(shares.double(), 0.001))), reach


def main() -> None:
    """Train, set the limits, write the weights."""
    parser = argparse.ArgumentParser(prog="python -m model.train.picture_fit")
    parser.add_argument("data", type=Path)
    parser.add_argument("--phantoms", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--start", type=Path, help="weights to go on from")
    parser.add_argument("--steps", type=int, default=2400)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    films = Films.read(given.data)
    with np.load(given.phantoms) as made:
        frontal, lateral = torch.from_numpy(made["pa"]), torch.from_numpy(made["ll"])
    sideways = films.trained("lateral chest")
    stock = Stock(films.trained(KINDS[FRONTAL]), shapes(350, given.seed), frontal, lateral, sideways)
    network = PictureCheck.load(given.start).network if given.start else PictureNet()
    network = train(network, stock, given.steps, given.batch, given.seed)
    fit_distance(network, stock, given.seed)
    shares, features = outputs(network, stock.films)
    cut, reach = limits(shares, network.distance(features))
    write(
        network, given.out, cut, reach, f"{len(stock.films)} films of folds 1-4, {given.steps} steps, seed {given.seed}"
    )


if __name__ == "__main__":
    main()
