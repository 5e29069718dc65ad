"""The ledger's rules, on SQLite here and on PostgreSQL in tests/integration."""

from __future__ import annotations

import threading

import pytest

from daemon.core.records import Wanted
from daemon.core.states import JobState
from daemon.store import migrate, settling
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


def test_a_study_goes_from_received_to_delivered(ledger):
    reported(ledger)
    assert state(ledger) == "DELIVERING"
    deliver(ledger, 106.0)
    ledger.settling.finish_deliveries(107.0)
    found = ledger.views.studies(["1.2"])[0]
    assert (found["state"], found["probability"], found["positive"]) == ("DELIVERED", 0.9, True)
    assert found["deliveries"] == [{"destination": "pacs", "state": "SENT", "attempts": 1, "reason": ""}]


def test_an_instance_that_comes_in_parallel_is_recorded_once(ledger):
    new = []
    threads = [threading.Thread(target=lambda: new.append(ledger.intake.record(instance(), 100.0))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(new) == [False] * 7 + [True]
    assert len(ledger.views.studies(["1.2"])[0]["instances"]) == 1


def test_an_instance_that_came_while_it_was_looked_at_keeps_its_study_open(ledger):
    ledger.intake.record(instance(), 100.0)
    seen = ledger.settling.receiving()
    ledger.intake.record(instance("1.2.2"), 102.0)
    assert ledger.settling.complete(seen, 103.0) == []
    assert state(ledger) == "RECEIVED"


def test_a_study_without_an_eligible_image_is_set_aside_with_the_reason(ledger):
    ledger.intake.record(instance(eligibility="SET_ASIDE", reason="not a chest"), 100.0)
    complete(ledger, 103.0)
    ledger.settling.close_answered(103.0)
    found = ledger.views.studies(["1.2"])[0]
    assert (found["state"], found["reason"]) == ("SET_ASIDE", "not a chest")


@pytest.mark.parametrize("wanted", [[PACS], []])
def test_a_study_whose_images_all_failed_is_reported_as_such_and_ends_failed(ledger, wanted):
    ledger.intake.record(instance(), 100.0)
    complete(ledger, 103.0)
    answer(ledger, 103.0, JobState.FAILED, reason="no pixels")
    ledger.settling.close_answered(103.0)
    report(ledger, 104.0, output("2.25.1"), delivered=bool(wanted))
    ledger.settling.queue_deliveries(wanted, 105.0)
    if wanted:
        assert state(ledger) == "DELIVERING"
        deliver(ledger, 106.0)
        ledger.settling.finish_deliveries(107.0)
    found = ledger.views.studies(["1.2"])[0]
    assert (found["state"], found["reason"]) == ("FAILED", "no pixels")
    assert [line["state"] for line in found["deliveries"]] == (["SENT"] if wanted else [])


def test_a_message_that_is_lost_is_sent_again_and_one_that_is_waiting_is_not(ledger):
    ledger.intake.record(instance(), 100.0)
    assert len(job_ids(ledger, 100.0)) == 1
    assert job_ids(ledger, 110.0) == []
    assert len(job_ids(ledger, 121.0)) == 1


def test_no_more_jobs_are_out_than_the_window_holds(ledger):
    for number in range(5):
        ledger.intake.record(instance(f"1.2.{number + 1}"), 100.0)
    assert len(ledger.jobs.take_unsent(100.0, 20.0, 3)) == 3
    assert ledger.jobs.take_unsent(101.0, 20.0, 3) == []


def test_reports_are_sent_while_analyses_are_held_back(ledger):
    ledger.intake.record(instance(), 100.0)
    assert ledger.jobs.take_unsent(100.0, 20.0, 64, ["report"]) == []
    assert len(ledger.jobs.take_unsent(100.0, 20.0, 64, ["report", "analyse"])) == 1


def test_a_repeated_message_does_nothing(ledger):
    ledger.intake.record(instance(), 100.0)
    (job_id,) = job_ids(ledger, 100.0)
    assert ledger.jobs.claim(job_id, "a", 100.0, LEASE_S, ATTEMPTS) is not None
    assert ledger.jobs.claim(job_id, "b", 101.0, LEASE_S, ATTEMPTS) is None


def test_a_lapsed_lease_goes_to_another_and_the_first_cannot_answer_any_more(ledger):
    ledger.intake.record(instance(), 100.0)
    (job_id,) = job_ids(ledger, 100.0)
    first = ledger.jobs.claim(job_id, "a", 100.0, LEASE_S, ATTEMPTS)
    second = ledger.jobs.claim(job_id, "b", 120.0, LEASE_S, ATTEMPTS)
    assert second is not None
    assert not ledger.jobs.renew(job_id, "a", 200.0)
    assert not ledger.jobs.finish_analysis(first, "a", JobState.DONE, 121.0)
    assert ledger.jobs.finish_analysis(second, "b", JobState.DONE, 121.0)


def test_a_job_that_costs_every_worker_its_life_is_given_up_with_the_reason(ledger):
    ledger.intake.record(instance(), 100.0)
    complete(ledger, 103.0)
    (job_id,) = job_ids(ledger, 103.0)
    for attempt in range(ATTEMPTS):
        assert ledger.jobs.claim(job_id, "w", 200.0 + 100 * attempt, LEASE_S, ATTEMPTS) is not None
    assert ledger.jobs.claim(job_id, "w", 900.0, LEASE_S, ATTEMPTS) is None
    ledger.settling.close_answered(900.0)
    assert "given up after 3 attempts" in ledger.views.studies(["1.2"])[0]["reason"]


def test_a_job_that_the_store_interrupts_is_given_back_and_its_attempts_do_not_count(ledger):
    ledger.intake.record(instance(), 100.0)
    (job_id,) = job_ids(ledger, 100.0)
    for now in range(200, 200 + 100 * ATTEMPTS, 50):
        assert ledger.jobs.claim(job_id, "w", now, LEASE_S, ATTEMPTS) is not None
        ledger.jobs.give_back(job_id, "w", now)
        assert job_ids(ledger, now + 1.0) == [job_id], "before the lease would have lapsed"


def test_a_later_image_opens_a_revision_whose_report_names_the_one_before(ledger):
    reported(ledger)
    deliver(ledger, 106.0)
    ledger.settling.finish_deliveries(107.0)
    ledger.intake.record(instance("1.2.2"), 200.0)
    complete(ledger, 203.0)
    answer(ledger, 203.0, answer="{}", probability=0.1, positive=False)
    ledger.settling.close_answered(204.0)
    (job_id,) = job_ids(ledger, 204.0, "report")
    job = ledger.jobs.claim(job_id, "w", 204.0, LEASE_S, ATTEMPTS)
    inputs = ledger.jobs.report_inputs(job)
    assert inputs.revision == 2
    assert [image.sop_uid for image in inputs.images] == ["1.2.1", "1.2.2"]
    assert inputs.predecessors["sr", "air", True].sop_uid == "2.25.1"


def test_an_object_that_a_later_image_does_not_change_is_not_sent_twice(ledger):
    reported(ledger)
    deliver(ledger, 106.0)
    ledger.settling.finish_deliveries(107.0)
    ledger.intake.record(instance("1.2.2"), 200.0)
    complete(ledger, 203.0)
    answer(ledger, 203.0, answer="{}", probability=0.1, positive=False)
    ledger.settling.close_answered(204.0)
    report(ledger, 204.0, output("2.25.2", "gsps", ""), output("2.25.3"), output("2.25.4", "gsps", ""))
    ledger.settling.queue_deliveries([PACS], 205.0)
    assert {item.sop_uid for item in ledger.deliveries.due("pacs", 206.0, 60.0, 100)} == {"2.25.3", "2.25.4"}


def test_a_report_that_a_later_image_overtook_is_not_kept(ledger):
    ledger.intake.record(instance(), 100.0)
    complete(ledger, 103.0)
    answer(ledger, 103.0, answer="{}", probability=0.9, positive=True)
    ledger.settling.close_answered(104.0)
    (job_id,) = job_ids(ledger, 104.0, "report")
    job = ledger.jobs.claim(job_id, "w", 104.0, LEASE_S, ATTEMPTS)
    ledger.intake.record(instance("1.2.2"), 104.5)
    assert not ledger.jobs.finish_report(job, "w", [output("2.25.1")], 105.0)
    assert ledger.views.studies(["1.2"])[0]["outputs"] == {}


def test_a_claimed_delivery_is_due_again_when_its_claim_lapses(ledger):
    reported(ledger)
    assert len(ledger.deliveries.due("pacs", 106.0, 60.0, 100)) == 2
    assert ledger.deliveries.due("pacs", 107.0, 60.0, 100) == []
    assert len(ledger.deliveries.due("pacs", 167.0, 60.0, 100)) == 2


def test_a_delivery_that_is_given_up_fails_its_study_and_replay_sends_it_again(ledger):
    reported(ledger)
    for item in ledger.deliveries.due("pacs", 106.0, 60.0, 100):
        ledger.deliveries.failed(item.id, "C000 cannot understand", 0xC000, None)
    ledger.settling.finish_deliveries(107.0)
    assert state(ledger) == "FAILED"
    assert "C000" in ledger.views.studies(["1.2"])[0]["reason"]
    assert ledger.deliveries.replay(["1.2"], None, failed_only=True, now=200.0) == 2
    deliver(ledger, 201.0)
    ledger.settling.finish_deliveries(202.0)
    assert state(ledger) == "DELIVERED"


def test_what_an_older_revision_lost_is_no_failure_of_the_newer_one(ledger):
    reported(ledger)
    for item in ledger.deliveries.due("pacs", 106.0, 60.0, 100):
        ledger.deliveries.failed(item.id, "C000 cannot understand", 0xC000, None)
    ledger.settling.finish_deliveries(107.0)
    ledger.intake.record(instance("1.2.2"), 200.0)
    complete(ledger, 203.0)
    answer(ledger, 203.0, answer="{}", probability=0.1, positive=False)
    ledger.settling.close_answered(204.0)
    report(ledger, 204.0, output("2.25.3"))
    ledger.settling.queue_deliveries([PACS], 205.0)
    deliver(ledger, 206.0)
    ledger.settling.finish_deliveries(207.0)
    assert state(ledger) == "DELIVERED"


def test_a_destination_that_wants_only_marks_may_get_none_of_a_negative_study(ledger):
    ledger.intake.record(instance(), 100.0)
    complete(ledger, 103.0)
    answer(ledger, 103.0, answer="{}", probability=0.1, positive=False)
    ledger.settling.close_answered(104.0)
    report(ledger, 104.0)
    ledger.settling.queue_deliveries([Wanted("teaching", ("kos",), "air", True)], 105.0)
    ledger.settling.finish_deliveries(107.0)
    assert state(ledger) == "DELIVERED"


def test_a_study_of_which_a_destination_gets_nothing_is_not_called_delivered(ledger):
    reported_to = [PACS, Wanted("viewer", ("sr",), "stone", True)]
    for wanted in (reported_to, reported_to[1:]):
        study_uid = f"1.2.{len(wanted)}"
        ledger.intake.record(instance(f"{study_uid}.1", study_uid), 100.0)
        complete(ledger, 103.0)
        answer(ledger, 103.0, answer="{}", probability=0.9, positive=True)
        ledger.settling.close_answered(104.0)
        report(ledger, 104.0, output(f"2.25.{len(wanted)}"))
        ledger.settling.queue_deliveries(wanted, 105.0)
        deliver(ledger, 106.0)
        ledger.settling.finish_deliveries(107.0)
        assert state(ledger, study_uid) == "FAILED"
        assert "viewer: no result was made for it" in ledger.views.studies([study_uid])[0]["reason"]


def test_studies_that_wait_hold_up_none_that_came_later(ledger, monkeypatch):
    monkeypatch.setattr(settling, "BATCH", 1)
    for number in (1, 2):  # the first of each pair waits: for an answer, then for its destination
        ledger.intake.record(instance(f"1.2.{number}.1", f"1.2.{number}"), 100.0 + number)
    complete(ledger, 110.0)
    first, second = job_ids(ledger, 110.0)
    for job_id in (second, first):
        job = ledger.jobs.claim(job_id, "w", 111.0, LEASE_S, ATTEMPTS)
        ledger.jobs.finish_analysis(job, "w", JobState.DONE, 111.0, answer="{}", probability=0.9, positive=True)
        assert ledger.settling.close_answered(112.0) == [job.study_uid]
        report(ledger, 113.0, output(f"2.25.{job_id}"))
        ledger.settling.queue_deliveries([PACS], 114.0)
    later = next(item for item in ledger.deliveries.due("pacs", 115.0, 60.0, 100) if item.study_uid == "1.2.2")
    ledger.deliveries.sent(later.id, 0, 116.0)
    assert ledger.settling.finish_deliveries(117.0) == ["1.2.2"]


def test_nothing_is_replayed_while_a_later_image_is_answered(ledger):
    reported(ledger)
    deliver(ledger, 106.0)
    ledger.settling.finish_deliveries(107.0)
    ledger.intake.record(instance("1.2.9"), 200.0)
    assert ledger.deliveries.replay(["1.2"], None, failed_only=False, now=201.0) == 0
    assert state(ledger) == "RECEIVED"


def test_what_waits_for_a_destination_that_is_gone_is_given_up(ledger):
    reported(ledger)
    assert ledger.deliveries.bury_unknown({"other"}) == 2
    ledger.settling.finish_deliveries(107.0)
    assert "no such destination" in ledger.views.studies(["1.2"])[0]["reason"]


def test_without_a_destination_a_reported_study_stays_reported(ledger):
    ledger.intake.record(instance(), 100.0)
    complete(ledger, 103.0)
    answer(ledger, 103.0, answer="{}", probability=0.9, positive=True)
    ledger.settling.close_answered(104.0)
    report(ledger, 104.0, output("2.25.1"))
    assert ledger.settling.queue_deliveries([], 105.0) == []
    assert state(ledger) == "REPORTED"


def test_migrations_give_the_schema_that_the_code_declares(ledger):
    assert migrate.drift(ledger.database.engine) == []
    assert migrate.revision(ledger.database.engine) == (migrate.head(), migrate.head())
