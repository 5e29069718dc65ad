"""One training from folders to a weights file: films, split, cache, batches, loop, export."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from model.calibration import Calibration
from model.checkpoint import Checkpoint, save, tensors_of
from model.network import LesionNet, NetworkConfig
from model.train.augment import Augmentation
from model.train.batches import Batches
from model.train.cache import cached
from model.train.films import read_folder, split
from model.train.loop import Recipe, State, described, fresh, recipe_json, restore, run
from model.windows import grid_windows

NAME = "thoraxd-lesion"
VERSION = "0.1.0"


def train(folders: Sequence[Path], work: Path, recipe: Recipe, config: NetworkConfig | None = None) -> Path:
    """Train on the folders' training films and write work/detector.safetensors; continues work/state.pt where there is one."""
    torch.manual_seed(recipe.seed)
    config = config or NetworkConfig()
    films = split([film for folder in folders for film in read_folder(folder)]).train
    pixels = cached(films, config.side, work / "cache")
    batches = Batches(films, pixels, grid_windows(config.scales), Augmentation())
    state = fresh(LesionNet(config), recipe)
    stored = work / "state.pt"
    if stored.exists():
        state = restore(state, stored)
    weights = work / "detector.safetensors"

    def export(state: State) -> None:
        print(f"{state.spent_s:.0f} s {described(state)}", flush=True)
        trained = recipe_json(recipe, state) | {"folders": [folder.name for folder in folders], "films": len(films)}
        save(weights, Checkpoint(NAME, VERSION, config, tensors_of(state.averaged), Calibration(), "", trained))

    run(state, batches, recipe, stored, export)
    return weights
