"""Matching of work items, PS3.4 C.2.2.2: what the database may leave out never leaves out a match."""

from __future__ import annotations

import json
import time
from fnmatch import fnmatchcase
from functools import partial
from itertools import product

import pytest

from daemon.core.errors import MalformedQuery
from daemon.core.ups import PUSH
from daemon.core.ups_changes import created
from daemon.core.ups_checks import DEEPEST
from daemon.core.ups_json import quoted
from daemon.core.ups_matching import identified, matcher, narrowed
from daemon.store.work_item import columns_of
from tests.support.work_items import code, item, new_work_item

UID = "1.2.3.4.5"


def new_request(number):
    return item(
        StudyInstanceUID="1.2.3.4",
        AccessionNumber=number,
        RequestedProcedureID="",
        RequestedProcedureDescription="",
        RequestedProcedureCodeSequence=[],
        IssuerOfAccessionNumberSequence=[],
        OrderPlacerIdentifierSequence=[],
        OrderFillerIdentifierSequence=[],
        ReferringPhysicianName="",
    )


def columns(orders=("A1",)):
    """The row of an instance."""
    room = [code("ROOM1", "Reading room", "99TEST"), code("ROOM2", "Other room", "99TEST")]
    ds = new_work_item(
        PatientName="Müller^Jürgen",
        PatientID="P-17",
        ExpectedCompletionDateTime="20260501130000+0100",
        ScheduledStationNameCodeSequence=room,
        PatientBirthDate="19700102",
        ReferencedRequestSequence=[new_request(number) for number in orders],
    )
    return columns_of(created(UID, ds, 1_800_000_000.0).item, 0.0) | {"ups_uid": UID}


def order(number):
    return item(ReferencedRequestSequence=[item(AccessionNumber=number)])


MATCHES = [
    item(PatientID=["P-16", "P-17"]),
    item(PatientID="*-17", ProcedureStepState="S*"),
    order("A1"),
    order("A?"),
    item(PatientID="P-17"),
    item(PatientID=""),
    item(PatientID="*"),
    item(PatientID="P-1?"),
    item(PatientID="?-*7"),
    item(PatientName="muller^jurgen"),
    item(PatientName="MÜLLER*"),
    item(SOPInstanceUID=[UID, "1.2.9"]),
    item(SOPClassUID=PUSH),
    item(ProcedureStepState="SCHEDULED", ScheduledProcedureStepPriority="MEDIUM"),
    item(ExpectedCompletionDateTime="20260501120000"),
    item(ExpectedCompletionDateTime="20260501"),
    item(ExpectedCompletionDateTime="-20260501"),
    item(ExpectedCompletionDateTime="20260501120000+0000-20260501120000+0000"),
    item(ExpectedCompletionDateTime="202605010700-0500-"),
    item(PatientBirthDate="19700102"),
    item(PatientBirthDate="19700101-19700103"),
    item(ScheduledStationNameCodeSequence=[item(CodeValue="ROOM2", CodingSchemeDesignator="99TEST")]),
    item(ScheduledStationNameCodeSequence=[item(CodeValue="")]),
    item(ScheduledStationNameCodeSequence=[]),
]
OTHERS = [
    item(AccessionNumber="A1"),  # it is the request's, not the step's
    order("A2"),
    item(PatientID="p-17"),
    item(PatientID="P-1"),
    item(PatientName="Muller"),
    item(SOPInstanceUID="1.2.9"),
    item(SOPClassUID="1.2.840.10008.5.1.4.31"),
    item(ProcedureStepState="COMPLETED"),
    item(ExpectedCompletionDateTime="20260501120001-"),
    item(ExpectedCompletionDateTime="-20260501115959"),
    item(PatientBirthDate="19700103-"),
    item(ScheduledStationNameCodeSequence=[item(CodeValue="ROOM3")]),
    item(ScheduledStationNameCodeSequence=[item(CodeValue="ROOM1", CodeMeaning="Other room")]),
    item(IssuerOfPatientID="?*"),
]


@pytest.mark.parametrize("keys", MATCHES)
def test_what_matches_is_found_and_the_database_does_not_leave_it_out(keys) -> None:
    row = columns()
    assert matcher(keys)(identified(UID, json.loads(row["attributes"])))
    narrow = narrowed(keys)
    assert all(row[column] in values for column, values in narrow.columns.items())
    assert all(any(map(partial(fnmatchcase, row[name]), patterns)) for name, patterns in narrow.patterns.items())
    assert all(quoted(part) in row["attributes"] for part in narrow.texts)
    since, until = narrow.due
    due_at = 1_777_636_800.0  # 2026-05-01 12:00 UTC
    assert (since is None or since <= due_at) and (until is None or due_at < until)


@pytest.mark.parametrize("keys", OTHERS)
def test_what_does_not_match_is_not_found(keys) -> None:
    assert not matcher(keys)(identified(UID, json.loads(columns()["attributes"])))


@pytest.mark.parametrize("number", ["A1", "A2", "A?"])
def test_one_of_several_orders_is_not_left_out(number) -> None:
    row, keys = columns(orders=("A1", "A2", "")), order(number)
    assert matcher(keys)(identified(UID, json.loads(row["attributes"])))
    narrow = narrowed(keys)
    assert all(row[column] in values for column, values in narrow.columns.items())
    assert all(any(map(partial(fnmatchcase, row[name]), patterns)) for name, patterns in narrow.patterns.items())


@pytest.mark.parametrize(
    "keys",
    [
        item(ExpectedCompletionDateTime="20261301"),
        item(PatientID="*a*b*c*d*e*f*"),
        item(PatientBirthDate="19700101-19700102-19700103"),
    ],
)
def test_a_key_without_sense_is_refused_and_not_repeated(keys) -> None:
    with pytest.raises(MalformedQuery) as refused:
        matcher(keys)
    (element,) = keys
    assert str(element.value) not in str(refused.value)


def test_wildcards_match_what_they_say() -> None:
    for pattern in map("".join, product("AB*?", repeat=4)):
        if not pattern.strip("*"):
            continue  # universal matching
        test = matcher(item(PatientID=pattern))
        for value in map("".join, product("AB", repeat=3)):
            found = test({"00100020": {"vr": "LO", "Value": [value]}})
            assert found == fnmatchcase(value, pattern), (value, pattern)


def test_a_long_text_does_not_hold_up_a_search_with_many_wildcards() -> None:
    test, began = matcher(item(CommentsOnTheScheduledProcedureStep="*A*A*A*A*B")), time.process_time()
    assert not test({"00400400": {"vr": "LT", "Value": ["A" * 250]}})
    assert time.process_time() - began < 0.5


def test_keys_deep_within_sequences_cost_no_more_than_their_number_and_have_an_end() -> None:
    keys, deeper = item(PatientID="P-17"), item(PatientID="P-17")
    for _ in range(DEEPEST):
        keys = item(ReferencedRequestSequence=[keys])
    for _ in range(2000):
        deeper = item(ReferencedRequestSequence=[deeper])
    began = time.perf_counter()
    assert not matcher(keys)(identified(UID, json.loads(columns()["attributes"])))
    assert time.perf_counter() - began < 0.1  # each level used to double it
    with pytest.raises(MalformedQuery):
        matcher(deeper)
