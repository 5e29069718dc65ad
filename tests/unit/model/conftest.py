"""Builders for the detector's tests: tiny networks, drawn films, and a labelled folder on disk."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from model.calibration import Calibration, Logistic
from model.checkpoint import Checkpoint, save, tensors_of
from model.network import LABELS, LesionNet, NetworkConfig

TINY = NetworkConfig(side=64, stem=4, widths=(4, 6, 8, 10), blocks=(1, 1, 1, 1), map_width=6)


def drawn_film(seed: int, side: int = 96, lesion: tuple[int, int, int, int] | None = None) -> np.ndarray:
    """Noise around a soft body, 0..255, with a bright square x0, y0, x1, y1 where one is wanted."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side] / side
    film = 110 + 40 * np.cos(6 * (x - 0.5)) + 20 * y + rng.normal(0, 5, (side, side))
    if lesion:
        x0, y0, x1, y1 = lesion
        film[y0:y1, x0:x1] += 70
    return film.clip(0, 255).astype(np.float32)


def make_folder(folder: Path, films: int) -> Path:
    """A folder in the labels.csv layout: every second film has one bright square and its box; folds 0-4 in turn."""
    (folder / "images").mkdir(parents=True)
    rng = np.random.default_rng(films)
    with (folder / "labels.csv").open("w") as rows, (folder / "boxes.csv").open("w") as boxes:
        labels, marks = csv.writer(rows), csv.writer(boxes)
        labels.writerow(["image", "patient", "labels", "no_finding", "view", "fold"])
        marks.writerow(["image", "label", "x", "y", "w", "h"])
        for index in range(films):
            name, abnormal = f"{index:04}.png", index % 2
            x, y = (int(value) for value in rng.integers(8, 60, 2))
            film = drawn_film(index, lesion=(x, y, x + 24, y + 24) if abnormal else None)
            Image.fromarray(film.astype(np.uint8)).save(folder / "images" / name)
            finding = "Mass" if abnormal else "No Finding"
            labels.writerow([name, index, finding, 1 - abnormal, "PA", index // 2 % 5])
            if abnormal:
                marks.writerow([name, "Mass", x, y, 24, 24])
    return folder


@pytest.fixture
def film() -> np.ndarray:
    """One film with a bright square."""
    return drawn_film(7, 160, (90, 40, 130, 80))


@pytest.fixture
def make_films() -> Callable[[Path, int], Path]:
    """`make_folder`."""
    return make_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A labelled folder of sixty films."""
    return make_folder(tmp_path / "films", 60)


@pytest.fixture
def tiny() -> LesionNet:
    """A small network with random weights, the same each time."""
    torch.manual_seed(0)
    network = LesionNet(TINY)
    torch.nn.init.normal_(network.windows.maps.weight, std=0.3)
    return network.eval()


@pytest.fixture
def tiny_weights(tmp_path: Path, tiny: LesionNet) -> Path:
    """The small network as a weights file."""
    labels = tuple(Logistic() for _ in LABELS)
    calibration = Calibration(labels=labels, operating_point=0.0, lesion_cut=0.0, words="none")
    path = tmp_path / "weights" / "tiny.safetensors"
    save(path, Checkpoint("tiny", "0", TINY, tensors_of(tiny), calibration, ""))
    return path
