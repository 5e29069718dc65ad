"""How far the answer moves when the same film comes otherwise: probability, boxes, and what the picture check says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from model.detector import Detector
from model.judge.boxes import unit_boxes
from model.judge.document import Table, markdown_table
from model.judge.resample import Interval
from model.metrics import auc, bootstrap
from model.perturbations import GROSS, SLIGHT, FilmArray, Perturbation
from model.picture import PictureCheck
from model.train.films import Film
from model.windows import FloatArray, area, clip_to_film, iou

MET = 0.5  # IoU at which two boxes are one lesion
LEFT = 0.5  # a lesion of which less than this share remains on the film is not asked for
UNTOUCHED = Perturbation("as it is", lambda film, _: film)


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one film. lesions: unit xyxy [K, 4] of those shown. accepted: by the picture check."""

    probability: float
    positive: bool
    lesions: FloatArray
    accepted: bool


def read_all(
    detector: Detector, check: PictureCheck, films: Iterable[FilmArray], seed: int = 0
) -> dict[str, list[Answer]]:
    """The answers to every film [H, W] of 0..255 in every state, by the state's name, in the films' order."""
    answers: dict[str, list[Answer]] = {state.name: [] for state in (UNTOUCHED, *SLIGHT, *GROSS)}
    for row, film in enumerate(films):
        for state in (UNTOUCHED, *SLIGHT, *GROSS):
            changed = np.ascontiguousarray(state.change(film, np.random.default_rng((seed, row))), dtype=np.float32)
            found = detector.detect(changed)
            accepted = check.judge(changed).accepted
            answers[state.name].append(
                Answer(found.probability, found.positive, unit_boxes(found, only_shown=True), accepted)
            )
    return answers


def table(
    answers: Mapping[str, Sequence[Answer]], films: Sequence[Film], draws: int = 400
) -> dict[str, dict[str, Interval]]:
    """The figures of each state, by its name."""
    before = answers[UNTOUCHED.name]
    return {
        state.name: _row(before, answers[state.name], state, films, draws) for state in (UNTOUCHED, *SLIGHT, *GROSS)
    }


def _row(
    before: Sequence[Answer], after: Sequence[Answer], state: Perturbation, films: Sequence[Film], draws: int
) -> dict[str, Interval]:
    abnormal = np.array([not film.normal for film in films])
    old, new = (np.array([answer.probability for answer in answers]) for answers in (before, after))
    crossed = np.array([one.positive != other.positive for one, other in zip(before, after, strict=True)])
    accepted = np.array([answer.accepted for answer in after])
    met, asked, anew = np.array(
        [_meetings(one.lesions, other.lesions, state) for one, other in zip(before, after, strict=True)]
    ).T
    figures: dict[str, Callable[[npt.NDArray[np.int64]], float]] = {
        "median_dp": lambda rows: float(np.median(abs(new - old)[rows])),
        "p95_dp": lambda rows: float(np.percentile(abs(new - old)[rows], 95)),
        "auc": lambda rows: auc(new[rows], abnormal[rows]),
        "auc_change": lambda rows: auc(new[rows], abnormal[rows]) - auc(old[rows], abnormal[rows]),
        "crossed": lambda rows: float(crossed[rows].mean()),
        "lesions_met": lambda rows: float(met[rows].sum() / asked[rows].sum()) if asked[rows].any() else float("nan"),
        "lesions_anew": lambda rows: float(anew[rows].mean()),
        "accepted": lambda rows: float(accepted[rows].mean()),
    }
    patients, every = [film.patient for film in films], np.arange(len(films))
    return {name: Interval(figure(every), *bootstrap(figure, patients, draws)) for name, figure in figures.items()}


def _meetings(before: FloatArray, after: FloatArray, state: Perturbation) -> tuple[int, int, int]:
    """(lesions met again, lesions that could be, lesions that meet none of before)."""
    placed = state.place(before)
    remaining = area(clip_to_film(placed))
    placed = clip_to_film(placed)[remaining >= LEFT * area(placed)]
    shared = iou(placed, after) >= MET
    return int(shared.any(axis=1).sum()), len(placed), int((~shared.any(axis=0)).sum())


def to_markdown(figures: Mapping[str, Mapping[str, Interval]]) -> str:
    """Two tables: what must not move the answer, and what the picture check must refuse."""
    heads = {
        "median_dp": "median abs. change of P", "p95_dp": "95th centile", "auc_change": "change of AUC",
        "crossed": "films that cross the operating point", "lesions_met": "shown lesions met again, IoU >= 0.5",
        "lesions_anew": "shown lesions that were not there, a film", "accepted": "accepted by the picture check",
    }  # fmt: skip
    slight = [state.name for state in SLIGHT]
    gross = [state.name for state in GROSS]
    moved = Table(
        ["the film", *heads.values()], [[name, *(str(figures[name][key]) for key in heads)] for name in slight]
    )
    rows = [
        [name, str(_refused(figures[name]["accepted"])), *(str(figures[name][key]) for key in ("median_dp", "crossed"))]
        for name in gross
    ]
    titles = ["the film", "refused by the picture check", "median abs. change of P, were it read", "would cross"]
    own = figures[UNTOUCHED.name]
    first = f"As they are: AUC {own['auc']}, accepted by the picture check {own['accepted']}."
    return "\n".join([first, "", markdown_table(moved), "", markdown_table(Table(titles, rows)), ""])


def _refused(accepted: Interval) -> Interval:
    return Interval(1 - accepted.value, 1 - accepted.high, 1 - accepted.low)


def to_json(figures: Mapping[str, Mapping[str, Interval]]) -> dict[str, dict[str, dict[str, float]]]:
    """Plain values."""
    return {name: {key: asdict(figure) for key, figure in row.items()} for name, row in figures.items()}


def sheet(film: FilmArray, tile: int = 256, columns: int = 5) -> Image.Image:
    """One film in every state, with the state's name."""
    states = (UNTOUCHED, *SLIGHT, *GROSS)
    page = Image.new("L", (columns * tile, -(-len(states) // columns) * (tile + 14)))
    draw = ImageDraw.Draw(page)
    for index, state in enumerate(states):
        changed = state.change(film, np.random.default_rng((0, 0)))
        x, y = index % columns * tile, index // columns * (tile + 14)
        page.paste(Image.fromarray(changed.clip(0, 255).astype(np.uint8)).resize((tile, tile)), (x, y + 14))
        draw.text((x + 3, y + 1), state.name, fill=255)
    return page
