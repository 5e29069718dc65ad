"""`thoraxd-model experiments`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from model.commands.shared import Folders, Threads, use_threads
from model.train.experiments import EXPERIMENTS, run_experiment, table
from model.train.run import prepare

Work = Annotated[
    Path, typer.Option(help="where runs and cache go; finished and unfinished runs there are gone on with")
]


def experiments(folders: Folders, work: Work, threads: Threads = 0) -> None:
    """Train small variants of the detector beside one base run: length, resolution, width, pre-training (hours)."""
    use_threads(threads)
    films = prepare(folders, 0).parts.test
    outcomes = []
    for experiment in EXPERIMENTS:
        outcomes.append(run_experiment(experiment, folders, work))
        typer.echo("\n".join(table(films, outcomes)) + "\n")
