"""What a trained mode says about films: the highest crop, where it lies, and patches drawn as in training.

A film's score is the maximum of P(abnormal) over the test grid, kept as the logit margin, of which it is a monotone
function; the arg-max crop is its box (docs/seed.md). Readings are appended to a file one line a film, so that a
judgement that was killed goes on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from model.seed.batches import cut
from model.seed.films import Looks, SeedFilm
from model.seed.modes import Mode
from model.seed.network import SeedNet
from model.seed.training import margins
from model.windows import FloatArray

NEAR_PATCHES, FAR_PATCHES = 4, 8  # from a lesion, and beside it; from a normal film
BATCH_PIXELS = 64 * 96 * 96  # of a batch at test: what a core's cache takes


@dataclass(slots=True)
class SeedReading:
    """One film. score: margin of the highest crop; box: that crop, unit xyxy; lesions: the truth, unit xyxy.

    positive, near, far: margins of patches on a lesion, beside one in its film, and in a normal film.
    """

    film: str
    patient: str
    normal: bool
    score: float
    box: list[float]
    lesions: list[list[float]] = field(default_factory=list)
    positive: list[float] = field(default_factory=list)
    near: list[float] = field(default_factory=list)
    far: list[float] = field(default_factory=list)


@torch.inference_mode()
def margins_of(network: SeedNet, crops: Tensor) -> FloatArray:
    """Margins [N] of crops [N, 1, h, w], in batches of about equal pixels."""
    size = max(BATCH_PIXELS // (crops.shape[-1] * crops.shape[-2]), 1)
    parts = [margins(network, part) for part in crops.split(size)] if len(crops) else [crops.new_zeros(0)]
    result: FloatArray = torch.cat(parts).double().numpy()
    return result


def highest(network: SeedNet, mode: Mode, look: Callable[[int], Tensor]) -> tuple[float, FloatArray]:
    """The highest margin over all views' grids and its window [4]; look(view) -> film [1, 1, film_side, film_side]."""
    best, box = -np.inf, np.zeros(4)
    for row, view in enumerate(mode.views):
        windows = view.windows()
        found = margins_of(network, cut(look(row), view, windows))
        top = int(np.argmax(found))
        if found[top] > best:
            best, box = float(found[top]), windows[top]
    return best, box


def read(network: SeedNet, mode: Mode, looks: Looks, film: SeedFilm, view: int, seed: int) -> SeedReading:
    """A film's score, box and patches; view: the one that a normal film's patches are drawn at."""
    score, box = highest(network, mode, lambda row: looks.look(film, mode.views[row]))
    reading = blank(film, score, box)
    rng = np.random.default_rng([seed, film.row])

    def judged(row: int, windows: FloatArray) -> list[float]:
        return [
            float(value)
            for value in margins_of(network, cut(looks.look(film, mode.views[row]), mode.views[row], windows))
        ]

    if film.film.normal:
        reading.far = judged(view, mode.negatives(film, view, FAR_PATCHES, rng))
    for lesson in mode.lessons(film):
        reading.positive += judged(lesson[1], mode.positives(film, lesson, NEAR_PATCHES, rng))
        reading.near += judged(lesson[1], mode.negatives(film, lesson[1], NEAR_PATCHES, rng))
    return reading


def blank(film: SeedFilm, score: float, box: FloatArray) -> SeedReading:
    """A reading without patches."""
    name = f"{film.film.folder}/{film.film.path.name}"
    lesions = [[float(edge) for edge in lesion] for lesion in film.lesions]
    return SeedReading(name, film.film.patient, film.film.normal, score, [float(edge) for edge in box], lesions)


def views_asked(mode: Mode, films: Iterable[SeedFilm]) -> list[int]:
    """The views of all lessons of these films: normal films are asked at the same ones."""
    return [view for film in films for _, view in mode.lessons(film)] or [0]


def judge(
    films: Sequence[SeedFilm], path: Path, one: Callable[[SeedFilm, int], SeedReading], asked: Sequence[int]
) -> list[SeedReading]:
    """Readings of all films, those already in `path` first; one(film, view) reads a film."""
    done = {reading.film for reading in readings(path)}
    with path.open("a") as lines:
        for row, film in enumerate(films):
            if f"{film.film.folder}/{film.film.path.name}" not in done:
                lines.write(json.dumps(asdict(one(film, asked[row % len(asked)]))) + "\n")
                lines.flush()
    return readings(path)


def readings(path: Path) -> list[SeedReading]:
    """The readings in a file, none when there is no file; a last line cut off by a kill is dropped from the file."""
    if not path.exists():
        return []
    text = path.read_text()
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        path.write_text(whole)
    return [SeedReading(**json.loads(line)) for line in whole.splitlines()]


def larger(first: Sequence[SeedReading], second: Sequence[SeedReading]) -> list[SeedReading]:
    """Global + local: of each film the reading with the higher score, with the patches of both.

    Raises ValueError when the two are not of the same films.
    """
    other = {reading.film: reading for reading in second}
    if other.keys() != {reading.film for reading in first}:
        raise ValueError("the two modes were judged on different films")
    joined = []
    for one in first:
        two = other[one.film]
        top = one if one.score >= two.score else two
        patches = {kind: getattr(one, kind) + getattr(two, kind) for kind in ("positive", "near", "far")}
        joined.append(SeedReading(one.film, one.patient, one.normal, top.score, top.box, one.lesions, **patches))
    return joined
