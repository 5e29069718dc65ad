"""`thoraxd pull` from Orthanc, dcmqrscp and another thoraxd: what is there comes, once, and a kill loses nothing."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import JPEG2000Lossless, generate_uid
from pynetdicom import AE

from daemon.core.errors import DeliveryError, DestinationRefused
from daemon.core.pulls import FoundInstance, Why
from daemon.dimse.contexts import STORAGE_SCP, STUDY_ROOT_FIND
from daemon.dimse.query_scu import DimseSource
from daemon.dimse.reception import Reception
from daemon.ingest import Ingest
from daemon.presence import Presence
from daemon.pull import remote_of
from daemon.sections import Source
from daemon.settings import Settings
from daemon.store.opening import open_store
from daemon.store.pulls import Wish
from tests.conftest import need, skip_where_missing
from tests.support.builders import compress, make_cxr
from tests.support.peers import dcmtk, sender
from tests.support.peers.orthanc import Orthanc, orthanc
from tests.support.peers.programs import find, free_port, listens, running, wait_until
from tests.support.system import ROOT, Thoraxd

NOBODY = {"broker": {"url": "redis://127.0.0.1:1/0"}}
SMALL: dict[str, Any] = {"rows": 64, "columns": 48}
TODAY = time.strftime("%Y%m%d")


def film(**more: Any) -> Dataset:
    return make_cxr(**(SMALL | more))


def lines(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def held(system: Thoraxd, films: Sequence[Dataset]) -> set[str]:
    """SOP Instance UIDs of these films' studies that the system has on record."""
    reports = system.reports({ds.StudyInstanceUID for ds in films}).values()
    return {item["sop_uid"] for report in reports for item in report["instances"]}


def pulled(system: Thoraxd, source: str, ds: Dataset) -> tuple[str, int | None, int | None]:
    """(state, expected, fetched) of its study, once that has ended; queued as the command does."""
    uids = [ds.StudyInstanceUID]
    system.ledger.pulls.queue(source, [Wish(uids[0], Why.ASKED)], time.time())
    wait_until(lambda: system.ledger.pulls.progress(source, uids)[0].state != "WAITING", 30, "an end")
    (line,) = system.ledger.pulls.progress(source, uids)
    return line.state, line.expected, line.fetched


def kept_in(system: Thoraxd, ds: Dataset) -> str:
    """The transfer syntax in which it is archived."""
    (kept,) = (system.home / "archive" / ds.StudyInstanceUID).glob(f"{ds.SOPInstanceUID}.*")
    return str(dcmread(kept, stop_before_pixels=True).file_meta.TransferSyntaxUID)


@dataclass(frozen=True)
class Hospital:
    """Archives with films, and `here`, which knows each of them as a source.

    pacs: two films of one study of P-1, one of them in JPEG 2000; two earlier studies of P-1; one study of P-2.
    other: three studies in JPEG 2000, for each way one.
    """

    here: Thoraxd
    orthanc: Orthanc
    pacs: list[Dataset]
    other: list[Dataset]


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hospital]:
    port, dcmqr_port = free_port(), free_port()
    study = generate_uid()
    pacs = [
        film(study_uid=study, patient_id="P-1", AccessionNumber="ACC-1"),
        compress(film(study_uid=study, patient_id="P-1", AccessionNumber="ACC-1"), JPEG2000Lossless),
        film(patient_id="P-1", StudyDate="20250101", AccessionNumber="ACC-0"),
        film(patient_id="P-1", StudyDate="20240101", AccessionNumber="ACC-00"),
        film(patient_id="P-2", StudyDate="20260103", AccessionNumber="ACC-2"),
    ]
    theirs = [compress(film(), JPEG2000Lossless) for _ in range(3)]
    us = [{"ae_title": "THORAXD", "host": "127.0.0.1", "port": port}]
    with (
        skip_where_missing(orthanc(tmp_path_factory.mktemp("source"), dicomweb=True)) as peer,
        Thoraxd(tmp_path_factory.mktemp("other"), workers=0, modalities=us, settings=NOBODY) as other,
    ):
        assert sender.send(peer.dicom_port, pacs) == [0x0000] * 5
        assert sender.send(other.port, theirs) == [0x0000] * 3
        there = {"ae_title": "ORTHANC", "host": "127.0.0.1", "port": peer.dicom_port}
        again = {"ae_title": "THORAXD", "host": "127.0.0.1", "port": other.port}
        often = {"every_s": 2, "look_back_h": 1, "priors": 1, "descriptions": ["*chest*"]}
        sources: list[dict[str, Any]] = [
            {"name": "get", **there},
            {"name": "move", **there, "retrieve": "move"},
            {"name": "web", "kind": "dicomweb", "url": f"{peer.url}/dicom-web"},
            {"name": "schedule", **there, **often},
            {"name": "other-get", **again},
            {"name": "other-move", **again, "retrieve": "move"},
            {"name": "other-web", "kind": "dicomweb", "url": f"http://127.0.0.1:{other.web_port}/dicom-web"},
            {"name": "dcmqr", "ae_title": "DCMQR", "host": "127.0.0.1", "port": dcmqr_port},
            {"name": "down", "ae_title": "NOBODY", "host": "127.0.0.1", "port": free_port()},
        ]
        settings = NOBODY | {"scp": {"port": port}}
        here = Thoraxd(tmp_path_factory.mktemp("here"), workers=0, sources=sources, settings=settings)
        here.port = port
        peer.know("THORAXD", port)
        with here:
            yield Hospital(here, peer, pacs, theirs)


def test_a_study_comes_by_c_get_as_it_is_stored_there(hospital: Hospital) -> None:
    system, films = hospital.here, hospital.pacs
    done = system.cli("pull", "get", films[0].StudyInstanceUID, "--json")
    (line,) = lines(done)
    assert (done.returncode, line["state"], line["expected"], line["fetched"]) == (0, "DONE", 2, 2), done.stderr
    assert held(system, films[:1]) == {ds.SOPInstanceUID for ds in films[:2]}
    assert kept_in(system, films[1]) == JPEG2000Lossless


def test_what_is_here_is_not_fetched_again(hospital: Hospital) -> None:
    system, films = hospital.here, hospital.pacs
    if not held(system, films[:1]):
        system.cli("pull", "get", films[0].StudyInstanceUID)
    before = len(system.events("instance.stored")) + len(system.events("instance.duplicate"))
    done = system.cli("pull", "web", films[0].StudyInstanceUID)
    assert done.returncode == 0
    assert "1 study: 1 here before, 0 fetched, 0 failed" in done.stdout
    assert len(system.events("instance.stored")) + len(system.events("instance.duplicate")) == before


def test_a_day_comes_by_wado_and_an_accession_number_by_c_move(hospital: Hospital) -> None:
    system, films = hospital.here, hospital.pacs
    done = system.cli("pull", "web", "--day", "20260103", "--json")
    assert [line["study_uid"] for line in lines(done)] == [films[4].StudyInstanceUID], done.stderr
    assert done.returncode == 0
    done = system.cli("pull", "move", "--accession", "ACC-0", "--json")
    assert [(line["study_uid"], line["state"]) for line in lines(done)] == [(films[2].StudyInstanceUID, "DONE")]
    assert held(system, [films[2], films[4]]) == {films[2].SOPInstanceUID, films[4].SOPInstanceUID}


def test_priors_come_are_marked_and_are_set_aside(hospital: Hospital) -> None:
    system, films = hospital.here, hospital.pacs
    done = system.cli("pull", "get", "--priors-of", films[0].StudyInstanceUID, "--json")
    assert done.returncode == 0, done.stderr
    oldest = films[3].StudyInstanceUID
    assert oldest in {line["study_uid"] for line in lines(done) if line["why"] == "prior"}
    assert system.ledger.pulls.is_prior(oldest) and not system.ledger.pulls.is_prior(films[0].StudyInstanceUID)
    wait_until(lambda: system.report(oldest)["state"] == "SET_ASIDE", 20, "set aside")
    assert system.report(oldest)["reason"] == "a prior, kept for comparison"


def test_what_is_not_there_fails_with_a_reason(hospital: Hospital) -> None:
    system = hospital.here
    done = system.cli("pull", "get", "1.2.3.4.5.6", "--json")
    (line,) = lines(done)
    assert (done.returncode, line["state"], line["reason"]) == (1, "FAILED", "the source has no such study")


def test_a_source_that_is_down_is_logged_once_and_waits(hospital: Hospital) -> None:
    system = hospital.here
    system.ledger.pulls.queue("down", [Wish("1.2.3.4.5.7", Why.ASKED)], time.time())
    wait_until(lambda: system.events("pull.source_down"), 20, "down")
    time.sleep(3)
    assert len(system.events("pull.source_down")) == 1
    (line,) = system.ledger.pulls.progress("down", ["1.2.3.4.5.7"])
    assert (line.state, line.attempts) == ("WAITING", 0)


def test_each_source_can_be_tried(hospital: Hospital) -> None:
    settings, works = hospital.here.settings, {}
    for source in settings.source:
        try:
            works[source.name] = bool(remote_of(source, settings).check())
        except DeliveryError:
            works[source.name] = False
    assert {name for name, answer in works.items() if not answer} == {"down", "dcmqr"}  # which nobody has started


def test_a_schedule_brings_what_is_new_with_its_priors(hospital: Hospital) -> None:
    system = hospital.here
    new, prior = film(patient_id="P-3", StudyDate=TODAY), film(patient_id="P-3", StudyDate="20200101")
    older = film(patient_id="P-3", StudyDate="20190101")
    hand = film(StudyDate=TODAY, StudyDescription="HAND")
    assert sender.send(hospital.orthanc.dicom_port, [prior, older, hand, new]) == [0x0000] * 4
    wanted = {new.SOPInstanceUID, prior.SOPInstanceUID}
    wait_until(lambda: held(system, [new, prior, older, hand]) >= wanted, 30, "both")
    assert held(system, [new, prior, older, hand]) == wanted
    assert system.ledger.pulls.is_prior(prior.StudyInstanceUID)
    assert not system.ledger.pulls.is_prior(new.StudyInstanceUID)
    placed = [ds.StudyInstanceUID for ds in (new, prior)]
    wait_until(lambda: not set(placed) & set(system.ledger.reading.awaiting(1000)), 20, "places decided")
    listed = {row.study_uid for row in system.ledger.reading.page(["SCHEDULED"], 100)}
    assert listed & set(placed) == {new.StudyInstanceUID}


@pytest.mark.parametrize("way", ["get", "move", "web"])
def test_one_thoraxd_pulls_from_another(way: str, hospital: Hospital) -> None:
    ds = hospital.other[("get", "move", "web").index(way)]
    assert pulled(hospital.here, f"other-{way}", ds) == ("DONE", 1, 1)
    assert held(hospital.here, [ds]) == {ds.SOPInstanceUID}
    assert kept_in(hospital.here, ds) == JPEG2000Lossless


def test_dcmqrscp_sends_a_study(hospital: Hospital, tmp_path: Path) -> None:
    need("dcmqrscp")
    system, store = hospital.here, tmp_path / "db"
    port = next(item.port for item in system.settings.source if item.name == "dcmqr")
    assert port is not None
    store.mkdir()
    config = tmp_path / "dcmqrscp.cfg"
    config.write_text(
        f"NetworkTCPPort = {port}\nMaxPDUSize = 16384\nMaxAssociations = 16\nHostTable BEGIN\nHostTable END\n"
        f"VendorTable BEGIN\nVendorTable END\nAETable BEGIN\nDCMQR {store} RW (200, 1024mb) ANY\nAETable END\n"
    )
    command: list[str | Path] = [find("dcmqrscp"), "-c", config]
    with running(command, tmp_path / "dcmqrscp.log", lambda: listens(port), environment=dcmtk.environment()):
        films = [film()]
        with_study = film(study_uid=films[0].StudyInstanceUID)
        for ds in (films[0], with_study):
            ds.save_as(tmp_path / f"{ds.SOPInstanceUID}.dcm", enforce_file_format=True)
            done = dcmtk.run("storescu", "-aec", "DCMQR", "127.0.0.1", str(port), tmp_path / f"{ds.SOPInstanceUID}.dcm")
            assert done.returncode == 0, done.stderr
        assert pulled(system, "dcmqr", films[0]) == ("DONE", 2, 2)
        assert held(system, films) == {films[0].SOPInstanceUID, with_study.SOPInstanceUID}


def test_a_kill_in_the_middle_of_twenty_studies_loses_none(hospital: Hospital) -> None:
    system = hospital.here
    films = [film(StudyDate="20230505") for _ in range(20)]
    assert sender.send(hospital.orthanc.dicom_port, films) == [0x0000] * 20
    before = len(system.events("pull.ended"))
    command = [sys.executable, "-m", "daemon", "pull", "get", "--day", "20230505"]
    with subprocess.Popen(command, env=system.environment, cwd=ROOT, stderr=subprocess.DEVNULL) as pull:
        wait_until(lambda: len(system.events("pull.ended")) >= before + 5, 30, "some")
        system.kill_daemon()
        assert pull.wait(30) == 3  # not ended, and nobody there to do it
    assert len(held(system, films)) < 20
    system.start_daemon()
    uids = [ds.StudyInstanceUID for ds in films]
    wait_until(lambda: {line.state for line in system.ledger.pulls.progress("get", uids)} == {"DONE"}, 30, "done")
    assert len(held(system, films)) == 20


def test_a_pacs_that_stores_and_does_not_retrieve_is_said_to_refuse(tmp_path: Path) -> None:
    ledger, archive = open_store(Settings(home=tmp_path))
    reception = Reception(Ingest(archive, ledger, tmp_path / "incoming", 0, time.time), Presence(time.time))
    ae = AE("PACS")
    for sop_class in (STUDY_ROOT_FIND, *STORAGE_SCP):
        ae.add_supported_context(sop_class.uid, scu_role=True, scp_role=True)
    server = ae.start_server(("127.0.0.1", 0), block=False)
    try:
        there = Source(name="pacs", ae_title="PACS", host="127.0.0.1", port=server.server_address[1])
        wanted = [FoundInstance("1.2.1", "1.2.1.1", "", "DX", "CHEST")]
        with pytest.raises(DestinationRefused, match="GET is not accepted"):
            DimseSource(there, "THORAXD", reception).fetch("1.2", wanted, frozenset())
    finally:
        server.shutdown()
        ledger.close()
