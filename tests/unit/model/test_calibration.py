"""Calibration recovers the probabilities that made the labels; cuts keep their promise."""

from __future__ import annotations

import json

import numpy as np
import pytest

from model.calibration import Calibration, Logistic, cut_for_sensitivity, fit_logistic, sigmoid
from model.naming import Naming
from model.promise import Promise


def test_a_fit_recovers_the_logistic_that_drew_the_labels():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (20000, 2))
    truth = rng.random(20000) < sigmoid(logits @ [0.7, -0.3] + 0.5)
    fitted = fit_logistic(logits, list(truth))
    assert fitted.weights == pytest.approx((0.7, -0.3), abs=0.06) and fitted.bias == pytest.approx(0.5, abs=0.06)


def test_a_separable_sample_gives_a_finite_fit():
    fitted = fit_logistic(np.array([[-1.0], [-2.0], [1.0], [2.0]]), [False, False, True, True])
    assert 0 < fitted.weights[0] < 100


def test_the_cut_misses_no_more_than_allowed_and_is_the_largest_such():
    scores = np.random.default_rng(0).random(101)
    cut = cut_for_sensitivity(scores, 0.95)
    assert (scores < cut).sum() == 5
    assert cut in scores


def test_a_calibration_survives_json():
    promises = (Promise("rsna", 0.01, 300, 299, 0.05, 0.1), Promise("here", 0.01, 20, 299))
    names = Naming(0.7, 0.3, (0.1, -0.2), 0.3)
    fitted = (Logistic((1.5, 0.2), -1), Logistic((1, 0.5), 2), (Logistic(),))
    calibration = Calibration(*fitted, 0.3, 0.4, "words", names, promises, "meaning")
    assert Calibration.from_json(json.loads(json.dumps(calibration.to_json()))) == calibration


def test_the_card_of_an_earlier_release_loads_without_names_and_promises():
    old = {"film": {"weights": [0.3, 0.5], "bias": -0.2}, "lesion": {"weights": [1.1, 0.2], "bias": -3.1}, "labels": []}
    calibration = Calibration.from_json(old | {"operating_point": 0.2, "lesion_cut": 0.05, "words": "old"})
    assert (calibration.names, calibration.promises, calibration.words) == (Naming(), (), "old")
