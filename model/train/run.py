"""One training from folders to a weights file: films, split, cache, batches, loop, calibration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from model.calibration import Calibration
from model.checkpoint import Checkpoint, save, tensors_of
from model.network import LesionNet, NetworkConfig
from model.reading import Reader
from model.train.augment import Augmentation
from model.train.batches import Batches
from model.train.cache import cached
from model.train.films import Film, read_folder, split
from model.train.fit import fit_all
from model.train.loop import Recipe, State, described, fresh, recipe_json, restore, run
from model.windows import grid_windows

NAME = "thoraxd-lesion"
VERSION = "0.1.0"


def train(
    folders: Sequence[Path],
    work: Path,
    recipe: Recipe,
    say: Callable[[str], None],
    config: NetworkConfig | None = None,
) -> Path:
    """Train on the folders' training films, or go on from work/state.pt, and write work/detector.safetensors.

    The weights are calibrated on the calibration films when the training ends; those written on the way are not.
    """
    torch.manual_seed(recipe.seed)
    config = config or NetworkConfig()
    films = split([film for folder in folders for film in read_folder(folder)])
    pixels = cached(films.train, config.side, work / "cache")
    batches = Batches(films.train, pixels, grid_windows(config.scales), Augmentation())
    state = fresh(LesionNet(config), recipe)
    stored = work / "state.pt"
    if stored.exists():
        state = restore(state, stored)
    weights = work / "detector.safetensors"

    def export(state: State, calibration: Calibration | None = None) -> None:
        say(f"{state.spent_s:.0f} s {described(state)}")
        trained = recipe_json(recipe, state) | {
            "folders": [folder.name for folder in folders],
            "films": len(films.train),
        }
        tensors = tensors_of(state.averaged)
        save(weights, Checkpoint(NAME, VERSION, config, tensors, calibration or Calibration(), "", trained))

    state = run(state, batches, recipe, stored, export)
    export(state, calibrated(state.averaged, films.calibration, work))
    return weights


def calibrated(network: LesionNet, films: Sequence[Film], work: Path) -> Calibration:
    """The calibration of a network on the calibration films."""
    reader = Reader(network, torch.device("cpu"))
    pixels = cached(films, network.config.side, work / "cache")
    return fit_all(films, [reader.read(film.astype(np.float32)) for film in pixels])
