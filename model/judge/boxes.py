"""Where lesions are: hits of the first boxes, beside a fixed location prior that sees no film.

Hits count films: one of the first one or three boxes meets a true box at the given IoU. The prior is the same three
windows on every film, chosen on the boxed films of the same folder (of the same class in the class table) in the other
folds. `iobb` follows Table 4 of Wang et al., ChestX-ray8, CVPR 2017: a localisation is right when a box has
intersection over *its own* area (IoBB) of at least T with a true box of the class; AFP is the mean number of boxes a
film that are not. Films with a box of the class count; a film's boxes are those at or above the lesion cut, at least
the first one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from model.findings import Findings, Lesion
from model.judge.graded import Graded, Rows
from model.judge.resample import interval, ratio, share
from model.metrics import prior_order
from model.naming import GENERAL, specific_names
from model.windows import FloatArray, area, intersection, iou, to_unit

IOUS = (0.1, 0.3, 0.5)
TOPS = (1, 3)
IOBBS = (0.1, 0.25, 0.5)
NIH_BOXED = specific_names()
NAME_IOU = 0.3
LEAST_BOXED = 10


def unit_boxes(findings: Findings, only_shown: bool = False) -> FloatArray:
    """The lesions' boxes [K, 4], unit xyxy, the most probable first."""
    lesions = findings.shown if only_shown else sorted(findings.lesions, key=lambda lesion: -lesion.probability)
    pixels = np.array([lesion.box for lesion in lesions], dtype=np.float64).reshape(-1, 4)
    return to_unit(pixels, findings.width, findings.height)


def truth(graded: Graded, label: str | None = None) -> list[FloatArray]:
    """The true boxes of each film, of one label or of all."""
    return [
        film.boxes[[label is None or name == label for name in film.box_labels]].reshape(-1, 4) for film in graded.films
    ]


def meeting(boxes: FloatArray, true: FloatArray) -> FloatArray:
    """The best IoU [K] of each box with a true box."""
    return iou(boxes, true).max(axis=1) if len(boxes) else np.zeros(0)


def hit_rates(graded: Graded, windows: FloatArray, label: str | None = None) -> dict[str, Any]:
    """Share of boxed films that the first one or three boxes hit, with the prior's share and the difference."""
    true = truth(graded, label)
    rows = np.array([row for row, boxes in enumerate(true) if len(boxes)], dtype=np.int64)
    boxed, true = graded.take(rows), [true[row] for row in rows]
    met = [meeting(unit_boxes(one), boxes) for one, boxes in zip(boxed.findings, true, strict=True)]
    # [films, windows]: what each fixed window would reach on each film
    fixed = np.array([iou(windows, boxes).max(axis=1) for boxes in true], dtype=np.float32).reshape(-1, len(windows))
    found: dict[str, Any] = {"boxed_films": len(rows), "boxes": sum(map(len, true))}
    for threshold in IOUS:
        reached = fixed >= threshold
        order = {part: prior_order(reached[boxed.elsewhere(part)], max(TOPS)) for part in boxed.parts}
        for top in TOPS:
            ours = np.array([bool((one[:top] >= threshold).any()) for one in met])
            prior = np.zeros(len(rows), dtype=bool)
            for part, chosen in order.items():
                prior[boxed.part == part] = reached[boxed.part == part][:, chosen[:top]].any(axis=1)
            hits, fixed_hits = share(ours, boxed.weights), share(prior, boxed.weights)
            found[f"top{top}_iou{threshold}"] = {
                "ours": interval(hits),
                "prior": interval(fixed_hits),
                "difference": interval(hits - fixed_hits),
            }
    return found


def class_hits(graded: Graded, windows: FloatArray) -> dict[str, Any]:
    """`hit_rates` of each of the eight NIH classes that has boxed films enough."""
    counts = {label: sum(label in film.box_labels for film in graded.films) for label in NIH_BOXED}
    return {label: hit_rates(graded, windows, label) for label, count in counts.items() if count >= LEAST_BOXED}


def iobb(graded: Graded) -> dict[str, Any]:
    """Accuracy and false positives a film at T(IoBB), by class: of all boxes, and of those named like the class."""
    found: dict[str, Any] = {}
    for label in NIH_BOXED:
        true = truth(graded, label)
        rows = np.array([row for row, boxes in enumerate(true) if len(boxes)], dtype=np.int64)
        if len(rows) < LEAST_BOXED:
            continue
        own = graded.take(rows)
        found[label] = {"films": len(rows)}
        for kind, name in (("any", None), ("named", label)):
            given = [_given(own, row, name) for row in range(len(rows))]
            for threshold in IOBBS:
                right = [iobb_of(g, true[r]) >= threshold for g, r in zip(given, rows, strict=True)]
                hits = np.array([one.any() for one in right])
                wrong = np.array([float((~one).sum()) for one in right])
                accuracy, afp = interval(share(hits, own.weights)), interval(share(wrong, own.weights))
                found[label][f"{kind}_{threshold}"] = {"accuracy": accuracy, "afp": afp}
    return found


def iobb_of(boxes: FloatArray, true: FloatArray) -> FloatArray:
    """Intersection over the found box's own area, the best [K] of each box."""
    if not len(boxes):
        return np.zeros(0)
    shared: FloatArray = intersection(boxes, true) / np.maximum(area(boxes)[:, None], 1e-12)
    best: FloatArray = shared.max(axis=1)
    return best


def _given(graded: Graded, row: int, name: str | None) -> FloatArray:
    """The boxes of a film that count in the table: above the lesion cut, or the first; all, or those of one name."""
    found = graded.findings[row]
    cut = graded.calibrations[int(graded.part[row])].lesion_cut
    order = sorted(range(len(found.lesions)), key=lambda index: -found.lesions[index].probability)
    kept = [k for place, k in enumerate(order) if place == 0 or found.lesions[k].probability >= cut]
    if name is not None:
        kept = [k for k in kept if specific_name(found.lesions[k], graded.read[row].reading.names[k]) == name]
    pixels = np.array([found.lesions[k].box for k in kept], dtype=np.float64).reshape(-1, 4)
    return to_unit(pixels, found.width, found.height)


def specific_name(lesion: Lesion, logits: FloatArray) -> str:
    """The likeliest of the eight NIH names, whatever the lesion is called; logits [box labels] where uncalibrated."""
    chances = lesion.classes or dict(zip(NIH_BOXED, logits.tolist(), strict=False))
    return max(chances, key=lambda name: chances[name])


def names_right(graded: Graded) -> dict[str, Any] | None:
    """How often the name of a found NIH box is right, the name as given and as the best of the eight NIH names.

    Of each true box that a lesion meets at IoU >= 0.3, the closest lesion's name; beside it, always the commonest name.
    """
    owner, labels, given, best = [], [], [], []
    for row, (film, found) in enumerate(zip(graded.films, graded.findings, strict=True)):
        if not len(film.boxes) or not found.lesions:
            continue
        boxes = to_unit(np.array([lesion.box for lesion in found.lesions]), found.width, found.height)
        shared = iou(boxes, film.boxes)  # [K, T]
        for column, label in enumerate(film.box_labels):
            closest = int(np.argmax(shared[:, column]))
            if label in NIH_BOXED and shared[closest, column] >= NAME_IOU:
                owner.append(row)
                labels.append(label)
                given.append(found.lesions[closest].label)
                best.append(specific_name(found.lesions[closest], graded.read[row].reading.names[closest]))
    if len(labels) < LEAST_BOXED:
        return None
    w = graded.weights[:, np.array(owner)]
    true = np.array(labels)
    names, counts = np.unique(true, return_counts=True)
    common = str(names[np.argmax(counts)])
    return {
        "found_boxes": len(labels),
        "called_opacity": interval(share(np.array(given) == GENERAL, w)),
        "as_given": interval(share(np.array(given) == true, w)),
        "best_of_eight": interval(share(np.array(best) == true, w)),
        "commonest": common,
        "always_commonest": interval(share(true == common, w)),
    }


def shown(graded: Graded) -> dict[str, Any]:
    """What a reader sees: lesions shown a normal film, and the boxed films on which a shown lesion meets a box."""
    counts = np.array([len(one.shown) for one in graded.findings])
    normal = ~graded.abnormal
    boxed = np.array([len(film.boxes) > 0 for film in graded.films])
    found: dict[str, Any] = {"normal_films": int(normal.sum()), "boxed_films": int(boxed.sum())}
    found["lesions_per_normal_film"] = interval(ratio(counts * normal, normal, graded.weights))
    found["normal_films_with_none"] = interval(ratio((counts == 0) & normal, normal, graded.weights))
    if boxed.any():
        best = np.zeros(len(counts))
        for row in _rows(boxed):
            met = meeting(unit_boxes(graded.findings[row], True), graded.films[row].boxes)
            best[row] = met.max(initial=0.0)
        for threshold in IOUS:
            met_films = interval(ratio((best >= threshold) & boxed, boxed, graded.weights))
            found[f"boxed_films_met_iou{threshold}"] = met_films
    return found


def _rows(mask: npt.NDArray[np.bool_]) -> Sequence[int] | Rows:
    rows: Rows = np.flatnonzero(mask)
    return rows
