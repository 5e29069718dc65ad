"""A run that is killed, or shared by two processes, comes to the same weights, and never goes on with another run."""

from __future__ import annotations

import csv
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from model.checkpoint import load
from model.network import LesionNet, NetworkConfig
from model.train.pace import Pace, in_words
from model.train.parallel import Team
from model.train.recipe import Recipe
from model.train.run import Plan, prepare, train
from model.train.state import StateRefused, fresh, restore, store

TINY = NetworkConfig(side=64, stem=4, widths=(4, 6, 8, 10), blocks=(1, 1, 1, 1), map_width=6)
SHORT = Recipe(films=4 * 16, batch=4, growth=((0.5, 32),), save_every_s=0.0)
ONE_RUN = """
import sys, torch
from pathlib import Path
sys.path.insert(0, sys.argv[3])
torch.set_num_threads(1)
from tests.unit.model.test_resume import plan
from model.train.run import train
train(plan(Path(sys.argv[1]), Path(sys.argv[2])))
"""


def plan(folder: Path, work: Path, recipe: Recipe = SHORT) -> Plan:
    return Plan(prepare([folder], 0), work, recipe, TINY)


def digest(weights: Path) -> str:
    return hashlib.sha256(weights.read_bytes()).hexdigest()


@pytest.fixture
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def kill_in_the_middle(folder: Path, work: Path) -> None:
    """A run in a process of its own, killed after a few stored steps."""
    root = str(Path(__file__).parents[3])
    began = subprocess.Popen(
        [sys.executable, "-c", ONE_RUN, str(folder), str(work), root], cwd=root, stdout=subprocess.DEVNULL
    )
    stop = time.monotonic() + 100
    while len(curve(work)) < 3:
        assert began.poll() is None and time.monotonic() < stop
        time.sleep(0.005)
    os.kill(began.pid, signal.SIGKILL)
    assert began.wait() == -signal.SIGKILL


def curve(work: Path) -> list[dict[str, str]]:
    table = work / "curve.csv"
    return list(csv.DictReader(table.read_text().splitlines())) if table.exists() else []


def first_state(work: Path, into: Path) -> dict[str, Any]:
    """The first state that a run stores, copied to where another run will find it."""
    stop = time.monotonic() + 100
    while not (work / "state.pt").exists():
        assert time.monotonic() < stop
        time.sleep(0.005)
    into.mkdir()
    shutil.copy(work / "state.pt", into)
    return torch.load(into / "state.pt", weights_only=True)


def test_a_run_killed_in_the_middle_comes_to_the_same_weights(folder: Path, tmp_path: Path, one_thread: None):
    whole = train(plan(folder, tmp_path / "whole"))
    kill_in_the_middle(folder, tmp_path / "killed")
    stored = torch.load(tmp_path / "killed" / "state.pt", weights_only=True)["steps"]
    assert 0 < stored < SHORT.steps
    resumed = train(plan(folder, tmp_path / "killed"))
    assert digest(resumed) == digest(whole)
    drawn = [row["drawn"] for row in curve(tmp_path / "killed")]
    assert drawn == [row["drawn"] for row in curve(tmp_path / "whole")] and drawn[-1] == "64"


def test_a_finished_run_does_not_start_again(folder: Path, tmp_path: Path):
    recipe = replace(SHORT, films=12)
    first = train(plan(folder, tmp_path / "w", recipe))
    before, began = digest(first), load(first).trained["steps"]
    assert digest(train(plan(folder, tmp_path / "w", recipe))) == before and began == 3
    assert len(curve(tmp_path / "w")) == 3


def test_the_seed_decides_and_saving_and_looking_do_not(folder: Path, tmp_path: Path, one_thread: None):
    recipe = replace(SHORT, films=12)
    rare, other = replace(recipe, save_every_s=1000.0), replace(recipe, seed=2)
    often, seldom, second = (
        digest(train(plan(folder, tmp_path / str(row), each))) for row, each in enumerate((recipe, rare, other))
    )
    assert often == seldom != second


def test_a_run_of_something_else_is_not_gone_on_with(folder: Path, tmp_path: Path):
    recipe = replace(SHORT, films=8)
    train(plan(folder, tmp_path / "w", recipe))
    with pytest.raises(StateRefused, match="other recipe"):
        train(plan(folder, tmp_path / "w", replace(recipe, rate=1e-4)))
    with pytest.raises(StateRefused, match="other fold left out"):
        train(replace(plan(folder, tmp_path / "w", recipe), learnt=prepare([folder], 1)))
    path = folder / "images" / "0004.png"
    Image.fromarray(255 - np.asarray(Image.open(path))).save(path)
    with pytest.raises(StateRefused, match="other films"):
        train(plan(folder, tmp_path / "w", recipe))


def test_a_damaged_state_is_refused_and_a_half_written_one_does_not_matter(tmp_path: Path, tiny: LesionNet):
    state, path = fresh(tiny, SHORT), tmp_path / "state.pt"
    store(state, path, {})
    path.with_suffix(".part").write_bytes(path.read_bytes()[:999])
    assert restore(fresh(LesionNet(TINY), SHORT), path, {}).steps == 0
    path.write_bytes(path.read_bytes()[:999])
    with pytest.raises(StateRefused, match="no stored run"):
        restore(fresh(LesionNet(TINY), SHORT), path, {})


def test_two_processes_share_the_batches_and_a_shared_run_goes_on(folder: Path, tmp_path: Path, one_thread: None):
    recipe = replace(SHORT, films=16)
    shared = replace(plan(folder, tmp_path / "two", recipe), devices=2)
    with ThreadPoolExecutor(1) as watcher:
        middle = watcher.submit(first_state, tmp_path / "two", tmp_path / "again")
        weights = train(shared)
        assert middle.result()["steps"] < recipe.steps
    stored = torch.load(tmp_path / "two" / "state.pt", weights_only=True)
    first, second = (generators["drawn"] for generators in stored["generators"])
    assert first != second and stored["steps"] == 4 and load(weights).trained["films_drawn"] == 16
    assert digest(train(replace(shared, work=tmp_path / "again"))) == digest(weights)
    with pytest.raises(StateRefused, match="other number of devices"):
        train(plan(folder, tmp_path / "two", recipe))


def test_the_time_left_counts_what_each_side_costs():
    recipe = Recipe(films=160, growth=((0.5, 128),))
    pace = Pace(recipe, 256, {128: 1.0, 256: 4.0})
    assert [pace.left_s(done) for done in (0, 5, 9, 10)] == [25, 20, 4, 0]
    for done in range(1, 6):
        pace.took(done, 2.0)
    assert pace.step_s[256] == 4 and 1 < pace.step_s[128] < 2
    assert [in_words(seconds) for seconds in (40, 600, 11_100)] == ["40 s", "10 min", "3 h 5 min"]


def test_a_process_on_its_own_decides_alone():
    assert Team().agreed(True) and not Team().agreed(False) and Team().gathered(3) == [3] and Team().leads
