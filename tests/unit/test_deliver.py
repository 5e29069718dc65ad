from __future__ import annotations

import pytest

from daemon.core.outcome import Answer, Outcome
from daemon.deliver import next_try
from daemon.dimse.status import outcome_of
from daemon.sections import RetrySettings

RETRY = RetrySettings(first_s=2.0, factor=2.0, longest_s=300.0, give_up_s=86400.0, refused_attempts=5)
NO_ANSWER = Outcome(Answer.BROKEN, None, "no connection")


def test_waits_double_up_to_the_longest():
    waits = [next_try(NO_ANSWER, attempts, 0, 0.0, 0.0, RETRY) for attempts in (1, 2, 3, 8, 9, 40)]
    assert waits == [2.0, 4.0, 8.0, 256.0, 300.0, 300.0]


def test_a_destination_that_is_down_is_tried_for_as_long_as_the_settings_say():
    assert next_try(NO_ANSWER, 300, 0, 0.0, 86000.0, RETRY) is not None
    assert next_try(NO_ANSWER, 300, 0, 0.0, 86200.0, RETRY) is None


@pytest.mark.parametrize("status", [0xA900, 0xC000, 0x0110, 0x0122])
def test_an_answer_that_refuses_the_object_is_believed_after_five_times(status):
    assert next_try(outcome_of(status), 4, 4, 0.0, 30.0, RETRY) is not None
    assert next_try(outcome_of(status), 5, 5, 0.0, 30.0, RETRY) is None


def test_attempts_that_found_nobody_there_do_not_make_a_refusal_believed():
    assert next_try(outcome_of(0x0110), 40, 1, 0.0, 3600.0, RETRY) is not None


def test_a_missing_presentation_context_is_believed_after_five_times():
    refused = Outcome(Answer.REFUSED, None, "no presentation context accepted for Comprehensive SR Storage")
    assert next_try(refused, 5, 5, 0.0, 30.0, RETRY) is None


def test_a_full_destination_may_recover():
    assert next_try(outcome_of(0xA700), 50, 0, 0.0, 3600.0, RETRY) is not None


@pytest.mark.parametrize("status", [0xB000, 0xB006, 0xB007])
def test_an_object_that_was_altered_is_neither_sent_again_nor_called_delivered(status):
    assert not outcome_of(status).accepted
    assert next_try(outcome_of(status), 1, 0, 0.0, 0.0, RETRY) is None


def test_an_object_that_is_there_already_has_arrived():
    assert outcome_of(0x0111).accepted and "duplicate" in outcome_of(0x0111).reason
