"""The recipe of the shipped weights, on a small scale: five blind networks, one calibrated file."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from model.calibration import Calibration
from model.checkpoint import Checkpoint, WeightsRefused, load, save, tensors_of
from model.detector import Detector
from model.network import LesionNet, NetworkConfig
from model.reading import Reader
from model.train.films import read_folder
from model.train.finish import finish
from model.train.readers import read_film
from model.train.recipe import Recipe
from model.train.run import VERSION, Plan, prepare, train
from model.train.shipped import FOLDERS, RECIPE, fold_weights, folders_of, package, train_fold, unseen_readings
from model.train.tables import FolderRefused

TINY = NetworkConfig(side=64, stem=4, widths=(4, 6, 8, 10), blocks=(1, 1, 1, 1), map_width=6)


@pytest.fixture
def members(folder: Path, tmp_path: Path) -> list[Path]:
    """Five networks of random weights whose cards say which fold each has not seen."""
    paths = []
    for fold in range(5):
        torch.manual_seed(fold)
        paths.append(tmp_path / f"m{fold}" / "detector.safetensors")
        tensors = tensors_of(LesionNet(TINY))
        save(paths[-1], Checkpoint("m", "0", TINY, tensors, Calibration(), "", {"fold": fold}))
    return paths


def test_the_recipe_is_that_of_the_shipped_weights():
    assert Recipe(seed=1) == RECIPE and RECIPE.steps == 8750 and RECIPE.restart_step == 7500
    assert [RECIPE.side_of(step, 256) for step in (3749, 3750, 5249, 5250)] == [128, 192, 192, 256]
    assert FOLDERS == ("rsna", "nih", "nih128")


def test_a_missing_folder_is_named(tmp_path: Path):
    (tmp_path / "rsna").mkdir()
    with pytest.raises(FolderRefused, match=r"nih is missing.*\n.*nih128 is missing"):
        folders_of(tmp_path)


def test_a_fold_is_trained_in_its_place_from_all_three_folders(folder: Path, tmp_path: Path):
    for name in FOLDERS:
        shutil.copytree(folder, tmp_path / "data" / name)
    folders = folders_of(tmp_path / "data")
    made = train_fold(folders, tmp_path / "work", 2, replace(RECIPE, films=16))
    assert made == fold_weights(tmp_path / "work", 2)
    card = load(made)
    assert card.trained["fold"] == 2 and card.trained["folders"] == list(FOLDERS) and card.network == NetworkConfig()
    assert card.trained["films"] == 3 * 48 and card.version == VERSION
    assert len(list((tmp_path / "work" / "cache").glob("*.npy"))) == 1


def test_each_film_is_read_by_the_network_that_has_not_seen_it(folder: Path, members: list[Path]):
    films = read_folder(folder)
    readings = unseen_readings(films, members)
    for row in (0, 3, 9):
        blind = Reader(load(members[films[row].fold]).build(), torch.device("cpu"))
        assert (readings[row].film == blind.read(read_film(films[row].path)).film).all()
    with pytest.raises(WeightsRefused, match="folds 0 to 4, in order"):
        unseen_readings(films, members[::-1])


def test_the_package_is_one_calibrated_file_that_detects(folder: Path, members: list[Path], tmp_path: Path):
    made = load(package([folder], members, tmp_path / "out" / "detector.safetensors"))
    assert made.members == 4 and "abnormal" in made.calibration.words
    found = Detector.load(tmp_path / "out" / "detector.safetensors", "cpu").detect(np.eye(80, dtype=np.float32))
    assert 0 <= found.probability <= 1


def test_weights_from_scratch_are_calibrated_on_the_films_left_out(folder: Path, members: list[Path]):
    done = finish(members[0], read_folder(folder), None, "cpu")
    assert done.why_not == "" and done.held_out == 60 and 0 <= done.auc <= 1
    assert "on 30 abnormal patients, held-out films of films" in done.words == load(members[0]).calibration.words


def test_tuned_weights_are_recalibrated_as_a_sites_own(folder: Path, tmp_path: Path):
    learnt = prepare([folder], None)
    recipe = Recipe(films=8 * 40, batch=8, rate=5e-3, growth=(), save_every_s=1000)
    weights = train(Plan(learnt, tmp_path / "first", recipe, TINY))
    tuned = train(Plan(learnt, tmp_path / "tuned", replace(recipe, films=8, rate=1e-4), TINY, weights))
    done = finish(tuned, learnt.films, weights, "cpu")
    assert done.why_not == "" and done.words.endswith("films of this site")
    assert load(tuned).trained["start"] == load(weights).digest != load(tuned).digest


def test_too_few_films_left_out_keep_the_calibration_and_say_so(folder: Path, members: list[Path], tmp_path: Path):
    tuned = tmp_path / "tuned.safetensors"
    for suffix in (".safetensors", ".json"):
        shutil.copy(members[0].with_suffix(suffix), tuned.with_suffix(suffix))
    done = finish(tuned, read_folder(folder)[:6], members[0], "cpu")
    assert "20 normal and 20 abnormal films are needed, 3 and 3 are here" in done.why_not
    card = load(tuned)
    assert card.calibration.words.startswith("not calibrated: cut taken over") and not card.calibration.promises
    assert card.version == f"0+own.{card.digest[:8]}"
    assert finish(tuned, [], None, "cpu").why_not == "no film was left out"
