from __future__ import annotations

import pytest

from daemon.core.states import (
    DELIVERY_TRANSITIONS,
    JOB_TRANSITIONS,
    STUDY_TRANSITIONS,
    DeliveryState,
    IllegalTransitionError,
    JobState,
    StudyEvent,
    StudyState,
    advance,
    advance_delivery,
    advance_job,
)


def test_the_ordinary_path_of_a_study_leads_to_committed():
    path = [
        (StudyEvent.INSTANCE_ARRIVED, StudyState.RECEIVED),
        (StudyEvent.COMPLETED, StudyState.ANALYSING),
        (StudyEvent.ALL_ANSWERED, StudyState.ANALYSED),
        (StudyEvent.ENCODED, StudyState.REPORTED),
        (StudyEvent.SENDING, StudyState.DELIVERING),
        (StudyEvent.ALL_SENT, StudyState.DELIVERED),
        (StudyEvent.ALL_COMMITTED, StudyState.COMMITTED),
    ]
    state = StudyState.RECEIVED
    for event, expected in path:
        state = advance(state, event)
        assert state == expected


@pytest.mark.parametrize("state", StudyState)
def test_a_later_image_opens_any_study_again(state):
    assert advance(state, StudyEvent.INSTANCE_ARRIVED) == StudyState.RECEIVED


def test_no_state_is_out_of_reach():
    assert {*STUDY_TRANSITIONS.values()} == {*StudyState}
    assert {to for targets in JOB_TRANSITIONS.values() for to in targets} == {*JobState}
    assert {to for targets in DELIVERY_TRANSITIONS.values() for to in targets} == {*DeliveryState}


@pytest.mark.parametrize(
    "state, event",
    [
        (StudyState.RECEIVED, StudyEvent.ENCODED),
        (StudyState.SET_ASIDE, StudyEvent.SENDING),
        (StudyState.FAILED, StudyEvent.ALL_SENT),
        (StudyState.DELIVERED, StudyEvent.COMPLETED),
    ],
)
def test_what_no_row_allows_is_refused(state, event):
    with pytest.raises(IllegalTransitionError, match="cannot take"):
        advance(state, event)


def test_an_answered_job_runs_again_only_after_a_replay():
    with pytest.raises(IllegalTransitionError):
        advance_job(JobState.DONE, JobState.RUNNING)
    assert advance_job(JobState.DONE, JobState.QUEUED) == JobState.QUEUED


@pytest.mark.parametrize("to", sorted(set(DeliveryState) - {DeliveryState.WITHDRAWN}))
def test_a_withdrawn_object_is_never_sent_again(to):
    with pytest.raises(IllegalTransitionError):
        advance_delivery(DeliveryState.WITHDRAWN, to)


def test_what_was_never_sent_cannot_be_committed():
    with pytest.raises(IllegalTransitionError):
        advance_delivery(DeliveryState.PENDING, DeliveryState.COMMITTED)
