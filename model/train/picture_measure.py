"""`python -m model.train.picture_measure DATA [--wrong W.npz]`: what the picture check refuses, rightly and wrongly.

Real films are those of fold 0 and of masks/, read at full size as the worker reads them; wrong pictures are made from
the same films and from fresh shapes; W.npz may hold real wrong pictures, its keys "kind|name", float [H, W].
"""

from __future__ import annotations

import argparse
import csv
import math
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.picture import FRONTAL, KINDS, PictureCheck
from model.train.picture_fit import FOLDERS, HELD_OUT
from model.train.picture_labels import RELABELLED
from model.train.picture_shapes import FAMILIES, make

Picture = NDArray[np.float32]


def held_out(data: Path, folder: str) -> Iterator[tuple[str, str, Picture]]:
    """(source, what it shows, film) of the folder's held-out films; all of masks/."""
    table = data / folder / "labels.csv"
    if not table.is_file():
        for path in sorted((data / folder / "images").iterdir()):
            yield folder, KINDS[FRONTAL], grey(path)
        return
    with table.open() as rows:
        for row in csv.DictReader(rows):
            if int(row["fold"]) == HELD_OUT:
                small = " 256 px" if row.get("source") == "sarang256" else ""
                kind = RELABELLED.get(row["image"], KINDS[FRONTAL])
                yield f"{folder}{small} {row.get('view') or '?'}", kind, grey(data / folder / "images" / row["image"])


def grey(path: Path) -> Picture:
    """A picture file as float32 [H, W]."""
    with Image.open(path) as film:
        return np.asarray(film.convert("L"), dtype=np.float32)


def turned(film: Picture, degrees: float, zoom: float) -> Picture:
    """The film rotated and zoomed about its middle, black outside."""
    height, width = film.shape
    away = (width / 2 * (1 - 1 / zoom), height / 2 * (1 - 1 / zoom))
    box = (away[0], away[1], width - away[0], height - away[1])
    picture = Image.fromarray(film).rotate(degrees, Image.Resampling.BILINEAR)
    return np.asarray(picture.transform(film.shape[::-1], Image.Transform.EXTENT, box, Image.Resampling.BILINEAR))


def still_right(film: Picture, rng: np.random.Generator) -> dict[str, Picture]:
    """Variants of a film that must pass."""
    high = float(film.max())
    noise = rng.normal(0, 0.05 * high, film.shape).astype(np.float32)
    bordered = np.pad(film, [(film.shape[0] // 9,) * 2, (film.shape[1] // 9,) * 2])
    return {
        "rotated +-10": turned(film, float(rng.choice([-10, 10])), 1.0),
        "rotated +-15": turned(film, float(rng.choice([-15, 15])), 1.0),
        "zoom 0.8": turned(film, 0, 0.8),
        "zoom 1.2": turned(film, 0, 1.2),
        "gamma 0.6": (film / high) ** np.float32(0.6),
        "gamma 1.6": (film / high) ** np.float32(1.6),
        "noise 5 %": film + noise,
        "black border": bordered,
        "mirrored": np.ascontiguousarray(film[:, ::-1]),
    }


def made_wrong(film: Picture, rng: np.random.Generator) -> dict[str, Picture]:
    """Variants of a film that must be refused."""
    height, width = film.shape
    y, x = int(rng.integers(0, height // 2 + 1)), int(rng.integers(0, width // 2 + 1))
    squashed = np.zeros_like(film)
    third = film[:, ::3]
    squashed[:, width // 3 : width // 3 + third.shape[1]] = third
    return {
        "inverted": film.max() - film,
        "rotated 90": np.rot90(film).copy(),
        "rotated 180": np.rot90(film, 2).copy(),
        "rotated 270": np.rot90(film, 3).copy(),
        "quarter": film[y : y + height // 2, x : x + width // 2],
        "left or right half": film[:, : width // 2] if rng.random() < 0.5 else film[:, width // 2 :],
        "halves swapped": np.roll(film, width // 2, axis=1),
        "squashed x3": squashed,
        "mosaic": np.tile(film[::2, ::2], (2, 2)),
    }


def interval(hits: int, total: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927)."""
    z, share = 1.96, hits / total
    middle = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z / (1 + z * z / total) * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    return max(0.0, middle - half), min(1.0, middle + half)


class Tally:
    """Refusals per kind, in the order met."""

    def __init__(self, wish: str) -> None:
        self.wish = wish
        self.counts: dict[str, list[int]] = {}

    def add(self, kind: str, refused: bool) -> None:
        """Count one picture."""
        refusals = self.counts.setdefault(kind, [0, 0])
        refusals[0] += refused
        refusals[1] += 1

    def lines(self) -> Iterator[str]:
        """One line a kind."""
        yield f"{self.wish:<26} refused    of   share   95 % interval"
        for kind, (refused, total) in self.counts.items():
            low, high = interval(refused, total)
            spread = f"{100 * low:6.2f} to {100 * high:.2f} %"
            yield f"{kind:<26} {refused:7d} {total:5d} {100 * refused / total:6.2f} % {spread}"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m model.train.picture_measure")
    parser.add_argument("data", type=Path)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--wrong", type=Path)
    parser.add_argument("--every", type=int, default=3, help="variants are made of every n-th film")
    given = parser.parse_args()
    check, rng = PictureCheck.load(given.weights), np.random.default_rng(0)
    real, right, wrong, other = (Tally(w) for w in ("real films", "still right", "made wrong", "wrong"))
    for folder in (*FOLDERS, "masks"):
        for number, (source, kind, film) in enumerate(held_out(given.data, folder)):
            refused = not check.judge(film).accepted
            if kind != KINDS[FRONTAL]:
                other.add(f"real {kind}", refused)
                continue
            real.add(folder, refused)
            if source != folder:
                real.add(source, refused)
            if number % given.every == 0 and folder != "masks":
                for change, picture in still_right(film, rng).items():
                    right.add(change, not check.judge(picture).accepted)
                for change, picture in made_wrong(film, rng).items():
                    wrong.add(change, not check.judge(picture).accepted)
    for family in FAMILIES:
        for _ in range(100):
            shape = make(family, rng).astype(np.float32)
            other.add(family, not check.judge(shape).accepted)
            other.add(f"{family} inverted", not check.judge(255 - shape).accepted)
    if given.wrong is not None:
        with np.load(given.wrong) as pictures:
            for name in pictures.files:
                other.add(f"real {name.split('|')[0]}", not check.judge(pictures[name]).accepted)
    for tally in (real, right, wrong, other):
        sys.stdout.write("\n".join(tally.lines()) + "\n\n")


if __name__ == "__main__":
    main()
