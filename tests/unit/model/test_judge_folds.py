"""What may judge what: weights by their fold, readings kept on disk, and nothing chosen on the part it is used for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from model.calibration import Calibration
from model.checkpoint import WeightsRefused, ensemble, load, save
from model.judge.cues import cues
from model.judge.graded import Graded, crossfitted, cut_elsewhere, elsewhere, halves
from model.judge.guess import guess_class, guess_source
from model.judge.models import by_fold, read_out_of_fold
from model.judge.patches import patches
from model.judge.readings import FilmReading, read_all
from model.judge.sampler import OTHER_FILM, POSITIVE, SAME_FILM, Sampler, nearest_scales
from model.judge.strata import groups
from model.judge.triage import fixed_thresholds
from model.network import NetworkConfig
from model.reading import Reader, Reading
from model.train.films import Film, read_folder
from model.windows import NATIVE_SIDE, SCALES, grid_windows, overlap


def fold_weights(tiny_weights: Path, fold: int) -> Path:
    """The tiny network, somewhat changed, as weights that have not seen this fold."""
    whole = load(tiny_weights)
    path = tiny_weights.with_name(f"fold{fold}.safetensors")
    tensors = {name: tensor * (1 + fold / 100) for name, tensor in whole.tensors.items()}
    save(path, replace(whole, tensors=tensors, trained={"fold": fold}))
    return path


def made_film(number: int, fold: int, normal: bool, **changes: object) -> Film:
    """A film that lies nowhere."""
    plain = Film(
        path=Path(f"{number}.png"), folder="made", source="made", view="PA", patient=f"patient:{number}", fold=fold,
        normal=normal, labels=frozenset() if normal else frozenset({"Mass"}), boxes=np.zeros((0, 4)), box_labels=(),
    )  # fmt: skip
    return replace(plain, **changes)


def made_reading(logit: float, cue: float = 0.0) -> FilmReading:
    """A reading with one lesion, as sure of the film as `logit`; patch windows of all three kinds."""
    config = NetworkConfig()
    reading = Reading(
        np.array([logit, logit]), np.zeros(len(config.labels)), np.array([[0.1, 0.1, 0.4, 0.4]]), np.array([logit]),
        np.zeros((1, len(config.box_labels))),
    )  # fmt: skip
    kinds = np.array([POSITIVE, SAME_FILM, OTHER_FILM, OTHER_FILM], np.int8)
    return FilmReading(reading, 100, 100, np.where(kinds == POSITIVE, 1.0, -1.0), kinds, np.array([cue, 1.0]))


def made_graded(count: int = 200, folds: int = 2, **changes: object) -> Graded:
    """Films whose logits tell the class with some overlap, with cues that tell nothing."""
    rng = np.random.default_rng(0)
    films = [made_film(n, n % folds, n % 4 < 2, **changes) for n in range(count)]
    read = [made_reading(float(rng.normal(0.0 if film.normal else 1.5)), float(rng.normal())) for film in films]
    return crossfitted(films, read, NetworkConfig(), draws=30)


def test_weights_are_known_by_the_fold_their_card_names(tiny_weights: Path):
    found = by_fold([fold_weights(tiny_weights, 3), fold_weights(tiny_weights, 1)])
    assert sorted(found) == [1, 3] and found[3].trained["fold"] == 3


def test_weights_without_a_fold_and_a_fold_given_twice_are_refused(tiny_weights: Path):
    with pytest.raises(WeightsRefused, match="names no fold"):
        by_fold([tiny_weights])
    one = fold_weights(tiny_weights, 1)
    with pytest.raises(WeightsRefused, match="fold 1 has weights already"):
        by_fold([one, one])


def test_the_members_of_an_ensemble_are_judged_each_on_its_own_fold(tmp_path: Path, tiny_weights: Path):
    single = {fold: fold_weights(tiny_weights, fold) for fold in (2, 0)}
    together = tmp_path / "ensemble.safetensors"
    save(together, ensemble(list(single.values()), Calibration(), "together", "1"))
    found = by_fold([together])
    assert set(found) == {0, 2}
    for fold, path in single.items():
        alone = load(path)
        assert found[fold].digest == alone.digest  # readings of the single file are found again
        assert all(torch.equal(found[fold].tensors[name], tensor) for name, tensor in alone.tensors.items())


def test_every_film_is_read_by_the_weights_of_its_own_fold(folder: Path, tmp_path: Path, tiny_weights: Path):
    films = read_folder(folder)
    models = by_fold([fold_weights(tiny_weights, 0), fold_weights(tiny_weights, 2)])
    chosen, readings = read_out_of_fold(films, models, tmp_path / "readings", 2, lambda count: None)
    assert [film.fold for film in chosen] == [0] * 12 + [2] * 12
    for row in (0, 12):
        reader = Reader(models[chosen[row].fold].build(), torch.device("cpu"))
        again = read_all([chosen[row]], reader, _sampler(films), tmp_path / "again", 1, lambda count: None)[0]
        assert again.reading.film == pytest.approx(readings[row].reading.film, abs=1e-5)


def _sampler(films: list[Film]) -> Sampler:
    return Sampler.of(films, grid_windows(SCALES), SCALES, NATIVE_SIDE)


def test_a_second_call_reads_nothing_again(folder: Path, tmp_path: Path, tiny_weights: Path):
    films = read_folder(folder)[:10]
    models = by_fold([fold_weights(tiny_weights, 0)])
    first = read_out_of_fold(films, models, tmp_path, 1, lambda count: None)[1]
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npz")}
    counted: list[int] = []
    second = read_out_of_fold(films, models, tmp_path, 1, counted.append)[1]
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npz")} == kept and sum(counted) == len(first)
    for a, b in zip(first, second, strict=True):
        assert (a.reading.boxes == b.reading.boxes).all() and (a.patch_logits == b.patch_logits).all()
        assert (a.cues == b.cues).all() and (a.width, a.height) == (b.width, b.height)


def test_a_patient_in_two_parts_chooses_for_neither():
    films = [made_film(0, 0, True), made_film(1, 1, True), made_film(2, 1, True, patient="patient:0")]
    parts = np.array([film.fold for film in films])
    assert elsewhere(films, parts, 0).tolist() == [1]
    assert elsewhere(films, parts, 1).tolist() == []


def test_a_patient_lies_whole_in_one_half():
    films = [made_film(n, 0, True, patient=f"patient:{n // 4}") for n in range(400)]
    parts = halves(films)
    assert 100 < parts.sum() < 300
    assert all(len(set(parts[n : n + 4].tolist())) == 1 for n in range(0, 400, 4))


def test_a_films_own_part_never_chooses_its_cut():
    graded = made_graded()
    cuts = cut_elsewhere(graded, lambda rows: float(graded.part[rows].mean()))
    assert cuts.tolist() == (1 - graded.part).tolist()


def test_turning_one_folds_truth_round_changes_nothing_that_is_chosen_for_it():
    plain = made_graded()
    films = [made_film(n, n % 2, (n % 4 < 2) != (n % 2 == 0)) for n in range(200)]
    turned = crossfitted(films, plain.read, NetworkConfig(), draws=5)
    assert turned.calibrations[0] == plain.calibrations[0] and turned.calibrations[1] != plain.calibrations[1]


def test_films_of_one_class_are_no_measurement():
    films = [made_film(n, n % 2, True) for n in range(20)]
    with pytest.raises(ValueError, match="no abnormal film outside part 0"):
        crossfitted(films, [made_reading(0.0)] * 20, NetworkConfig(), draws=2)


def test_thresholds_come_from_elsewhere_and_carry_over_between_like_folders():
    graded = made_graded(2000)
    row = next(row for row in fixed_thresholds(graded) if row["allowed"] == 0.05)
    assert row["chosen_on"] == row["judged_on"] == "made" and 0.03 < row["missed"].value < 0.08
    shifted = replace(graded, read=[made_reading(r.reading.film[0] - (3.0 if film.fold else 0.0)) for film, r in zip(graded.films, graded.read, strict=True)])  # fmt: skip  # noqa: E501
    worse = next(row for row in fixed_thresholds(shifted) if row["allowed"] == 0.05)
    assert worse["missed"].value > 0.3  # fold 1 reads lower than the fold its threshold came from


def test_patch_accuracy_is_perfect_for_windows_that_tell_and_chance_for_those_that_do_not():
    graded = made_graded(40)
    assert patches(graded)["accuracy"].value == 1.0 and patches(graded)["auc"].value == 1.0
    blind = replace(graded, read=[replace(one, patch_logits=np.zeros(4)) for one in graded.read])
    found = patches(blind)
    assert found["accuracy"].value == found["chance"] == 0.75
    assert found["balanced"].value == pytest.approx(0.5) and found["auc"].value == 0.5


def test_kept_windows_follow_the_seeds_rule():
    boxes = np.array([[0.2, 0.2, 0.4, 0.45]])
    boxed = made_film(1, 0, False, boxes=boxes, box_labels=("Mass",))
    sampler = _sampler([boxed])
    chosen, kinds = sampler.choose(boxed)
    shared = overlap(sampler.windows[chosen], boxes)[:, 0]
    assert (shared[kinds == POSITIVE] > 0.7).all() and (shared[kinds == SAME_FILM] < 0.3).all()
    assert (kinds == POSITIVE).sum() == (kinds == SAME_FILM).sum() > 0
    scale = nearest_scales(boxes, SCALES, NATIVE_SIDE)[0]
    assert set((chosen // 256).tolist()) == {int(scale)}
    drawn, other = sampler.choose(made_film(2, 0, True))
    assert (other == OTHER_FILM).all() and set((drawn // 256).tolist()) == {int(scale)}
    assert len(sampler.choose(made_film(3, 0, False))[0]) == 0  # abnormal, nobody said where


def test_statistics_that_tell_the_class_or_the_source_are_found_out():
    graded = made_graded(400)
    told = [replace(one, cues=np.array([float(not film.normal), 1.0])) for film, one in zip(graded.films, graded.read, strict=True)]  # fmt: skip  # noqa: E501
    assert guess_class(replace(graded, read=told))["statistics"].value == 1.0
    assert abs(guess_class(graded)["statistics"].value - 0.5) < 0.12
    films = [replace(film, source="other" if n % 3 == 0 else "made") for n, film in enumerate(graded.films)]
    marked = [replace(one, cues=np.array([float(n % 3 == 0), 1.0])) for n, one in enumerate(graded.read)]
    assert guess_source(replace(graded, films=films, read=marked))["accuracy"].value == 1.0


def test_the_patients_number_is_found_out_in_whichever_direction_it_tells():
    films = [made_film(n, n % 2, n >= 100) for n in range(200)]
    graded = crossfitted(films, [made_reading(0.1 * n) for n in range(200)], NetworkConfig(), draws=5)
    assert guess_class(graded)["patient_number"].value == 1.0


def test_small_groups_are_not_reported_and_views_are_apart(make_films: Callable[[Path, int], Path]):
    graded = made_graded(60)
    names = list(groups(replace(graded, films=[replace(f, view="AP" if n < 10 else "PA") for n, f in enumerate(graded.films)])))  # fmt: skip  # noqa: E501
    assert "made" in names and "made, PA" in names and "made, AP" not in names


def test_sharpness_border_and_brightness_show_in_the_statistics():
    rng = np.random.default_rng(0)
    film = rng.integers(60, 200, (64, 64)).astype(np.uint8)
    smooth = np.repeat(np.repeat(film[::4, ::4], 4, 0), 4, 1)
    framed = film.copy()
    framed[:4] = 0
    plain = cues(film)
    assert np.isfinite(plain).all()
    for changed in (smooth, framed, film // 2):
        assert np.abs(cues(changed) - plain).max() > 0.05
