"""PS3.4 table CC.1.1-2, typed from the standard once more, against what a work item makes of each request."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydicom import Dataset

from daemon.core.errors import UpsRefused
from daemon.core.ups import MEANINGS, TRANSITIONS, Asked, State, failed
from daemon.core.ups_changes import cancel_asked, created, state_changed, updated
from daemon.web.ups_status import HTTP_STATUS
from tests.support.work_items import change, item, new_work_item, performed

LOCK, OTHER, NOW = "1.2.3.99", "1.2.3.98", 1_800_000_000.0

# Rows as PS3.4 prints them; columns: SCHEDULED, IN PROGRESS, COMPLETED, CANCELED. "ok": the change is made.
TABLE = """
to IN PROGRESS, correct UID     | ok   | C302 | C300 | C300
to IN PROGRESS, no correct UID  | C301 | C301 | C301 | C301
to SCHEDULED                    | C303 | C303 | C303 | C303
to COMPLETED, correct UID       | C310 | ok   | B306 | C300
to COMPLETED, no correct UID    | C301 | C301 | C301 | C301
request cancel                  | ok   | ok   | C311 | B304
to CANCELED, correct UID        | C310 | ok   | C300 | B304
to CANCELED, no correct UID     | C301 | C301 | C301 | C301
"""
STATES = ("SCHEDULED", "IN PROGRESS", "COMPLETED", "CANCELED")
CELLS = [
    (row.strip(), state, expected.strip())
    for line in TABLE.strip().splitlines()
    for row, *cells in [line.split("|")]
    for state, expected in zip(STATES, cells, strict=True)
]


def in_state(state: str):
    """A work item that got there by requests alone."""
    work_item = created("1.2.3", new_work_item(), NOW).item
    if state == "SCHEDULED":
        return work_item
    work_item = state_changed(work_item, "IN PROGRESS", LOCK, NOW).item
    work_item = updated(work_item, performed(), LOCK, NOW).item
    return work_item if state == "IN PROGRESS" else state_changed(work_item, state, LOCK, NOW).item


def ask(work_item, row: str):
    if row == "request cancel":
        return cancel_asked(work_item, Dataset(), "ASKER", True, NOW)
    to, _, how = row.removeprefix("to ").partition(", ")
    if how == "correct UID":
        return state_changed(work_item, to, LOCK, NOW)
    wrong = "" if work_item.state is State.SCHEDULED else OTHER  # while nobody holds it, only a missing one is wrong
    return state_changed(work_item, to, wrong, NOW)


@pytest.mark.parametrize(("row", "state", "expected"), CELLS)
def test_each_cell_of_the_table_is_answered_as_the_standard_has_it(row: str, state: str, expected: str) -> None:
    work_item = in_state(state)
    try:
        outcome = ask(work_item, row)
    except UpsRefused as refused:
        assert f"{refused.code:04X}" == expected
        return
    assert (f"{outcome.code:04X}" if outcome.code else "ok") == expected
    if expected != "ok":
        assert outcome.item is None and not outcome.events


@pytest.mark.parametrize("state", [state for state in STATES if state != "SCHEDULED"])
@pytest.mark.parametrize("to", ["IN PROGRESS", "COMPLETED", "CANCELED"])
def test_a_missing_transaction_uid_is_as_wrong_as_another_one(state: str, to: str) -> None:
    with pytest.raises(UpsRefused) as refused:
        state_changed(in_state(state), to, "", NOW)
    assert refused.value.code == 0xC301


def test_what_exists_cannot_be_created_and_what_does_not_exist_cannot_be_changed() -> None:
    first_column = {asked: TRANSITIONS[asked, None].code for asked in Asked}
    assert first_column.pop(Asked.CREATE) == 0x0000
    assert set(first_column.values()) == {0xC307}
    assert {TRANSITIONS[Asked.CREATE, state].code for state in State} == {0x0111}


def test_a_claim_records_the_lock_and_reports_the_state() -> None:
    outcome = state_changed(in_state("SCHEDULED"), "IN PROGRESS", LOCK, NOW)
    assert (outcome.item.state, outcome.item.transaction_uid) == ("IN PROGRESS", LOCK)
    (event,) = outcome.events
    assert (event.type, event.information.ProcedureStepState) == (1, "IN PROGRESS")


def test_a_cancel_request_takes_a_scheduled_item_through_in_progress() -> None:
    why = item(ReasonForCancellation="patient left")
    outcome = cancel_asked(in_state("SCHEDULED"), why, "ASKER", False, NOW)
    assert [event.information.ProcedureStepState for event in outcome.events] == ["IN PROGRESS", "CANCELED"]
    (progress,) = outcome.item.attributes.ProcedureStepProgressInformationSequence
    assert progress.ReasonForCancellation == "patient left"
    assert progress.ProcedureStepCancellationDateTime == "20270115080000+0000"
    assert progress.ProcedureStepDiscontinuationReasonCodeSequence[0].CodeValue == "110513"


def test_a_cancel_request_for_an_item_in_progress_is_told_to_subscribers_and_changes_nothing() -> None:
    asked = item(ReasonForCancellation="wrong study", ContactDisplayName="desk")
    outcome = cancel_asked(in_state("IN PROGRESS"), asked, "ASKER", True, NOW)
    (event,) = outcome.events
    assert outcome.item is None and event.type == 2
    assert (event.information.RequestingAE, event.information.ReasonForCancellation) == ("ASKER", "wrong study")


def test_a_cancel_request_that_nobody_can_hear_fails() -> None:
    with pytest.raises(UpsRefused) as refused:
        cancel_asked(in_state("IN PROGRESS"), Dataset(), "ASKER", False, NOW)
    assert refused.value.code == 0xC312


def test_a_state_that_is_none_and_a_malformed_lock_are_invalid_arguments() -> None:
    for to, lock in [("DONE", LOCK), ("", LOCK), ("IN PROGRESS", "not a uid")]:
        with pytest.raises(UpsRefused) as refused:
            state_changed(in_state("SCHEDULED"), to, lock, NOW)
        assert refused.value.code == 0x0115


# PS3.4 table CC.2.6-1: N-SET by state and Transaction UID.
@pytest.mark.parametrize(
    ("state", "given", "expected"),
    [
        ("SCHEDULED", "", 0),
        ("SCHEDULED", LOCK, 0xC310),
        ("IN PROGRESS", LOCK, 0),
        ("IN PROGRESS", OTHER, 0xC301),
        ("IN PROGRESS", "", 0xC301),
        ("COMPLETED", LOCK, 0xC300),
        ("COMPLETED", "", 0xC300),
        ("CANCELED", LOCK, 0xC300),
        ("CANCELED", OTHER, 0xC300),
    ],
)
def test_n_set_is_the_holders_alone_once_there_is_one(state: str, given: str, expected: int) -> None:
    asked = item(ProcedureStepLabel="renamed", TransactionUID=given)
    if expected:
        with pytest.raises(UpsRefused) as refused:
            updated(in_state(state), asked, given, NOW)
        assert refused.value.code == expected
        return
    outcome = updated(in_state(state), asked, given, NOW)
    assert outcome.item.attributes.ProcedureStepLabel == "renamed"
    assert "TransactionUID" not in outcome.item.attributes
    assert change("IN PROGRESS", LOCK).TransactionUID == LOCK


def test_a_refused_request_leaves_the_item_as_it_was() -> None:
    before = in_state("IN PROGRESS")
    kept = replace(before)
    with pytest.raises(UpsRefused):
        updated(before, item(ProcedureStepLabel=""), LOCK, NOW)
    assert before == kept


def test_every_failure_has_its_http_status_and_every_warning_its_words() -> None:
    assert {code for code in MEANINGS if failed(code)} <= HTTP_STATUS.keys()
    warnings = {cell.code for cell in TRANSITIONS.values() if cell.code and not failed(cell.code)}
    assert warnings == {0xB304, 0xB306} <= MEANINGS.keys()
