"""Which films decide what when a calibration is fitted, and that its numbers mean what they say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from model.calibration import Calibration
from model.detector import findings
from model.network import LABELS, NetworkConfig
from model.reading import Reading
from model.train.films import Film, image_targets
from model.train.fit import balanced, deciding, fit_all, lesion_inputs

PLACE = np.array([[0.2, 0.2, 0.5, 0.5], [0.6, 0.6, 0.8, 0.8]])


def sample(
    folder: str, count: int, normal: float, shift: float = 0.0, seed: int = 0
) -> tuple[list[Film], list[Reading]]:
    """Films of a folder, each with two lesions read; on an abnormal one the first is boxed, and its logit higher."""
    rng = np.random.default_rng(seed)
    films, readings = [], []
    for index in range(count):
        well = index < normal * count
        boxes = np.zeros((0, 4)) if well else PLACE[:1]
        name = f"{folder}:{index}"
        labels = frozenset() if well else frozenset({"Lung Opacity"})
        films.append(
            Film(Path(name), folder, folder, "PA", name, 1, well, labels, boxes, ("Lung Opacity",) * len(boxes))
        )
        z = rng.normal(0 if well else 2) + shift
        lesions = rng.normal([-2.0 if well else 1.0, -2.0], 1.0)
        readings.append(Reading(np.array([z, z]), np.zeros(len(LABELS)), PLACE, lesions, np.zeros((2, 9))))
    return films, readings


def both(*parts: tuple[list[Film], list[Reading]]) -> tuple[list[Film], list[Reading]]:
    return [film for films, _ in parts for film in films], [one for _, readings in parts for one in readings]


def test_a_confounded_folder_decides_neither_probability_nor_cut():
    other = sample("rsna", 300, 0.5)
    alone = fit_all(*other)
    beside = fit_all(*both(other, sample("nih", 600, 0.5, shift=4.0, seed=1)))
    assert (beside.film, beside.operating_point) == (alone.film, alone.operating_point)
    assert fit_all(*sample("nih", 300, 0.5)).operating_point > 0  # by itself it has to do


def test_folders_and_classes_count_the_same_whatever_their_size():
    films, _ = both(sample("rsna", 100, 0.2), sample("nih128", 900, 0.9))
    weights, well = balanced(films), np.array([film.normal for film in films])
    for folder in ("rsna", "nih128"):
        own = np.array([film.folder == folder for film in films])
        assert weights[own & well].sum() == pytest.approx(250) and weights[own & ~well].sum() == pytest.approx(250)


def test_the_operating_point_is_set_on_films_that_radiologists_labelled():
    films, readings = both(sample("rsna", 400, 0.5), sample("nih128", 400, 0.5, shift=-3.0))
    calibration = fit_all(films, readings)
    positive = np.array([float(calibration.film(one.film)) >= calibration.operating_point - 1e-4 for one in readings])
    abnormal = np.array([not film.normal for film in films])
    assert 0.95 <= positive[:400][abnormal[:400]].mean() < 0.97
    assert deciding(films).sum() == 400 and "on 200 abnormal patients" in calibration.words
    assert "labelled by radiologists" in calibration.words and "at least 0.9" in calibration.words
    assert {promise.where for promise in calibration.promises} == {"rsna", "nih128"}


def test_a_lesions_probability_is_the_chance_that_a_box_meets_it():
    films, readings = sample("rsna", 1000, 0.5)
    calibration = fit_all(films, readings)
    chances = np.concatenate([calibration.lesion(lesion_inputs(one, calibration.film)) for one in readings])
    met = np.concatenate([[not film.normal, False] for film in films])
    for low in (0.1, 0.5, 0.8):
        inside = (chances >= low) & (chances < low + 0.2)
        assert met[inside].mean() == pytest.approx(chances[inside].mean(), abs=0.12)


def test_at_most_half_a_lesion_is_shown_on_a_normal_film_and_none_below_one_in_four():
    films, readings = sample("rsna", 400, 0.5)
    calibration = fit_all(films, readings)
    found = [findings(one, calibration, NetworkConfig(), 100, 100) for one in readings]
    normal = [len(one.shown) for one, film in zip(found, films, strict=True) if film.normal]
    assert np.mean(normal) <= 0.5 and calibration.lesion_cut >= 0.25
    assert all(lesion.probability >= 0.25 for one in found for lesion in one.shown)
    assert sum(len(one.shown) for one in found) > 150


def test_without_boxes_the_lesions_are_left_uncalibrated():
    films, readings = sample("rsna", 200, 0.5)
    bare = [Film(*(getattr(f, n) for n in f.__slots__[:8]), np.zeros((0, 4)), ()) for f in films]
    assert fit_all(bare, readings).lesion == Calibration().lesion


def test_the_same_films_give_the_same_calibration():
    films, readings = both(sample("rsna", 200, 0.5), sample("nih128", 200, 0.6, seed=3))
    assert fit_all(films, readings) == fit_all(films, readings)


def test_a_label_that_runs_against_its_logit_by_chance_is_not_turned_round():
    films, readings = sample("rsna", 200, 0.5)
    rng = np.random.default_rng(3)
    for film, reading in zip(films, readings, strict=True):
        target, _ = image_targets(film)
        reading.labels[:] = rng.normal(0, 1, len(reading.labels)) - target[1:]
    assert all(label.weights[0] > 0 for label in fit_all(films, readings).labels)
