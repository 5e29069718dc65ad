from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from daemon.phantom import Opacity, thorax
from model.picture import SHIPPED, SIDE, PictureCheck, PictureNet, WeightsError, standardise
from model.train.picture_labels import RELABELLED
from model.train.picture_measure import grey, interval, made_wrong, turned
from model.train.picture_shapes import FAMILIES, make
from worker.pixels import film

DATA = Path(os.environ.get("THORAXD_TEST_DATA", Path(__file__).parents[3].parent / "shared" / "data"))
needs_data = pytest.mark.skipif(not (DATA / "nih").is_dir(), reason=f"no films in {DATA} (THORAXD_TEST_DATA)")
CHESTS = ("gdcm-CR-MONO1-10-chest.dcm", "RG1_J2KI.dcm", "cxr.dcm", "siim-sc-mono2.dcm")
WRONG = ("dx_image.dcm", "RG2_JPLL.dcm", "RG3_UNC.dcm", "vlut_04.dcm", "mlut_18.dcm", "test16signed.dcm")


@pytest.fixture(scope="module")
def check():
    return PictureCheck.load()


@pytest.fixture(scope="module")
def chest():
    return thorax(1, 320, 320, "PA", Opacity()).pixels.astype(np.float32) / 4095


def held_out(folder, count):
    with (DATA / folder / "labels.csv").open() as table:
        names = [row["image"] for row in csv.DictReader(table) if row["fold"] == "0" and row["image"] not in RELABELLED]
    chosen = np.random.default_rng(0).choice(names, count, replace=False)
    return [grey(DATA / folder / "images" / name) for name in chosen]


def test_the_phantoms_chest_is_accepted_whatever_its_range_and_size(check, chest):
    verdict = check.judge(chest)
    assert verdict.accepted
    assert verdict.kind == "frontal chest"
    assert check.judge(chest * 4095 - 1024).frontal == pytest.approx(verdict.frontal, abs=0.02)
    assert check.judge(chest.repeat(3, 0).repeat(3, 1)).frontal == pytest.approx(verdict.frontal, abs=0.02)


def test_the_same_chest_turned_or_inverted_is_refused_by_name(check, chest):
    assert check.judge(1 - chest).kind == "inverted"
    assert check.judge(np.rot90(chest, 2).copy()).kind == "rotated 180"
    sideways = {check.judge(np.rot90(chest, turn).copy()).kind for turn in (1, 3)}
    assert sideways == {"rotated 90", "rotated 270"}


def test_the_turn_that_is_named_is_counter_clockwise(check, chest):
    assert check.judge(np.rot90(chest, 1).copy()).kind == "rotated 90"


def test_a_lateral_phantom_is_refused(check):
    verdict = check.judge(thorax(77, 320, 320, "LL").pixels.astype(np.float32))
    assert not verdict.accepted
    assert verdict.kind == "lateral chest"


@pytest.mark.parametrize("family", FAMILIES)
def test_made_pictures_of_other_things_are_refused(check, family):
    rng = np.random.default_rng(991)
    accepted = sum(check.judge(make(family, rng).astype(np.float32)).accepted for _ in range(12))
    assert accepted == 0


def test_blank_and_broken_pictures_are_refused_without_a_vote(check):
    for value in (0.0, 1.0, np.nan):
        verdict = check.judge(np.full((200, 200), value, np.float32))
        assert (verdict.accepted, verdict.kind, verdict.frontal) == (False, "blank", 0.0)


def test_a_strip_is_refused(check, chest):
    assert check.judge(chest[:, :120]).kind == "too narrow"


def test_the_same_picture_gets_the_same_verdict(check, chest):
    assert check.judge(chest) == check.judge(chest.copy())


def test_standardising_forgets_scale_and_offset():
    picture = torch.rand(2, 1, SIDE, SIDE)
    assert torch.allclose(standardise(picture), standardise(picture * 700 - 30), atol=1e-4)


def test_the_network_is_small():
    assert sum(p.numel() for p in PictureNet().parameters()) < 300_000
    assert SHIPPED.stat().st_size < 2_000_000


def test_weights_that_are_not_the_described_ones_are_refused(tmp_path):
    path = tmp_path / "picture.safetensors"
    path.write_bytes(SHIPPED.read_bytes()[:-4] + b"abcd")
    path.with_suffix(".json").write_text(SHIPPED.with_suffix(".json").read_text())
    with pytest.raises(WeightsError, match="digest"):
        PictureCheck.load(path)


def test_weights_made_for_other_kinds_are_refused(tmp_path):
    path = tmp_path / "picture.safetensors"
    path.write_bytes(SHIPPED.read_bytes())
    described = json.loads(SHIPPED.with_suffix(".json").read_text()) | {"kinds": ["cat", "dog"]}
    path.with_suffix(".json").write_text(json.dumps(described))
    with pytest.raises(WeightsError, match="cat"):
        PictureCheck.load(path)


def test_the_interval_of_no_hit_among_a_hundred_is_wilsons():
    low, high = interval(0, 100)
    assert low == 0
    assert high == pytest.approx(0.0370, abs=1e-4)


def test_turning_back_and_forth_gives_the_middle_of_the_film_back():
    y, x = np.mgrid[0:100, 0:100]
    film_ = (np.sin(x / 12) + np.cos(y / 15)).astype(np.float32)
    again = turned(turned(film_, 20, 1.0), -20, 1.0)
    assert np.abs(again - film_)[30:70, 30:70].max() < 0.05


@needs_data
@pytest.mark.parametrize("folder", ["nih", "rsna", "nih128"])
def test_held_out_frontal_films_pass(check, folder):
    refused = [verdict for verdict in map(check.judge, held_out(folder, 60)) if not verdict.accepted]
    assert len(refused) <= 1


@needs_data
def test_films_of_the_masks_folder_pass(check):
    paths = sorted((DATA / "masks" / "images").iterdir())[::3]
    assert all(check.judge(grey(path)).accepted for path in paths)


@needs_data
def test_the_same_films_inverted_turned_cut_or_squashed_are_refused(check):
    rng = np.random.default_rng(3)
    verdicts = [check.judge(wrong) for picture in held_out("rsna", 15) for wrong in made_wrong(picture, rng).values()]
    assert sum(verdict.accepted for verdict in verdicts) <= 0.03 * len(verdicts)


@needs_data
@pytest.mark.parametrize(
    "name", [*CHESTS, *(f"rsna/{n.name}" for n in sorted((DATA / "dicom" / "rsna").glob("*"))[::4])]
)
def test_chest_files_of_several_makers_pass(check, name):
    assert check.judge(film(DATA / "dicom" / name).image).accepted


@needs_data
@pytest.mark.parametrize("name", WRONG)
def test_a_dog_a_hip_a_shin_and_test_patterns_are_refused(check, name):
    assert not check.judge(film(DATA / "dicom" / name).image).accepted


def test_a_photograph_is_refused(check, tmp_path):
    y, x = np.mgrid[0:300, 0:400] / 300
    sky = 0.8 - 0.3 * y + 0.4 * (np.hypot(x - 0.9, y - 0.3) < 0.15) - 0.5 * (y > 0.62 + 0.05 * np.sin(9 * x))
    Image.fromarray((sky.clip(0, 1) * 255).astype(np.uint8)).save(tmp_path / "hill.png")
    assert not check.judge(grey(tmp_path / "hill.png")).accepted
