"""Which weights read which films: those that have not seen the film's fold, as their own card says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from model.checkpoint import Checkpoint, WeightsRefused, load
from model.judge.readings import FilmReading, read_all
from model.judge.sampler import Sampler
from model.reading import Reader
from model.train.films import Film
from model.windows import NATIVE_SIDE, grid_windows


def by_fold(paths: Sequence[Path | None]) -> dict[int, Checkpoint]:
    """The networks by the fold that they have not seen; of an ensemble each member by itself.

    Raises WeightsRefused, also for a card that names no fold.
    """
    found: dict[int, Checkpoint] = {}
    for path, checkpoint in [(file, member) for file in paths for member in members(load(file))]:
        fold = checkpoint.trained.get("fold")
        where = path or "the packaged weights"
        if not isinstance(fold, int):
            raise WeightsRefused(
                f"{where}: the card names no fold that these weights have not seen, so no figure of theirs would be"
                " honest; give the weights of the folds with --models"
            )
        if fold in found:
            raise WeightsRefused(f"{where}: fold {fold} has weights already, {found[fold].digest[:12]}")
        first = next(iter(found.values()), checkpoint).network
        own = checkpoint.network
        if (own.labels, own.box_labels, own.scales) != (first.labels, first.box_labels, first.scales):
            raise WeightsRefused(f"{where}: other labels or scales than the weights before")
        found[fold] = checkpoint
    return found


def members(checkpoint: Checkpoint) -> list[Checkpoint]:
    """The networks of a weights file, each as if it lay in the file that it was put together from."""
    if checkpoint.members == 1:
        return [checkpoint]
    found = []
    for row, trained in enumerate(checkpoint.trained["members"]):
        own = {key.removeprefix(f"{row}."): t for key, t in checkpoint.tensors.items() if key.startswith(f"{row}.")}
        found.append(replace(checkpoint, tensors=own, members=1, trained=trained, digest=trained["sha256"]))
    return found


def read_out_of_fold(
    films: Sequence[Film],
    models: Mapping[int, Checkpoint],
    store: Path,
    threads: int,
    done: Callable[[int], None],
) -> tuple[list[Film], list[FilmReading]]:
    """The films of the folds that have weights, each read by those; in the order of the folds, then of the films."""
    chosen: list[Film] = []
    readings: list[FilmReading] = []
    for fold, checkpoint in sorted(models.items()):
        own = [film for film in films if film.fold == fold]
        scales = checkpoint.network.scales
        sampler = Sampler.of(films, grid_windows(scales), scales, NATIVE_SIDE)
        reader = Reader(checkpoint.build(), torch.device("cpu"))
        readings += read_all(own, reader, sampler, store / checkpoint.digest[:16], threads, done)
        chosen += own
    return chosen, readings
