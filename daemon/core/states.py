"""What may become of a study, a job and a delivery: every change of state goes through these tables.

A study's revision is a new round of the same table: an instance that arrives later leads back to RECEIVED.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class StudyState(StrEnum):
    """Where a study stands."""

    RECEIVED = "RECEIVED"  # instances arrive; not yet complete
    ANALYSING = "ANALYSING"  # complete; at least one image is not answered yet
    ANALYSED = "ANALYSED"  # every image is answered; result objects are still to be made
    REPORTED = "REPORTED"  # result objects are archived; the end where there is no destination
    DELIVERING = "DELIVERING"  # at least one object has still to be accepted by a destination
    DELIVERED = "DELIVERED"  # every object got status 0000 from every destination
    COMMITTED = "COMMITTED"  # every destination has committed to storage
    SET_ASIDE = "SET_ASIDE"  # nothing in it is a frontal chest radiograph; the reason says what it is
    FAILED = "FAILED"  # no result can be made, or a delivery was given up; the reason says why


class StudyEvent(StrEnum):
    """What can happen to a study."""

    INSTANCE_ARRIVED = "instance arrived"
    COMPLETED = "completed"
    NOTHING_ELIGIBLE = "nothing eligible"
    ALL_ANSWERED = "all images answered"
    ALL_FAILED = "no image could be analysed"
    ENCODED = "results encoded"
    ENCODING_FAILED = "results could not be encoded"
    SENDING = "deliveries queued"
    ALL_SENT = "all deliveries accepted"
    GIVEN_UP = "a delivery was given up"
    ALL_COMMITTED = "all deliveries committed"
    REPLAYED_DELIVERY = "delivery replayed"
    REPLAYED_ANALYSIS = "analysis replayed"


S, E = StudyState, StudyEvent

STUDY_TRANSITIONS: Mapping[tuple[StudyState, StudyEvent], StudyState] = {
    # A later image opens a new revision, whatever became of the one before.
    **{(state, E.INSTANCE_ARRIVED): S.RECEIVED for state in StudyState},
    (S.RECEIVED, E.COMPLETED): S.ANALYSING,
    (S.ANALYSING, E.NOTHING_ELIGIBLE): S.SET_ASIDE,
    (S.ANALYSING, E.ALL_ANSWERED): S.ANALYSED,
    (S.ANALYSING, E.ALL_FAILED): S.FAILED,
    (S.ANALYSED, E.ENCODED): S.REPORTED,
    (S.ANALYSED, E.ENCODING_FAILED): S.FAILED,
    (S.REPORTED, E.SENDING): S.DELIVERING,
    (S.DELIVERING, E.ALL_SENT): S.DELIVERED,
    (S.DELIVERING, E.GIVEN_UP): S.FAILED,
    (S.DELIVERED, E.ALL_COMMITTED): S.COMMITTED,
    **{
        (state, E.REPLAYED_DELIVERY): S.DELIVERING
        for state in (S.REPORTED, S.DELIVERING, S.DELIVERED, S.COMMITTED, S.FAILED)
    },
    **{
        (state, E.REPLAYED_ANALYSIS): S.ANALYSING
        for state in (
            S.ANALYSING,
            S.ANALYSED,
            S.REPORTED,
            S.DELIVERING,
            S.DELIVERED,
            S.COMMITTED,
            S.FAILED,
            S.SET_ASIDE,
        )
    },
}

SETTLED = frozenset({S.REPORTED, S.DELIVERED, S.COMMITTED, S.SET_ASIDE, S.FAILED})


class JobState(StrEnum):
    """Where the analysis of one image, or the encoding of one study's results, stands."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"  # under a lease; a lapsed lease makes it claimable again
    DONE = "DONE"
    SET_ASIDE = "SET_ASIDE"  # the picture check refused the image
    FAILED = "FAILED"


class DeliveryState(StrEnum):
    """Where one object on its way to one destination stands."""

    PENDING = "PENDING"  # due at next_at
    SENT = "SENT"  # accepted with status 0000
    DEAD = "DEAD"  # given up, with the reason; `thoraxd replay` makes it PENDING again


JOB_ANSWERED = frozenset({JobState.DONE, JobState.SET_ASIDE, JobState.FAILED})

JOB_TRANSITIONS: Mapping[JobState, frozenset[JobState]] = {
    JobState.QUEUED: frozenset({JobState.RUNNING, JobState.FAILED}),
    JobState.RUNNING: frozenset({JobState.RUNNING, JobState.DONE, JobState.SET_ASIDE, JobState.FAILED}),
    # A replay asks for the analysis again.
    **{state: frozenset({JobState.QUEUED}) for state in JOB_ANSWERED},
}

DELIVERY_TRANSITIONS: Mapping[DeliveryState, frozenset[DeliveryState]] = {
    DeliveryState.PENDING: frozenset({DeliveryState.PENDING, DeliveryState.SENT, DeliveryState.DEAD}),
    DeliveryState.SENT: frozenset({DeliveryState.PENDING}),
    DeliveryState.DEAD: frozenset({DeliveryState.PENDING}),
}


class IllegalTransitionError(RuntimeError):
    """A change of state that no table allows: a defect of ours, never of the input."""


def advance(state: StudyState, event: StudyEvent) -> StudyState:
    """The state after `event`. Raises IllegalTransitionError where the table has no such row."""
    try:
        return STUDY_TRANSITIONS[state, event]
    except KeyError:
        raise IllegalTransitionError(f"a study in {state} cannot take '{event}'") from None


def advance_job(state: JobState, to: JobState) -> JobState:
    """`to`, if a job may go there from `state`; else IllegalTransitionError."""
    if to not in JOB_TRANSITIONS[state]:
        raise IllegalTransitionError(f"a job cannot go from {state} to {to}")
    return to


def advance_delivery(state: DeliveryState, to: DeliveryState) -> DeliveryState:
    """`to`, if a delivery may go there from `state`; else IllegalTransitionError."""
    if to not in DELIVERY_TRANSITIONS[state]:
        raise IllegalTransitionError(f"a delivery cannot go from {state} to {to}")
    return to
