"""The tables of a film folder: labels.csv and boxes*.csv, checked line by line before a film is decoded.

Every mistake is found in one go and said with its file, its line and what to do, so that a folder is mended once and
not once a mistake. Line 1 is the header, as a spreadsheet counts.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from model.network import LABELS
from model.train.readers import FilmUnreadable, film_size

FOLDS = (0, 1, 2, 3, 4)
NORMAL_LABELS = frozenset({"Normal", "No Finding"})
LABEL_COLUMNS = ("image", "labels")
BOX_COLUMNS = ("image", "label", "x", "y", "w", "h")
SLACK_PX = 1.0  # a box may be over the film's edge by so much: rounding
MOST_SAID = 10

# However a table writes them: "pleural thickening", "NO FINDING", the short name of ChestX-ray8
KNOWN_NAMES = {name.lower().replace("_", " "): name for name in (*LABELS, *NORMAL_LABELS)} | {
    "infiltrate": "Infiltration"
}


class FolderRefused(ValueError):  # noqa: N818  (named by what happened, as its callers read it)
    """The folder cannot be used as it is; the message lists the mistakes, the first ten of them."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        rest = len(mistakes) - MOST_SAID
        more = [f"and {rest} more like these"] if rest > 0 else []
        super().__init__("\n".join([*mistakes[:MOST_SAID], *more]))
        self.mistakes = tuple(mistakes)


@dataclass(frozen=True, slots=True)
class BoxRow:
    """A line of a boxes table: xywh in pixels of the file, top-left origin."""

    label: str
    xywh: tuple[float, float, float, float]


@dataclass(slots=True)
class FilmRow:
    """A line of labels.csv with its boxes. values: the columns as they lie; size: (width, height) of the file."""

    path: Path
    names: frozenset[str]
    normal: bool
    values: dict[str, str]
    size: tuple[int, int]
    boxes: list[BoxRow] = field(default_factory=list)


def label_name(written: str) -> str:
    """The name as the network knows it, or as it was written."""
    return KNOWN_NAMES.get(" ".join(written.lower().replace("_", " ").split()), written.strip())


def read_tables(folder: Path) -> list[FilmRow]:
    """The films of a folder in the order of labels.csv. Raises FolderRefused."""
    if not folder.is_dir():
        raise FolderRefused([f"{folder} is no folder"])
    table = folder / "labels.csv"
    if not table.is_file():
        raise FolderRefused(
            [f"{table} is missing: one line a film, columns image and labels (findings separated by |, or Normal)"]
        )
    mistakes: list[str] = []
    films: dict[str, FilmRow] = {}
    for line, row in _lines(table, LABEL_COLUMNS):
        film = _film_row(folder, line, row, films, mistakes)
        films[row["image"]] = film
    if not films:
        mistakes.append(f"{table} holds no film, only a header: add one line a film")
    for boxes in sorted(folder.glob("boxes*.csv")):
        for line, row in _lines(boxes, BOX_COLUMNS):
            _add_box(f"{boxes}, line {line}", row, films, mistakes)
    if mistakes:
        raise FolderRefused(mistakes)
    return list(films.values())


def _lines(table: Path, needed: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """(line, values) of each row; an empty cell is ""."""
    try:
        with table.open(newline="", encoding="utf-8-sig") as lines:
            reader = csv.DictReader(lines, restval="")
            header = [name.strip() for name in reader.fieldnames or ()]
            reader.fieldnames = header
            missing = [name for name in needed if name not in header]
            if missing:
                raise FolderRefused(
                    [f"{table}, line 1: no column {', '.join(missing)}; its columns are {', '.join(header) or 'none'}"]
                )
            for row in reader:
                yield reader.line_num, {key: str(value).strip() for key, value in row.items() if key is not None}
    except UnicodeDecodeError as error:
        raise FolderRefused([f"{table} is not UTF-8 text: save it as CSV, UTF-8"]) from error


def _film_row(folder: Path, line: int, row: dict[str, str], films: dict[str, FilmRow], mistakes: list[str]) -> FilmRow:
    where, image = f"{folder / 'labels.csv'}, line {line}", row["image"]
    names = frozenset(label_name(name) for name in row["labels"].split("|") if name.strip())
    normal = row.get("no_finding") == "1" or (bool(names) and names <= NORMAL_LABELS)
    size = (0, 0)
    if image in films:
        mistakes.append(f"{where}: {image} is there twice: leave one line, with all its labels separated by |")
    elif not image:
        mistakes.append(f"{where}: the image has no name")
    elif not (folder / "images" / image).is_file():
        mistakes.append(f"{where}: {folder / 'images' / image} is missing: add the file or take out the line")
    else:
        try:
            size = film_size(folder / "images" / image)
        except FilmUnreadable as error:
            mistakes.append(f"{where}: {error}")
    if not names and not normal:
        mistakes.append(f"{where}: no label: write Normal, or the findings separated by |")
    if names - NORMAL_LABELS and (normal or names & NORMAL_LABELS):
        mistakes.append(f"{where}: normal and {', '.join(sorted(names - NORMAL_LABELS))} at once: keep one of the two")
    if row.get("no_finding", "") not in ("", "0", "1"):
        mistakes.append(f"{where}: no_finding is {row['no_finding']!r}: it must be 0, 1 or empty")
    if row.get("fold") and row["fold"] not in map(str, FOLDS):
        mistakes.append(f"{where}: fold is {row['fold']!r}: it must be 0 to 4, or empty for the program's choice")
    return FilmRow(folder / "images" / image, names, normal, row, size)


def _add_box(where: str, row: dict[str, str], films: dict[str, FilmRow], mistakes: list[str]) -> None:
    film = films.get(row["image"])
    if film is None:
        mistakes.append(f"{where}: {row['image'] or 'an image without name'} is not in labels.csv")
        return
    try:
        x, y, w, h = (float(row[key]) for key in "xywh")
    except ValueError:
        mistakes.append(f"{where}: x, y, w, h must be numbers, they are {', '.join(row[key] or '-' for key in 'xywh')}")
        return
    width, height = film.size
    if not all(map(math.isfinite, (x, y, w, h))) or w <= 0 or h <= 0:
        mistakes.append(f"{where}: the box is {w:g} x {h:g}: w and h are sides in pixels, greater than 0")
    elif width and (min(x, y) < -SLACK_PX or x + w > width + SLACK_PX or y + h > height + SLACK_PX):
        mistakes.append(
            f"{where}: the box from ({x:g}, {y:g}) to ({x + w:g}, {y + h:g}) leaves {row['image']}, which has "
            f"{width} x {height} pixels: x, y, w, h are pixels of the file, from its top left"
        )
    elif film.normal:
        mistakes.append(f"{where}: {row['image']} is normal in labels.csv and has a box: correct one of the two")
    film.boxes.append(BoxRow(label_name(row["label"]), (x, y, w, h)))
