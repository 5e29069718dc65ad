"""Matching of work items, PS3.4 C.2.2.2: what the database may leave out never leaves out a match."""

from __future__ import annotations

import json

import pytest

from daemon.core.errors import MalformedQuery
from daemon.core.ups_changes import created
from daemon.core.ups_json import quoted, to_text
from daemon.core.ups_matching import identified, matcher, narrowed
from tests.support.work_items import code, item, new_work_item

UID = "1.2.3.4.5"


def instance():
    room = [code("ROOM1", "Reading room", "99TEST"), code("ROOM2", "Other room", "99TEST")]
    ds = new_work_item(
        PatientName="Müller^Jürgen",
        PatientID="P-17",
        ExpectedCompletionDateTime="20260501130000+0100",
        ScheduledStationNameCodeSequence=room,
        PatientBirthDate="19700102",
    )
    return to_text(created(UID, ds, 1_800_000_000.0).item.attributes)


MATCHES = [
    item(PatientID="P-17"),
    item(PatientID=""),
    item(PatientID="*"),
    item(PatientID="P-1?"),
    item(PatientID="?-*7"),
    item(PatientName="muller^jurgen"),
    item(PatientName="MÜLLER*"),
    item(SOPInstanceUID=[UID, "1.2.9"]),
    item(ProcedureStepState="SCHEDULED", ScheduledProcedureStepPriority="MEDIUM"),
    item(ExpectedCompletionDateTime="20260501120000"),
    item(ExpectedCompletionDateTime="20260501"),
    item(ExpectedCompletionDateTime="-20260501"),
    item(ExpectedCompletionDateTime="20260501120000+0000-20260501120000+0000"),
    item(ExpectedCompletionDateTime="202605010700-0500-"),
    item(PatientBirthDate="19700101-19700103"),
    item(ScheduledStationNameCodeSequence=[item(CodeValue="ROOM2", CodingSchemeDesignator="99TEST")]),
    item(ScheduledStationNameCodeSequence=[item(CodeValue="")]),
    item(ScheduledStationNameCodeSequence=[]),
]
OTHERS = [
    item(PatientID="p-17"),
    item(PatientID="P-1"),
    item(PatientName="Muller"),
    item(SOPInstanceUID="1.2.9"),
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
    text = instance()
    assert matcher(keys)(identified(UID, json.loads(text)))
    narrow = narrowed(keys)
    columns = {"ups_uid": UID, "study_uid": "1.2.3.4", "state": "SCHEDULED", "priority": "MEDIUM"}
    assert all(columns[column] in values for column, values in narrow.columns.items())
    assert all(quoted(part) in text for part in narrow.texts)
    since, until = narrow.due
    due_at = 1_777_636_800.0  # 2026-05-01 12:00 UTC
    assert (since is None or since <= due_at) and (until is None or due_at < until)


@pytest.mark.parametrize("keys", OTHERS)
def test_what_does_not_match_is_not_found(keys) -> None:
    assert not matcher(keys)(identified(UID, json.loads(instance())))


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
