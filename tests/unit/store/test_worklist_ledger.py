"""The worklist on a ledger: readings of studies, deletion, subscriptions that wait. Also run on PostgreSQL."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO

import pytest
from pydicom import Dataset
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from daemon.core.errors import StoreUnavailable, UpsRefused
from daemon.core.reading_item import ReadingItem, ReadingReference
from daemon.core.ups import FILTERED, GLOBAL
from daemon.core.ups_matching import Search
from daemon.core.ups_reading import Origin
from daemon.store.archive import Archive
from daemon.worklist import Worklist
from tests.support.builders import make_cxr
from tests.support.ledgers import instance
from tests.support.work_items import item, new_work_item, performed

LOCK, DAY = "1.2.3.99", 86400.0


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def worklist(ledger, tmp_path, clock) -> Worklist:
    return Worklist(ledger, Archive(str(tmp_path / "archive")), Origin("THORAXD", "http://host/dicom-web"), clock)


def reading(clock, revision=1, priority="HIGH", wait_s=600.0, probability=0.934, **more) -> ReadingItem:
    image = ReadingReference("1.2", "1.2.0", "1.2.840.10008.5.1.4.1.1.1", "1.2.1")
    return ReadingItem("1.2", revision, priority, clock.now + wait_s, clock.now, "chest", probability, (image,), **more)


def found(worklist, **keys):
    return [Dataset.from_json(dict(match)) for match in worklist.search(Search(item(**keys), None))]


def events(ledger, receiver):
    due = ledger.ups_events.due(receiver, 1e12, 1000)
    return [(event.ups_uid, event.type, str(event.information.get("ProcedureStepState", ""))) for event in due]


@contextmanager
def lost_at(ledger, number) -> Iterator[None]:
    """The database goes away as this transaction, counted from 1, is to be committed, and is lost for the block."""
    commits = []

    def refuse(_connection: object) -> None:
        commits.append(1)
        if len(commits) >= number:
            raise OperationalError("COMMIT", {}, Exception("gone"))

    event.listen(ledger.database.engine, "commit", refuse)
    try:
        yield
    finally:
        event.remove(ledger.database.engine, "commit", refuse)


def test_a_reading_says_who_what_and_where(worklist, ledger, tmp_path, clock) -> None:
    film = make_cxr(
        rows=32, columns=32, study_uid="1.2", sop_uid="1.2.1", AccessionNumber="ACC-2026-000000017", PatientBirthDate=""
    )
    content = BytesIO()
    film.save_as(content, enforce_file_format=True)
    Archive(str(tmp_path / "archive")).write("1.2/1.2.1.dcm", content.getvalue())
    ledger.intake.record(instance(), 100.0)
    result = ReadingReference("1.2", "1.2.7", "1.2.840.10008.5.1.4.1.1.88.34", "2.25.7")
    told = worklist.get(worklist.schedule_reading(reading(clock, outputs=(result,))))
    assert (told.PatientName, told.PatientID, told.StudyInstanceUID) == ("Test^Phantom", "T-1", "1.2")
    assert told.ReferencedRequestSequence[0].AccessionNumber == "ACC-2026-000000017"
    assert (told.ScheduledProcedureStepPriority, told.InputReadinessState) == ("HIGH", "READY")
    assert told.ExpectedCompletionDateTime == "20270115081000+0000"
    assert told.ScheduledWorkitemCodeSequence[0].CodeValue == "110005"
    number, remark = told.ScheduledProcessingParametersSequence
    assert (number.NumericValue, number.MeasurementUnitsCodeSequence[0].CodeValue) == (93.4, "%")
    assert remark.TextValue == "AI, unverified"
    images, results = told.InputInformationSequence
    assert images.WADORSRetrievalSequence[0].RetrieveURL == "http://host/dicom-web/studies/1.2/series/1.2.0"
    assert images.DICOMRetrievalSequence[0].RetrieveAETitle == "THORAXD"
    assert results.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == "2.25.7"


def test_a_reading_moves_while_nobody_has_claimed_it(worklist, clock) -> None:
    ups_uid = worklist.schedule_reading(reading(clock))
    assert worklist.schedule_reading(reading(clock, priority="LOW", wait_s=60)) == ups_uid
    assert worklist.get(ups_uid).ScheduledProcedureStepPriority == "LOW"
    worklist.change_state(ups_uid, "IN PROGRESS", LOCK)
    worklist.schedule_reading(reading(clock, priority="HIGH"))
    assert worklist.get(ups_uid).ScheduledProcedureStepPriority == "LOW"
    worklist.update(ups_uid, performed(), LOCK)
    worklist.change_state(ups_uid, "COMPLETED", LOCK)
    worklist.schedule_reading(reading(clock, priority="MEDIUM"))
    assert worklist.get(ups_uid).ProcedureStepState == "COMPLETED"


def test_a_later_revision_replaces_the_reading_that_nobody_has_claimed(worklist, ledger, clock) -> None:
    first = worklist.schedule_reading(reading(clock))
    worklist.subscribe("WATCHER", first, False)
    second = worklist.schedule_reading(reading(clock, revision=2))
    assert worklist.get(first).ProcedureStepState == "CANCELED"
    (replaced,) = worklist.get(second).ReplacedProcedureStepSequence
    assert replaced.ReferencedSOPInstanceUID == first != second
    assert [state for _, _, state in events(ledger, "WATCHER")] == ["SCHEDULED", "IN PROGRESS", "CANCELED"]
    worklist.change_state(second, "IN PROGRESS", LOCK)
    worklist.schedule_reading(reading(clock, revision=3))
    assert worklist.get(second).ProcedureStepState == "IN PROGRESS"


def test_a_reading_that_a_kill_kept_from_being_replaced_is_replaced_when_we_are_back(worklist, ledger, clock) -> None:
    first = worklist.schedule_reading(reading(clock))
    with lost_at(ledger, 2), pytest.raises(StoreUnavailable):
        worklist.schedule_reading(reading(clock, revision=2))
    assert worklist.get(first).ProcedureStepState == "SCHEDULED"
    second = worklist.schedule_reading(reading(clock, revision=2))
    assert worklist.get(first).ProcedureStepState == "CANCELED"
    assert worklist.get(second).ProcedureStepState == "SCHEDULED"


@pytest.mark.parametrize("number", [1, 2, 3])
def test_what_we_perform_ourselves_is_claimed_for_good_or_not_at_all(worklist, ledger, number) -> None:
    ups_uid = worklist.create("", new_work_item()).ups_uid
    try:
        with lost_at(ledger, number):
            worklist.perform(ups_uid, performed())
    except StoreUnavailable:
        assert worklist.get(ups_uid).ProcedureStepState == "SCHEDULED"
        worklist.perform(ups_uid, performed())
    assert worklist.get(ups_uid).ProcedureStepState == "COMPLETED"


def test_what_we_perform_ourselves_is_told_step_by_step_and_is_nobody_elses(worklist, ledger) -> None:
    ups_uid, claimed = (worklist.create("", new_work_item()).ups_uid for _ in range(2))
    worklist.subscribe("WATCHER", ups_uid, False)
    worklist.perform(ups_uid, performed())
    assert [state for _, _, state in events(ledger, "WATCHER")] == ["SCHEDULED", "IN PROGRESS", "COMPLETED"]
    worklist.change_state(claimed, "IN PROGRESS", LOCK)
    for uid, code in ((claimed, 0xC301), (ups_uid, 0xC301)):
        with pytest.raises(UpsRefused) as refused:
            worklist.perform(uid, performed())
        assert refused.value.code == code


def test_a_reading_without_probability_or_readable_image_is_scheduled_all_the_same(worklist, clock) -> None:
    told = worklist.get(worklist.schedule_reading(reading(clock, probability=None)))
    assert not told.ScheduledProcessingParametersSequence and told.PatientName == ""


def test_of_those_that_claim_at_once_one_wins(worklist) -> None:
    ups_uid = worklist.create("", new_work_item()).ups_uid
    answers, together = [], threading.Barrier(8)

    def claim(number: int) -> None:
        together.wait()
        try:
            answers.append(worklist.change_state(ups_uid, "IN PROGRESS", f"1.2.3.{number}"))
        except UpsRefused as refused:
            answers.append(refused.code)

    threads = [threading.Thread(target=claim, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(answers) == {0: 1, 0xC301: 7}


def test_a_uid_is_used_once(worklist) -> None:
    worklist.create("1.2.3", new_work_item())
    with pytest.raises(UpsRefused) as refused:
        worklist.create("1.2.3", new_work_item(PatientName="Other"))
    assert refused.value.code == 0x0111
    assert worklist.get("1.2.3").PatientName == "Ups^Test"


def test_a_search_narrowed_by_the_database_finds_what_it_should(worklist) -> None:
    worklist.create("1.2.3", new_work_item(PatientID="100%_a\\b"[:7], ExpectedCompletionDateTime="20260501"))
    worklist.create("1.2.4", new_work_item(PatientID="100", PatientName="Ümlaut^B", StudyInstanceUID="1.9"))
    assert [ds.SOPInstanceUID for ds in found(worklist, PatientID="100%_a*")] == ["1.2.3"]
    assert [ds.SOPInstanceUID for ds in found(worklist, PatientID="*0")] == ["1.2.4"]
    assert [ds.SOPInstanceUID for ds in found(worklist, PatientID="100")] == ["1.2.4"]
    assert [ds.SOPInstanceUID for ds in found(worklist, PatientName="umlaut*")] == ["1.2.4"]
    assert [ds.SOPInstanceUID for ds in found(worklist, PatientName="ups^test")] == ["1.2.3"]
    assert [ds.SOPInstanceUID for ds in found(worklist, StudyInstanceUID="1.9")] == ["1.2.4"]
    assert [ds.SOPInstanceUID for ds in found(worklist, ExpectedCompletionDateTime="20260501-")] == ["1.2.3"]
    assert [ds.SOPInstanceUID for ds in found(worklist, SOPInstanceUID=["1.2.3", "1.2.4"], PatientID="")] == [
        "1.2.4",  # due by its start, which is the earlier one
        "1.2.3",
    ]


def test_what_is_finished_goes_after_its_time_unless_a_lock_holds_it(worklist, clock) -> None:
    uids = [worklist.create("", new_work_item()).ups_uid for _ in range(3)]
    worklist.subscribe("KEEPER", uids[0], True)
    worklist.subscribe("OTHER", uids[1], False)
    for uid in uids[:2]:
        worklist.request_cancel(uid, Dataset(), "ASKER") if uid == uids[1] else worklist.change_state(
            uid, "IN PROGRESS", LOCK
        )
    worklist.change_state(uids[0], "CANCELED", LOCK)
    clock.now += 31 * DAY
    worklist.tidy(30 * DAY, 14 * DAY, DAY)
    assert {ds.SOPInstanceUID for ds in found(worklist, WorklistLabel="")} == {uids[0], uids[2]}
    worklist.subscribe("KEEPER", uids[0], False)  # the lock is given back
    worklist.tidy(30 * DAY, 14 * DAY, DAY)
    assert {ds.SOPInstanceUID for ds in found(worklist, WorklistLabel="")} == {uids[2]}


def test_a_reading_that_nobody_claims_leaves_the_list(worklist, clock) -> None:
    ups_uid = worklist.schedule_reading(reading(clock))
    somebody_elses = worklist.create("", new_work_item()).ups_uid
    clock.now += 13 * DAY
    worklist.tidy(30 * DAY, 14 * DAY, DAY)
    assert worklist.get(ups_uid).ProcedureStepState == "SCHEDULED"
    clock.now += 2 * DAY
    worklist.tidy(30 * DAY, 14 * DAY, DAY)
    left = worklist.get(ups_uid)
    assert left.ProcedureStepState == "CANCELED"
    assert left.ProcedureStepProgressInformationSequence[0].ReasonForCancellation == "nobody claimed it in time"
    assert worklist.get(somebody_elses).ProcedureStepState == "SCHEDULED"


def test_events_that_nobody_fetches_are_given_up(worklist, ledger, clock) -> None:
    ups_uid = worklist.create("", new_work_item()).ups_uid
    worklist.subscribe("GONE", ups_uid, False)
    worklist.tidy(30 * DAY, 14 * DAY, DAY)
    assert len(events(ledger, "GONE")) == 1
    clock.now += DAY + 1
    worklist.tidy(30 * DAY, 14 * DAY, DAY)
    assert events(ledger, "GONE") == []


def test_a_restart_is_told_once_to_each_subscriber(worklist, ledger) -> None:
    ups_uid = worklist.create("", new_work_item()).ups_uid
    worklist.subscribe("ONE", ups_uid, False)
    worklist.subscribe("ALL", GLOBAL, False)
    worklist.restarted()
    worklist.restarted()
    assert [(uid, kind) for uid, kind, _ in events(ledger, "ONE")] == [(ups_uid, 1), (GLOBAL, 4)]
    assert [(uid, kind) for uid, kind, _ in events(ledger, "ALL")] == [(GLOBAL, 4)]


# PS3.4 table CC.2.3-2: what a global subscription does to one that is there, and what comes after.
@pytest.mark.parametrize("lock", [True, False])
@pytest.mark.parametrize("kind", [GLOBAL, FILTERED])
def test_a_global_subscription_leaves_specific_ones_alone(worklist, ledger, kind, lock) -> None:
    specific = worklist.create("", new_work_item()).ups_uid
    other = worklist.create("", new_work_item()).ups_uid
    worklist.subscribe("A", specific, False)
    worklist.subscribe("A", kind, lock, item(WorklistLabel="ch*"))
    expected = [(specific, 1, "SCHEDULED")] + ([(other, 1, "SCHEDULED")] if lock else [])
    assert events(ledger, "A") == expected
    new = worklist.create("", new_work_item()).ups_uid
    assert events(ledger, "A")[len(expected) :] == [(new, 1, "SCHEDULED")]
    assert worklist.suspend("A", kind)
    worklist.create("", new_work_item())
    assert len(events(ledger, "A")) == len(expected) + 1
    worklist.change_state(other, "IN PROGRESS", LOCK)
    assert events(ledger, "A")[-1] == (other, 1, "IN PROGRESS")
    assert worklist.unsubscribe("A", GLOBAL)
    worklist.change_state(specific, "IN PROGRESS", LOCK)
    assert events(ledger, "A")[-1] == (other, 1, "IN PROGRESS")
