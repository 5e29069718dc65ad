"""`thoraxd-model bench`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer

from model.agreement import agreement, change_in_bf16
from model.bench import SAMPLED, throughput, time_files
from model.bench import bench as time_detector
from model.commands.shared import AsJson, Threads, Weights, loaded, use_threads
from model.detector import Detector
from model.train.readers import FilmUnreadable, read_film

CONTEXTS = (0.0, 0.5)  # window sides shown to a crop on each side
IMAGES = ("*.jpg", "*.jpeg", "*.png", "*.dcm")

Films = Annotated[
    list[Path] | None,
    typer.Argument(help="real films, or folders of them: how far both ways agree, and seconds from file to findings"),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N")]


def bench(
    films: Films = None,
    weights: Weights = None,
    side: Annotated[int, typer.Option(help="pixels a side of the film that is timed")] = 1024,
    threads: Threads = 0,
    device: Device = "auto",
    batch: Annotated[int, typer.Option(min=1, help="films a batch, for films a second")] = 8,
    sampled: Annotated[int, typer.Option(min=1, max=256, help="crops of the 256 of each scale")] = SAMPLED,
    count: Annotated[int, typer.Option(min=1, help="real films looked at, evenly spread")] = 24,
    as_json: AsJson = False,
) -> None:
    """Time one shared pass against crop by crop, and say how far the two agree: same weights, machine and run."""
    use_threads(threads)
    detector = loaded(weights, device)
    result: dict[str, Any] = {
        "model": str(detector.identity),
        **time_detector(detector, side, sampled=sampled).to_json(),
    }
    for dtype in (torch.float32, torch.bfloat16):
        result |= _under(str(dtype).removeprefix("torch."), throughput(detector, dtype, batch).to_json())
    if films:
        result |= _on_films(detector, _chosen(films, count), sampled)
    rounded = {key: f"{value:.4g}" if isinstance(value, float) else str(value) for key, value in result.items()}
    typer.echo(json.dumps(result) if as_json else "\n".join(f"{key:32} {value}" for key, value in rounded.items()))


def _on_films(detector: Detector, files: Sequence[Path], sampled: int) -> dict[str, Any]:
    try:
        pixels = [read_film(file) for file in files]
        result = _under("file", asdict(time_files(detector, files, read_film)))
    except FilmUnreadable as error:
        raise typer.BadParameter(f"a film cannot be read: {error}") from error
    for context in CONTEXTS:
        result |= _under(f"context_{context:.0%}".rstrip("%"), asdict(agreement(detector, pixels, context, sampled)))
    change = change_in_bf16(detector, pixels)
    return result | {"bf16_change_median": float(np.median(change)), "bf16_change_largest": float(change.max())}


def _under(name: str, figures: dict[str, Any]) -> dict[str, Any]:
    return {f"{name}_{key}": value for key, value in figures.items()}


def _chosen(paths: Sequence[Path], count: int) -> list[Path]:
    """At most `count` files, evenly spread over what the paths name; a data folder's films lie in its images/."""
    files: list[Path] = []
    for path in paths:
        inside = path / "images" if (path / "images").is_dir() else path
        files += sorted(file for kind in IMAGES for file in inside.glob(kind)) if path.is_dir() else [path]
    if not files:
        raise typer.BadParameter("there is no film in these folders")
    spread = np.linspace(0, len(files) - 1, min(count, len(files))).round().astype(int)
    return [files[index] for index in spread]
