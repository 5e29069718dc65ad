"""`thoraxd reject`: the note arrives where the results did, and nothing more of them is sent."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from pydicom import dcmread

from tests.support.builders import make_cxr
from tests.support.peers.programs import free_port, wait_until
from tests.support.peers.receiver import Receiver, receiving
from tests.support.peers.sender import send
from tests.support.system import Thoraxd

KOS = "1.2.840.10008.5.1.4.1.1.88.59"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Thoraxd, Receiver]]:
    """`thoraxd up` with a PACS that takes everything and one that is down."""
    with receiving(Receiver()) as pacs, pytest.MonkeyPatch.context() as host:
        host.setenv("TZ", "JST-9")
        nobody = {"name": "nobody", "ae_title": "NOBODY", "host": "127.0.0.1", "port": free_port()}
        with Thoraxd(tmp_path_factory.mktemp("reject"), destinations=[pacs.destination("pacs"), nobody]) as system:
            yield system, pacs


def test_a_rejected_study_is_withdrawn_everywhere_and_its_next_results_are_other_objects(
    pair: tuple[Thoraxd, Receiver],
) -> None:
    system, pacs = pair
    film = make_cxr()
    assert send(system.port, [film]) == [0x0000]
    study = film.StudyInstanceUID
    wait_until(lambda: len(pacs.accepted()) == 2, 60, "SR and GSPS at the PACS")
    results = {arrival.sop_uid for arrival in pacs.accepted()}

    done = system.cli("reject", study, "--reason", "safety", "--comment", "wrong patient position")

    assert done.returncode == 0, done.stderr
    wait_until(lambda: len(pacs.accepted()) == 3, 30, "the rejection note")
    report = system.report(study)
    assert (report["state"], report["reason"]) == ("REJECTED", "results withdrawn (safety)")
    (note,) = report["outputs"]["rejection"]
    assert note["sop_class_uid"] == KOS and pacs.accepted()[-1].sop_uid == note["sop_uid"]
    ds = dcmread(note["path"])
    assert ds.ConceptNameCodeSequence[0].CodeValue == "113037"
    series = ds.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence
    assert {item.ReferencedSOPInstanceUID for one in series for item in one.ReferencedSOPSequence} == results
    japan = datetime.now(timezone(timedelta(hours=9)))  # the film states no offset: its times, and ours, are local
    made = datetime.strptime(ds.InstanceCreationDate + ds.InstanceCreationTime, "%Y%m%d%H%M%S.%f").replace(
        tzinfo=japan.tzinfo
    )
    assert timedelta(0) <= japan - made < timedelta(minutes=5)
    assert ds.PatientID == film.PatientID and ds.StudyInstanceUID == study
    states = {(d["destination"], d["sop_uid"]): d["state"] for d in system.ledger.views.object_deliveries(study)}
    assert {states["nobody", uid] for uid in results} == {"WITHDRAWN"}
    assert states["nobody", note["sop_uid"]] == "PENDING"

    assert system.cli("reject", study).returncode == 1  # nothing is left to withdraw
    assert system.cli("replay", study, "--analysis").returncode == 0
    wait_until(lambda: len(pacs.accepted()) == 5, 60, "the new SR and GSPS")
    assert not results & {arrival.sop_uid for arrival in pacs.accepted()[3:]}


def test_a_study_without_results_cannot_be_rejected(pair: tuple[Thoraxd, Receiver]) -> None:
    system, _ = pair
    assert "no such study" in system.cli("reject", "1.2.3.4").stderr
    bad = system.cli("reject", "1.2.3.4", "--reason", "because")
    assert bad.returncode == 2 and "quality" in bad.stderr


def test_a_film_that_was_rejected_can_come_again(pair: tuple[Thoraxd, Receiver], tmp_path: Path) -> None:
    """A later image of the study is answered, whatever a person decided of the results before."""
    system, pacs = pair
    first = make_cxr()
    send(system.port, [first])
    study = first.StudyInstanceUID
    before = len(pacs.accepted())
    wait_until(lambda: len(pacs.accepted()) == before + 2, 60, "the first results")
    assert system.cli("reject", study).returncode == 0
    wait_until(lambda: len(pacs.accepted()) == before + 3, 30, "the note")
    second = make_cxr(study_uid=study, patient_id=str(first.PatientID), patient_name=str(first.PatientName))
    send(system.port, [second])
    wait_until(lambda: len(pacs.accepted()) == before + 6, 60, "an SR and two GSPS")
    newest = system.report(study)["outputs"]["sr"][-1]
    assert "PredecessorDocumentsSequence" not in dcmread(newest["path"])
