"""The simulated reading room against queueing theory, and the trial's own arithmetic."""

from __future__ import annotations

import json
from math import factorial

import numpy as np
import pytest

from daemon.core.errors import SettingsError
from daemon.core.priority import Facts, standing
from daemon.simulation import report
from daemon.simulation.films import draw
from daemon.simulation.policies import POLICIES, ours
from daemon.simulation.room import Duty, Order, read
from daemon.simulation.scenario import SHIPPED, load
from daemon.simulation.trial import run

FILMS = 150_000


def always(readers: int) -> Duty:
    return Duty((readers,) * 168, (1.0,) * 168)


def poisson(rate: float, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """(arrivals at `rate`, reading times of mean 1), both exponential."""
    rng = np.random.default_rng(seed)
    return np.cumsum(rng.exponential(1 / rate, FILMS)), rng.exponential(1.0, FILMS)


def waits(arrived: np.ndarray, minutes: np.ndarray, readers: int, rank: np.ndarray | None = None) -> np.ndarray:
    keys = (arrived if rank is None else arrived + 1e9 * rank).tolist()
    reported = read(arrived.tolist(), minutes.tolist(), 0.0, always(readers), Order(keys, keys))
    return np.array(reported) - minutes - arrived


def agrees(sample: np.ndarray, expected: float) -> bool:
    """Whether the mean is the expected one within four standard errors, from 50 batches (waits are correlated)."""
    means = [batch.mean() for batch in np.array_split(sample, 50)]
    return abs(sample.mean() - expected) < 4 * np.std(means, ddof=1) / 50**0.5


@pytest.mark.parametrize(("readers", "load"), [(1, 0.5), (1, 0.8), (3, 0.7)])
def test_first_in_first_out_waits_as_erlang_says(readers, load):
    offered = readers * load
    top = offered**readers / factorial(readers) / (1 - load)
    all_busy = top / (sum(offered**k / factorial(k) for k in range(readers)) + top)  # Erlang C
    arrived, minutes = poisson(offered)
    assert agrees(waits(arrived, minutes, readers), all_busy / (readers - offered))


def test_two_classes_wait_as_cobham_says():
    arrived, minutes = poisson(0.8)
    rank = np.random.default_rng(2).random(FILMS) < 0.7  # 30 % urgent
    found = waits(arrived, minutes, 1, rank)
    residual, urgent = 0.8, 0.24  # mean work left in the film being read (exponential, mean 1); load of the urgent
    assert agrees(found[~rank], residual / (1 - urgent))
    assert agrees(found[rank], residual / ((1 - urgent) * (1 - 0.8)))


def test_the_mean_wait_does_not_depend_on_an_order_that_ignores_reading_times():
    arrived, minutes = poisson(0.8, seed=3)
    first, last = waits(arrived, minutes, 1), waits(arrived, minutes, 1, rank=-np.arange(FILMS))
    assert first.mean() == pytest.approx(last.mean(), rel=0.02)  # conservation law of Kleinrock
    assert last.max() > first.max()


def one_reader(orders: Order, arrived: list[float], answer_min: float = 0.0, minutes: float = 10.0) -> list[int]:
    """The films in the order in which they are read."""
    reported = read(arrived, [minutes] * len(arrived), answer_min, always(1), orders)
    return sorted(range(len(arrived)), key=reported.__getitem__)


def test_films_of_the_night_are_read_in_the_morning():
    day = Duty(tuple(int(8 <= hour % 24 < 17) for hour in range(168)), (0.5,) * 168)
    reported = read([60.0, 500.0], [5.0, 5.0], 0.0, day, Order([0.0, 1.0], [0.0, 1.0]))
    assert reported == [490.0, 510.0]  # half the reader's attention: ten minutes each


def test_a_second_reader_takes_the_next_film():
    reported = read([0.0, 1.0, 2.0], [10.0] * 3, 0.0, always(2), Order([0.0, 1.0, 2.0], [0.0, 1.0, 2.0]))
    assert reported == [10.0, 11.0, 20.0]


def test_until_the_detector_has_answered_the_film_stands_where_unanswered_ones_do():
    unanswered, answered = [5.0] * 3, [9.0, 1.0, 0.0]
    assert one_reader(Order(unanswered, answered), [0.0, 1.0, 2.0], answer_min=0.0) == [0, 2, 1]
    assert one_reader(Order(unanswered, answered), [0.0, 1.0, 9.0], answer_min=5.0) == [0, 1, 2]


def test_under_the_cap_whoever_has_waited_so_long_goes_first():
    keys = [0.0, 9.0, 1.0, 2.0, 3.0]
    arrived = [0.0, 1.0, 2.0, 3.0, 4.0]
    assert one_reader(Order(keys, keys), arrived) == [0, 2, 3, 4, 1]
    assert one_reader(Order(keys, keys, cap=15.0), arrived) == [0, 2, 1, 3, 4]


@pytest.fixture(scope="module")
def films():
    return draw(load("baltruschat"), 400, np.random.default_rng(5))


def test_drawn_films_have_the_scenarios_rates_and_operating_points(films):
    scenario = load("baltruschat")
    assert films.arrived.size / 400 == pytest.approx((5 * 130 + 2 * 58.5) / 7, rel=0.02)
    assert films.minutes.mean() == pytest.approx(scenario.reading.minutes, rel=0.02)
    for finding in scenario.finding:
        has, flagged = films.has[finding.name], films.flagged[finding.name]
        assert has.mean() == pytest.approx(finding.prevalence, rel=0.1)
        assert flagged[has].mean() == pytest.approx(finding.sensitivity, abs=0.02)
        assert films.probability[finding.name].mean() == pytest.approx(finding.prevalence, rel=0.1)  # calibrated


def test_a_given_specificity_is_that_of_the_drawn_scores():
    triage = load("ours").abnormal
    score = np.random.default_rng(6).standard_normal(100_000)
    assert (score < triage.threshold).mean() == pytest.approx(0.46, abs=0.01)
    assert (score + triage.separation >= triage.threshold).mean() == pytest.approx(0.95, abs=0.01)


def test_the_simulator_reads_in_the_order_of_the_live_list():
    scenario = load("ours")
    drawn = draw(scenario, 3, np.random.default_rng(7))
    order, policy = ours(drawn, scenario), scenario.priority.policy()
    for film in range(0, drawn.arrived.size, 7):
        facts = Facts(
            drawn.arrived[film] * 60,
            drawn.abnormal[film],
            {name: chances[film] for name, chances in drawn.probability.items()},
        )
        assert order.answered[film] == pytest.approx(standing(facts, policy).due_at / 60)
        assert order.unanswered[film] == pytest.approx(standing(Facts(facts.arrived_at), policy).due_at / 60)


@pytest.fixture(scope="module")
def trial():
    return run(load("baltruschat"), 300, seed=8)


def test_a_trial_says_the_same_twice():
    once, again = (report.as_values(run(load("ours"), 20, seed=9)) for _ in range(2))
    assert once == again
    assert once != report.as_values(run(load("ours"), 20, seed=10))


def test_changes_are_against_first_in_first_out(trial):
    for by_policy in trial.figures.values():
        assert set(by_policy) == set(POLICIES)
        first = by_policy["first in, first out"]
        assert (first.mean_change.value, first.worst_change.value, first.maximum_change) == (0.0, 0.0, 0.0)
        for found in by_policy.values():
            assert found.mean.low <= found.mean.value <= found.mean.high
            assert found.mean_change.value == pytest.approx(found.mean.value / first.mean.value - 1)


def test_ours_brings_critical_films_forward_and_bounds_what_strict_orders_do_not(trial):
    critical, everyone = trial.figures["pneumothorax"], trial.figures["all"]
    assert critical["thoraxd"].mean_change.high < -0.5
    assert critical["thoraxd"].worst_change.value < 0.05
    assert everyone["thoraxd"].worst.value < everyone["by probability"].worst.value


def test_a_trial_can_be_read_as_a_page_as_json_and_as_a_picture(trial, tmp_path):
    page = report.markdown([trial], ["plot.png"])
    assert "300 days" in page
    assert page.count("| thoraxd |") == len(trial.figures) + 1
    assert json.loads(json.dumps(report.as_values(trial)))["films"] == trial.films
    report.plot(trial, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_scenarios_name_findings_that_the_policy_weighs(name):
    scenario = load(name)
    assert any(finding.critical for finding in scenario.finding)
    assert {finding.name for finding in scenario.finding} <= set(scenario.priority.weights)


def test_what_is_wrong_with_a_scenario_is_said_at_once(tmp_path):
    bad = tmp_path / "bad.toml"
    bad.write_text(
        'title = "x"\nabout = "y"\nanswer_min = -1\n[[finding]]\nname = "a"\nprevalence = 2\nsensitivity = 0.9\n'
    )
    with pytest.raises(SettingsError) as told:
        load(str(bad))
    words = "\n".join(told.value.mistakes)
    assert all(key in words for key in ("answer_min", "finding.0.prevalence", "arrivals"))
    with pytest.raises(SettingsError, match="neither a scenario of ours"):
        load(str(tmp_path / "none.toml"))
