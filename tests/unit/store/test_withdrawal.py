"""Withdrawing results (`thoraxd reject`), proof of arrival, and sending again, as the ledger sees them."""

from __future__ import annotations

import pytest

from daemon.core.records import Wanted
from tests.support.ledgers import (
    ATTEMPTS,
    LEASE_S,
    PACS,
    answer,
    complete,
    deliver,
    instance,
    job_ids,
    output,
    report,
    reported,
    state,
)

PROVEN = Wanted("pacs", ("sr", "gsps"), "air", True, commitment=True)


def delivered(ledger, *outputs):
    reported(ledger, *outputs)
    deliver(ledger, 106.0)
    ledger.settling.finish_deliveries(107.0)


def reject(ledger, now=200.0):
    return ledger.rejections.reject("1.2", "quality", "wrong film", now)


def note_job(ledger, now):
    (job_id,) = job_ids(ledger, now, "reject")
    return ledger.jobs.claim(job_id, "w", now, LEASE_S, ATTEMPTS)


def finish_note(ledger, now, sop_uid="2.25.99"):
    assert ledger.rejections.finish(note_job(ledger, now), "w", [output(sop_uid, "rejection", "")], (PACS,), now)


def states(ledger):
    return {item["sop_uid"]: item["state"] for item in ledger.views.object_deliveries("1.2")}


def test_rejecting_a_study_sends_a_note_that_names_every_result(ledger):
    delivered(ledger)
    assert reject(ledger) == ""
    assert state(ledger) == "REJECTED"
    job = note_job(ledger, 201.0)
    inputs = ledger.rejections.inputs(job)
    assert {reference.sop_uid for reference in inputs.withdrawn} == {"2.25.1", "2.25.2"}
    assert (inputs.generation, inputs.reason, inputs.comment, inputs.rejected_at) == (1, "quality", "wrong film", 200.0)
    assert ledger.rejections.finish(job, "w", [output("2.25.99", "rejection", "")], (PACS,), 202.0)
    assert [item.sop_uid for item in ledger.deliveries.due("pacs", 203.0, 60.0, 100)] == ["2.25.99"]


def test_what_is_still_on_its_way_is_not_sent_after_a_rejection(ledger):
    reported(ledger)
    under_way, waiting = ledger.deliveries.due("pacs", 106.0, 60.0, 1), {"2.25.1", "2.25.2"}
    assert reject(ledger) == ""
    assert ledger.deliveries.due("pacs", 900.0, 60.0, 100) == []
    assert states(ledger) == dict.fromkeys(waiting, "WITHDRAWN")
    # The one under way when the person decided: its answer changes nothing, whichever it is.
    ledger.deliveries.sent(under_way[0].id, 0, 201.0)
    ledger.deliveries.failed(under_way[0].id, "C000", 0xC000, 202.0)
    ledger.deliveries.quarantined(under_way[0].id, "a fault")
    assert states(ledger) == dict.fromkeys(waiting, "WITHDRAWN")
    finish_note(ledger, 203.0)
    assert [item.sop_uid for item in ledger.deliveries.due("pacs", 204.0, 60.0, 100)] == ["2.25.99"]


def test_withdrawn_results_are_not_replayed_but_their_note_is(ledger):
    delivered(ledger)
    reject(ledger)
    finish_note(ledger, 201.0)
    (note,) = ledger.deliveries.due("pacs", 202.0, 60.0, 100)
    ledger.deliveries.failed(note.id, "0122 SOP class not supported", 0x0122, None)
    assert [letter["sop_uid"] for letter in ledger.views.dead_letters(None)] == ["2.25.99"]
    assert ledger.deliveries.replay(["1.2"], None, failed_only=False, now=300.0) == 1
    assert [item.sop_uid for item in ledger.deliveries.due("pacs", 301.0, 60.0, 100)] == ["2.25.99"]
    assert state(ledger) == "REJECTED"


def test_results_made_after_a_rejection_name_no_withdrawn_one_and_know_of_the_withdrawal(ledger):
    delivered(ledger)
    reject(ledger)
    finish_note(ledger, 201.0)
    assert ledger.deliveries.replay_analysis("1.2") == 1
    answer(ledger, 303.0, answer="{}", probability=0.9, positive=True)
    ledger.settling.close_answered(304.0)
    (job_id,) = job_ids(ledger, 304.0, "report")
    inputs = ledger.jobs.report_inputs(ledger.jobs.claim(job_id, "w", 304.0, LEASE_S, ATTEMPTS))
    assert inputs.generation == 1 and ("sr", "air", True) not in inputs.predecessors


@pytest.mark.parametrize("how_far", ["received", "set aside", "rejected already", "unknown"])
def test_there_must_be_results_to_withdraw(ledger, how_far):
    if how_far == "received":
        ledger.intake.record(instance(), 100.0)
    elif how_far == "set aside":
        ledger.intake.record(instance(eligibility="SET_ASIDE", reason="a foot"), 100.0)
        complete(ledger, 103.0)
        ledger.settling.close_answered(103.0)
    elif how_far == "rejected already":
        delivered(ledger)
        reject(ledger)
    assert reject(ledger, 400.0) != ""


def test_a_study_is_committed_when_every_proof_is_in(ledger):
    ledger.intake.record(instance(), 100.0)
    complete(ledger, 103.0)
    answer(ledger, 103.0, answer="{}", probability=0.9, positive=True)
    ledger.settling.close_answered(104.0)
    report(ledger, 104.0, output("2.25.1"))
    ledger.settling.queue_deliveries([PROVEN, Wanted("viewer", ("sr",), "air", True)], 105.0)
    for destination in ("pacs", "viewer"):
        for item in ledger.deliveries.due(destination, 106.0, 60.0, 100):
            ledger.deliveries.sent(item.id, 0, 106.0)
    ledger.settling.finish_deliveries(107.0)
    assert ledger.settling.finish_commitments(108.0) == []
    assert state(ledger) == "DELIVERED"


def test_a_quarantined_object_is_a_dead_letter_with_its_reason_and_is_checked_again_by_a_replay(ledger):
    reported(ledger)
    bad, good = ledger.deliveries.due("pacs", 106.0, 60.0, 100)
    ledger.deliveries.quarantined(bad.id, "check before sending: sr-scoord-inside-image")
    ledger.deliveries.sent(good.id, 0, 107.0)
    ledger.settling.finish_deliveries(108.0)
    found = ledger.views.studies(["1.2"])[0]
    assert found["state"] == "FAILED" and "sr-scoord-inside-image" in found["reason"]
    assert found["deliveries"][0]["state"] == "QUARANTINED"
    assert ledger.deliveries.replay(["1.2"], None, failed_only=True, now=200.0) == 1
    assert [item.sop_uid for item in ledger.deliveries.due("pacs", 201.0, 60.0, 100)] == [bad.sop_uid]


def test_studies_are_chosen_by_when_and_whither_their_results_were_queued(ledger):
    delivered(ledger)
    chosen = ledger.views.delivered_study_uids
    assert chosen("pacs", 100.0, 110.0, failed_only=False) == ["1.2"]
    assert chosen("pacs", 105.5, None, failed_only=False) == []
    assert chosen("pacs", None, 105.0, failed_only=False) == []
    assert chosen("viewer", None, None, failed_only=False) == []
    assert chosen(None, None, None, failed_only=True) == []


def test_a_replay_by_time_sends_what_was_queued_then_and_nothing_else(ledger):
    delivered(ledger)
    ledger.intake.record(instance("1.2.2"), 200.0)
    complete(ledger, 203.0)
    answer(ledger, 203.0, answer="{}", probability=0.1, positive=False)
    ledger.settling.close_answered(204.0)
    report(ledger, 204.0, output("2.25.3"))
    ledger.settling.queue_deliveries([PACS], 205.0)
    deliver(ledger, 206.0)
    ledger.settling.finish_deliveries(207.0)
    assert ledger.deliveries.replay(["1.2"], None, failed_only=False, now=300.0, since=200.0) == 1
    assert [item.sop_uid for item in ledger.deliveries.due("pacs", 301.0, 60.0, 100)] == ["2.25.3"]


def test_what_still_waits_is_chosen_with_what_was_given_up(ledger):
    reported(ledger)
    assert ledger.views.delivered_study_uids("pacs", None, None, failed_only=True) == ["1.2"]


def test_a_note_that_could_not_be_written_is_told_and_can_be_asked_for_again(ledger):
    delivered(ledger)
    reject(ledger)
    (job_id,) = job_ids(ledger, 201.0, "reject")
    for attempt in range(ATTEMPTS + 1):  # every worker is lost over it
        ledger.jobs.claim(job_id, "w", 300.0 + 100 * attempt, LEASE_S, ATTEMPTS)
    assert "the rejection note could not be written" in ledger.views.studies(["1.2"])[0]["reason"]
    assert reject(ledger, 1000.0) == ""
    finish_note(ledger, 1001.0)
    assert [item.sop_uid for item in ledger.deliveries.due("pacs", 1002.0, 60.0, 100)] == ["2.25.99"]
    assert reject(ledger, 1003.0) != ""


def test_results_are_withdrawn_while_a_later_image_is_being_answered(ledger):
    delivered(ledger)
    ledger.intake.record(instance("1.2.2"), 200.0)
    assert reject(ledger, 201.0) == ""
    assert state(ledger) == "RECEIVED"
    finish_note(ledger, 202.0)
    complete(ledger, 303.0)
    answer(ledger, 303.0, answer="{}", probability=0.1, positive=False)
    ledger.settling.close_answered(304.0)
    report(ledger, 304.0, output("2.25.3"))
    ledger.settling.queue_deliveries([PACS], 305.0)
    assert {item.sop_uid for item in ledger.deliveries.due("pacs", 306.0, 60.0, 100)} == {"2.25.99", "2.25.3"}


def test_sending_an_older_revision_again_does_not_call_a_failed_one_delivered(ledger):
    delivered(ledger)
    ledger.intake.record(instance("1.2.2"), 200.0)
    complete(ledger, 203.0)
    answer(ledger, 203.0, answer="{}", probability=0.1, positive=False)
    ledger.settling.close_answered(204.0)
    (job_id,) = job_ids(ledger, 204.0, "report")
    job = ledger.jobs.claim(job_id, "w", 204.0, LEASE_S, ATTEMPTS)
    ledger.jobs.fail_report(job, "w", "results could not be encoded", 205.0)
    assert ledger.deliveries.replay(["1.2"], None, failed_only=False, now=300.0) == 2
    deliver(ledger, 301.0)
    ledger.settling.finish_deliveries(302.0)
    found = ledger.views.studies(["1.2"])[0]
    assert (found["state"], found["reason"]) == ("FAILED", "results could not be encoded")


def test_a_destination_without_a_result_is_not_forgotten_by_a_replay(ledger):
    ledger.intake.record(instance(), 100.0)
    complete(ledger, 103.0)
    answer(ledger, 103.0, answer="{}", probability=0.9, positive=True)
    ledger.settling.close_answered(104.0)
    report(ledger, 104.0, output("2.25.1"))
    ledger.settling.queue_deliveries([PACS, Wanted("viewer", ("sr",), "stone", True)], 105.0)
    for now in (106.0, 206.0):
        deliver(ledger, now)
        ledger.settling.finish_deliveries(now + 1)
        found = ledger.views.studies(["1.2"])[0]
        assert found["state"] == "FAILED" and "viewer: no result was made for it" in found["reason"]
        assert ledger.deliveries.replay(["1.2"], None, failed_only=False, now=now + 2) == 1


def test_proof_that_nobody_wants_any_more_is_not_waited_for(ledger):
    ledger.intake.record(instance(), 100.0)
    complete(ledger, 103.0)
    answer(ledger, 103.0, answer="{}", probability=0.9, positive=True)
    ledger.settling.close_answered(104.0)
    report(ledger, 104.0, output("2.25.1"))
    ledger.settling.queue_deliveries([PROVEN], 105.0)
    deliver(ledger, 106.0)
    ledger.settling.finish_deliveries(107.0)
    ledger.deliveries.stop_asking(set())
    assert ledger.settling.finish_commitments(108.0) == []
    assert [item["commitment"] for item in ledger.views.object_deliveries("1.2")] == [False]
    assert state(ledger) == "DELIVERED"
