"""`thoraxd pull` from Orthanc, dcmqrscp and another thoraxd: what is there comes, once, and a kill loses nothing."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset
from pydicom.uid import JPEG2000Lossless, generate_uid

from tests.conftest import need, skip_where_missing
from tests.support.builders import compress, make_cxr
from tests.support.peers import dcmtk, sender
from tests.support.peers.orthanc import Orthanc, orthanc
from tests.support.peers.programs import find, free_port, listens, running, wait_until
from tests.support.system import ROOT, Thoraxd

NOBODY = {"broker": {"url": "redis://127.0.0.1:1/0"}}
SMALL: dict[str, Any] = {"rows": 64, "columns": 48}


def film(**more: Any) -> Dataset:
    return make_cxr(**(SMALL | more))


def lines(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def held(system: Thoraxd, films: Sequence[Dataset]) -> set[str]:
    """SOP Instance UIDs of these films' studies that the system has on record."""
    reports = system.reports({ds.StudyInstanceUID for ds in films}).values()
    return {item["sop_uid"] for report in reports for item in report["instances"]}


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Orthanc, list[Dataset]]]:
    """Orthanc with DICOMweb and four studies of two patients; one has two films, one of them compressed."""
    with skip_where_missing(orthanc(tmp_path_factory.mktemp("source"), dicomweb=True)) as peer:
        study = generate_uid()
        films = [
            film(study_uid=study, patient_id="P-1", AccessionNumber="ACC-1"),
            compress(film(study_uid=study, patient_id="P-1", AccessionNumber="ACC-1"), JPEG2000Lossless),
            film(patient_id="P-1", StudyDate="20250101", AccessionNumber="ACC-0"),
            film(patient_id="P-1", StudyDate="20240101", AccessionNumber="ACC-00"),
            film(patient_id="P-2", StudyDate="20260103", AccessionNumber="ACC-2"),
        ]
        assert sender.send(peer.dicom_port, films) == [0x0000] * 5
        yield peer, films


@pytest.fixture(scope="module")
def pulling(
    tmp_path_factory: pytest.TempPathFactory, archive: tuple[Orthanc, list[Dataset]]
) -> Iterator[tuple[Thoraxd, list[Dataset]]]:
    """`thoraxd serve` that knows Orthanc three ways; each has priors only where its test wants them."""
    peer, films = archive
    there = {"ae_title": "ORTHANC", "host": "127.0.0.1", "port": peer.dicom_port}
    sources: list[dict[str, Any]] = [
        {"name": "get", **there},
        {"name": "move", **there, "retrieve": "move"},
        {"name": "web", "kind": "dicomweb", "url": f"{peer.url}/dicom-web"},
        {"name": "down", "ae_title": "NOBODY", "host": "127.0.0.1", "port": free_port()},
    ]
    with Thoraxd(tmp_path_factory.mktemp("pull"), workers=0, sources=sources, settings=NOBODY) as system:
        peer.know("THORAXD", system.port)
        yield system, films


def test_a_study_comes_by_c_get_as_it_is_stored_there(pulling: tuple[Thoraxd, list[Dataset]]) -> None:
    system, films = pulling
    done = system.cli("pull", "get", films[0].StudyInstanceUID, "--json")
    (line,) = lines(done)
    assert (done.returncode, line["state"], line["expected"], line["fetched"]) == (0, "DONE", 2, 2), done.stderr
    assert held(system, films[:1]) == {ds.SOPInstanceUID for ds in films[:2]}
    (kept,) = (system.home / "archive" / films[1].StudyInstanceUID).glob(f"{films[1].SOPInstanceUID}.*")
    assert JPEG2000Lossless.encode() in kept.read_bytes()[:500]


def test_what_is_here_is_not_fetched_again(pulling: tuple[Thoraxd, list[Dataset]]) -> None:
    system, films = pulling
    system.cli("pull", "get", films[0].StudyInstanceUID)
    before = len(system.events("instance.stored")) + len(system.events("instance.duplicate"))
    done = system.cli("pull", "web", films[0].StudyInstanceUID)
    assert done.returncode == 0
    assert "1 studies found: 1 here before, 0 fetched, 0 failed" in done.stdout
    assert len(system.events("instance.stored")) + len(system.events("instance.duplicate")) == before


def test_a_day_comes_by_wado_and_an_accession_number_by_c_move(pulling: tuple[Thoraxd, list[Dataset]]) -> None:
    system, films = pulling
    done = system.cli("pull", "web", "--day", "20260103", "--json")
    assert [line["study_uid"] for line in lines(done)] == [films[4].StudyInstanceUID], done.stderr
    assert done.returncode == 0
    done = system.cli("pull", "move", "--accession", "ACC-0", "--json")
    assert [(line["study_uid"], line["state"]) for line in lines(done)] == [(films[2].StudyInstanceUID, "DONE")]
    assert held(system, [films[2], films[4]]) == {films[2].SOPInstanceUID, films[4].SOPInstanceUID}


def test_priors_come_are_marked_and_are_set_aside(pulling: tuple[Thoraxd, list[Dataset]]) -> None:
    system, films = pulling
    done = system.cli("pull", "get", "--priors-of", films[0].StudyInstanceUID, "--json")
    assert done.returncode == 0, done.stderr
    oldest = films[3].StudyInstanceUID
    assert oldest in {line["study_uid"] for line in lines(done) if line["why"] == "prior"}
    assert system.ledger.pulls.is_prior(oldest) and not system.ledger.pulls.is_prior(films[0].StudyInstanceUID)
    wait_until(lambda: system.report(oldest)["state"] == "SET_ASIDE", 20, "set aside")
    assert system.report(oldest)["reason"] == "a prior, kept for comparison"


def test_what_is_not_there_fails_with_a_reason(pulling: tuple[Thoraxd, list[Dataset]]) -> None:
    system, _ = pulling
    done = system.cli("pull", "get", "1.2.3.4.5.6", "--json")
    (line,) = lines(done)
    assert (done.returncode, line["state"], line["reason"]) == (1, "FAILED", "the source has no such study")
    assert system.cli("pull", "web", "--day", "19000101").returncode == 1


def test_a_source_that_is_down_is_logged_once_and_waits(pulling: tuple[Thoraxd, list[Dataset]]) -> None:
    system, _ = pulling
    assert system.cli("pull", "down", "1.2.3.4.5.7", "--no-wait").returncode == 0
    wait_until(lambda: system.events("pull.source_down"), 20, "down")
    time.sleep(3)
    assert len(system.events("pull.source_down")) == 1
    (line,) = system.ledger.pulls.progress("down", ["1.2.3.4.5.7"])
    assert (line.state, line.attempts) == ("WAITING", 0)


def test_check_tries_each_source(pulling: tuple[Thoraxd, list[Dataset]]) -> None:
    system, _ = pulling
    results = {line["name"]: line["ok"] for line in lines(system.cli("check", "--json"))}
    found = {name: ok for name, ok in results.items() if name.startswith("source ")}
    assert found == {"source get": True, "source move": True, "source web": True, "source down": False}


def test_a_schedule_brings_what_is_new_with_its_priors(tmp_path: Path, archive: tuple[Orthanc, list[Dataset]]) -> None:
    peer, films = archive
    today = time.strftime("%Y%m%d")
    there = {"ae_title": "ORTHANC", "host": "127.0.0.1", "port": peer.dicom_port}
    source = {"name": "pacs", **there, "every_s": 0.5, "look_back_h": 1, "priors": 1, "descriptions": ["*chest*"]}
    with Thoraxd(tmp_path, workers=0, sources=[source], settings=NOBODY) as system:
        new, other = film(patient_id="P-1", StudyDate=today), film(StudyDate=today, StudyDescription="HAND")
        assert sender.send(peer.dicom_port, [new, other]) == [0x0000] * 2
        wait_until(lambda: held(system, [new, films[0]]) >= {new.SOPInstanceUID, films[0].SOPInstanceUID}, 20, "both")
        assert system.ledger.pulls.is_prior(films[0].StudyInstanceUID)
        assert not held(system, [other, films[2]])


@pytest.mark.parametrize("kind", ["get", "move", "web"])
def test_one_thoraxd_pulls_from_another(kind: str, tmp_path: Path) -> None:
    here = free_port()
    there = {"modalities": [{"ae_title": "THORAXD", "host": "127.0.0.1", "port": here}], "settings": NOBODY}
    with Thoraxd(tmp_path / "there", workers=0, **there) as other:  # type: ignore[arg-type]
        films = [film(), compress(film(), JPEG2000Lossless)]
        assert sender.send(other.port, films) == [0x0000] * 2
        ways: dict[str, dict[str, Any]] = {
            "web": {"kind": "dicomweb", "url": f"http://127.0.0.1:{other.web_port}/dicom-web"},
            **{
                way: {"ae_title": "THORAXD", "host": "127.0.0.1", "port": other.port, "retrieve": way}
                for way in ("get", "move")
            },
        }
        settings = NOBODY | {"scp": {"port": here}}
        system = Thoraxd(tmp_path / "here", workers=0, sources=[{"name": "other", **ways[kind]}], settings=settings)
        system.port = here
        with system:
            done = system.cli("pull", "other", "--day", films[0].StudyDate, "--json")
            assert done.returncode == 0, done.stderr
            assert held(system, films) == {ds.SOPInstanceUID for ds in films}


def test_dcmqrscp_sends_a_study(tmp_path: Path) -> None:
    need("dcmqrscp")
    port, store = free_port(), tmp_path / "db"
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
        source = {"name": "dcmqr", "ae_title": "DCMQR", "host": "127.0.0.1", "port": port}
        with Thoraxd(tmp_path / "here", workers=0, sources=[source], settings=NOBODY) as system:
            done = system.cli("pull", "dcmqr", films[0].StudyInstanceUID, "--json")
            assert done.returncode == 0, done.stdout + done.stderr
            assert held(system, films) == {films[0].SOPInstanceUID, with_study.SOPInstanceUID}


def test_a_kill_in_the_middle_of_twenty_studies_loses_none(
    tmp_path: Path, archive: tuple[Orthanc, list[Dataset]]
) -> None:
    peer, _ = archive
    films = [film(StudyDate="20230505") for _ in range(20)]
    assert sender.send(peer.dicom_port, films) == [0x0000] * 20
    source = {"name": "pacs", "ae_title": "ORTHANC", "host": "127.0.0.1", "port": peer.dicom_port}
    with Thoraxd(tmp_path, workers=0, sources=[source], settings=NOBODY) as system:
        pull = subprocess.Popen(
            [sys.executable, "-m", "daemon", "pull", "pacs", "--day", "20230505", "--config", str(tmp_path / "thoraxd.toml")],
            env=system.environment, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        wait_until(lambda: len(system.events("pull.ended")) >= 5, 30, "some")
        system.kill_daemon()
        pull.wait(30)
        ended_before = len(system.events("pull.ended"))
        assert ended_before < 20
        system.start_daemon()
        wait_until(lambda: len(held(system, films)) == 20, 30, "all")
        uids = [ds.StudyInstanceUID for ds in films]
        wait_until(lambda: {line.state for line in system.ledger.pulls.progress("pacs", uids)} == {"DONE"}, 30, "done")
