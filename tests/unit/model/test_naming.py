"""A lesion is called by its likeliest specific name, or by the general one when none is likely."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from model.calibration import Calibration, Logistic
from model.detector import findings
from model.naming import GENERAL, Naming, name_inputs, specific_names
from model.network import BOX_LABELS, LABELS, NetworkConfig
from model.reading import Reading
from model.train.films import Film
from model.train.name_fit import LEAST_EXAMPLES, fit_names

NAMES = specific_names()
BOX = np.array([[0.2, 0.2, 0.4, 0.4]])


def sample(count: int, seed: int) -> tuple[list[Film], list[Reading]]:
    """Boxes named in turn Mass, Effusion, Effusion; logits say so faintly, and Lung Opacity loudly everywhere."""
    rng = np.random.default_rng(seed)
    films, readings = [], []
    for index in range(count):
        name = ("Mass", "Effusion", "Effusion")[index % 3]
        window, labels = rng.normal(0, 1, (1, len(BOX_LABELS))), rng.normal(0, 1, len(LABELS))
        window[0, BOX_LABELS.index(name)] += 2.5
        labels[LABELS.index(name)] += 2.5
        window[0, BOX_LABELS.index(GENERAL)] = 9.0
        films.append(Film(Path("a.png"), "a", "a", "PA", f"{index}", 1, False, frozenset({name}), BOX, (name,)))
        readings.append(Reading(np.zeros(2), labels, BOX, np.zeros(1), window))
    return films, readings


def calibrated(names: Naming) -> Calibration:
    return Calibration(labels=tuple(Logistic() for _ in LABELS), names=names)


def called(reading: Reading, names: Naming) -> str:
    return findings(reading, calibrated(names), NetworkConfig(), 100, 100).lesions[0].label


def test_a_fit_finds_the_names_that_the_window_logits_alone_never_give():
    naming = fit_names(*sample(300, 0))
    films, readings = sample(300, 1)
    right = [called(reading, naming) == film.box_labels[0] for film, reading in zip(films, readings, strict=True)]
    assert np.mean(right) > 0.75
    assert {called(reading, Naming()) for reading in readings} == {GENERAL}


def test_where_no_name_is_likely_the_lesion_is_a_lung_opacity():
    naming = Naming(1.0, 1.0, (0.0,) * len(NAMES), least=0.3)
    flat = Reading(np.zeros(2), np.zeros(len(LABELS)), BOX, np.zeros(1), np.zeros((1, len(BOX_LABELS))))
    assert called(flat, naming) == GENERAL
    sharp = np.zeros((1, len(BOX_LABELS)))
    sharp[0, BOX_LABELS.index("Nodule")] = 3.0
    assert called(Reading(flat.film, flat.labels, BOX, flat.lesions, sharp), naming) == "Nodule"


def test_the_chances_of_the_specific_names_come_with_the_lesion():
    films, readings = sample(90, 2)
    found = findings(readings[0], calibrated(fit_names(films, readings)), NetworkConfig(), 100, 100).lesions[0]
    assert set(found.classes) == set(NAMES) and sum(found.classes.values()) == pytest.approx(1, abs=1e-3)
    assert max(found.classes, key=lambda name: found.classes[name]) == found.label == "Mass"


def test_a_handful_of_named_boxes_fits_no_names():
    assert fit_names(*sample(LEAST_EXAMPLES - 1, 0)) == Naming()


def test_only_lesions_that_meet_a_named_box_are_examples():
    films, readings = sample(90, 0)
    away = [Reading(one.film, one.labels, BOX + 0.5, one.lesions, one.names) for one in readings]
    assert fit_names(films, away) == Naming()


def test_the_inputs_are_each_specific_names_window_and_film_logit():
    window, labels = np.arange(9.0)[None], 100 + np.arange(float(len(LABELS)))
    inputs = name_inputs(window, labels)
    assert inputs.shape == (1, 8, 2)
    assert inputs[0, NAMES.index("Mass")].tolist() == [BOX_LABELS.index("Mass"), 100 + LABELS.index("Mass")]
