"""Storage commitment by Orthanc, which looks into its own storage and reports on an association that it opens."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import skip_where_missing
from tests.integration.test_deliveries import delivering, only_study
from tests.support.peers.orthanc import Orthanc, orthanc
from tests.support.peers.programs import wait_until


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
