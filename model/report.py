"""An evaluation written down: JSON for programs, Markdown for people, a sheet of films with truth and findings."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from model.evaluate import IOUS, MISSES, TOPS, Graded, Interval, by_folder
from model.train.cache import read_film
from model.windows import to_source

TILE = 512
TRUTH, SHOWN, BELOW_CUT = "#30e060", "#ffa020", "#806030"


def to_json(result: Mapping[str, Any]) -> str:
    """The tree with each interval as {"value", "low", "high"}."""

    def plain(value: Any) -> Any:
        return (
            {"value": value.value, "low": value.low, "high": value.high} if isinstance(value, Interval) else str(value)
        )

    return json.dumps(result, indent=1, default=plain) + "\n"


def to_markdown(result: Mapping[str, Any]) -> str:
    """Tables: triage, labels, boxes, shown, peer."""
    parts = [f"Operating point: {result['operating_point']}. Brackets: 95 % intervals, patients resampled.", ""]
    recalls = [f"normal_recall_fn{missed:.0%}" for missed in MISSES]
    keys = ["auc", *recalls, "sensitivity", "specificity", "ece"]
    heads = ["AUC", *(f"normal recall, FN <= {missed:.0%}" for missed in MISSES), "sensitivity", "specificity", "ECE"]
    rows = [
        [name, f"{row['films']} / {row['abnormal']} / {row['patients']}", *(str(row[key]) for key in keys)]
        for name, row in result["triage"].items()
    ]
    parts += ["### Triage", "", *_table(["films", "n / abnormal / patients", *heads], rows)]
    names = sorted({name for found in result["labels"].values() for name in found})
    rows = [[name, *(str(found.get(name, "-")) for found in result["labels"].values())] for name in names]
    parts += ["### Labels, AUC", "", *_table(["label", *result["labels"]], rows)]
    rows = [
        [
            folder,
            str(row["boxed_films"]),
            f"top-{top}, IoU >= {iou}",
            str(row[f"top{top}_iou{iou}"]),
            f"{row[f'top{top}_iou{iou}_prior']:.3f}",
        ]
        for folder, row in result["boxes"].items()
        for iou in IOUS
        for top in TOPS
    ]
    parts += [
        "### Boxes: share of boxed films hit",
        "",
        *_table(["films", "n", "hit", "detector", "fixed prior"], rows),
    ]
    heads = list(dict.fromkeys(key for row in result["shown"].values() for key in row))
    rows = [[folder, *(str(row.get(key, "-")) for key in heads)] for folder, row in result["shown"].items()]
    heads = [head.replace("_", " ") for head in heads]
    parts += ["### What a reader is shown", "", *_table(["films", *heads], rows)]
    if result.get("peer"):
        rows = [
            [folder, str(row["films"]), str(row["peer"]), str(row["ours"])] for folder, row in result["peer"].items()
        ]
        parts += ["### Beside a peer, AUC on the same films", "", *_table(["films", "n", "peer", "ours"], rows)]
    return "\n".join(parts)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [heads, ["---"] * len(heads), *rows]
    return [*("| " + " | ".join(line) + " |" for line in lines), ""]


def examples(graded: Graded, count: int = 6) -> Graded:
    """The first boxed films of each folder in turn: no choice by how well they were read."""
    each = [list(zip(own.films, own.findings, strict=True)) for own in by_folder(_boxed(graded)).values()]
    turns = [pair for turn in zip_longest(*each) for pair in turn if pair is not None][:count]
    return Graded([film for film, _ in turns], [found for _, found in turns])


def _boxed(graded: Graded) -> Graded:
    return graded.where(lambda film: len(film.boxes) > 0)


def sheet(graded: Graded, columns: int = 3) -> Image.Image:
    """Films with the truth in green, shown lesions in orange with label and probability, the others in brown."""
    chosen = list(zip(graded.films, graded.findings, strict=True))
    rows = max(-(-len(chosen) // columns), 1)
    page = Image.new("RGB", (columns * TILE, rows * TILE))
    for index, (film, found) in enumerate(chosen):
        pixels = read_film(film.path)
        tile = Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).convert("RGB").resize((TILE, TILE))
        draw = ImageDraw.Draw(tile)
        scale = np.array([TILE / found.width, TILE / found.height] * 2)
        for lesion in sorted(found.lesions, key=lambda lesion: lesion.probability)[-5:]:
            x0, y0, x1, y1 = np.array(lesion.box) * scale
            draw.rectangle(
                (x0, y0, x1, y1), outline=SHOWN if lesion.shown else BELOW_CUT, width=2 if lesion.shown else 1
            )
            if lesion.shown:
                draw.text((x0 + 3, y0 + 2), f"{lesion.label} {lesion.probability:.0%}", fill=SHOWN)
        for x0, y0, x1, y1 in to_source(film.boxes, TILE, TILE):
            draw.rectangle((x0, y0, x1, y1), outline=TRUTH, width=2)
        title = f"{film.folder}: {', '.join(sorted(film.labels)) or 'no finding'}   P(abnormal) {found.probability:.2f}"
        draw.text((6, TILE - 16), title, fill="white")
        page.paste(tile, ((index % columns) * TILE, (index // columns) * TILE))
    return page
