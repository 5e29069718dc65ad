"""Labelled films as they lie in folders, and the fixed split.

A folder holds `images/`, `labels.csv` (columns image, labels separated by "|", no_finding, view, fold; patient or
nih_patient and source where known) and any number of `boxes*.csv` (image, label, x, y, w, h in pixels of the file,
top-left origin).

The split. Fold 0 is the test: no choice is made on it. Of folds 1-4 a tenth of the patients (by a hash of the
patient) is kept for calibration and for looking at; the rest trains. A patient with a film in fold 0 of any folder
trains nowhere.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from model.network import BOX_LABELS, LABELS
from model.windows import FloatArray, clip_to_film, to_unit

TEST_FOLD = 0
CALIBRATION_SHARE = 10  # one patient in ten
SMALL_SIDE = 128

NORMAL_LABELS = frozenset({"Normal", "No Finding"})
NIH_LABELS = frozenset(LABELS[:14])
# What a Lung Opacity is among the NIH names is undecided for these two only: no air-space shadow
NOT_OPACITY = frozenset({"Cardiomegaly", "Pneumothorax"})
RENAMED = {"Infiltrate": "Infiltration"}


@dataclass(frozen=True, slots=True, eq=False)
class Film:
    """One labelled film. boxes: unit xyxy [K, 4]; box_labels: one a box, some outside BOX_LABELS.

    small: the file has no more than SMALL_SIDE pixels a side.
    """

    path: Path
    folder: str
    source: str
    view: str
    patient: str
    fold: int
    normal: bool
    labels: frozenset[str]
    boxes: FloatArray
    box_labels: tuple[str, ...]
    small: bool = False

    @property
    def stratum(self) -> str:
        """Folder, source and view: what must not tell normal from abnormal."""
        return f"{self.folder}/{self.source}/{self.view}"


@dataclass(frozen=True, slots=True)
class Split:
    """Disjoint by patient."""

    train: list[Film]
    calibration: list[Film]
    test: list[Film]


def read_folder(folder: Path) -> list[Film]:
    """All films of a folder in the order of its labels.csv."""
    boxes: dict[str, list[tuple[str, list[float]]]] = {}
    for table in sorted(folder.glob("boxes*.csv")):
        for row in _rows(table):
            xywh = [float(row[key]) for key in "xywh"]
            boxes.setdefault(row["image"], []).append((RENAMED.get(row["label"], row["label"]), xywh))
    return [_film(folder, row, boxes.get(row["image"], [])) for row in _rows(folder / "labels.csv")]


def _rows(table: Path) -> Iterable[dict[str, str]]:
    with table.open(newline="") as lines:
        yield from csv.DictReader(lines)


def _film(folder: Path, row: dict[str, str], boxes: Sequence[tuple[str, list[float]]]) -> Film:
    path = folder / "images" / row["image"]
    patient = row.get("patient") or row.get("nih_patient") or ""
    names = frozenset(RENAMED.get(name, name) for name in row["labels"].split("|") if name)
    with Image.open(path) as picture:  # the header only
        width, height = picture.size
    unit = np.zeros((0, 4))
    if boxes:
        xywh = np.array([box for _, box in boxes], dtype=np.float64)
        unit = clip_to_film(to_unit(np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1), width, height))
    return Film(
        path=path,
        folder=folder.name,
        source=row.get("source") or folder.name,
        view=row.get("view", ""),
        patient=f"patient:{int(patient)}" if patient.isdigit() else f"film:{patient or row['image']}",
        fold=int(row.get("fold") or 1),
        normal=row.get("no_finding") == "1" or (bool(names) and names <= NORMAL_LABELS),
        labels=names - NORMAL_LABELS,
        boxes=unit,
        box_labels=tuple(label for label, _ in boxes),
        small=max(width, height) <= SMALL_SIDE,
    )


def split(films: Sequence[Film]) -> Split:
    """The fixed split, disjoint by patient over all folders together."""
    tested = {film.patient for film in films if film.fold == TEST_FOLD}
    rest = [film for film in films if film.patient not in tested]
    held = [_held_out(film.patient) for film in rest]
    return Split(
        train=[film for film, out in zip(rest, held, strict=True) if not out],
        calibration=[film for film, out in zip(rest, held, strict=True) if out],
        test=[film for film in films if film.fold == TEST_FOLD],
    )


def _held_out(patient: str) -> bool:
    digest = hashlib.sha256(patient.encode()).digest()
    return int.from_bytes(digest[:8], "big") % CALIBRATION_SHARE == 0


def image_targets(film: Film) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """(target, known) [1 + labels] each: abnormal first; known 0 where the film's labels leave the question open."""
    target = np.zeros(1 + len(LABELS), np.float32)
    known = np.zeros(1 + len(LABELS), np.float32)
    target[0], known[0] = float(not film.normal), 1.0
    opacity = 1 + LABELS.index("Lung Opacity")
    if film.normal:
        known[:] = 1.0
    elif film.labels & NIH_LABELS:
        known[1:opacity] = 1.0
        for name in film.labels & NIH_LABELS:
            target[1 + LABELS.index(name)] = 1.0
    elif "Lung Opacity" in film.labels:
        target[opacity] = known[opacity] = 1.0
    elif any(name.startswith("No Lung Opacity") for name in film.labels):
        known[opacity] = 1.0
    return target, known


def box_targets(film: Film) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """(target, known) [K, box labels] each; a box with a name outside BOX_LABELS is a lesion of no known label."""
    target = np.zeros((len(film.box_labels), len(BOX_LABELS)), np.float32)
    known = np.zeros_like(target)
    opacity = BOX_LABELS.index("Lung Opacity")
    for row, name in enumerate(film.box_labels):
        if name in BOX_LABELS:
            target[row, BOX_LABELS.index(name)] = 1.0
            known[row, :opacity] = float(name != "Lung Opacity")
            known[row, opacity] = float(name == "Lung Opacity" or name in NOT_OPACITY)
    return target, known
