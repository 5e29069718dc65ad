"""What the ledger makes of storage commitment, on SQLite here and on PostgreSQL in tests/integration."""

from __future__ import annotations

import pytest

from daemon.core.commitment import CommitmentRequest, CommitmentResult, Reference
from daemon.core.records import Wanted
from daemon.sections import RetrySettings
from daemon.store import promises
from daemon.store.promises import Noted
from tests.support.ledgers import deliver, instance, reported, state

PACS = Wanted("pacs", ("sr", "gsps"), "air", True, commitment=True)
RETRY = RetrySettings(first_s=2.0, factor=2.0, refused_attempts=3)
ONE, OTHER = "2.25.1", "2.25.2"
NO_SUCH_OBJECT_INSTANCE = 0x0112


@pytest.fixture
def sent(ledger):
    """A ledger with one study whose two objects the PACS has accepted at 106."""
    reported(ledger, wanted=PACS)
    deliver(ledger, 106.0)
    ledger.settling.finish_deliveries(107.0)
    assert state(ledger) == "DELIVERED"
    return ledger


def ask(ledger, now, destination="pacs"):
    return ledger.commitments.ask(destination, now, quiet_s=2.0, wait_s=300.0, limit=100)


def answer(ledger, request, now, failed=(), left_out=()):
    kept = tuple(r for r in request.references if r.sop_uid not in (*failed, *left_out))
    lost = tuple((r, NO_SUCH_OBJECT_INSTANCE) for r in request.references if r.sop_uid in failed)
    taken = ledger.commitments.take(CommitmentResult(request.transaction_uid, kept, lost), RETRY, now)
    ledger.settling.finish_commitments(now)
    return dict(taken.objects)


def objects(ledger):
    return {o["sop_uid"]: (o["state"], o["reason"]) for o in ledger.views.object_deliveries("1.2")}


def test_a_study_is_committed_when_its_every_object_is(sent):
    request = ask(sent, 108.0)
    assert {r.sop_uid for r in request.references} == {ONE, OTHER}
    assert answer(sent, request, 110.0, left_out=[OTHER]) == {"committed": 1, "left_out": 1}
    assert state(sent) == "DELIVERED"
    assert answer(sent, request, 111.0) == {"committed": 1, "nothing_new": 1}
    assert state(sent) == "COMMITTED"
    assert {o["committed_at"] for o in sent.views.object_deliveries("1.2")} == {110.0, 111.0}


def test_nothing_is_asked_before_it_is_quiet_nor_twice_within_the_wait(sent):
    assert ask(sent, 107.9) is None
    assert ask(sent, 108.0, "another") is None
    first = ask(sent, 108.0)
    assert ask(sent, 409.0) is None
    second = ask(sent, 410.0)
    assert second.references == first.references
    assert second.transaction_uid != first.transaction_uid


def test_where_it_is_never_quiet_the_oldest_are_asked_about_all_the_same(ledger):
    reported(ledger, wanted=PACS)
    first, second = ledger.deliveries.due("pacs", 106.0, 60.0, 100)
    ledger.deliveries.sent(first.id, 0, 106.0)
    ledger.deliveries.sent(second.id, 0, 125.5)
    assert ask(ledger, 125.9) is None
    assert len(ask(ledger, 126.0).references) == 2


def test_what_is_lost_is_sent_again_and_its_study_is_delivered_no_longer(sent):
    request = ask(sent, 108.0)
    assert answer(sent, request, 110.0, failed=[ONE]) == {"committed": 1, "sent_again": 1}
    assert objects(sent) == {
        ONE: ("PENDING", "storage commitment failed: 0112 no such object instance"),
        OTHER: ("COMMITTED", ""),
    }
    assert state(sent) == "DELIVERING"
    assert sent.deliveries.due("pacs", 111.9, 60.0, 100) == []
    deliver(sent, 112.0)
    sent.settling.finish_deliveries(113.0)
    assert state(sent) == "DELIVERED"
    assert answer(sent, request, 113.0, failed=[ONE]) == {"nothing_new": 2}  # asked before it was sent again
    again = ask(sent, 114.0)
    assert [r.sop_uid for r in again.references] == [ONE]
    answer(sent, again, 115.0)
    assert state(sent) == "COMMITTED"


def test_what_is_lost_again_and_again_is_given_up_and_its_study_fails(sent):
    now = 108.0
    for _ in range(3):
        request = ask(sent, now)
        answer(sent, request, now, failed=[ONE])
        deliver(sent, now + 100.0)
        sent.settling.finish_deliveries(now + 100.0)
        now += 102.0
    assert objects(sent)[ONE] == ("DEAD", "storage commitment failed: 0112 no such object instance")
    assert state(sent) == "FAILED"
    assert sent.deliveries.replay(["1.2"], None, failed_only=True, now=now) == 1
    deliver(sent, now)
    answer(sent, ask(sent, now + 2.0), now + 3.0, failed=[ONE])
    assert objects(sent)[ONE][0] == "PENDING"  # a replay begins to count anew


def test_a_late_answer_to_an_older_question_counts(sent):
    first = ask(sent, 108.0)
    assert ask(sent, 410.0) is not None
    answer(sent, first, 5000.0)
    assert state(sent) == "COMMITTED"


def test_an_answer_while_the_study_waits_for_another_destination_is_kept(ledger):
    reported(ledger, wanted=PACS)
    first, second = ledger.deliveries.due("pacs", 106.0, 60.0, 100)
    ledger.deliveries.sent(first.id, 0, 106.0)
    request = ask(ledger, 108.0)
    answer(ledger, request, 109.0)
    assert state(ledger) == "DELIVERING"
    ledger.deliveries.sent(second.id, 0, 110.0)
    ledger.settling.finish_deliveries(111.0)
    assert state(ledger) == "DELIVERED"
    answer(ledger, ask(ledger, 112.0), 113.0)
    assert state(ledger) == "COMMITTED"


def test_a_failure_of_an_older_revision_leaves_the_new_one_alone(sent):
    request = ask(sent, 108.0)
    sent.intake.record(instance("1.2.2"), 109.0)
    assert state(sent) == "RECEIVED"
    answer(sent, request, 110.0, failed=[ONE])
    assert state(sent) == "RECEIVED"
    assert objects(sent)[ONE][0] == "PENDING"


def test_nobody_knows_a_transaction_that_was_not_ours(sent):
    stranger = CommitmentResult("1.2.3", (Reference("1.2", ONE),), ())
    assert sent.commitments.take(stranger, RETRY, 110.0) is None
    request = ask(sent, 108.0)
    more = CommitmentResult(request.transaction_uid, (*request.references, Reference("1.2", "1.2.9")), ())
    assert sent.commitments.take(more, RETRY, 110.0).objects == {"committed": 2, "never_asked": 1}


def test_what_was_withdrawn_is_not_asked_about_nor_sent_again(sent):
    request = ask(sent, 108.0)
    assert sent.rejections.reject("1.2", "quality", "", 109.0) == ""
    assert answer(sent, request, 110.0, failed=[ONE], left_out=[OTHER]) == {"nothing_new": 1, "left_out": 1}
    assert ask(sent, 5000.0) is None
    assert sent.commitments.give_up("pacs", 1e6, 10.0) == []
    assert state(sent) == "REJECTED"


def test_an_object_is_given_up_in_time_with_what_was_in_the_way(sent):
    request = ask(sent, 108.0)
    sent.commitments.unasked(request.transaction_uid, "no connection", 120.0)
    assert set(objects(sent).values()) == {("SENT", "storage commitment: no connection")}
    assert ask(sent, 121.9) is None
    assert ask(sent, 122.0) is not None
    assert sent.commitments.give_up("pacs", 205.9, 100.0) == []
    assert sorted(sent.commitments.give_up("pacs", 206.0, 100.0)) == [ONE, OTHER]
    sent.settling.finish_commitments(207.0)
    assert set(objects(sent).values()) == {("DEAD", "storage commitment: no connection, given up after 100 s")}
    assert state(sent) == "FAILED"
    assert answer(sent, request, 208.0) == {"nothing_new": 2}


ASKED = CommitmentRequest("1.2.3", (Reference("1.2", "1.2.1"), Reference("1.2", "1.2.9")))


def test_a_request_is_due_once_for_its_own_modality_and_again_when_it_is_asked_again(ledger):
    assert ledger.promises.note(ASKED, "CR1", 100.0, 101.0) is Noted.RECORDED
    assert ledger.promises.due("CR1", (), 100.9, 60.0) is None
    assert ledger.promises.due("CR2", (), 101.0, 60.0) is None
    assert ledger.promises.due(None, ("CR1",), 101.0, 60.0) is None
    promise = ledger.promises.due(None, (), 101.0, 0.0)
    assert promise == ledger.promises.due(None, ("CR2",), 101.0, 60.0)
    assert (promise.request, promise.calling_ae, promise.attempts) == (ASKED, "CR1", 0)
    assert ledger.promises.due("CR1", (), 102.0, 60.0) is None
    ledger.promises.told(promise, 102.0)
    assert ledger.promises.due("CR1", (), 1000.0, 60.0) is None
    assert ledger.promises.note(ASKED, "CR1", 1000.0, 1001.0) is Noted.RECORDED
    ledger.promises.told(promise, 1000.5)  # of the first time
    assert ledger.promises.due("CR1", (), 1001.0, 60.0) is not None


def test_a_transaction_uid_is_for_one_request_of_one_modality(ledger):
    other = CommitmentRequest(ASKED.transaction_uid, ASKED.references[:1])
    assert ledger.promises.note(ASKED, "CR1", 100.0, 101.0) is Noted.RECORDED
    assert ledger.promises.note(other, "CR1", 100.0, 101.0) is Noted.UID_IN_USE
    assert ledger.promises.note(other, "CR2", 100.0, 101.0) is Noted.RECORDED


def test_one_modality_cannot_crowd_out_another(ledger, monkeypatch):
    monkeypatch.setattr(promises, "MOST_OPEN", 2)
    asked = [CommitmentRequest(f"1.2.{number}", ASKED.references) for number in range(3)]
    assert [ledger.promises.note(request, "CR1", 100.0, 101.0) for request in asked] == [
        Noted.RECORDED,
        Noted.RECORDED,
        Noted.TOO_MANY,
    ]
    assert ledger.promises.note(asked[2], "CR2", 100.0, 101.0) is Noted.RECORDED


def test_a_modality_that_is_down_is_left_alone_but_for_what_it_has_just_asked(ledger):
    for number in range(3):
        ledger.promises.note(CommitmentRequest(f"1.2.{number}", ASKED.references), "CR1", 100.0, 100.0 + number)
    for _ in range(2):
        ledger.promises.untold(ledger.promises.due("CR1", (), 101.0, 60.0), "no connection", 150.0)
    fresh = ledger.promises.due("CR1", (), 102.0, 60.0)
    assert (fresh.request.transaction_uid, fresh.attempts) == ("1.2.2", 0)
    ledger.promises.untold(fresh, "no connection", 200.0)
    assert ledger.promises.due("CR1", (), 199.0, 60.0) is None
    last = ledger.promises.due("CR1", (), 200.0, 60.0)
    ledger.promises.untold(last, "no connection", None)
    assert ledger.promises.note(last.request, "CR1", 300.0, 300.0) is Noted.RECORDED  # given up, and asked again


def test_what_we_have_of_an_instance_is_found_among_what_was_received_and_what_was_made(sent):
    found = sent.promises.on_record([ONE, "1.2.1", "1.2.9", *(f"1.3.{number}" for number in range(1000))])
    assert {uid: item.key for uid, item in found.items()} == {ONE: "k/2.25.1", "1.2.1": "1.2/1.2.1.dcm"}
