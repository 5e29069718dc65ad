"""Training: boxes move with their film, hard negatives are hard, the loss falls, cuts keep their promise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from model.network import LesionNet, Scores
from model.reading import Reading
from model.train.augment import Augmentation, augment
from model.train.batches import Batches, draw_weights
from model.train.cache import cached
from model.train.feed import Feed
from model.train.films import Film, image_targets, read_folder, split
from model.train.fit import fit_all
from model.train.loop import step
from model.train.losses import loss_parts, window_targets
from model.train.recipe import Recipe, rate_at, recipe_for
from model.train.site import site_calibration
from model.train.state import State, fresh
from model.windows import grid_windows, iou


def film(**changes: object) -> Film:
    plain = Film(Path("x.png"), "nih", "a", "PA", "patient:1", 1, True, frozenset(), np.zeros((0, 4)), ())
    return replace(plain, **changes)


def test_labels_that_a_source_does_not_have_are_left_open():
    _, rsna = image_targets(film(normal=False, labels=frozenset({"Lung Opacity"})))
    target, nih = image_targets(film(normal=False, labels=frozenset({"Effusion"})))
    _, normal = image_targets(film())
    assert rsna.tolist() == [1] + [0] * 14 + [1] and nih.tolist() == [1] * 15 + [0] and normal.all()
    assert target.nonzero()[0].tolist() == [0, 3]


def test_both_classes_are_drawn_equally_within_a_stratum():
    films = [film(normal=i >= 10, view="PA") for i in range(100)] + [film(normal=i < 3, view="AP") for i in range(50)]
    weights = draw_weights(films)
    for view in ("PA", "AP"):
        share = [
            sum(w for w, f in zip(weights, films, strict=True) if f.view == view and f.normal == n) for n in (0, 1)
        ]
        assert share[0] == pytest.approx(share[1])
    assert weights.sum() == pytest.approx(1)


def test_a_box_moves_with_its_film():
    rng = np.random.default_rng(3)
    plain = Augmentation(jpeg=0, noise=0, erase=0, contrast=0)
    for _ in range(20):
        (x, y), (w, h) = rng.integers(50, 120, 2), rng.integers(30, 60, 2)
        pixels = torch.zeros(1, 1, 256, 256, dtype=torch.uint8)
        pixels[0, 0, y : y + h, x : x + w] = 255
        out, boxes, _ = augment(pixels, [np.array([[x, y, x + w, y + h]]) / 256], [True], plain, rng)
        ys, xs = np.nonzero((out[0, 0] > (out.max() + out.min()) / 2).numpy())
        centre = np.array([xs.mean() + 0.5, ys.mean() + 0.5]) / 256
        (box,) = boxes[0]
        assert (box[:2] + box[2:]) / 2 == pytest.approx(centre, abs=0.01)
        assert np.prod(box[2:] - box[:2]) == pytest.approx(len(xs) / 256**2, rel=0.1)


def test_windows_on_a_lesion_are_positive_and_those_near_it_are_left_out():
    windows, lesion = grid_windows(), np.array([[0.2, 0.3, 0.35, 0.5]])
    targets = window_targets(windows, lesion, normal=False)
    shared = iou(windows, lesion)[:, 0]
    assert len(targets.positive) and (shared[targets.positive] >= 0.15).all()
    assert set(np.flatnonzero(shared >= 0.45)) <= set(targets.positive)
    assert not targets.negative[shared > 0.3].any() and targets.negative.any()


def test_a_nodule_that_no_window_fits_well_has_its_nearest_few():
    targets = window_targets(grid_windows(), np.array([[0.41, 0.41, 0.47, 0.475]]), normal=False)
    assert 1 <= len(targets.positive) <= 6


def test_an_abnormal_film_without_boxes_teaches_no_window():
    assert not window_targets(grid_windows(), np.zeros((0, 4)), normal=False).negative.any()
    assert window_targets(grid_windows(), np.zeros((0, 4)), normal=True).negative.all()


@pytest.fixture
def batches(folder: Path, tmp_path: Path, tiny: LesionNet) -> Batches:
    """Of the folder's films outside fold 0."""
    films = split(read_folder(folder), 0).train
    pixels = cached(films, tiny.config.side, tmp_path / "cache")
    return Batches(films, pixels, range(len(films)), grid_windows(tiny.config.scales), Augmentation())


def begun(network: LesionNet, batches: Batches, recipe: Recipe) -> tuple[State, Feed]:
    state = fresh(network.train(), recipe)
    return state, Feed(batches, recipe, network.config.side, state.rng, recipe.batch)


def test_mined_negatives_are_harder_than_drawn_ones(batches: Batches):
    torch.manual_seed(0)
    batch = batches.draw(8, 64, np.random.default_rng(0))
    logits = torch.randn(8, len(grid_windows()), 10)
    scores = Scores(torch.zeros(8, 16), logits, torch.zeros(8, len(grid_windows()), 4))
    assert loss_parts(scores, batch, True)["window"] > loss_parts(scores, batch, False)["window"] + 0.2


def test_a_few_steps_lower_the_loss(batches: Batches, tiny: LesionNet):
    recipe = Recipe(films=8 * 60, batch=8, rate=5e-3, ohem_from=1.0)
    state, feed = begun(tiny, batches, recipe)
    totals = []
    for _ in range(60):
        state.losses = {}
        step(state, feed, recipe)
        totals.append(sum(state.losses.values()))
    assert np.mean(totals[-10:]) < 0.8 * np.mean(totals[:10])


def test_films_grow_during_a_run_from_scratch_and_do_not_when_tuning():
    scratch, tuning = recipe_for(12_291, tuning=False), recipe_for(100, tuning=True)
    assert scratch == Recipe() and [scratch.side_at(done, 256) for done in (0.0, 0.5, 0.8)] == [128, 192, 256]
    assert tuning.films == 2000 and tuning.rate < scratch.rate and tuning.side_at(0.0, 256) == 256
    assert recipe_for(100, tuning=False).films == 6000 and recipe_for(100, tuning=False, films=64).steps == 4


def test_a_batch_drawn_ahead_is_the_batch_drawn_when_asked_for(batches: Batches):
    recipe = Recipe(films=4 * 5, batch=4)
    feeds = [Feed(batches, recipe, 64, np.random.default_rng(2), 4, ahead) for ahead in (False, True)]
    for number in range(recipe.steps):
        (plain, after), (ahead, behind) = (feed.take(number) for feed in feeds)
        assert torch.equal(plain.films, ahead.films) and after == behind
    feeds[1].close()


def test_the_rate_rises_then_falls_to_zero():
    recipe = Recipe(films=16 * 100, restart=1.0)
    rates = [rate_at(step, recipe) for step in (0, 3, 6, 50, 100)]
    assert rates[0] < rates[1] < rates[2] == recipe.rate and rates[2] > rates[3] > rates[4] == pytest.approx(0)
    again = replace(recipe, films=16 * 125, restart=0.8)
    assert [rate_at(step, again) for step in range(100)] == [rate_at(step, recipe) for step in range(100)]
    second = [rate_at(step, again) for step in range(100, 125)]
    assert max(second) == pytest.approx(recipe.rate / 4, rel=0.01) and second[0] < second[1] > second[-1] < 1e-5


def readings(films: list[Film], shift: float) -> list[Reading]:
    """Readings of which the film logit says the truth with noise, off by `shift`."""
    rng = np.random.default_rng(0)
    film_logits = [rng.normal(0 if one.normal else 2, 1.0) + shift for one in films]
    box = np.array([[0.1, 0.1, 0.3, 0.3]])
    return [Reading(np.array([z, z]), np.zeros(15), box, np.array([z - 1]), np.zeros((1, 9))) for z in film_logits]


def test_calibrated_cuts_keep_the_promised_sensitivity_and_spare_normal_films():
    films = [film(normal=i % 2 == 0, patient=f"patient:{i}") for i in range(400)]
    read = readings(films, 0.0)
    calibration = fit_all(films, read)
    found = np.array([float(calibration.film(one.film)) for one in read])
    positive = np.round(found, 4) >= calibration.operating_point
    truth = np.array([not one.normal for one in films])
    assert 0.95 <= positive[truth].mean() < 0.97
    assert found.mean() == pytest.approx(truth.mean(), abs=0.01)


def test_a_site_whose_films_read_higher_gets_its_own_operating_point_and_probabilities():
    films = [film(normal=i % 4 > 0, patient=f"patient:{i}") for i in range(400)]
    calibration = fit_all(films[:200], readings(films[:200], 0.0))
    there = readings(films, 3.0)
    refitted = site_calibration(calibration, films, there)
    before = np.mean([float(calibration.film(one.film)) for one in there])
    after = np.mean([float(refitted.film(one.film)) for one in there])
    assert before > 0.5 and after == pytest.approx(0.25, abs=0.01)
    with pytest.raises(ValueError, match="20 normal"):
        site_calibration(calibration, films[:40], there[:40])
