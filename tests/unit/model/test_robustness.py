"""The same film in other states: perturbations do what they say, boxes go where the pixels go, figures add up."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from model.cli import app
from model.perturbations import GROSS, SLIGHT, Perturbation, cropped, rotated
from model.robustness import UNTOUCHED, Answer, table, to_markdown
from model.train.films import read_folder
from model.windows import iou
from tests.unit.model.conftest import drawn_film

NAMED = {state.name: state for state in (*SLIGHT, *GROSS)}


def changed(state: Perturbation, film: np.ndarray) -> np.ndarray:
    return np.asarray(state.change(film, np.random.default_rng(0)))


def bright_box(film: np.ndarray) -> np.ndarray:
    """Unit xyxy of the pixels above 128."""
    rows, columns = np.nonzero(film > 128)
    height, width = film.shape
    return np.array(
        [[columns.min() / width, rows.min() / height, (columns.max() + 1) / width, (rows.max() + 1) / height]]
    )


@pytest.mark.parametrize(
    "state",
    [*(rotated(angle) for angle in (2, -10, 10)), cropped(0.05), cropped(0.1), NAMED["mirrored left to right"]],
    ids=lambda state: state.name,
)
def test_a_box_goes_where_its_pixels_go(state: Perturbation):
    film = np.zeros((400, 400), np.float32)
    film[80:130, 250:310] = 255  # far from the centre: a turn the wrong way would miss it
    placed = state.place(bright_box(film))
    assert iou(placed, bright_box(changed(state, film)))[0, 0] > 0.6
    assert iou(bright_box(film), bright_box(changed(state, film)))[0, 0] < 0.95


def test_every_state_is_a_film_of_the_same_range_and_differs_from_the_first(film: np.ndarray):
    for state in NAMED.values():
        other = changed(state, film)
        assert other.ndim == 2 and other.min() >= 0 and other.max() <= 255, state.name
        assert other.shape != film.shape or np.abs(other - film).mean() > 0.1, state.name


def test_dark_is_darker_and_bright_brighter(film: np.ndarray):
    for name, state in NAMED.items():
        if name.startswith(("darkened", "brightened")):
            assert (changed(state, film).mean() < film.mean()) == name.startswith("darkened"), name


def test_pixels_are_halved_and_doubled_and_letters_are_white(film: np.ndarray):
    assert changed(NAMED["0.5 x the pixels a side"], film).shape == (80, 80)
    assert changed(NAMED["2 x the pixels a side"], film).shape == (320, 320)
    large = drawn_film(7, 400)
    lettered = changed(NAMED["letters in three corners"], large)
    assert ((lettered > 250) & (large < 200)).sum() > 100


def test_noise_is_the_same_each_time_and_inverting_twice_is_nothing(film: np.ndarray):
    noise, inverted = NAMED["noise of 5 % of the range"], NAMED["inverted and mislabelled"]
    assert np.array_equal(changed(noise, film), changed(noise, film))
    assert np.allclose(changed(inverted, changed(inverted, film)), film)


def test_the_figures_are_those_of_the_answers(folder: Path):
    films = read_folder(folder)[:4]  # normal, abnormal, normal, abnormal
    box, far = np.array([[0.1, 0.1, 0.3, 0.3]]), np.array([[0.6, 0.6, 0.9, 0.9]])
    none = np.zeros((0, 4))
    same = [Answer(p, p >= 0.5, none if p < 0.5 else box, True) for p in (0.1, 0.9, 0.3, 0.6)]
    answers = {state.name: list(same) for state in (UNTOUCHED, *NAMED.values())}
    answers["JPEG, quality 50"] = [
        Answer(0.1, False, none, True),
        Answer(0.8, True, box, True),
        Answer(0.7, True, far, False),
        Answer(0.4, False, none, True),
    ]
    figures = table(answers, films, draws=50)
    row = {key: figure.value for key, figure in figures["JPEG, quality 50"].items()}
    assert row["median_dp"] == pytest.approx(0.15) and row["crossed"] == 0.5
    assert row["auc"] == 0.75 and row["auc_change"] == -0.25
    assert (row["lesions_met"], row["lesions_anew"], row["accepted"]) == (0.5, 0.25, 0.75)
    still = figures["noise of 5 % of the range"]
    assert (still["median_dp"].value, still["lesions_met"].value, still["crossed"].high) == (0, 1, 0)
    assert "| JPEG, quality 50 | 0.150 [" in to_markdown(figures)


def test_a_lesion_that_was_cut_away_is_not_asked_for(folder: Path):
    films = read_folder(folder)[:2]
    edge = np.array([[0.0, 0.4, 0.09, 0.6]])
    answers = {state.name: [Answer(0.9, True, edge, True)] * 2 for state in (UNTOUCHED, *NAMED.values())}
    assert np.isnan(table(answers, films, draws=5)["cropped by 10% at each edge"]["lesions_met"].value)


def test_robustness_writes_table_figures_and_sheet(folder: Path, tiny_weights: Path, tmp_path: Path):
    out = tmp_path / "out"
    answer = CliRunner().invoke(
        app,
        ["robustness", str(folder), "--out", str(out), "--weights", str(tiny_weights), "--count", "4", "--draws", "10"],
    )
    assert answer.exit_code == 0, answer.output
    written = json.loads((out / "robustness.json").read_text())
    assert written["about"]["films"] == 4 and written["about"]["boxed"] == 2
    assert set(written["figures"]) == {UNTOUCHED.name, *NAMED}
    text = (out / "robustness.md").read_text()
    assert all(name in text for name in NAMED) and (out / "sheet.png").stat().st_size > 1000


def test_a_fold_without_films_ends_robustness_with_a_reason(folder: Path, tiny_weights: Path, tmp_path: Path):
    arguments = ["robustness", str(folder), "--out", str(tmp_path), "--weights", str(tiny_weights), "--fold", "9"]
    answer = CliRunner().invoke(app, arguments)
    assert answer.exit_code == 2 and "fold 9" in answer.output
