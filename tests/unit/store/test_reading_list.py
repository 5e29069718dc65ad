"""Studies get their places in the reading worklist, and the list is read in that order."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from daemon.core.orders import Order, OrderMessage
from daemon.core.priority import Facts, Policy
from daemon.core.states import JobState
from daemon.core.ups_reading import Origin, reading_uid
from daemon.prioritise import DUE_EVERY_S, Prioritise
from daemon.store.archive import Archive
from daemon.store.schema import JobRow
from daemon.store.schema_catalogue import CatalogueStudyRow
from daemon.worklist import Worklist
from tests.support.ledgers import answer, complete, instance, output, report
from tests.support.work_items import performed

NOW, DAY_S = 1_800_000_000.0, 86400.0
POLICY = Policy()
CAP_S = POLICY.caps_s["MEDIUM"]


class Room:
    """A ledger, its worklist, the loop, and a clock that the test turns."""

    def __init__(self, ledger, archive):
        self.ledger, self.now = ledger, NOW
        self.worklist = Worklist(ledger, archive, Origin("THORAXD", "http://localhost/dicom-web"), lambda: self.now)
        self.loop = Prioritise(ledger, self.worklist, POLICY, 30 * DAY_S, lambda: self.now)

    def arrive(self, study_uid, sop_uid=None, **what):
        self.ledger.intake.record(instance(sop_uid or f"{study_uid}.1", study_uid, **what), self.now)

    def answer(self, probability=0.1, **labels):
        text = json.dumps({"findings": {"labels": labels}})
        answer(self.ledger, self.now, answer=text, probability=probability, positive=probability > 0.5)

    def place(self, after_s=0.0):
        self.now += after_s
        self.loop.turn()
        return self.ledger.reading.page()

    def order(self, study_uid, urgency, control="NW"):
        told = Order("P", "", "", study_uid, "", urgency, control)
        self.ledger.orders.record(OrderMessage("RIS", f"{urgency}{control}", self.now, "0" * 64, (told,)), self.now)

    def claim(self, study_uid, revision=1):
        self.worklist.change_state(reading_uid(study_uid, revision), "IN PROGRESS", "1.2.3.9")

    def finish(self, study_uid, revision=1):
        self.claim(study_uid, revision)
        self.worklist.update(reading_uid(study_uid, revision), performed(), "1.2.3.9")
        self.worklist.change_state(reading_uid(study_uid, revision), "COMPLETED", "1.2.3.9")


@pytest.fixture
def room(ledger, tmp_path):
    return Room(ledger, Archive(str(tmp_path / "archive")))


def uids(rows):
    return [row.study_uid for row in rows]


def test_a_study_is_on_the_list_as_soon_as_it_arrives_and_moves_when_it_is_answered(room):
    room.arrive("1.1")
    (row,) = room.place()
    assert (row.priority, row.label, row.probability) == ("MEDIUM", "AI: not analysed", None)
    assert row.due_at == NOW + CAP_S / 2
    room.answer(0.02, Pneumothorax=0.001)
    room.now += 60
    room.arrive("1.2")
    assert uids(room.place()) == ["1.2", "1.1"]
    room.answer(0.9, Pneumothorax=0.8)
    first, second = room.place()
    assert uids([first, second]) == ["1.2", "1.1"]
    assert (first.priority, first.findings, first.label) == ("HIGH", ("Pneumothorax",), "AI: Pneumothorax 80 %")
    assert (second.priority, second.findings, second.positive) == ("LOW", (), False)


def test_nothing_is_placed_twice_while_nothing_happens(room):
    room.arrive("1.1")
    room.place()
    assert room.ledger.reading.awaiting(10) == []
    room.answer()
    assert room.ledger.reading.awaiting(10) == ["1.1"]


def test_what_happens_while_a_place_is_decided_is_not_lost(room):
    room.arrive("1.1")
    decided = room.ledger.reading.to_place("1.1")
    room.answer(0.9, Pneumothorax=0.9)
    assert not room.ledger.reading.placed(decided, ())
    assert room.ledger.reading.awaiting(10) == ["1.1"]
    assert room.place()[0].priority == "HIGH"


def test_the_facts_are_the_highest_probability_of_each_finding_and_the_orders_urgency(room):
    room.arrive("1.1", "1.1.1")
    room.answer(0.3, Effusion=0.2, Mass=0.5)
    room.arrive("1.1", "1.1.2")
    assert room.ledger.reading.to_place("1.1").facts.unanswered
    room.answer(0.2, Effusion=0.7)
    room.order("1.1", "HIGH")
    assert room.ledger.reading.to_place("1.1").facts == Facts(NOW, 0.3, {"Effusion": 0.7, "Mass": 0.5}, "HIGH")


def test_a_stat_order_that_comes_later_moves_its_study_to_the_top_and_its_cancellation_back(room):
    room.arrive("1.1")
    room.now += 60
    room.arrive("1.2")
    assert uids(room.place()) == ["1.1", "1.2"]
    room.order("1.2", "STAT")
    rows = room.place()
    assert uids(rows) == ["1.2", "1.1"]
    assert (rows[0].priority, rows[0].label) == ("HIGH", "STAT order; AI: not analysed")
    room.order("1.2", "STAT", control="CA")
    assert uids(room.place()) == ["1.1", "1.2"]


@pytest.mark.parametrize("how", ["set aside", "failed"])
def test_studies_without_an_answer_stay_on_the_list_in_the_middle(room, how):
    if how == "set aside":
        room.arrive("1.1", eligibility="SET_ASIDE", reason="lateral")
    else:
        room.arrive("1.1")
        answer(room.ledger, room.now, JobState.FAILED, reason="broken")
    complete(room.ledger, room.now)
    room.ledger.settling.close_answered(room.now)
    (row,) = room.place()
    assert (row.priority, row.label, row.due_at) == ("MEDIUM", "AI: not analysed", NOW + CAP_S / 2)


def test_withdrawn_results_no_longer_count(room):
    room.arrive("1.1")
    room.answer(0.9, Pneumothorax=0.9)
    complete(room.ledger, room.now)
    room.ledger.settling.close_answered(room.now)
    report(room.ledger, room.now, output("2.25.1"))
    assert room.place()[0].priority == "HIGH"
    assert room.ledger.reading.to_place("1.1").outputs[0].sop_uid == "2.25.1"
    assert room.ledger.rejections.reject("1.1", "quality", "", room.now) == ""
    assert room.place()[0].label == "AI: not analysed"
    assert room.ledger.reading.to_place("1.1").outputs == ()


def test_what_falls_due_is_raised_once_and_keeps_its_place(room):
    room.arrive("1.1")
    room.answer(0.02)
    (row,) = room.place()
    assert row.priority == "LOW"
    assert room.place(row.due_at - room.now - DUE_EVERY_S)[0].priority == "LOW"
    (raised,) = room.place(2 * DUE_EVERY_S)
    assert (raised.priority, raised.due_at, raised.label) == ("HIGH", row.due_at, row.label)
    assert room.place(2 * DUE_EVERY_S) == [raised]


def test_what_is_read_leaves_the_list_and_is_not_put_back(room):
    for study_uid in ("1.1", "1.2"):
        room.arrive(study_uid)
    room.place()
    room.claim("1.1")
    assert room.ledger.reading.counts() == {"SCHEDULED": 1, "IN PROGRESS": 1}
    room.finish("1.2")
    room.answer(0.9, Pneumothorax=0.9)
    rows = room.place()
    assert [(row.study_uid, row.state) for row in rows] == [("1.1", "IN PROGRESS")]
    assert uids(room.ledger.reading.page(["COMPLETED"])) == ["1.2"]
    assert room.ledger.reading.awaiting(10) == []


def test_a_late_order_does_not_bring_back_what_the_list_has_forgotten(room):
    room.arrive("1.1")
    room.now += 31 * DAY_S
    room.order("1.1", "STAT")
    assert room.place() == []
    assert room.ledger.reading.awaiting(10) == []


def test_a_later_image_of_a_study_that_waits_does_not_cost_it_its_place(room):
    room.arrive("1.1")
    room.answer()
    complete(room.ledger, room.now)
    room.ledger.settling.close_answered(room.now)
    report(room.ledger, room.now, output("2.25.1"))
    room.place()
    room.now += 600
    room.arrive("1.1", "1.1.2")
    (row,) = room.place()
    assert (row.revision, row.arrived_at) == (2, NOW)
    assert [reference.sop_uid for reference in room.ledger.reading.to_place("1.1").inputs] == ["1.1.1", "1.1.2"]


def test_a_later_image_of_a_study_that_was_read_waits_from_its_own_arrival(room):
    room.arrive("1.1")
    room.answer()
    complete(room.ledger, room.now)
    room.ledger.settling.close_answered(room.now)
    report(room.ledger, room.now, output("2.25.1"))
    room.place()
    room.finish("1.1")
    room.now += 600
    room.arrive("1.1", "1.1.2")
    (row,) = room.place()
    assert (row.revision, row.arrived_at) == (2, NOW + 600)


def test_one_study_that_cannot_be_placed_does_not_keep_the_others_off_the_list(room):
    for study_uid in ("1.1", "1.2", "1.3"):
        room.arrive(study_uid)
    with room.ledger.database.write() as session:
        job = session.query(JobRow).filter_by(study_uid="1.2").one()
        job.state, job.answer = JobState.DONE, "no JSON"
    with pytest.raises(ValueError, match="Expecting value"):
        room.loop.turn()
    assert set(uids(room.ledger.reading.page())) == {"1.1", "1.3"}
    assert room.ledger.reading.awaiting(10) == ["1.2"]


def test_pages_follow_each_other_in_reading_order_whatever_the_state(room):
    for number in range(25):
        room.arrive(f"1.{number}")
        room.now += 1
    room.place()
    for number in (3, 4, 11):
        room.claim(f"1.{number}")
    seen, after = [], None
    while page := room.ledger.reading.page(limit=4, after=after):
        assert len(page) <= 4
        seen += page
        after = page[-1].place
    assert uids(seen) == [f"1.{number}" for number in range(25)]
    assert [row.due_at for row in seen] == sorted(row.due_at for row in seen)


def test_a_line_says_whose_film_it_is_where_the_catalogue_knows(room):
    room.arrive("1.1")
    (row,) = room.place()
    assert (row.patient_name, row.study_date) == ("", "")
    assert row.waiting_s(NOW + 90.0) == 90.0
    with room.ledger.database.write() as session:
        session.get_one(CatalogueStudyRow, "1.1").patient_name = "Doe^Jane"
    assert room.ledger.reading.page() == [replace(row, patient_name="Doe^Jane")]
