"""`thoraxd-model evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from model.card import card
from model.checkpoint import PACKAGED, Checkpoint, WeightsRefused, load
from model.commands.shared import AsJson
from model.judge import report
from model.judge.document import markdown_table
from model.judge.figures import figures, plain, to_json
from model.judge.graded import Graded, crossfitted
from model.judge.models import by_fold, read_out_of_fold
from model.judge.sections import headline
from model.train.films import Film, read_folder
from model.train.readers import FilmUnreadable

Inputs = Annotated[
    list[Path],
    typer.Argument(help="folders with images/, labels.csv and boxes*.csv; .safetensors files count as --models"),
]
Models = Annotated[
    list[Path] | None,
    typer.Option(help="weights of the folds, each judged on the fold its card says it has not seen; default: packaged"),
]
COLUMNS = (TextColumn("reading films"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())


def evaluate(
    folders: Inputs,
    out: Annotated[Path, typer.Option(help="folder for report.html, report.md, figures.json, sheet.png, readings/")],
    models: Models = None,
    peer: Annotated[Path | None, typer.Option(help="another model's probabilities: image, prob_<label>...")] = None,
    card_path: Annotated[Path | None, typer.Option("--card", help="model card to write with these figures")] = None,
    draws: Annotated[int, typer.Option(min=1, help="bootstrap draws")] = 1000,
    threads: Annotated[int, typer.Option(min=1, help="films read at a time, a CPU thread each")] = 2,
    as_json: AsJson = False,
) -> None:
    """Measure weights on films they have not seen: one report with every figure and its 95 % interval."""
    weights = [*(models or []), *(path for path in folders if path.suffix == ".safetensors")]
    torch.set_num_threads(1)
    try:
        checkpoints = by_fold(weights or [None])
        shipped = load(None) if card_path else None
        films = [film for path in folders if path.suffix != ".safetensors" for film in read_folder(path)]
        graded = _graded(films, checkpoints, out / "readings", threads, draws, as_json)
    except (WeightsRefused, FilmUnreadable, ValueError) as error:
        raise typer.BadParameter(str(error)) from error
    tree = figures(graded, checkpoints, peer)
    report.write(graded, tree, out)
    if card_path is not None and shipped is not None:
        text, missing = card(plain(tree), shipped, PACKAGED)
        card_path.write_text(text)
        typer.echo(f"{card_path}: {f'without {missing}' if missing else 'every figure filled in'}", err=True)
    typer.echo(to_json(tree) if as_json else markdown_table(headline(plain(tree))) + f"\n\n{out / 'report.html'}")


def _graded(
    films: list[Film], checkpoints: dict[int, Checkpoint], store: Path, threads: int, draws: int, quiet: bool
) -> Graded:
    """The films of the judged folds read, with a progress bar, and graded. Raises ValueError when they do not do."""
    total = sum(film.fold in checkpoints for film in films)
    if not total:
        raise ValueError(f"no film of fold {', '.join(map(str, checkpoints))} in these folders")
    with Progress(*COLUMNS, disable=quiet) as progress:
        task = progress.add_task("", total=total)
        chosen, readings = read_out_of_fold(films, checkpoints, store, threads, lambda n: progress.advance(task, n))
    return crossfitted(chosen, readings, next(iter(checkpoints.values())).network, draws)
