"""The order of reading: who may overtake whom."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.priority import URGENCIES, WEIGHTS, Facts, Policy, due_at, harm, standing, urgency_now
from daemon.sections import PrioritySettings

POLICY = Policy()
LONGEST_S = POLICY.caps_s["LOW"]

probabilities = st.floats(0, 1)
findings = st.dictionaries(st.sampled_from([*WEIGHTS, "Hernia"]), probabilities)
facts = st.builds(
    Facts,
    arrived_at=st.floats(0, 1e9),
    probability=st.none() | probabilities,
    findings=findings,
    urgency=st.none() | st.sampled_from(URGENCIES),
    unanswered=st.booleans(),
)
routine = facts.filter(lambda known: known.urgency != "STAT")


def due(known):
    return standing(known, POLICY).due_at


@given(routine)
def test_nobody_is_asked_for_more_patience_than_the_cap_of_the_order(known):
    assert known.arrived_at <= due(known) <= known.arrived_at + POLICY.caps_s[known.urgency or "MEDIUM"]


@given(facts, probabilities, st.sampled_from(list(WEIGHTS)))
def test_a_likelier_finding_never_waits_longer(known, more, name):
    less = min(more, known.findings.get(name, 0.0))
    likelier, unlikelier = (replace(known, findings={**known.findings, name: chance}) for chance in (more, less))
    assert due(likelier) <= due(unlikelier) or more == less


@given(facts, probabilities, probabilities)
def test_a_likelier_abnormal_film_never_waits_longer(known, one, other):
    assert due(replace(known, probability=max(one, other))) <= due(replace(known, probability=min(one, other)))


@given(facts)
def test_a_more_urgent_order_never_waits_longer(known):
    by_urgency = [due(replace(known, urgency=urgency)) for urgency in URGENCIES]
    assert by_urgency == sorted(by_urgency)


@given(facts)
def test_an_unknown_order_counts_as_medium(known):
    assert due(replace(known, urgency=None)) == due(replace(known, urgency="MEDIUM"))


@given(facts, st.floats(0, 1e6))
def test_of_two_alike_the_first_to_arrive_is_read_first(known, later):
    assert due(known) <= due(replace(known, arrived_at=known.arrived_at + later))


@given(routine, routine)
def test_only_a_film_that_arrives_within_ones_patience_can_overtake(waiting, newcomer):
    if due(newcomer) < due(waiting):
        assert newcomer.arrived_at <= due(waiting)


@given(routine, st.floats(0, 1e6))
def test_a_stat_order_goes_before_every_film_that_has_not_waited_for_the_longest_cap(waiting, waited_s):
    stat = Facts(waiting.arrived_at + waited_s, urgency="STAT")
    if waited_s < LONGEST_S:
        assert due(stat) < due(waiting) or due(stat) == due(waiting) == waiting.arrived_at
    assert standing(stat, POLICY).priority == "HIGH"


@given(facts, st.floats(0, 1e6))
def test_even_stat_orders_cannot_starve_anybody(waiting, later):
    stat = Facts(due(waiting) + LONGEST_S + 1 + later, urgency="STAT")
    assert due(stat) > due(waiting)


def test_a_film_that_was_not_analysed_stands_between_the_suspicious_and_the_unsuspicious():
    suspicious = Facts(0.0, 0.9, {"Pneumothorax": 0.8})
    unsuspicious = Facts(0.0, 0.1, {"Pneumothorax": 0.01})
    assert due(suspicious) < due(Facts(0.0)) < due(unsuspicious)
    assert standing(Facts(0.0), POLICY).priority == "MEDIUM"
    assert standing(Facts(0.0), POLICY).label == "AI: not analysed"


def test_while_an_image_is_unanswered_the_study_stands_no_later_than_one_not_analysed():
    assert due(Facts(0.0, 0.1, unanswered=True)) == due(Facts(0.0)) < due(Facts(0.0, 0.1))
    assert due(Facts(0.0, 0.9, {"Pneumothorax": 0.9}, unanswered=True)) < due(Facts(0.0))


@pytest.mark.parametrize(
    ("known", "priority", "label"),
    [
        (Facts(0.0, 0.9, {"Pneumothorax": 0.62, "Nodule": 0.9}), "HIGH", "AI: Pneumothorax 62 %"),
        (Facts(0.0, 0.05, {"Pneumothorax": 0.01}), "LOW", "AI: probability of abnormality 5 %"),
        (Facts(0.0, 0.05, urgency="HIGH"), "HIGH", "urgent order; AI: probability of abnormality 5 %"),
        (Facts(0.0, None, urgency="LOW"), "MEDIUM", "routine order; AI: not analysed"),
    ],
)
def test_a_standing_says_how_urgent_and_why(known, priority, label):
    stands = standing(known, POLICY)
    assert (stands.priority, stands.label) == (priority, label)


@given(facts)
def test_a_label_fits_its_attribute(known):
    assert 0 < len(standing(known, POLICY).label) <= 64


def test_what_falls_due_rises_to_the_highest_priority():
    stands = standing(Facts(0.0, 0.05), POLICY)
    assert urgency_now(stands, stands.due_at - 1) == "LOW"
    assert urgency_now(stands, stands.due_at) == "HIGH"


def test_the_settings_defaults_are_the_policys():
    assert PrioritySettings().policy() == POLICY


def test_settings_that_make_the_urgent_wait_longer_are_refused():
    with pytest.raises(ValueError, match="must not descend"):
        PrioritySettings(high_min=1000.0)
    with pytest.raises(ValueError, match="greater than or equal to 0"):
        PrioritySettings(weights={"Pneumothorax": -1.0})


def test_findings_without_weight_change_nothing():
    assert harm(0.5, {"Hernia": 1.0}, POLICY) == harm(0.5, {}, POLICY)
    assert due_at(0.0, POLICY.half, None, POLICY) == POLICY.caps_s["MEDIUM"] / 2
