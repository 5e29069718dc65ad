"""`thoraxd-model`: the detector's own tools, and `detect` for films in files.

The model knows no DICOM, so the commands of `model.cli` are mounted here with a reader for it (`worker.dicom_films`),
and `detect` reads through `worker.pixels`.
The lines of `detect --json` are relied on by other programs (docs/architecture.md): their keys do not change.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from model.checkpoint import WeightsRefused
from model.cli import app as model_app
from model.detector import Detector
from model.findings import Findings
from model.train.readers import FilmUnreadable, read_others_by
from model.train.tables import FolderRefused
from worker.dicom_films import DICOM
from worker.pixels import PixelsUnreadable, read_film

app = typer.Typer(no_args_is_help=True, pretty_exceptions_show_locals=False)
app.add_typer(model_app)

Files = Annotated[list[Path], typer.Argument(help="films: DICOM, PNG or JPEG")]
AsJson = Annotated[bool, typer.Option("--json", help="print one JSON line a file")]
Weights = Annotated[Path | None, typer.Option(help="a .safetensors file with its .json; default: those shipped")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N")]


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found in one file, or why it could not be read."""

    file: Path
    seconds: float = 0.0
    findings: Findings | None = None
    error: str = ""


@app.command()
def detect(files: Files, as_json: AsJson = False, weights: Weights = None, device: Device = "auto") -> None:
    """Mark the lesions of films; exit status 1 when one of them could not be read, 2 without usable weights."""
    try:
        detector = Detector.load(weights, device)
    except (WeightsRefused, RuntimeError, AssertionError) as error:  # torch refuses a device by these two
        typer.echo(f"the detector cannot be loaded: {error}", err=True)
        raise typer.Exit(2) from error
    answers = []
    for answer in _answers(detector, files):
        answers.append(answer)
        if as_json:
            typer.echo(json.dumps(_line(answer, str(detector.identity)), ensure_ascii=False))
    if not as_json:
        Console().print(_table(answers, str(detector.identity)))
    raise typer.Exit(int(any(answer.error for answer in answers)))


@app.callback()
def read_dicom() -> None:
    """Detect, train, judge, calibrate and time: films are DICOM, PNG or JPEG."""
    read_others_by(DICOM)


def main() -> None:
    """The console script; a folder or film that a command cannot use ends it with status 2 and a word on why."""
    try:
        app()
    except (FolderRefused, FilmUnreadable) as error:
        typer.echo(str(error), err=True)
        raise SystemExit(2) from error


def _answers(detector: Detector, files: list[Path]) -> Iterator[Answer]:
    """One answer a file, in order."""
    for file in files:
        start = time.perf_counter()
        try:
            findings = detector.detect(read_film(file).image)
        except (PixelsUnreadable, OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            yield Answer(file, error=reason or type(error).__name__)
        else:
            yield Answer(file, time.perf_counter() - start, findings)


def _line(answer: Answer, model: str) -> dict[str, Any]:
    if answer.findings is None:
        return {"file": str(answer.file), "error": answer.error}
    return {
        "file": str(answer.file),
        "probability": answer.findings.probability,
        "lesions": [
            {"box": list(lesion.box), "probability": lesion.probability, "label": lesion.label, "shown": lesion.shown}
            for lesion in answer.findings.lesions
        ],
        "model": model,
        "seconds": round(answer.seconds, 3),
    }


def _table(answers: list[Answer], model: str) -> Table:
    table = Table("file", "probability", "abnormal", "lesions shown", "seconds", caption=model)
    for answer in answers:
        if answer.findings is None:
            table.add_row(escape(str(answer.file)), "", "", escape(answer.error), "")
            continue
        shown = [
            f"{lesion.label} {lesion.probability:.0%} at ({', '.join(f'{edge:.0f}' for edge in lesion.box)})"
            for lesion in answer.findings.shown
        ]
        verdict = "yes" if answer.findings.positive else "no"
        probability = f"{answer.findings.probability:.3f}"
        table.add_row(
            escape(str(answer.file)), probability, verdict, "\n".join(shown) or "none", f"{answer.seconds:.2f}"
        )
    return table
