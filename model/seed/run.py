"""One mode from folders to readings: films, cache, training, judgement; every part goes on where it was killed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch

from model.seed.batches import CropBatches
from model.seed.films import Folds, Looks, SeedFilm, folds, seen, usable
from model.seed.judge import SeedReading, blank, highest, judge, larger, read, readings, views_asked
from model.seed.modes import Mode, ModeName, mode_of
from model.seed.network import SeedConfig, SeedNet, TrunkName
from model.seed.scales import TABLES
from model.seed.training import SeedRecipe, SeedState, fresh, restore, run
from model.train.cache import cached, read_film
from model.train.films import read_folder

AnyMode = Literal["multiscale", "global", "local", "global+local", "single"]


class NotTrained(Exception):  # noqa: N818  (named by what the caller must do)
    """A mode was asked for that stands on others which are not there, or a folder holds another run."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that decides a run. crop: pixels, by mode (`modes.mode_of`); 0 asks for the seed's sizes.

    side: of the cached films, pixels. per_lesion: most positives of one lesion in a batch; the seed has no bound.
    least_batch: smallest batch. films: of the test, drawn by hash; 0 = all.
    """

    mode: AnyMode = "multiscale"
    trunk: TrunkName = "inception"
    width: float = 1.0
    side: int = 1024
    crop: int = 0
    table: str = "14"
    steps: int = 7800
    rate: float = 1e-3
    per_lesion: int = 16
    least_batch: int = 0
    fold: int = 0
    films: int = 0
    seed: int = 1

    @property
    def name(self) -> str:
        """The run's folder."""
        return f"{self.mode}-{self.trunk}"

    def build(self) -> Mode:
        """The mode that is trained: a single image is read by the local one."""
        if self.mode == "global+local":
            raise NotTrained("global+local joins two judged modes and trains nothing")
        own: ModeName = "local" if self.mode == "single" else self.mode
        return mode_of(own, self.crop, TABLES[self.table])


def seed_run(folders: Sequence[Path], work: Path, settings: Settings, say: Callable[[str], None]) -> list[SeedReading]:
    """Train (or go on training) and judge one mode, in work/<mode>-<trunk>; raises NotTrained."""
    if settings.mode == "global+local":
        return _joined(work, settings)
    place = work / settings.name
    films = usable([film for folder in folders for film in read_folder(folder)])
    parted = folds(films, settings.fold)
    looks, mode = Looks(cached(films, settings.side, work / "cache")), settings.build()
    network = _network(work, settings, parted, looks, mode, say)
    tested = chosen(parted.test, settings.films)
    asked = views_asked(mode, tested)
    say(f"judging {len(tested)} films")
    if settings.mode == "single":
        return judge(tested, place / "readings.jsonl", lambda film, _: single(network, mode, film), asked)
    return judge(
        tested,
        place / "readings.jsonl",
        lambda film, view: read(network, mode, looks, film, view, settings.seed),
        asked,
    )


def _network(
    work: Path, settings: Settings, parted: Folds, looks: Looks, mode: Mode, say: Callable[[str], None]
) -> SeedNet:
    """The trained network: a single image's is the local mode's."""
    place = work / settings.name
    place.mkdir(parents=True, exist_ok=True)
    if settings.mode == "single":
        local = load_network(work / f"local-{settings.trunk}")
        _claim(place, settings, {"steps": 0})
        return local
    recipe = SeedRecipe(steps=settings.steps, rate=settings.rate, seed=settings.seed)
    batches = CropBatches(parted.train, looks, mode, settings.per_lesion, settings.least_batch)
    abnormal, normal = len(batches.abnormal), len(batches.normals.all)
    if not abnormal or not normal:
        raise NotTrained(f"{settings.mode} has {abnormal} boxed and {normal} normal films to learn from: it needs both")
    _claim(place, settings, {"abnormal": abnormal, "normal": normal})
    say(f"training on {abnormal} abnormal and {normal} normal films")
    torch.manual_seed(settings.seed)
    network = SeedNet(SeedConfig(settings.trunk, settings.width)).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    state = fresh(network, recipe)
    if (place / "state.pt").exists():
        state = restore(state, place / "state.pt")

    def told(state: SeedState) -> None:
        say(f"{state.spent_s:.0f} s, step {state.steps} of {recipe.steps}, loss {state.loss:.3f}")

    return run(state, batches, recipe, place / "state.pt", told).network


def _claim(place: Path, settings: Settings, counts: dict[str, int]) -> None:
    """Write what the run is, or refuse a folder that holds another one."""
    card = place / "run.json"
    wanted = asdict(settings)
    if card.exists():
        there = json.loads(card.read_text())["settings"]
        if there != wanted:
            changed = sorted(key for key in wanted if there.get(key) != wanted[key])
            raise NotTrained(f"{place} holds a run with another {', '.join(changed)}: take another --work")
    card.write_text(json.dumps({"settings": wanted, "films": counts}, indent=1) + "\n")


def settings_of(place: Path) -> Settings:
    """What the run in a folder was asked for; raises NotTrained."""
    try:
        return Settings(**json.loads((place / "run.json").read_text())["settings"])
    except FileNotFoundError as error:
        raise NotTrained(f"no run in {place}") from error


def load_network(place: Path) -> SeedNet:
    """A finished run's network in evaluation mode; raises NotTrained."""
    settings = settings_of(place)
    try:
        stored = torch.load(place / "state.pt", weights_only=True)
    except FileNotFoundError as error:
        raise NotTrained(f"no weights in {place}") from error
    if stored["steps"] < settings.steps:
        raise NotTrained(f"the run in {place} is not finished")
    network = SeedNet(SeedConfig(settings.trunk, settings.width)).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    network.load_state_dict(stored["network"])
    return network.eval()


def _joined(work: Path, settings: Settings) -> list[SeedReading]:
    """Global + local from the two modes' readings, written beside them."""
    both = [readings(work / f"{mode}-{settings.trunk}" / "readings.jsonl") for mode in ("global", "local")]
    if not all(both):
        raise NotTrained(f"train and judge global and local with trunk {settings.trunk} in {work} first")
    joined = larger(*both)
    place = work / settings.name
    place.mkdir(parents=True, exist_ok=True)
    _claim(place, settings, {"steps": 0})
    (place / "readings.jsonl").write_text("".join(json.dumps(asdict(reading)) + "\n" for reading in joined))
    return joined


def chosen(films: Sequence[SeedFilm], count: int) -> list[SeedFilm]:
    """All films, or `count` of them, as many normal as abnormal, by a hash of the name."""
    if not count:
        return list(films)
    ranked = sorted(films, key=lambda film: hashlib.sha256(film.film.path.name.encode()).hexdigest())
    normal = [film for film in ranked if film.film.normal][: count // 2]
    return normal + [film for film in ranked if not film.film.normal][: count - count // 2]


def read_image(network: SeedNet, mode: Mode, image: npt.NDArray[np.float32]) -> tuple[float, npt.NDArray[np.float64]]:
    """The single-image mode: a film [H, W] of any size -> (P(abnormal) of the highest crop, that crop, unit xyxy)."""
    film = torch.from_numpy(np.ascontiguousarray(image, dtype=np.float32))[None, None]
    margin, box = highest(network, mode, lambda row: seen(film, mode.views[row]))
    return float(1.0 / (1.0 + np.exp(-margin))), box


def single(network: SeedNet, mode: Mode, film: SeedFilm) -> SeedReading:
    """The single-image mode on a labelled film's file; it draws no patches."""
    image = torch.from_numpy(read_film(film.film.path))[None, None]
    score, box = highest(network, mode, lambda row: seen(image, mode.views[row]))
    return blank(film, score, box)
