"""`thoraxd-model robustness`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.progress import track

from model.checkpoint import load
from model.commands.shared import Threads, Weights, loaded, use_threads
from model.picture import PictureCheck
from model.robustness import read_all, sheet, table, to_json, to_markdown
from model.train.films import Film, read_folder
from model.train.readers import read_film


def robustness(
    folder: Annotated[Path, typer.Argument(help="a folder with images/, labels.csv and boxes*.csv", exists=True)],
    out: Annotated[Path, typer.Option(help="folder for robustness.md, robustness.json and sheet.png")],
    weights: Weights = None,
    fold: Annotated[int, typer.Option(help="the fold the films are of: one that the weights have not seen")] = 0,
    count: Annotated[int, typer.Option(min=2, help="films, half of them normal; of the others half with boxes")] = 200,
    draws: Annotated[int, typer.Option(help="bootstrap samples")] = 400,
    threads: Threads = 0,
) -> None:
    """How far rotation, cropping, brightness, noise, text... move the answer, and what the picture check refuses."""
    use_threads(threads)
    detector = loaded(weights)
    films = chosen([film for film in read_folder(folder) if film.fold == fold], count)
    if not films:
        raise typer.BadParameter(f"{folder} has no film of fold {fold}")
    pixels = (read_film(film.path) for film in track(films, "reading"))
    figures = table(read_all(detector, PictureCheck.load(), pixels), films, draws)
    left_out = load(weights).trained.get("fold", "not said")
    about = {
        "model": str(detector.identity),
        "fold_left_out_of_training": left_out,
        "films": len(films),
        "normal": sum(film.normal for film in films),
        "boxed": sum(len(film.boxes) > 0 for film in films),
        "fold": fold,
        "folder": folder.name,
    }
    out.mkdir(parents=True, exist_ok=True)
    (out / "robustness.json").write_text(json.dumps({"about": about, "figures": to_json(figures)}, indent=1) + "\n")
    words = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in about.items())
    (out / "robustness.md").write_text(f"{words}. Brackets: 95 % intervals.\n\n{to_markdown(figures)}")
    sheet(read_film(films[-1].path)).save(out / "sheet.png")
    typer.echo((out / "robustness.md").read_text())


def chosen(films: Sequence[Film], count: int) -> list[Film]:
    """At most `count` films, evenly spread: half normal; of the others half with boxes, where there are so many."""
    boxed = [film for film in films if not film.normal and len(film.boxes)]
    others = [film for film in films if not film.normal and not len(film.boxes)]
    with_boxes = min(len(boxed), max(count // 4, count // 2 - len(others)))
    return [
        *_spread([film for film in films if film.normal], count // 2),
        *_spread(others, count // 2 - with_boxes),
        *_spread(boxed, with_boxes),
    ]


def _spread(films: Sequence[Film], count: int) -> list[Film]:
    rows = np.linspace(0, len(films) - 1, min(count, len(films))).round().astype(int)
    return [films[row] for row in rows]
