from __future__ import annotations

import pytest

from daemon.core.commitment import CommitmentResult, Move, Reference, failure_text, move_of, record_failure
from daemon.core.states import DELIVERY_TRANSITIONS, DeliveryState

CT, CR = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.1"
D = DeliveryState


def move(state, failure, *, asked_at=20.0, sent_at=10.0, withdrawn=False):
    return move_of(state, failure, asked_at=asked_at, sent_at=sent_at, withdrawn=withdrawn)


def test_an_object_that_waits_for_its_answer_is_committed_or_sent_again():
    assert move(D.SENT, None) is Move.COMMIT
    assert move(D.SENT, 0x0112) is Move.SEND_AGAIN


@pytest.mark.parametrize("state", sorted(set(D) - {D.SENT}))
@pytest.mark.parametrize("failure", [None, 0x0112])
def test_an_object_that_waits_for_no_answer_stays_what_it_is(state, failure):
    assert move(state, failure) is Move.NOTHING


def test_a_failure_says_nothing_about_an_object_that_was_sent_after_the_question_and_a_success_does():
    assert move(D.SENT, 0x0112, asked_at=9.0) is Move.NOTHING
    assert move(D.SENT, None, asked_at=9.0) is Move.COMMIT


def test_nobody_sends_again_what_was_withdrawn():
    assert move(D.SENT, 0x0112, withdrawn=True) is Move.NOTHING


def test_every_move_is_one_that_the_table_of_deliveries_allows():
    assert {D.COMMITTED, D.PENDING, D.DEAD} <= DELIVERY_TRANSITIONS[D.SENT]


def test_what_stands_in_both_lists_of_a_result_is_not_kept():
    both, kept = Reference(CR, "1.2.1"), Reference(CR, "1.2.2")
    result = CommitmentResult("1.2", (both, kept), ((both, 0x0110),))
    assert result.failures() == {"1.2.1": 0x0110, "1.2.2": None}


@pytest.mark.parametrize(
    ("recorded", "asked", "failure"),
    [(CR, CR, None), (CR, CT, 0x0119), (None, CR, 0x0112), (None, CT, 0x0122), (CT, CT, None)],
)
def test_our_records_vouch_for_what_they_hold_under_its_class_alone(recorded, asked, failure):
    assert record_failure(Reference(asked, "1.2.1"), recorded, {CR}) == failure


@pytest.mark.parametrize(
    ("reason", "words"),
    [(0x0112, "0112 no such object instance"), (0x0213, "0213 resource limitation"), (0xC123, "C123")],
)
def test_a_failure_is_told_by_its_number_and_the_words_of_the_standard(reason, words):
    assert failure_text(reason) == f"storage commitment failed: {words}"
