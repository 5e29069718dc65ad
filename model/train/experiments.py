"""What limits the detector: time, resolution, capacity or pre-training, one at a time beside one small base run.

Every run leaves out the same fold and is judged on it; differences come with paired intervals, the same patients drawn
for both. The base is short on purpose: what it shows of length, size and width is a direction, not the end of the road.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from model.calibration import Calibration
from model.checkpoint import Checkpoint, load, save, tensors_of
from model.judge.document import Table, markdown_table
from model.metrics import BoolArray, auc, bootstrap, hit
from model.network import LesionNet, NetworkConfig
from model.reading import Reader, Reading
from model.train.augment import Augmentation
from model.train.batches import Batches
from model.train.cache import cached
from model.train.films import Film
from model.train.pretrain import pretrain
from model.train.recipe import Recipe
from model.train.run import NAME, Learnt, Plan, prepare, train
from model.windows import FloatArray, grid_windows

FOLD = 0
DRAWS = 400


@dataclass(frozen=True, slots=True)
class Experiment:
    """One run. changes: of the network's configuration; pretrained: films redrawn first, without labels."""

    name: str
    films: int = 16_000
    changes: Mapping[str, object] = field(default_factory=dict)
    pretrained: int = 0


BASE = Experiment("base: 128 px, 3.0 M parameters, 16,000 films", changes={"side": 128})
WIDE = {"side": 128, "stem": 48, "widths": (64, 128, 256, 512), "map_width": 192}
EXPERIMENTS = (
    BASE,
    Experiment("longer: 64,000 films", 64_000, {"side": 128}),
    Experiment("larger films: 256 px", changes={"side": 256}),
    Experiment("wider: 11.8 M parameters", changes=WIDE),
    Experiment("pre-trained: 32,000 films redrawn first", changes={"side": 128}, pretrained=32_000),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Readings of the left-out films, in their order."""

    experiment: Experiment
    readings: Sequence[Reading]

    @property
    def scores(self) -> FloatArray:
        """[N] mean of the film's two logits, not calibrated."""
        return np.array([reading.film.mean() for reading in self.readings])


def run_experiment(experiment: Experiment, folders: Sequence[Path], work: Path) -> Outcome:
    """Train (or go on, or take what is finished) and read the left-out fold."""
    learnt = prepare(folders, FOLD)
    config = NetworkConfig.from_json(NetworkConfig().to_json() | dict(experiment.changes))
    place = work / experiment.name.partition(":")[0].replace(" ", "-")
    recipe = Recipe(films=experiment.films, growth=(), restart=1.0)
    start = _pretrained(experiment, learnt, config, place, work / "cache") if experiment.pretrained else None
    weights = train(Plan(learnt, place, recipe, config, start, work / "cache"))
    reader = Reader(load(weights).build(), torch.device("cpu"))
    pixels = cached(learnt.films, config.side, work / "cache")
    rows = [row for row, film in enumerate(learnt.films) if film.fold == FOLD]
    return Outcome(experiment, [reader.read(pixels[row].astype(np.float32)) for row in rows])


def _pretrained(experiment: Experiment, learnt: Learnt, config: NetworkConfig, place: Path, cache: Path) -> Path:
    path = place / "pretrained.safetensors"
    if not path.exists():
        pixels = cached(learnt.films, config.side, cache)
        place_of = {film: row for row, film in enumerate(learnt.films)}
        chosen = learnt.parts.train
        rows = [place_of[film] for film in chosen]
        batches = Batches(chosen, pixels, rows, grid_windows(config.scales), Augmentation())
        recipe = replace(Recipe(films=experiment.pretrained, batch=32, rate=1e-3), restart=1.0)
        torch.manual_seed(recipe.seed)
        network = LesionNet(config)
        error = pretrain(network, batches, recipe, config.side)
        made = {"pretrained": "hidden squares drawn again", "films_drawn": experiment.pretrained, "error": error}
        save(path, Checkpoint(NAME, "pretrained", config, tensors_of(network), Calibration(), "", made))
    return path


def table(films: Sequence[Film], outcomes: Sequence[Outcome]) -> list[str]:
    """Markdown: each figure of the first outcome with its interval, of the others with the paired difference to it."""
    heads = ["run", *(name for name, _ in _figures(films, outcomes[0]))]
    lines = []
    base = dict(_figures(films, outcomes[0]))
    patients = [film.patient for film in films]
    for outcome in outcomes:
        cells = [outcome.experiment.name]
        for name, figure in _figures(films, outcome):
            value, first = figure(np.arange(len(films))), base[name](np.arange(len(films)))
            if outcome is outcomes[0]:
                low, high = bootstrap(figure, patients, DRAWS)
                cells.append(f"{value:.3f} [{low:.3f}, {high:.3f}]")
            else:
                low, high = bootstrap(_difference(figure, base[name]), patients, DRAWS)
                cells.append(f"{value:.3f}, {value - first:+.3f} [{low:+.3f}, {high:+.3f}]")
        lines.append(cells)
    return markdown_table(Table(heads, lines)).splitlines()


Figure = Callable[[np.ndarray], float]


def _difference(ours: Figure, base: Figure) -> Figure:
    return lambda rows: ours(rows) - base(rows)


def _figures(films: Sequence[Film], outcome: Outcome) -> list[tuple[str, Figure]]:
    abnormal = np.array([not film.normal for film in films], dtype=bool)
    folder = np.array([film.folder for film in films])
    opacity = np.array([film.normal or "Lung Opacity" in film.labels for film in films], dtype=bool)
    boxed = np.array([len(film.boxes) > 0 for film in films], dtype=bool)
    met = np.array([hit(r.boxes, film.boxes, 0.3, 1) for r, film in zip(outcome.readings, films, strict=True)])
    scores = outcome.scores

    def area(chosen: BoolArray) -> Figure:
        return lambda rows: auc(scores[rows[chosen[rows]]], abnormal[rows[chosen[rows]]])

    def share(chosen: BoolArray) -> Figure:
        return lambda rows: float(met[rows[chosen[rows]]].mean()) if chosen[rows].any() else float("nan")

    return [
        ("AUC nih128", area(folder == "nih128")),
        ("AUC rsna, Normal / Lung Opacity", area((folder == "rsna") & opacity)),
        ("AUC rsna, Normal / others", area(folder == "rsna")),
        ("top-1 box, IoU >= 0.3, rsna", share((folder == "rsna") & boxed)),
        ("top-1 box, IoU >= 0.3, nih", share((folder == "nih") & boxed)),
    ]
