"""`thoraxd-model reproduce`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import torch
import typer

from model.checkpoint import WeightsRefused, load
from model.train.readers import FilmUnreadable
from model.train.shipped import fold_weights, folders_of, package, train_fold
from model.train.state import StateRefused
from model.train.tables import FOLDS, FolderRefused

Root = Annotated[Path, typer.Argument(help="the folder that holds rsna/, nih/ and nih128/", exists=True)]
Work = Annotated[Path, typer.Option(help="where the five runs and the weights go; unfinished runs there go on")]
Fold = Annotated[int | None, typer.Option(min=0, max=4, help="train this one only, and package nothing")]


def reproduce(root: Root, work: Work, fold: Fold = None) -> None:
    """Make the shipped weights from the public films: five trainings, calibration, one file (docs/training.md)."""
    torch.set_num_threads(1)  # as the shipped weights were made: another count sums in another order
    try:
        folders = folders_of(root)
        for number in FOLDS if fold is None else [fold]:
            typer.echo(f"the network that does not see fold {number}")
            train_fold(folders, work, number)
        if fold is not None:
            typer.echo(f"{fold_weights(work, fold)}; the same without --fold packages all five")
            return
        made = load(package(folders, [fold_weights(work, number) for number in FOLDS], work / "detector.safetensors"))
    except (FolderRefused, FilmUnreadable, StateRefused, WeightsRefused) as error:
        typer.echo(f"cannot make the weights:\n{error}", err=True)
        raise typer.Exit(2) from error
    typer.echo(f"{work / 'detector.safetensors'}: SHA-256 {made.digest}, {made.calibration.words}")
