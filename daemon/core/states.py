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
    COMMITTED = "COMMITTED"  # every destination that was asked for storage commitment has given it
    SET_ASIDE = "SET_ASIDE"  # nothing in it is a frontal chest radiograph; the reason says what it is
    FAILED = "FAILED"  # no image could be analysed, no result made, or a delivery was given up; the reason says why
    REJECTED = "REJECTED"  # a person withdrew the results; a rejection note goes where they went


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
    NOT_COMMITTED = "a destination lost an object"
    NOT_ANALYSED = "that nothing was analysed is said to all who want to know"
    REJECTED = "results withdrawn"
    REPLAYED_DELIVERY = "delivery replayed"
    REPLAYED_ANALYSIS = "analysis replayed"


S, E = StudyState, StudyEvent

STUDY_TRANSITIONS: Mapping[tuple[StudyState, StudyEvent], StudyState] = {
    # A later image opens a new revision, whatever became of the one before.
    **{(state, E.INSTANCE_ARRIVED): S.RECEIVED for state in StudyState},
    (S.RECEIVED, E.COMPLETED): S.ANALYSING,
    (S.ANALYSING, E.NOTHING_ELIGIBLE): S.SET_ASIDE,
    (S.ANALYSING, E.ALL_ANSWERED): S.ANALYSED,
    (S.ANALYSING, E.ALL_FAILED): S.ANALYSED,  # a report says that and why
    (S.ANALYSED, E.ENCODED): S.REPORTED,
    (S.ANALYSED, E.ENCODING_FAILED): S.FAILED,
    (S.REPORTED, E.SENDING): S.DELIVERING,
    (S.DELIVERING, E.ALL_SENT): S.DELIVERED,
    (S.DELIVERING, E.GIVEN_UP): S.FAILED,
    (S.REPORTED, E.NOT_ANALYSED): S.FAILED,  # no destination, and the reason is not to be forgotten
    (S.DELIVERED, E.ALL_COMMITTED): S.COMMITTED,
    (S.DELIVERED, E.GIVEN_UP): S.FAILED,  # storage commitment never came
    **{
        (state, E.REPLAYED_DELIVERY): S.DELIVERING
        for state in (S.REPORTED, S.DELIVERING, S.DELIVERED, S.COMMITTED, S.FAILED)
    },
    # A commitment that fails sends the object again; the study may wait for others, or have been given up meanwhile.
    (S.DELIVERING, E.NOT_COMMITTED): S.DELIVERING,
    (S.DELIVERED, E.NOT_COMMITTED): S.DELIVERING,
    **{
        (state, E.REJECTED): S.REJECTED
        for state in (S.REPORTED, S.DELIVERING, S.DELIVERED, S.COMMITTED, S.FAILED, S.REJECTED)
    },
    # A later image is being answered: the results so far are withdrawn, and those of it will come.
    **{(state, E.REJECTED): state for state in (S.RECEIVED, S.ANALYSING, S.ANALYSED)},
    (S.REJECTED, E.REPLAYED_DELIVERY): S.REJECTED,  # only its rejection note can be sent again
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
            S.REJECTED,
        )
    },
}

SETTLED = frozenset({S.REPORTED, S.DELIVERED, S.COMMITTED, S.SET_ASIDE, S.FAILED, S.REJECTED})


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
    SENT = "SENT"  # accepted with status 0000 (HTTP 200)
    COMMITTED = "COMMITTED"  # and the destination has confirmed that it keeps it
    DEAD = "DEAD"  # given up, with the reason; `thoraxd replay` makes it PENDING again
    QUARANTINED = "QUARANTINED"  # the check before sending found a fault in it; never sent
    WITHDRAWN = "WITHDRAWN"  # its study's results were rejected: not sent any more


class PromiseState(StrEnum):
    """Where a modality's request for storage commitment stands."""

    OPEN = "OPEN"  # its result is to be told at next_at; asked once more, it is OPEN again
    TOLD = "TOLD"  # the modality has answered the N-EVENT-REPORT with 0000
    DEAD = "DEAD"  # given up, with the reason


UNDELIVERED = frozenset({DeliveryState.DEAD, DeliveryState.QUARANTINED})

JOB_ANSWERED = frozenset({JobState.DONE, JobState.SET_ASIDE, JobState.FAILED})

JOB_TRANSITIONS: Mapping[JobState, frozenset[JobState]] = {
    JobState.QUEUED: frozenset({JobState.RUNNING, JobState.FAILED}),
    JobState.RUNNING: frozenset({JobState.RUNNING, JobState.DONE, JobState.SET_ASIDE, JobState.FAILED}),
    # A replay asks for the analysis again.
    **{state: frozenset({JobState.QUEUED}) for state in JOB_ANSWERED},
}

D = DeliveryState

DELIVERY_TRANSITIONS: Mapping[DeliveryState, frozenset[DeliveryState]] = {
    D.PENDING: frozenset({D.PENDING, D.SENT, D.DEAD, D.QUARANTINED, D.WITHDRAWN}),
    D.SENT: frozenset({D.PENDING, D.COMMITTED, D.DEAD, D.WITHDRAWN}),
    D.COMMITTED: frozenset({D.PENDING, D.WITHDRAWN}),
    D.DEAD: frozenset({D.PENDING, D.WITHDRAWN}),
    D.QUARANTINED: frozenset({D.PENDING, D.WITHDRAWN}),
    D.WITHDRAWN: frozenset(),
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
