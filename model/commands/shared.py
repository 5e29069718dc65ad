"""What the commands of `thoraxd-model` have in common: options and loading."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import torch
import typer

from model.checkpoint import PACKAGED, WeightsRefused
from model.detector import Detector

Folders = Annotated[list[Path], typer.Argument(help="folders with images/, labels.csv and boxes*.csv", exists=True)]
Weights = Annotated[Path | None, typer.Option(help="a .safetensors file with its .json; default: those shipped")]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]
Threads = Annotated[int, typer.Option(help="CPU threads; 0 leaves torch's choice")]


def use_threads(threads: int) -> None:
    """Limit torch to so many CPU threads; 0 changes nothing."""
    if threads:
        torch.set_num_threads(threads)


def loaded(weights: Path | None, device: str = "auto") -> Detector:
    """The detector, or a complaint about the command line."""
    try:
        return Detector.load(weights, device)
    except WeightsRefused as error:
        raise typer.BadParameter(f"{error} (weights: {weights or PACKAGED})") from error
