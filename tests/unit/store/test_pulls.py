"""The pulls' ledger: queued once, claimed once, and never lost."""

from __future__ import annotations

from dataclasses import replace

from daemon.core.pulls import PullState, Why
from daemon.store.pulls import Wish
from daemon.store.schema import StudyRow
from tests.support.ledgers import instance


def queue(ledger, *uids, why=Why.ASKED, now=100.0, **more):
    return ledger.pulls.queue("pacs", [Wish(uid, why, **more) for uid in uids], now)


def test_a_study_that_is_queued_twice_is_due_once(ledger):
    queue(ledger, "1.2")
    queue(ledger, "1.2", now=101.0)
    assert ledger.pulls.due("pacs", 102.0, 60.0).study_uid == "1.2"
    assert ledger.pulls.due("pacs", 102.0, 60.0) is None


def test_what_a_kill_left_under_way_is_due_after_a_start(ledger):
    queue(ledger, "1.2")
    assert ledger.pulls.due("pacs", 100.0, 60.0) is not None
    ledger.pulls.release(101.0)
    assert ledger.pulls.due("pacs", 101.0, 60.0).study_uid == "1.2"


def test_what_was_asked_for_comes_before_priors_and_each_source_has_its_own(ledger):
    queue(ledger, "1.1", why=Why.PRIOR)
    queue(ledger, "1.2", now=101.0)
    assert ledger.pulls.due("other", 102.0, 60.0) is None
    assert [ledger.pulls.due("pacs", 102.0, 60.0).study_uid for _ in range(2)] == ["1.2", "1.1"]


def test_a_study_that_is_put_off_is_due_later_and_keeps_its_reason(ledger):
    queue(ledger, "1.2")
    pull = ledger.pulls.due("pacs", 100.0, 60.0)
    ledger.pulls.again(pull, 105.0, "1 of 2 instances did not come", (2, 1))
    assert ledger.pulls.due("pacs", 104.0, 60.0) is None
    (line,) = ledger.pulls.progress("pacs", ["1.2"])
    assert (line.state, line.attempts, line.expected, line.fetched) == (PullState.WAITING, 1, 2, 1)
    assert ledger.pulls.due("pacs", 105.0, 60.0).attempts == 1


def test_an_end_is_kept_until_the_study_is_queued_again(ledger):
    queue(ledger, "1.2")
    ledger.pulls.ended(ledger.pulls.due("pacs", 100.0, 60.0), PullState.FAILED, None, 101.0, "no such study")
    assert ledger.pulls.due("pacs", 1000.0, 60.0) is None
    assert queue(ledger, "1.2", now=1000.0) == ["1.2"]
    (line,) = ledger.pulls.progress("pacs", ["1.2"])
    assert (line.state, line.reason, line.attempts) == (PullState.WAITING, "", 0)


def test_a_prior_is_one_until_somebody_asks_for_it(ledger):
    queue(ledger, "1.2", why=Why.PRIOR, analyse=False, sender="PACS")
    assert ledger.pulls.is_prior("1.2") and ledger.pulls.is_kept_aside("1.2", "PACS")
    queue(ledger, "1.2")
    assert not ledger.pulls.is_prior("1.2") and not ledger.pulls.is_kept_aside("1.2", "PACS")
    assert not ledger.pulls.is_prior("1.3") and not ledger.pulls.is_kept_aside("1.3", "PACS")


def test_a_prior_that_comes_from_elsewhere_by_itself_is_to_be_read(ledger):
    queue(ledger, "1.2", why=Why.PRIOR, analyse=False, sender="PACS")
    assert not ledger.pulls.is_kept_aside("1.2", "MODALITY")
    ledger.intake.record(replace(instance(), calling_ae="PACS"), 100.0)
    assert ledger.pulls.is_prior("1.2")
    ledger.intake.record(instance("1.2.2"), 101.0)
    assert not ledger.pulls.is_prior("1.2")


def test_a_prior_that_is_analysed_is_a_prior_all_the_same(ledger):
    queue(ledger, "1.2", why=Why.PRIOR, analyse=True, sender="PACS")
    assert ledger.pulls.is_prior("1.2") and not ledger.pulls.is_kept_aside("1.2", "PACS")


def test_a_study_that_came_by_itself_is_never_made_a_prior(ledger):
    ledger.intake.record(instance(), 100.0)
    assert queue(ledger, "1.2", why=Why.PRIOR) == []
    assert not ledger.pulls.is_prior("1.2")


def test_a_schedule_sees_what_is_new_or_has_grown_or_came_as_a_prior_only(ledger):
    ledger.intake.record(instance(), 100.0)
    queue(ledger, "1.3", why=Why.CHOSEN, announced=2)
    queue(ledger, "1.4", why=Why.CHOSEN, announced=2)
    queue(ledger, "1.6", why=Why.PRIOR, announced=2)
    there = {"1.2": 1, "1.3": 2, "1.4": 3, "1.5": 1, "1.6": 2}
    assert ledger.pulls.unseen("pacs", there) == ["1.4", "1.5", "1.6"]


def test_a_source_that_stays_down_is_given_up_with_its_reason(ledger):
    queue(ledger, "1.2")
    queue(ledger, "1.3", now=200.0)
    assert ledger.pulls.give_up_unreachable("pacs", 150.0, "no connection", 300.0) == 1
    states = {line.study_uid: (line.state, line.reason) for line in ledger.pulls.progress("pacs", ["1.2", "1.3"])}
    assert states == {"1.2": (PullState.FAILED, "no connection"), "1.3": (PullState.WAITING, "")}


def test_instances_that_are_here_are_known(ledger):
    ledger.intake.record(instance("1.2.1"), 100.0)
    assert ledger.pulls.here(["1.2.1", "1.2.2"]) == {"1.2.1"}
    assert ledger.pulls.begun(["1.2", "1.9"]) == {"1.2"}


def test_a_prior_that_is_asked_for_gets_its_place_in_the_worklist_decided_anew(ledger):
    queue(ledger, "1.2", why=Why.PRIOR)
    ledger.intake.record(instance(), 100.0)
    with ledger.database.write() as session:
        session.get_one(StudyRow, "1.2").awaits_place = False
    queue(ledger, "1.2")
    with ledger.database.read() as session:
        assert session.get_one(StudyRow, "1.2").awaits_place
