"""Labelled films as they lie in folders, and the fixed split.

A folder holds `images/`, `labels.csv` (columns image and labels separated by "|"; where known no_finding, view, fold,
source, and patient or nih_patient) and any number of `boxes*.csv` (image, label, x, y, w, h in pixels of the file,
top-left origin). A film without a fold has that of its patient's name; without a patient it is a patient of its own.

The split is by fold and by patient: a patient with a film in the test fold of any folder trains nowhere. Films that
are not what their table says (turned, lateral, no chest) do not train either; they stay in the test.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from model.network import BOX_LABELS, LABELS
from model.train.picture_labels import RELABELLED
from model.train.tables import FOLDS, NORMAL_LABELS, FilmRow, read_tables
from model.windows import FloatArray, clip_to_film, to_unit

SMALL_SIDE = 128

NIH_LABELS = frozenset(LABELS[:14])
# What a Lung Opacity is among the NIH names is undecided for these two only: no air-space shadow
NOT_OPACITY = frozenset({"Cardiomegaly", "Pneumothorax"})


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
    test: list[Film]


def read_folder(folder: Path) -> list[Film]:
    """All films of a folder in the order of its labels.csv. Raises model.train.tables.FolderRefused."""
    return [_film(folder, row) for row in read_tables(folder)]


def _film(folder: Path, row: FilmRow) -> Film:
    name = row.values.get("patient") or row.values.get("nih_patient") or ""
    patient = f"patient:{int(name)}" if name.isdigit() else f"film:{name or row.path.name}"
    unit = np.zeros((0, 4))
    if row.boxes:
        xywh = np.array([box.xywh for box in row.boxes], dtype=np.float64)
        unit = clip_to_film(to_unit(np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1), *row.size))
    return Film(
        path=row.path,
        folder=folder.name,
        source=row.values.get("source") or folder.name,
        view=row.values.get("view", ""),
        patient=patient,
        fold=int(row.values.get("fold") or _fold_of(patient)),
        normal=row.normal,
        labels=row.names - NORMAL_LABELS,
        boxes=unit,
        box_labels=tuple(box.label for box in row.boxes),
        small=max(row.size) <= SMALL_SIDE,
    )


def _fold_of(patient: str) -> int:
    """The same for every film of a patient, today and elsewhere."""
    return FOLDS[int.from_bytes(hashlib.sha256(patient.encode()).digest()[:4], "big") % len(FOLDS)]


def unknown_labels(films: Sequence[Film]) -> list[str]:
    """Labels that the network has no output for; their films train as abnormal, of no known label."""
    names = {name for film in films for name in (*film.labels, *film.box_labels)}
    return sorted(name for name in names if name not in LABELS and not name.startswith("No Lung Opacity"))


def split(films: Sequence[Film], fold: int | None) -> Split:
    """Train and test films when `fold` is the test; None tests nothing and trains on all."""
    tested = {film.patient for film in films if film.fold == fold}
    return Split(
        train=[film for film in films if film.patient not in tested and film.path.name not in RELABELLED],
        test=[film for film in films if film.fold == fold],
    )


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
