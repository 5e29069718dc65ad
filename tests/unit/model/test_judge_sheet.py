"""The picture sheet: which films it shows, by rule."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from model.judge.graded import crossfitted
from model.judge.sheet import chosen
from model.network import NetworkConfig
from tests.unit.model.test_judge_folds import made_film, made_reading


def test_best_worst_and_typical_films_are_shown_of_different_patients():
    logits = np.linspace(-3, 3, 80)
    films = [made_film(n, n % 2, normal=n // 2 % 2 == 0) for n in range(80)]
    films[79] = replace(films[79], patient=films[78].patient, fold=films[78].fold)
    graded = crossfitted(films, [made_reading(float(x)) for x in logits], NetworkConfig(), draws=2)
    graded.__dict__["probability"] = logits  # calibrated apart, two halves may cross: the rule is tested, not the scale
    found, passed, missed, alarmed, typical = chosen(graded)
    assert found == [79, 75]  # 78 is of the same patient
    assert passed == [0, 1] and missed == [2, 3] and alarmed == [77, 76]
    assert [films[row].normal for row in typical] == [False, True]
    assert all(25 < row < 55 for row in typical)
