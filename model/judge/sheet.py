"""The picture sheet: films chosen by rule, not by hand, with the truth and what was found.

Five rows, from every folder in turn and of different patients: the abnormal films with the highest probability, the
normal films with the lowest, the abnormal films with the lowest (missed), the normal films with the highest (false
alarms), and typical ones, nearest to the median of their class, abnormal and normal in turn.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from model.judge.graded import Graded, Rows
from model.judge.strata import by_folder
from model.train.readers import read_film
from model.windows import FloatArray, to_source

TILE, TITLE, CAPTION = 300, 26, 40
A_FOLDER = 2
TRUTH, SHOWN, BELOW_CUT, PAPER, INK = "#30e060", "#ffa020", "#b08048", "#ffffff", "#202020"
MOST_BELOW_CUT = 3

ROWS = (
    "Rightly found: the abnormal films with the highest P(abnormal)",
    "Rightly passed: the normal films with the lowest P(abnormal)",
    "Missed: the abnormal films with the lowest P(abnormal)",
    "False alarms: the normal films with the highest P(abnormal)",
    "Typical: nearest to the median of their class, abnormal and normal in turn",
)
SHEET_CAPTION = (
    "Films chosen by rule from each folder in turn, of different patients. Green: true boxes. Orange: lesions shown,"
    " with name and probability; on films without any, in brown, the best three below the cut."
)


def chosen(graded: Graded) -> list[list[int]]:
    """The rows of the films in each line of the sheet."""
    lines: list[list[int]] = [[] for _ in ROWS]
    p, y = graded.probability, graded.abnormal
    for folder in by_folder(graded):
        own = np.array([film.folder == folder for film in graded.films])
        for normal, best, worst in ((False, 0, 2), (True, 1, 3)):
            rows = np.flatnonzero(own & (y != normal))
            order = rows[np.argsort(p[rows] if normal else -p[rows], kind="stable")]
            lines[best] += _first(graded, order)
            lines[worst] += _first(graded, order[::-1])
            if len(rows):
                middle = np.argsort(np.abs(p[rows] - np.median(p[rows])), kind="stable")
                lines[4] += _first(graded, rows[middle], 1)
    return lines


def _first(graded: Graded, order: Rows, count: int = A_FOLDER) -> list[int]:
    """The first rows of different patients."""
    found: dict[str, int] = {}
    for row in order.tolist():
        found.setdefault(graded.films[row].patient, row)
        if len(found) == count:
            break
    return list(found.values())


def sheet(graded: Graded) -> Image.Image:
    """The sheet, RGB."""
    lines = chosen(graded)
    columns = max(map(len, lines))
    page = Image.new("RGB", (columns * TILE, len(lines) * (TITLE + TILE + CAPTION)), PAPER)
    draw = ImageDraw.Draw(page)
    for number, (title, rows) in enumerate(zip(ROWS, lines, strict=True)):
        top = number * (TITLE + TILE + CAPTION)
        draw.text((6, top + 5), title, fill=INK, font=ImageFont.load_default(15))
        for column, row in enumerate(rows):
            page.paste(_tile(graded, row), (column * TILE, top + TITLE))
            for line, words in enumerate(_words(graded, row)):
                at = (column * TILE + 6, top + TITLE + TILE + 3 + 16 * line)
                draw.text(at, words, fill=INK, font=ImageFont.load_default(12))
    return page


def _words(graded: Graded, row: int) -> Sequence[str]:
    film = graded.films[row]
    labels = ", ".join(sorted(film.labels)) or "no finding"
    short = labels if len(labels) <= 46 else f"{labels[:44]}..."
    return f"{film.folder}, {film.view or 'view unknown'}, P {graded.probability[row]:.2f}", short


def _tile(graded: Graded, row: int) -> Image.Image:
    film, found = graded.films[row], graded.findings[row]
    pixels = read_film(film.path)
    tile = Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).convert("RGB").resize((TILE - 4, TILE))
    draw = ImageDraw.Draw(tile)
    scale = np.array([tile.width / found.width, tile.height / found.height] * 2)
    _boxes(draw, to_source(film.boxes, tile.width, tile.height), TRUTH, 2)
    ranked = sorted(found.lesions, key=lambda lesion: -lesion.probability)
    if not found.shown:
        _boxes(draw, [np.array(lesion.box) * scale for lesion in ranked[:MOST_BELOW_CUT]], BELOW_CUT, 1)
    for lesion in found.shown:
        box = np.array(lesion.box) * scale
        _boxes(draw, [box], SHOWN, 2)
        words, font = f"{lesion.label} {lesion.probability:.0%}", ImageFont.load_default(12)
        left, upper = float(box[0]) + 3, float(box[1]) + 2
        draw.rectangle(draw.textbbox((left, upper), words, font=font), fill="#000000")
        draw.text((left, upper), words, fill=SHOWN, font=font)
    return tile


def _boxes(draw: ImageDraw.ImageDraw, boxes: Iterable[FloatArray], colour: str, width: int) -> None:
    for x0, y0, x1, y1 in boxes:
        draw.rectangle((x0, y0, x1, y1), outline=colour, width=width)
