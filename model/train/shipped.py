"""How the shipped weights come about: five networks, each blind to one fold, calibrated on what they have not seen.

Four of the five answer together in the shipped file: a fifth would take it past the 25 MB that weights may have.

Bit for bit the same on the same machine with the same torch, on one CPU thread; elsewhere the last bits of sums differ,
and a run of thousands of steps carries these apart (docs/training.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from rich.progress import track

from model.checkpoint import WeightsRefused, ensemble, load, save
from model.network import NetworkConfig
from model.reading import Reader, Reading
from model.train.films import Film, read_folder
from model.train.fit import fit_all
from model.train.readers import read_film
from model.train.recipe import Recipe
from model.train.run import NAME, VERSION, Plan, prepare, train
from model.train.tables import FOLDS, FolderRefused

FOLDERS = ("rsna", "nih", "nih128")  # in this order: the order of the films is that of the draws
RECIPE = Recipe()
MEMBERS = 4


def folders_of(root: Path) -> list[Path]:
    """The folders of the recipe below `root`. Raises FolderRefused."""
    folders = [root / name for name in FOLDERS]
    missing = [f"{folder} is missing: the recipe needs {', '.join(FOLDERS)} below one folder" for folder in folders]
    missing = [words for words, folder in zip(missing, folders, strict=True) if not folder.is_dir()]
    if missing:
        raise FolderRefused(missing)
    return folders


def fold_weights(work: Path, fold: int) -> Path:
    """Where the network that has not seen `fold` is written."""
    return work / f"fold{fold}" / "detector.safetensors"


def train_fold(folders: Sequence[Path], work: Path, fold: int, recipe: Recipe = RECIPE) -> Path:
    """The network that has not seen `fold`, trained, gone on with, or as it was finished before."""
    place = fold_weights(work, fold).parent
    return train(Plan(prepare(folders, fold), place, recipe, NetworkConfig(), cache=work / "cache"))


def unseen_readings(films: Sequence[Film], members: Sequence[Path]) -> list[Reading]:
    """Each film as the network reads it that has not seen the film's fold; members[k] has not seen fold k.

    Raises WeightsRefused for other members.
    """
    checkpoints = [load(path) for path in members]
    if [checkpoint.trained.get("fold") for checkpoint in checkpoints] != list(FOLDS):
        raise WeightsRefused("these are not the networks of folds 0 to 4, in order")
    readers = [Reader(checkpoint.build(), torch.device("cpu")) for checkpoint in checkpoints]
    return [readers[film.fold].read(read_film(film.path)) for film in track(films, "reading films not seen")]


def package(folders: Sequence[Path], members: Sequence[Path], out: Path) -> Path:
    """The first MEMBERS networks as one weights file, calibrated on the readings of `unseen_readings` of all."""
    films = [film for folder in folders for film in read_folder(folder)]
    calibration = fit_all(films, unseen_readings(films, members))
    save(out, ensemble(members[:MEMBERS], calibration, NAME, VERSION))
    return out
