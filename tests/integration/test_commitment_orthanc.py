"""Storage commitment with Orthanc in both roles: it looks into its storage, and reports on associations of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import skip_where_missing
from tests.integration.conftest import NOBODY
from tests.integration.test_deliveries import delivering, only_study
from tests.support.builders import make_cxr
from tests.support.peers.orthanc import Orthanc, orthanc
from tests.support.peers.programs import wait_until
from tests.support.peers.sender import send
from tests.support.system import Thoraxd


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Orthanc]:
    with skip_where_missing(orthanc(tmp_path / "orthanc")) as peer:
        yield peer


def test_orthanc_commits_to_what_it_has_and_gets_again_what_it_lost(
    reported: Path, tmp_path: Path, archive: Orthanc
) -> None:
    there = archive.destination(commitment=True)
    with delivering(reported, tmp_path / "own", [there]) as system:
        archive.know(system.settings.scp.ae_title, system.port)
        wait_until(lambda: archive.count() == 2, 20, "both objects")
        lost, kept = archive.instances()
        archive.change("DELETE", f"/instances/{lost.orthanc_id}")
        study_uid = only_study(system)
        assert system.report(study_uid)["state"] in ("DELIVERING", "DELIVERED")
        wait_until(lambda: system.report(study_uid)["state"] == "COMMITTED", 40, "COMMITTED")
        attempts = {o["sop_uid"]: o["attempts"] for o in system.ledger.views.object_deliveries(study_uid)}
        (first, *_) = system.events("commitment.result")
    assert (first["committed"], first["sent_again"]) == (1, 1)
    assert attempts == {lost.sop_uid: 2, kept.sop_uid: 1}
    assert archive.count() == 2


def test_orthanc_is_told_what_we_keep_of_what_it_asks_about(tmp_path: Path, archive: Orthanc) -> None:
    film = make_cxr(rows=64, columns=48)
    modality = {"ae_title": archive.ae_title, "host": "127.0.0.1", "port": archive.dicom_port}
    with Thoraxd(tmp_path / "own", workers=0, modalities=[modality], settings={"broker": {"url": NOBODY}}) as system:
        archive.know(system.settings.scp.ae_title, system.port)
        assert send(system.port, [film]) == [0x0000]
        said = [
            archive.ask_for_commitment(system.settings.scp.ae_title, {str(film.SOPClassUID): uid})
            for uid in (str(film.SOPInstanceUID), "1.2.3")
        ]
        wait_until(lambda: all(archive.commitment(one)["Status"] != "Pending" for one in said), 20, "both results")
    assert [archive.commitment(one)["Status"] for one in said] == ["Success", "Failure"]
    (failure,) = archive.commitment(said[1])["Failures"]
    assert (failure["SOPInstanceUID"], failure["FailureReason"]) == ("1.2.3", 0x0112)
