"""Training: the split is by patient, boxes move with their film, hard negatives are hard, and a killed run goes on."""

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
from model.train.cache import cached, read_film
from model.train.films import Film, image_targets, read_folder, split
from model.train.fit import fit_all, site_calibration
from model.train.loop import Recipe, fresh, rate_at, restore, run, step, store
from model.train.losses import loss_parts, window_targets
from model.windows import grid_windows, iou


def film(**changes: object) -> Film:
    plain = Film(Path("x.png"), "nih", "a", "PA", "patient:1", 1, True, frozenset(), np.zeros((0, 4)), ())
    return replace(plain, **changes)


def test_a_folder_is_read_with_its_boxes_in_the_unit_frame(folder: Path):
    films = read_folder(folder)
    assert len(films) == 60 and sum(one.normal for one in films) == 30
    boxed = [one for one in films if len(one.boxes)]
    assert all(one.labels == {"Mass"} and not one.normal for one in boxed) and len(boxed) == 30
    x0, y0, x1, y1 = boxed[0].boxes[0] * 96
    pixels = read_film(boxed[0].path)
    assert (x1 - x0, y1 - y0) == pytest.approx((24, 24))
    assert pixels[round(y0) : round(y1), round(x0) : round(x1)].mean() > pixels.mean() + 40


def test_no_patient_is_on_two_sides_of_the_split():
    films = [film(patient=f"patient:{i // 3}", fold=i % 5) for i in range(300)]
    parts = split(films)
    train, calibration, test = ({one.patient for one in part} for part in (parts.train, parts.calibration, parts.test))
    assert not train & test and not calibration & test and not train & calibration
    assert all(one.fold == 0 for one in parts.test) and len(parts.test) == 60


def test_about_a_tenth_of_the_patients_calibrates_and_always_the_same():
    films = [film(patient=f"patient:{i}") for i in range(2000)]
    held = [one.patient for one in split(films).calibration]
    assert 150 < len(held) < 250 and held == [one.patient for one in split(films[::-1]).calibration][::-1]


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


def batches(folder: Path, work: Path, network: LesionNet) -> Batches:
    films = split(read_folder(folder)).train
    pixels = cached(films, network.config.side, work)
    return Batches(films, pixels, grid_windows(network.config.scales), Augmentation())


def test_mined_negatives_are_harder_than_drawn_ones(folder: Path, tmp_path: Path, tiny: LesionNet):
    torch.manual_seed(0)
    batch = batches(folder, tmp_path, tiny).draw(8, np.random.default_rng(0))
    logits = torch.randn(8, len(grid_windows()), 10)
    scores = Scores(torch.zeros(8, 16), logits, torch.zeros(8, len(grid_windows()), 4))
    assert loss_parts(scores, batch, True)["window"] > loss_parts(scores, batch, False)["window"] + 0.2


def test_a_few_steps_lower_the_loss(folder: Path, tmp_path: Path, tiny: LesionNet):
    recipe = Recipe(batch=8, rate=5e-3)
    state, source = fresh(tiny.train(), recipe), batches(folder, tmp_path, tiny)
    totals = []
    for _ in range(60):
        state.losses = {}
        step(state, source, recipe, 0.3)
        totals.append(sum(state.losses.values()))
    assert np.mean(totals[-10:]) < 0.8 * np.mean(totals[:10])


def test_a_killed_run_goes_on_where_it_was(folder: Path, tmp_path: Path, tiny: LesionNet):
    recipe, source = Recipe(batch=4), batches(folder, tmp_path, tiny)
    state = fresh(tiny.train(), recipe)
    step(state, source, recipe, 0.1)
    store(state, tmp_path / "state.pt")
    step(state, source, recipe, 0.2)
    again = restore(fresh(LesionNet(tiny.config).train(), recipe), tmp_path / "state.pt")
    step(again, source, recipe, 0.2)
    assert again.steps == state.steps == 2
    for name, tensor in state.network.state_dict().items():
        assert torch.equal(tensor, again.network.state_dict()[name]), name


def test_a_run_ends_on_time_and_a_finished_run_does_not_start_again(folder: Path, tmp_path: Path, tiny: LesionNet):
    recipe, saved = Recipe(minutes=0.02, batch=4), []
    state = run(fresh(tiny, recipe), batches(folder, tmp_path, tiny), recipe, tmp_path / "s.pt", saved.append)
    steps = state.steps
    assert steps > 0 and 1.2 <= state.spent_s < 6 and saved == [state]
    again = restore(fresh(LesionNet(tiny.config), recipe), tmp_path / "s.pt")
    assert run(again, batches(folder, tmp_path, tiny), recipe, tmp_path / "s.pt", saved.append).steps == steps


def test_the_rate_rises_then_falls_to_zero():
    recipe = Recipe()
    rates = [rate_at(progress, recipe) for progress in (0.0, 0.03, 0.06, 0.5, 1.0)]
    assert rates[0] < rates[1] < rates[2] == recipe.rate and rates[2] > rates[3] > rates[4] == pytest.approx(0)


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
