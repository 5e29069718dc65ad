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
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from model.calibration import Calibration
from model.findings import Findings
from model.metrics import auc, bootstrap, expected_calibration_error, hit, location_prior, normal_recall
from model.network import LABELS
from model.train.films import Film, image_targets
from model.windows import FloatArray, to_unit

MISSES = (0.01, 0.02, 0.05)
IOUS = (0.1, 0.3, 0.5)
TOPS = (1, 3)
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
    def abnormal(self) -> npt.NDArray[np.bool_]:
        """[N] truth."""
        return np.array([not film.normal for film in self.films], dtype=bool)

    def where(self, wanted: Callable[[Film], bool]) -> Graded:
        """The films that satisfy `wanted`."""
        rows = [row for row, film in enumerate(self.films) if wanted(film)]
        return Graded([self.films[row] for row in rows], [self.findings[row] for row in rows])


def groups(graded: Graded) -> dict[str, Graded]:
    """The strata that are reported: folders, their sources and views, and Normal against each of RSNA's labels."""
    found: dict[str, Graded] = {}
    for folder in sorted({film.folder for film in graded.films}):
        own = graded.where(lambda film, f=folder: film.folder == f)  # type: ignore[misc]
        found[folder] = own
        for view in ("PA", "AP"):
            found[f"{folder}, {view}"] = own.where(lambda film, v=view: film.view == v)  # type: ignore[misc]
        for source in sorted({film.source for film in own.films} - {folder}):
            found[f"{folder}, {source}"] = own.where(lambda film, s=source: film.source == s)  # type: ignore[misc]
        for kind in sorted({label for film in own.films for label in film.labels} - set(LABELS[:14])):
            part = own.where(lambda film, k=kind: film.normal or k in film.labels)  # type: ignore[misc]
            found[f"{folder}, Normal vs {kind}"] = part
            for view in ("PA", "AP"):
                found[f"{folder}, Normal vs {kind}, {view}"] = part.where(lambda film, v=view: film.view == v)  # type: ignore[misc]
    return found


def interval(figure: Callable[[Rows], float], films: Sequence[Film], draws: int) -> Interval:
    """The figure on all rows with its bootstrap interval."""
    low, high = bootstrap(figure, [film.patient for film in films], draws)
    return Interval(figure(np.arange(len(films))), low, high)


def triage(graded: Graded, draws: int) -> dict[str, Any]:
    """AUC, normal recall at fixed misses, calibration, and what the shipped operating point does."""
    p, y = graded.probability, graded.abnormal
    positive = np.array([one.positive for one in graded.findings], dtype=bool)
    figures: dict[str, Callable[[Rows], float]] = {"auc": lambda rows: auc(p[rows], y[rows])}
    for missed in MISSES:
        figures[f"normal_recall_fn{missed:.0%}"] = lambda rows, m=missed: normal_recall(p[rows], y[rows], m)  # type: ignore[misc]
    figures["ece"] = lambda rows: expected_calibration_error(p[rows], y[rows])
    figures["sensitivity"] = lambda rows: _mean(positive[rows][y[rows]])
    figures["specificity"] = lambda rows: _mean(~positive[rows][~y[rows]])
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
            films = [graded.films[row] for row in rows]
            found[name] = interval(lambda r, p=p, y=y: auc(p[r], y[r]), films, draws)  # type: ignore[misc]
    return found


def boxes(graded: Graded, prior_films: Sequence[Film], windows: FloatArray, draws: int) -> dict[str, Any]:
    """Share of boxed films that the first one or three lesions hit, and that the fixed windows hit."""
    boxed = graded.where(lambda film: len(film.boxes) > 0)
    found = [unit_boxes(one) for one in boxed.findings]
    result: dict[str, Any] = {"boxed_films": len(boxed.films)}
    for threshold in IOUS:
        truths = [film.boxes for film in prior_films if len(film.boxes)]
        prior = location_prior(windows, truths, threshold) if truths else windows[:0]
        for top in TOPS:
            ours = np.array([hit(b, f.boxes, threshold, top) for b, f in zip(found, boxed.films, strict=True)])
            fixed = np.array([hit(prior, f.boxes, threshold, top) for f in boxed.films])
            result[f"top{top}_iou{threshold}"] = interval(lambda r, h=ours: _mean(h[r]), boxed.films, draws)  # type: ignore[misc]
            result[f"top{top}_iou{threshold}_prior"] = _mean(fixed)
    return result


def shown(graded: Graded, draws: int) -> dict[str, Any]:
    """What a reader sees: lesions shown a normal film, and the boxed films on which a shown lesion meets a box."""
    normal = graded.where(lambda film: film.normal)
    counts = np.array([len(one.shown) for one in normal.findings], dtype=np.float64)
    boxed = graded.where(lambda film: len(film.boxes) > 0)
    pairs = list(zip(boxed.findings, boxed.films, strict=True))
    result: dict[str, Any] = {
        "per_normal_film": interval(lambda rows: _mean(counts[rows]), normal.films, draws),
        "normal_films_with_none": _mean(counts == 0),
    }
    for threshold in IOUS[:2]:
        met = np.array([hit(unit_boxes(one, True), film.boxes, threshold, 99) for one, film in pairs])
        result[f"boxed_films_met_iou{threshold}"] = _mean(met)
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
    result: dict[str, Any] = {
        "operating_point": calibration.words,
        "triage": {},
        "labels": {},
        "boxes": {},
        "shown": {},
    }
    for name, group in groups(graded).items():
        if min(int(group.abnormal.sum()), int((~group.abnormal).sum())) >= LEAST_CLASS:
            result["triage"][name] = triage(group, draws)
    for folder in sorted({film.folder for film in graded.films}):
        own = graded.where(lambda film, f=folder: film.folder == f)  # type: ignore[misc]
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
    for folder in sorted({film.folder for film in graded.films}):
        own = graded.where(lambda film, f=folder: film.folder == f and film.path.name in peer)  # type: ignore[misc]
        if not own.films:
            continue
        theirs = np.array([peer[film.path.name] for film in own.films])
        p, y = own.probability, own.abnormal
        result[folder] = {
            "films": len(y),
            "peer": interval(lambda rows, q=theirs, y=y: auc(q[rows], y[rows]), own.films, draws),  # type: ignore[misc]
            "ours": interval(lambda rows, q=p, y=y: auc(q[rows], y[rows]), own.films, draws),  # type: ignore[misc]
        }
    return result


def _mean(values: npt.NDArray[Any]) -> float:
    return float(values.mean()) if len(values) else float("nan")
