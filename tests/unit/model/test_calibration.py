"""Calibration recovers the probabilities that made the labels; cuts keep their promise."""

from __future__ import annotations

import json

import numpy as np
import pytest

from model.calibration import Calibration, Logistic, cut_for_sensitivity, fit_logistic, sigmoid


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
    calibration = Calibration(Logistic((1.5, 0.2), -1), Logistic((1, 0.5), 2), (Logistic(),), 0.3, 0.4, "words")
    assert Calibration.from_json(json.loads(json.dumps(calibration.to_json()))) == calibration
