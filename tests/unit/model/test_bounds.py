"""Promises of at most so many missed patients are exact, and say when the patients are too few."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from model.train.bounds import PROMISED, allowed, likely_share, lowest_of_patients, patients_needed, promises
from model.train.films import Film


def film(patient: int, normal: bool = False) -> Film:
    nothing = np.zeros((0, 4))
    return Film(Path("a.png"), "here", "here", "PA", f"patient:{patient}", 1, normal, frozenset(), nothing, ())


def test_one_percent_takes_299_patients_with_none_missed():
    assert patients_needed(0.01) == 299
    assert allowed(0.01, 298) == -1 and allowed(0.01, 299) == 0


@pytest.mark.parametrize("share", PROMISED)
def test_the_patients_needed_are_the_fewest_that_can_promise(share: float):
    needed = patients_needed(share)
    assert allowed(share, needed) == 0 and allowed(share, needed - 1) == -1


def test_the_interval_of_309_of_312_is_the_published_one():
    assert likely_share(309, 312) == pytest.approx((0.972, 0.998), abs=0.0005)
    assert likely_share(0, 10)[0] == 0.0 and likely_share(10, 10)[1] == 1.0


def test_the_promise_is_broken_in_at_most_one_sample_of_twenty_and_not_much_rarer():
    """Scores are uniform, so the share truly missed is the cut itself; the cut is chosen on each sample anew."""
    patients, share = 400, 0.05
    samples = np.sort(np.random.default_rng(0).random((4000, patients)), axis=1)
    broken = (samples[:, allowed(share, patients)] > share).mean()
    assert 0.02 < broken <= 0.05 + 0.007  # two standard errors of 4,000 samples


def test_a_promised_cut_misses_what_it_may_and_states_the_normal_films_below_it():
    scores = np.concatenate([np.linspace(0.2, 0.9, 400), np.linspace(0.0, 0.4, 100)])
    films = [film(index) for index in range(400)] + [film(1000 + index, normal=True) for index in range(100)]
    for promise in promises(films, scores, "here"):
        assert promise.threshold is not None and promise.patients == 400
        assert (scores[:400] < promise.threshold - 1e-4).sum() <= allowed(promise.missed, 400)
        assert promise.normal_recall == pytest.approx((scores[400:] < promise.threshold).mean(), abs=0.011)
    assert "at most 1% of abnormal patients missed: P < 0.2" in str(promises(films, scores, "here")[0])


def test_too_few_patients_promise_nothing_and_say_how_many_would():
    found = promises([film(index) for index in range(60)], np.linspace(0, 1, 60), "here")
    assert [promise.threshold is None for promise in found] == [True, True, False, False]
    assert "no promise from 60 abnormal patients, 299 or more are needed" in str(found[0])


def test_a_patient_counts_once_by_the_abnormal_film_that_scored_lowest():
    films = [film(1), film(1), film(1, normal=True), film(2)]
    assert lowest_of_patients(films, np.array([0.9, 0.4, 0.1, 0.7])).tolist() == [0.4, 0.7]
