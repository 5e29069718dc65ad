"""Withdrawing results of which some are HL7 messages: each destination is told in its own language."""

from __future__ import annotations

from dataclasses import replace

from daemon.core.hl7 import ORU, WITHDRAWAL
from daemon.core.records import Wanted
from daemon.store.schema import OutputRow
from daemon.store.settling import insert_delivery
from tests.support.ledgers import ATTEMPTS, LEASE_S, PACS, job_ids, output, reported

RIS = Wanted("ris", (ORU,), "air", True)
TRIAGE = Wanted("triage", (ORU,), "air", False)
ALL = (PACS, RIS, TRIAGE)


def message(uid, kind=ORU, *, marking=True):
    return replace(output(uid, kind, ""), sop_class_uid="", series_uid="", marking=marking, entry=None)


def test_a_pacs_gets_the_note_and_a_receiver_the_message_of_its_own_kind(ledger):
    results = output("2.25.1"), message("2.25.3"), message("2.25.4", marking=False)
    reported(ledger, *results)
    with ledger.database.write() as session:
        for want, made in ((RIS, "2.25.3"), (TRIAGE, "2.25.4")):
            insert_delivery(session, session.get_one(OutputRow, made), want.destination, False, 105.0)
    assert ledger.rejections.reject("1.2", "quality", "", 200.0) == ""
    (job_id,) = job_ids(ledger, 201.0, "reject")
    job = ledger.jobs.claim(job_id, "w", 201.0, LEASE_S, ATTEMPTS)
    inputs = ledger.rejections.inputs(job)
    notes = [output("2.25.90", "rejection", ""), message("2.25.93", WITHDRAWAL)]
    notes.append(message("2.25.94", WITHDRAWAL, marking=False))

    assert [reference.sop_uid for reference in inputs.withdrawn] == ["2.25.1"]
    assert {(each.uid, each.marking) for each in inputs.messages} == {("2.25.3", True), ("2.25.4", False)}
    assert "k/2.25.3" not in inputs.header_keys
    assert ledger.rejections.finish(job, "w", notes, ALL, 202.0)
    due = {
        want.destination: [item.sop_uid for item in ledger.deliveries.due(want.destination, 203.0, 60.0, 9)]
        for want in ALL
    }
    assert due == {"pacs": ["2.25.90"], "ris": ["2.25.93"], "triage": ["2.25.94"]}
