"""One training from folders to a weights file: films, split, cache, starting weights, loop, curve.

`prepare` reads and refuses, `train` works; a run that was killed goes on when the same two calls are made again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from model.calibration import Calibration
from model.checkpoint import Checkpoint, load, save, tensors_of
from model.ensemble import members_of
from model.network import LesionNet, NetworkConfig
from model.train.augment import Augmentation
from model.train.batches import Batches
from model.train.cache import ByteArray, cached
from model.train.curve import MOST_LOOKED_AT, early_look, row_of, write_curve
from model.train.display import Display, described
from model.train.feed import Feed
from model.train.films import Film, Split, read_folder, split
from model.train.loop import run
from model.train.pace import measured
from model.train.parallel import Team, launch
from model.train.recipe import Recipe
from model.train.state import State, fresh, restore, store
from model.train.tables import FolderRefused
from model.windows import grid_windows

NAME = "thoraxd-lesion"
VERSION = "0.2.0"
LEAST_OF_CLASS = 5  # films to train on
MOST_SAVES, LEAST_SAVE_S = 20, 10.0  # of a short run


@dataclass(frozen=True, slots=True)
class Learnt:
    """The films of some folders, split. names: the folders'; fold: the one left out, None for none."""

    films: list[Film]
    parts: Split
    names: tuple[str, ...]
    fold: int | None


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a process needs. start: weights to start from, None from scratch; cache: where decoded films lie."""

    learnt: Learnt
    work: Path
    recipe: Recipe
    config: NetworkConfig
    start: Path | None = None
    cache: Path | None = None
    version: str = VERSION
    device: str = "cpu"
    devices: int = 1

    @property
    def weights(self) -> Path:
        """The weights file that comes of it."""
        return self.work / "detector.safetensors"


def prepare(folders: Sequence[Path], fold: int | None) -> Learnt:
    """Read the folders and split them. Raises FolderRefused where nothing can be learnt from them."""
    films = [film for folder in folders for film in read_folder(folder)]
    parts = split(films, fold)
    where = ", ".join(str(folder) for folder in folders)
    normal = sum(film.normal for film in parts.train)
    abnormal = len(parts.train) - normal
    if fold is not None and not parts.test:
        there = ", ".join(str(number) for number in sorted({film.fold for film in films}))
        raise FolderRefused([f"{where}: no film is in fold {fold}, which is to be left out; there are: {there}"])
    if min(normal, abnormal) < LEAST_OF_CLASS:
        raise FolderRefused(
            [
                f"{where}: {normal} normal and {abnormal} abnormal films to train on (fold {fold} is left out): at "
                f"least {LEAST_OF_CLASS} of each are needed; a film is normal when its label is Normal or No Finding"
            ]
        )
    return Learnt(films, parts, tuple(folder.name for folder in folders), fold)


def train(plan: Plan) -> Path:
    """Train, or go on from work/state.pt, and write work/detector.safetensors, curve.csv and curve.png.

    The weights are not calibrated: that takes readings of films that they have not seen. Raises FolderRefused for
    films that cannot be decoded, StateRefused for a stored run of another training.
    """
    plan.work.mkdir(parents=True, exist_ok=True)
    cached(plan.learnt.films, plan.config.side, plan.cache or plan.work / "cache")  # once, before there are several
    launch(_work, plan, plan.devices, plan.device)
    return plan.weights


def belongs(plan: Plan, pixels: ByteArray) -> dict[str, str]:
    """What a stored run must agree in to be gone on with."""
    films = hashlib.sha256(np.ascontiguousarray(pixels).data)
    for film in plan.learnt.films:
        words = (film.path.name, film.stratum, film.patient, film.fold, film.normal, sorted(film.labels))
        films.update(repr((*words, film.boxes.tobytes(), film.box_labels, film.small)).encode())
    recipe = {name: value for name, value in asdict(plan.recipe).items() if name != "save_every_s"}
    return {
        "recipe (length, seed)": json.dumps(recipe),
        "network": json.dumps(plan.config.to_json()),
        "films": films.hexdigest(),
        "fold left out": str(plan.learnt.fold),
        "starting weights": load(plan.start).digest if plan.start else "none",
        "number of devices": str(plan.devices),
    }


def _work(team: Team, plan: Plan) -> None:
    """What each process does."""
    learnt, config = plan.learnt, plan.config
    pixels = cached(learnt.films, config.side, plan.cache or plan.work / "cache")
    place = {film: row for row, film in enumerate(learnt.films)}
    chosen = learnt.parts.train
    rows = [place[film] for film in chosen]
    batches = Batches(chosen, pixels, rows, grid_windows(config.scales), Augmentation())
    torch.manual_seed(plan.recipe.seed)
    # of an ensemble its first member: one network is trained, and one is what it will be used as
    network = members_of(load(plan.start).build())[0] if plan.start else LesionNet(config)
    pace = measured(network, batches, plan.recipe, team)
    often = max(pace.left_s(0) / MOST_SAVES, LEAST_SAVE_S)
    recipe = replace(plan.recipe, save_every_s=min(plan.recipe.save_every_s, often))
    state = fresh(network, recipe, team)
    stored, needed = plan.work / "state.pt", belongs(plan, pixels)
    if stored.exists():
        state = restore(state, stored, needed)
    if team.device != "cpu":
        torch.backends.cudnn.deterministic = True
    feed = Feed(batches, recipe, config.side, state.rng, recipe.batch // team.size, team.device != "cpu")
    looked = learnt.parts.test[:: max(-(-len(learnt.parts.test) // MOST_LOOKED_AT), 1)]
    shown = pixels[[place[film] for film in looked]] if looked else pixels[:0]
    abnormal = np.array([not film.normal for film in looked], dtype=bool)
    with Display(team, state, recipe, pace) as display:

        def saved(state: State) -> None:
            if not state.curve or state.curve[-1]["drawn"] < state.steps * recipe.batch:
                look = early_look(state.averaged, shown, abnormal) if team.leads else 0.0
                state.curve.append(row_of(state, recipe, look))
            store(state, stored, needed)
            if team.leads:
                write_curve(state.curve, plan.work)
                _export(plan, state, needed["starting weights"])
                display.say(described(state))

        run(state, feed, recipe, display.stepped, saved)


def _export(plan: Plan, state: State, start: str) -> None:
    learnt = plan.learnt
    trained: dict[str, Any] = dict(recipe_json(plan.recipe, state))
    trained |= {"folders": list(learnt.names), "fold": learnt.fold, "films": len(learnt.parts.train)}
    if plan.start:
        trained["start"] = start
    averaged = tensors_of(state.averaged)
    save(plan.weights, Checkpoint(NAME, plan.version, plan.config, averaged, Calibration(), "", trained))


def recipe_json(recipe: Recipe, state: State) -> Mapping[str, object]:
    """What the weights' card says about how they came about."""
    return {"recipe": asdict(recipe), "steps": state.steps, "films_drawn": state.steps * recipe.batch}
