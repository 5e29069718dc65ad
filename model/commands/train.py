"""`thoraxd-model train`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import torch
import typer

from model.checkpoint import PACKAGED, WeightsRefused, load
from model.commands.shared import Folders, Threads, use_threads
from model.network import NetworkConfig
from model.train.films import unknown_labels
from model.train.finish import Finished, finish
from model.train.readers import FilmUnreadable
from model.train.recipe import recipe_for
from model.train.run import VERSION, Learnt, Plan, prepare
from model.train.run import train as trained
from model.train.site import LEAST_FILMS
from model.train.state import StateRefused
from model.train.tables import FolderRefused

Start = Annotated[str, typer.Option("--from", help="weights to start from: shipped, scratch or a .safetensors file")]
Films = Annotated[int | None, typer.Option(min=16, help="films to draw in all; default: by the size of the folder")]
Work = Annotated[Path, typer.Option(help="where state, curve and weights go; an unfinished run there goes on")]
Fold = Annotated[int, typer.Option(min=0, max=4, help="the fifth of the patients left out, to calibrate on")]
All = Annotated[bool, typer.Option("--all", help="leave nothing out: the weights are then not calibrated")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N")]
Devices = Annotated[int, typer.Option(min=1, max=16, help="GPUs (or CPU processes) that share every batch of 16")]


def train(
    folders: Folders,
    work: Work,
    start: Start = "shipped",
    films: Films = None,
    fold: Fold = 0,
    everything: All = False,
    seed: int = 1,
    device: Device = "auto",
    devices: Devices = 1,
    threads: Threads = 0,
) -> None:
    """Train on labelled films and calibrate on those left out; started again after a kill, it goes on."""
    use_threads(threads)
    try:
        weights = _starting(start)
        learnt = prepare(folders, None if everything else fold)
        _greet(learnt, weights)
        plan = Plan(
            learnt=learnt,
            work=work,
            recipe=recipe_for(len(learnt.parts.train), weights is not None, seed, films),
            config=load(weights).network if weights else NetworkConfig(),
            start=weights,
            version=f"{VERSION}+own",
            device=_device(device),
            devices=_divisible(devices),
        )
        done = finish(trained(plan), learnt.parts.test, weights, plan.device)
    except (FolderRefused, FilmUnreadable, StateRefused, WeightsRefused) as error:
        typer.echo(f"cannot train:\n{error}", err=True)
        raise typer.Exit(2) from error
    _part(done, folders)


def _starting(start: str) -> Path | None:
    """The weights file to start from; raises WeightsRefused where it is none."""
    if start == "scratch":
        return None
    weights = PACKAGED if start == "shipped" else Path(start)
    load(weights)
    return weights


def _device(device: str) -> str:
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise typer.BadParameter("torch sees no GPU here", param_hint="--device")
    return device


def _divisible(devices: int) -> int:
    if 16 % devices:
        raise typer.BadParameter("a batch is 16 films: take 1, 2, 4, 8 or 16", param_hint="--devices")
    return devices


def _greet(learnt: Learnt, start: Path | None) -> None:
    """What is going to be done, and what the reader should know before."""
    parts = learnt.parts
    normal = sum(film.normal for film in parts.train)
    boxed = sum(len(film.boxes) > 0 for film in parts.train)
    typer.echo(
        f"{len(parts.train)} films to train on ({normal} normal, {boxed} with boxes), {len(parts.test)} left out"
    )
    well = sum(film.normal for film in parts.test)
    if min(well, len(parts.test) - well) < LEAST_FILMS:
        typer.echo(
            f"{well} normal and {len(parts.test) - well} abnormal films are left out: fewer than {LEAST_FILMS} of each "
            "do not calibrate the weights; thoraxd-model calibrate does it on other films of yours"
        )
    unknown = unknown_labels(learnt.films)
    if unknown:
        typer.echo(
            f"labels without an output of their own, taken as abnormalities without a name: {', '.join(unknown)}"
        )
    if start == PACKAGED:
        typer.echo(
            "starting from the shipped weights, which have seen the public films of NIH ChestX-ray14 and RSNA: "
            "figures on such films flatter them"
        )


def _part(done: Finished, folders: Sequence[Path]) -> None:
    """What came of it, and what to do with it."""
    if done.held_out:
        typer.echo(f"AUC {done.auc:.3f} on the {done.held_out} films left out")
    typer.echo(f"{done.weights}: {done.words}")
    if done.why_not:
        typer.echo(
            f"not calibrated on your films: {done.why_not}. Probabilities and operating point are not those of your "
            "films; thoraxd-model calibrate refits them on others of yours"
        )
    typer.echo(
        f'use them: weights = "{done.weights.resolve()}" below [model] in thoraxd.toml; try them: thoraxd-model detect '
        f"--weights {done.weights} {folders[0] / 'images'}/*"
    )
