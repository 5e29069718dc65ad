"""The figures of a set of weights on the test fold, by source, with intervals and with what stands beside them.

Triage figures come with the strata that confound them: PA and AP apart where the view tells the class, a source's
normals against each kind of its abnormal films. Boxes come with the fixed location prior: the same three windows on
every film, chosen on the training films of the same folder. Hits are counted by film and whatever the label. False
positives are counted on films without finding only, because the boxes are incomplete.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from model.calibration import Calibration
from model.findings import Findings
from model.metrics import BoolArray, auc, bootstrap, expected_calibration_error, hit, location_prior, normal_recall
from model.network import LABELS
from model.train.films import Film, image_targets
from model.windows import FloatArray, to_unit

MISSES = (0.01, 0.02, 0.05)
IOUS = (0.1, 0.3, 0.5)
TOPS = (1, 3)
VIEWS = ("PA", "AP")
RSNA_LABELS = ("Lung Opacity", "No Lung Opacity / Not Normal")
LEAST_CLASS = 10  # films of each class below which a group's or label's figure is not printed

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with its 95 % interval (patients resampled)."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


@dataclass(frozen=True, slots=True)
class Graded:
    """Films, what was found on them, and what is true."""

    films: Sequence[Film]
    findings: Sequence[Findings]

    @property
    def probability(self) -> FloatArray:
        """[N] P(abnormal)."""
        return np.array([one.probability for one in self.findings])

    @property
    def abnormal(self) -> BoolArray:
        """[N] truth."""
        return np.array([not film.normal for film in self.films], dtype=bool)

    def where(self, wanted: Callable[[Film], bool]) -> Graded:
        """The films that satisfy `wanted`."""
        rows = [row for row, film in enumerate(self.films) if wanted(film)]
        return Graded([self.films[row] for row in rows], [self.findings[row] for row in rows])


def groups(graded: Graded) -> dict[str, Graded]:
    """The strata that are reported: folders, their sources and views, and Normal against each of RSNA's labels."""
    found: dict[str, Graded] = {}
    for folder, own in by_folder(graded).items():
        found[folder] = own
        found |= {f"{folder}, {view}": _view(own, view) for view in VIEWS}
        sources = sorted({film.source for film in own.films} - {folder})
        found |= {f"{folder}, {source}": _source(own, source) for source in sources}
        for kind in sorted({label for film in own.films for label in film.labels} & set(RSNA_LABELS)):
            part = _against(own, kind)
            found[f"{folder}, Normal vs {kind}"] = part
            found |= {f"{folder}, Normal vs {kind}, {view}": _view(part, view) for view in VIEWS}
    return found


def by_folder(graded: Graded) -> dict[str, Graded]:
    """The films of each folder, in the order of their names."""
    folders = sorted({film.folder for film in graded.films})
    return {folder: _folder(graded, folder) for folder in folders}


def _folder(graded: Graded, folder: str) -> Graded:
    return graded.where(lambda film: film.folder == folder)


def _view(graded: Graded, view: str) -> Graded:
    return graded.where(lambda film: film.view == view)


def _source(graded: Graded, source: str) -> Graded:
    return graded.where(lambda film: film.source == source)


def _against(graded: Graded, kind: str) -> Graded:
    return graded.where(lambda film: film.normal or kind in film.labels)


def interval(figure: Callable[[Rows], float], films: Sequence[Film], draws: int) -> Interval:
    """The figure on all rows with its bootstrap interval."""
    low, high = bootstrap(figure, [film.patient for film in films], draws)
    return Interval(figure(np.arange(len(films))), low, high)


def _over(figure: Callable[[FloatArray, BoolArray], float], p: FloatArray, y: BoolArray) -> Callable[[Rows], float]:
    """A figure of scores and truth as a function of rows."""
    return lambda rows: figure(p[rows], y[rows])


def _share(values: npt.NDArray[Any]) -> Callable[[Rows], float]:
    """The mean of values as a function of rows; nan of none."""
    return lambda rows: float(values[rows].mean()) if len(rows) else float("nan")


def triage(graded: Graded, draws: int) -> dict[str, Any]:
    """AUC, normal recall at fixed misses, calibration, and what the shipped operating point does."""
    p, y = graded.probability, graded.abnormal
    positive = np.array([one.positive for one in graded.findings], dtype=bool)
    figures = {"auc": _over(auc, p, y)}
    for missed in MISSES:
        figures[f"normal_recall_fn{missed:.0%}"] = _over(partial(normal_recall, missed=missed), p, y)
    figures["ece"] = _over(expected_calibration_error, p, y)
    figures["sensitivity"] = lambda rows: float(positive[rows][y[rows]].mean()) if y[rows].any() else float("nan")
    figures["specificity"] = lambda rows: (
        float(1 - positive[rows][~y[rows]].mean()) if not y[rows].all() else float("nan")
    )
    counts = {"films": len(y), "abnormal": int(y.sum()), "patients": len({film.patient for film in graded.films})}
    return counts | {name: interval(figure, graded.films, draws) for name, figure in figures.items()}


def labels(graded: Graded, names: Sequence[str], draws: int) -> dict[str, Interval]:
    """AUC of each label among the films where it is known to be present or absent."""
    targets = [image_targets(film) for film in graded.films]
    found = {}
    for column, name in enumerate(names, start=1):
        rows = [row for row, (_, known) in enumerate(targets) if known[column] > 0]
        y = np.array([targets[row][0][column] > 0 for row in rows], dtype=bool)
        p = np.array([graded.findings[row].labels.get(name, 0.0) for row in rows])
        if min(int(y.sum()), int((~y).sum())) >= LEAST_CLASS:
            found[name] = interval(_over(auc, p, y), [graded.films[row] for row in rows], draws)
    return found


def boxes(graded: Graded, prior_films: Sequence[Film], windows: FloatArray, draws: int) -> dict[str, Any]:
    """Share of boxed films that the first one or three lesions hit, and that the fixed windows hit."""
    boxed = graded.where(lambda film: len(film.boxes) > 0)
    found = [unit_boxes(one) for one in boxed.findings]
    truths = [film.boxes for film in prior_films if len(film.boxes)]
    result: dict[str, Any] = {"boxed_films": len(boxed.films)}
    for threshold in IOUS:
        prior = location_prior(windows, truths, threshold) if truths else windows[:0]
        for top in TOPS:
            ours = np.array([hit(b, f.boxes, threshold, top) for b, f in zip(found, boxed.films, strict=True)])
            fixed = np.array([hit(prior, f.boxes, threshold, top) for f in boxed.films])
            result[f"top{top}_iou{threshold}"] = interval(_share(ours), boxed.films, draws)
            result[f"top{top}_iou{threshold}_prior"] = float(fixed.mean())
    return result


def shown(graded: Graded, draws: int) -> dict[str, Any]:
    """What a reader sees: lesions shown a normal film, and the boxed films on which a shown lesion meets a box."""
    normal = graded.where(lambda film: film.normal)
    counts = np.array([len(one.shown) for one in normal.findings], dtype=np.float64)
    boxed = graded.where(lambda film: len(film.boxes) > 0)
    pairs = list(zip(boxed.findings, boxed.films, strict=True))
    result: dict[str, Any] = {"normal_films": len(counts), "boxed_films": len(pairs)}
    result["lesions_per_normal_film"] = interval(_share(counts), normal.films, draws)
    result["normal_films_with_none"] = interval(_share(counts == 0), normal.films, draws)
    for threshold in IOUS[:2]:
        met = np.array([hit(unit_boxes(one, True), film.boxes, threshold, len(one.shown)) for one, film in pairs])
        if pairs:
            result[f"boxed_films_met_iou{threshold}"] = interval(_share(met), boxed.films, draws)
    return result


def unit_boxes(findings: Findings, only_shown: bool = False) -> FloatArray:
    """The lesions' boxes [K, 4], unit xyxy, the most probable first."""
    lesions = findings.shown if only_shown else sorted(findings.lesions, key=lambda lesion: -lesion.probability)
    pixels = np.array([lesion.box for lesion in lesions], dtype=np.float64).reshape(-1, 4)
    return to_unit(pixels, findings.width, findings.height)


def evaluate(
    graded: Graded, trained: Sequence[Film], windows: FloatArray, calibration: Calibration, draws: int = 400
) -> dict[str, Any]:
    """Everything, as a tree of figures; `trained` are the films the location prior is taken from."""
    result: dict[str, Any] = {"operating_point": calibration.words}
    result |= {"triage": {}, "labels": {}, "boxes": {}, "shown": {}}
    for name, group in groups(graded).items():
        if min(int(group.abnormal.sum()), int((~group.abnormal).sum())) >= LEAST_CLASS:
            result["triage"][name] = triage(group, draws)
    for folder, own in by_folder(graded).items():
        result["labels"][folder] = labels(own, LABELS, draws)
        result["shown"][folder] = shown(own, draws)
        if any(len(film.boxes) for film in own.films):
            prior = [film for film in trained if film.folder == folder]
            result["boxes"][folder] = boxes(own, prior, windows, draws)
    return result


def beside_peer(graded: Graded, table: Path, draws: int) -> dict[str, Any]:
    """AUC of another model and ours on the films of its table (image, prob_<label>...); a film: 1 - prod(1 - p)."""
    with table.open(newline="") as lines:
        peer = {
            row["image"]: 1.0 - float(np.prod([1.0 - float(v) for k, v in row.items() if k.startswith("prob_")]))
            for row in csv.DictReader(lines)
        }
    result = {}
    for folder, own in by_folder(graded.where(lambda film: film.path.name in peer)).items():
        theirs = np.array([peer[film.path.name] for film in own.films])
        p, y = own.probability, own.abnormal
        result[folder] = {
            "films": len(y),
            "peer": interval(_over(auc, theirs, y), own.films, draws),
            "ours": interval(_over(auc, p, y), own.films, draws),
        }
    return result
