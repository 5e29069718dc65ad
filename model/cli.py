"""`thoraxd-model`: the detector's own tools. Mounted by the worker's command line, which adds `detect`.

Each command decodes its arguments, calls one function and prints what it answers.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.progress import track

from model.bench import bench as time_detector
from model.checkpoint import PACKAGED, WeightsRefused, load, save
from model.detector import Detector
from model.evaluate import Graded, beside_peer
from model.evaluate import evaluate as evaluated
from model.report import examples, sheet, to_json, to_markdown
from model.train.cache import read_film
from model.train.films import Split, read_folder, split
from model.train.fit import SENSITIVITY, site_calibration
from model.train.loop import Recipe
from model.train.run import train as trained

app = typer.Typer(help="Train, judge, calibrate and time the detector.", no_args_is_help=True)

Folders = Annotated[list[Path], typer.Argument(help="folders with images/, labels.csv and boxes*.csv", exists=True)]
Weights = Annotated[Path | None, typer.Option(help="a .safetensors file with its .json; default: those shipped")]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]
Threads = Annotated[int, typer.Option(help="CPU threads; 0 leaves torch's choice")]


@app.command()
def train(
    folders: Folders,
    work: Annotated[Path, typer.Option(help="where state, cache and weights go; an unfinished run there goes on")],
    minutes: Annotated[float, typer.Option(help="time to train, over all starts")] = 60.0,
    seed: int = 1,
    threads: Threads = 0,
) -> None:
    """Train on folds 1-4 of the folders and calibrate on their calibration films."""
    _use(threads)
    work.mkdir(parents=True, exist_ok=True)
    typer.echo(trained(folders, work, Recipe(minutes=minutes, seed=seed), typer.echo))


@app.command()
def evaluate(
    folders: Folders,
    out: Annotated[Path, typer.Option(help="folder for figures.json, figures.md and sheet.png")],
    weights: Weights = None,
    peer: Annotated[Path | None, typer.Option(help="another model's probabilities: image, prob_<label>...")] = None,
    draws: Annotated[int, typer.Option(help="bootstrap samples")] = 400,
    threads: Threads = 0,
    as_json: AsJson = False,
) -> None:
    """The figures of the weights on fold 0 of the folders."""
    _use(threads)
    detector = _detector(weights)
    films = _split(folders)
    found = [detector.detect(read_film(film.path)) for film in track(films.test, "reading", disable=as_json)]
    graded = Graded(films.test, found)
    result = evaluated(graded, films.train, detector.reader.windows, detector.calibration, draws)
    result["model"] = str(detector.identity)
    if peer is not None:
        result["peer"] = beside_peer(graded, peer, draws)
    out.mkdir(parents=True, exist_ok=True)
    (out / "figures.json").write_text(to_json(result))
    (out / "figures.md").write_text(to_markdown(result))
    sheet(examples(graded)).save(out / "sheet.png")
    typer.echo(to_json(result) if as_json else to_markdown(result))


@app.command()
def calibrate(
    folder: Annotated[Path, typer.Argument(help="the site's folder with images/ and labels.csv", exists=True)],
    out: Annotated[Path, typer.Option(help="the .safetensors file to write, with its .json")],
    weights: Weights = None,
    sensitivity: Annotated[float, typer.Option(min=0.5, max=1.0)] = SENSITIVITY,
    threads: Threads = 0,
) -> None:
    """Refit temperature, operating point and lesion cut to a site's own labelled films (all of the folder's)."""
    _use(threads)
    detector = _detector(weights)
    films = read_folder(folder)
    readings = [detector.reader.read(read_film(film.path)) for film in track(films, "reading")]
    try:
        refitted = site_calibration(detector.calibration, films, readings, sensitivity)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    original = load(weights)
    version = f"{original.version.partition('+')[0]}+site.{refitted.fingerprint()}"
    written = save(out, replace(original, version=version, calibration=refitted))
    typer.echo(f"{out} {written.version}: positive at {refitted.operating_point}, {refitted.words}")


@app.command()
def bench(weights: Weights = None, side: int = 1024, threads: Threads = 0, as_json: AsJson = False) -> None:
    """Time one shared pass against crop by crop, on this machine."""
    _use(threads)
    timing = time_detector(_detector(weights), side).to_json()
    rounded = {key: f"{value:.4g}" if isinstance(value, float) else str(value) for key, value in timing.items()}
    typer.echo(json.dumps(timing) if as_json else "\n".join(f"{key:24} {value}" for key, value in rounded.items()))


def _use(threads: int) -> None:
    if threads:
        torch.set_num_threads(threads)


def _detector(weights: Path | None) -> Detector:
    try:
        return Detector.load(weights)
    except WeightsRefused as error:
        raise typer.BadParameter(f"{error} (weights: {weights or PACKAGED})") from error


def _split(folders: list[Path]) -> Split:
    return split([film for folder in folders for film in read_folder(folder)])
