"""The figures of merit, against cases counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from model.metrics import auc, bootstrap, expected_calibration_error, hit, location_prior, normal_recall

YES, NO = True, False


def test_auc_counts_pairs_and_halves_ties():
    assert auc(np.array([0.1, 0.4, 0.4, 0.9]), np.array([NO, NO, YES, YES])) == pytest.approx(3.5 / 4)
    assert auc(np.array([0.9, 0.1]), np.array([NO, YES])) == 0.0
    assert np.isnan(auc(np.array([0.9, 0.1]), np.array([YES, YES])))


def test_auc_equals_its_definition_on_random_scores():
    rng = np.random.default_rng(0)
    scores, truth = rng.integers(0, 20, 200) / 20, rng.random(200) < 0.4
    pairs = scores[truth][:, None] - scores[~truth][None, :]
    assert auc(scores, truth) == pytest.approx(((pairs > 0) + 0.5 * (pairs == 0)).mean())


def test_normal_recall_uses_the_largest_threshold_that_misses_no_more_than_allowed():
    abnormal, normal = np.arange(100) / 100 + 0.005, np.array([0.0, 0.001, 0.02, 0.5])
    scores = np.concatenate([abnormal, normal])
    truth = np.array([YES] * 100 + [NO] * 4)
    assert normal_recall(scores, truth, 0.0) == 0.5  # t = 0.005: two normals below
    assert normal_recall(scores, truth, 0.02) == 0.75  # t = 0.025: misses 0.005 and 0.015
    assert normal_recall(scores, truth, 0.019) == 0.5  # one miss allowed: t = 0.015


def test_a_normal_film_at_the_threshold_is_not_recognised():
    assert normal_recall(np.array([0.3, 0.3, 0.2]), np.array([YES, NO, NO]), 0.0) == 0.5


def test_calibration_error_of_honest_and_of_boastful_probabilities():
    assert expected_calibration_error(np.full(10, 0.3), np.array([YES] * 3 + [NO] * 7)) == pytest.approx(0.0)
    assert expected_calibration_error(np.full(10, 0.99), np.array([YES] * 5 + [NO] * 5)) == pytest.approx(0.49)


def test_a_hit_is_counted_among_the_first_boxes_only():
    truth = np.array([[0.5, 0.5, 0.7, 0.7]])
    found = np.array([[0.0, 0.0, 0.1, 0.1], [0.5, 0.5, 0.7, 0.7]])
    assert not hit(found, truth, 0.5, 1) and hit(found, truth, 0.5, 3)
    assert not hit(found[:0], truth, 0.1, 3)


def test_the_location_prior_takes_the_windows_that_hit_most_films():
    windows = np.array([[0, 0, 0.2, 0.2], [0.4, 0.4, 0.6, 0.6], [0.8, 0.8, 1, 1]])
    truths = [windows[1:2]] * 3 + [windows[2:3]] * 2
    assert location_prior(windows, truths, 0.5, 2) == pytest.approx(windows[[1, 2]])


def test_the_interval_is_wider_when_films_come_from_few_patients():
    values = np.repeat(np.random.default_rng(0).normal(size=10), 30)

    def mean(rows: np.ndarray) -> float:
        return float(values[rows].mean())

    alone = bootstrap(mean, [str(i) for i in range(300)])
    grouped = bootstrap(mean, [str(i // 30) for i in range(300)])
    assert grouped[1] - grouped[0] > 3 * (alone[1] - alone[0])
    assert grouped[0] < values.mean() < grouped[1]
