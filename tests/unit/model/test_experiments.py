"""Experiments: runs of one fold beside a base, each difference with a paired interval."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from model.reading import Reading
from model.train.experiments import BASE, EXPERIMENTS, Experiment, Outcome, run_experiment, table
from model.train.films import read_folder
from model.train.run import prepare

TINY = {"side": 64, "stem": 4, "widths": (4, 6, 8, 10), "blocks": (1, 1, 1, 1), "map_width": 6}


def test_a_run_reads_the_fold_it_has_not_seen_and_is_not_trained_twice(folder: Path, tmp_path: Path):
    experiment = Experiment("small: tiny", 32, TINY, pretrained=64)
    first = run_experiment(experiment, [folder], tmp_path)
    assert len(first.readings) == len(prepare([folder], 0).parts.test)
    made = tmp_path / "small" / "pretrained.safetensors"
    written = made.stat().st_mtime_ns
    again = run_experiment(experiment, [folder], tmp_path)
    assert np.array_equal(first.scores, again.scores) and made.stat().st_mtime_ns == written


def outcome(name: str, scores: np.ndarray) -> Outcome:
    box = np.array([[0.1, 0.1, 0.3, 0.3]])
    readings = [Reading(np.array([z, z]), np.zeros(15), box, np.array([z]), np.zeros((1, 9))) for z in scores]
    return Outcome(replace(BASE, name=name), readings)


@pytest.fixture
def rsna(tmp_path: Path, make_films) -> Path:
    return make_films(tmp_path / "rsna", 60)


def test_a_difference_is_paired(rsna: Path):
    films = read_folder(rsna)
    truth = np.array([not film.normal for film in films], dtype=float)
    noise = np.random.default_rng(0).normal(0, 1, len(films))
    lines = table(films, [outcome("base", truth + noise), outcome("same", truth + noise), outcome("good", truth)])
    head, _, base, same, good = [line.strip("| ").split(" | ") for line in lines]
    column = head.index("AUC rsna, Normal / others")
    assert base[column].startswith("0.") and same[column].endswith("+0.000 [+0.000, +0.000]")
    assert good[column].startswith("1.000, +0.") and "[+0." in good[column]


def test_each_experiment_changes_one_thing_of_the_base():
    for other in EXPERIMENTS[1:]:
        changed = [other.films != BASE.films, dict(other.changes) != dict(BASE.changes), other.pretrained > 0]
        assert sum(changed) == 1
