"""The figures that a report is made of: against plain definitions, hand-counted cases and known confounds."""

from __future__ import annotations

import numpy as np
import pytest

from model.judge.boxes import iobb_of
from model.judge.froc import prefix_counts, prefix_scores
from model.judge.resample import Ranked, brier, calibration_error, draw_weights, halved, interval, share
from model.judge.triage import roc
from model.metrics import auc, bootstrap, expected_calibration_error, normal_recall, prior_order
from model.train.bounds import most_missed


def scored(films: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Probabilities with ties, truth, and patients of about three films."""
    rng = np.random.default_rng(seed)
    truth = rng.random(films) < 0.4
    scores = np.clip(np.round(rng.normal(0.45 + 0.15 * truth, 0.15), 2), 0, 1)
    return scores, truth, [f"patient:{n}" for n in rng.integers(0, films // 3, films)]


def test_the_first_row_is_the_figure_itself():
    p, y, patients = scored(300)
    w = draw_weights(patients, 5)
    ranked = Ranked(p, y, w)
    assert ranked.auc()[0] == pytest.approx(auc(p, y))
    for missed in (0.0, 0.01, 0.05, 0.2):
        assert ranked.normal_recall(missed)[0] == pytest.approx(normal_recall(p, y, missed))
    assert calibration_error(p, y, w)[0] == pytest.approx(expected_calibration_error(p, y), abs=1e-6)
    assert brier(p, y, w, np.ones(len(p)))[0] == pytest.approx(((p - y) ** 2).mean(), abs=1e-6)


def test_with_halved_counts_one_probability_for_all_is_right_at_one_half():
    _, y, patients = scored(300, seed=4)
    w = draw_weights(patients, 3)
    assert halved(y)[y].sum() == pytest.approx(halved(y)[~y].sum())
    assert calibration_error(np.full(300, 0.5), y, w, halved(y))[0] == pytest.approx(0.0, abs=1e-6)
    assert calibration_error(np.full(300, 0.5), y, w)[0] == pytest.approx(abs(0.5 - y.mean()), abs=1e-6)


def test_each_draw_equals_the_figure_on_the_films_it_repeats():
    p, y, patients = scored(200, seed=1)
    w = draw_weights(patients, 20)
    ranked = Ranked(p, y, w)
    for draw in range(1, 21):
        rows = np.repeat(np.arange(len(p)), w[draw])
        assert ranked.auc()[draw] == pytest.approx(auc(p[rows], y[rows]))
        assert ranked.normal_recall(0.05)[draw] == pytest.approx(normal_recall(p[rows], y[rows], 0.05))


def test_a_patients_films_are_drawn_together_and_as_often_as_patients_are_in_all():
    _, _, patients = scored(90)
    w = draw_weights(patients, 200)
    for patient in set(patients):
        own = w[:, np.array(patients) == patient]
        assert (own == own[:, :1]).all()
    names, first = np.unique(patients, return_index=True)
    assert (w[:, first].sum(axis=1) == len(names)).all()


def test_the_interval_is_that_of_drawing_films_out_one_by_one():
    p, y, patients = scored(400, seed=2)
    quick = interval(Ranked(p, y, draw_weights(patients, 600)).auc())
    low, high = bootstrap(lambda rows: auc(p[rows], y[rows]), patients, 600)
    assert (quick.low, quick.high) == pytest.approx((low, high), abs=0.015)


def test_a_figure_without_films_is_a_dash():
    none = draw_weights([], 3)
    empty = np.zeros(0)
    assert str(interval(Ranked(empty, empty.astype(bool), none).auc())) == "-"
    assert str(interval(share(empty, none))) == "-"
    assert np.isnan(Ranked(np.array([0.1]), np.array([False]), draw_weights(["a"], 3)).normal_recall(0.01)).all()


def test_one_per_cent_of_misses_takes_299_films_without_a_miss():
    assert most_missed(0, 298) > 0.01 > most_missed(0, 299)
    assert most_missed(3, 3) == 1.0


def test_the_area_under_the_drawn_roc_is_the_auc():
    p, y, _ = scored(300, seed=3)
    alarms, hits = roc(p, y)
    area = (np.diff(alarms) * (hits[1:] + hits[:-1]) / 2).sum()
    assert area == pytest.approx(auc(p, y))


def test_the_prior_takes_the_windows_that_hit_most_of_what_is_left():
    reached = np.array([[1, 1, 0], [1, 0, 0], [1, 0, 0], [0, 1, 1]], dtype=bool)
    assert prior_order(reached, 2) == [0, 1]


def test_iobb_is_the_share_of_the_found_box_that_lies_in_a_true_one():
    true = np.array([[0.0, 0.0, 0.4, 0.4], [0.5, 0.5, 1.0, 1.0]])
    found = np.array([[0.1, 0.1, 0.2, 0.2], [0.3, 0.0, 0.5, 0.4], [0.45, 0.0, 0.5, 0.1]])
    assert iobb_of(found, true) == pytest.approx([1.0, 0.5, 0.0])


def test_the_challenge_metric_counts_hits_over_all_boxes_on_either_side():
    true = np.array([[0.0, 0.0, 0.4, 0.4], [0.6, 0.6, 1.0, 1.0]])
    found = np.array([[0.0, 0.0, 0.4, 0.4], [0.0, 0.5, 0.1, 0.6], [0.0, 0.0, 0.4, 0.4]])
    # one right of two; then a false one; then a second box on a lesion already taken
    assert prefix_scores(found, true, 1.0)[:4] == pytest.approx([0.0, 1 / 2, 1 / 3, 1 / 4])
    # 0.875 squared is an IoU of 0.766: all eight thresholds still hold; at 0.8 (0.64) those up to 0.60 do
    assert prefix_scores(found[:1], true[:1], 0.875)[1] == pytest.approx(1.0)
    assert prefix_scores(found[:1], true[:1], 0.8)[1] == pytest.approx(5 / 8)
    assert prefix_counts(0)[0] == 0 and prefix_counts(0)[1] == 1 and prefix_counts(2)[0] == 1
