"""`thoraxd-model calibrate`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import track

from model.calibration import Calibration
from model.checkpoint import load, save
from model.commands.shared import Threads, Weights, loaded, use_threads
from model.train.films import read_folder
from model.train.fit import SENSITIVITY
from model.train.readers import FilmUnreadable, read_film
from model.train.site import WIDE, Change, Figures, change, site_calibration
from model.train.tables import FolderRefused


def calibrate(
    folder: Annotated[Path, typer.Argument(help="the site's folder with images/ and labels.csv", exists=True)],
    out: Annotated[Path, typer.Option(help="the .safetensors file to write, with its .json")],
    weights: Weights = None,
    sensitivity: Annotated[float, typer.Option(min=0.5, max=1.0)] = SENSITIVITY,
    threads: Threads = 0,
) -> None:
    """Refit probability, operating point, lesion cut and promises to a site's own labelled films (all of the folder's).

    What changes is printed from a cross-validation: each film is judged by a fit without its patient.
    """
    use_threads(threads)
    detector = loaded(weights)
    try:
        films = read_folder(folder)
        readings = [detector.reader.read(read_film(film.path)) for film in track(films, "reading")]
        refitted = site_calibration(detector.calibration, films, readings, sensitivity)
        changed = change(detector.calibration, films, readings, sensitivity)
    except (FolderRefused, FilmUnreadable, ValueError) as error:
        raise typer.BadParameter(str(error)) from error
    original = load(weights)
    version = _refitted(original.version, refitted)
    written = save(out, replace(original, version=version, calibration=refitted))
    typer.echo("\n".join(_table(changed, detector.calibration, refitted)))
    typer.echo(f"{out} {written.version}: positive at {refitted.operating_point}, {refitted.words}")
    typer.echo("true only of films that these weights have not trained on; the shipped ones know those of NIH and RSNA")
    typer.echo(f'use them: weights = "{out.resolve()}" below [model] in thoraxd.toml')


def _refitted(version: str, calibration: Calibration) -> str:
    """The version with the mark of this calibration instead of an earlier one's."""
    first = re.sub(r"[+.]site\.\w+$", "", version)
    return f"{first}{'.' if '+' in first else '+'}site.{calibration.fingerprint()}"


def _table(changed: Change, before: Calibration, after: Calibration) -> Iterator[str]:
    well = changed.films - changed.abnormal
    yield f"{changed.films} films of {changed.patients} patients, {changed.abnormal} abnormal, {well} normal"
    yield f"{'':14}{'before':>24}{'after (other patients)':>28}"
    yield f"{'AUC':14}{changed.auc:>24.3f}{'the same order':>28}"
    yield f"{'positive at':14}{before.operating_point:>24.4f}{after.operating_point:>28.4f}"
    columns = [_column(changed.before), _column(changed.after)]
    for name in columns[0]:
        yield f"{name:14}{columns[0][name]:>24}{columns[1][name]:>28}"
    low, high = changed.after.sensitivity_interval
    if high - low > WIDE:
        yield f"few abnormal films: the sensitivity is known to lie between {low:.2f} and {high:.2f} only"
    yield "with 95 % certainty, for patients like these, leaving alone the films below P would miss:"
    yield from (f"  {promise}" for promise in after.promises)


def _column(figures: Figures) -> dict[str, str]:
    def with_interval(value: float, interval: tuple[float, float]) -> str:
        return f"{value:.3f} [{interval[0]:.3f}, {interval[1]:.3f}]"

    return {
        "sensitivity": with_interval(figures.sensitivity, figures.sensitivity_interval),
        "specificity": with_interval(figures.specificity, figures.specificity_interval),
        "ECE": f"{figures.ece:.3f}",
    }
