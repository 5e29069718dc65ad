"""What the check before sending finds faulty is never sent, says why, and holds up nothing else."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread
from sqlalchemy import select

from daemon.store.archive import Archive
from daemon.store.database import Database
from daemon.store.schema import OutputRow
from tests.integration.conftest import NOBODY
from tests.support.peers.receiver import Receiver, receiving
from tests.support.system import Thoraxd


def verified(ds: Dataset) -> None:
    ds.VerificationFlag = "VERIFIED"


def other_patient(ds: Dataset) -> None:
    ds.PatientID = "SOMEBODY-ELSE"


def spoil_sr(home: Path, fault: Callable[[Dataset], None]) -> str:
    """Replace the archived SR by one with a fault, as a defect of an encoder would have written it; its UID."""
    database, archive = Database(f"sqlite:///{home / 'thoraxd.sqlite'}"), Archive(str(home / "archive"))
    with database.write() as session:
        row = session.scalars(select(OutputRow).where(OutputRow.kind == "sr")).one()
        ds = dcmread(archive.read(row.key))
        fault(ds)
        content = BytesIO()
        ds.save_as(content, enforce_file_format=True)
        row.key, row.digest = f"{row.key}.spoilt.dcm", hashlib.sha256(content.getvalue()).hexdigest()
        archive.write(row.key, content.getvalue())
        uid = row.sop_uid
    database.close()
    return uid


@pytest.mark.parametrize("fault", [verified, other_patient])
def test_a_faulty_object_is_quarantined_with_the_reason_and_the_others_are_sent(
    reported: Path, tmp_path: Path, fault: Callable[[Dataset], None]
) -> None:
    shutil.copytree(reported, tmp_path / "own" / "data", ignore=shutil.ignore_patterns("run", "daemon.lock"))
    uid = spoil_sr(tmp_path / "own" / "data", fault)
    with receiving(Receiver()) as pacs:
        system = Thoraxd(
            tmp_path / "own", workers=0, destinations=[pacs.destination()], settings={"broker": {"url": NOBODY}}
        )
        with system:
            (study,) = system.ledger.views.study_uids()
            report = system.wait_settled([study])[study]
            (letter,) = system.ledger.views.dead_letters(None)
            listed = system.cli("dead-letters", "--json")
            again = system.cli("replay", "--failed")
            checked_again = system.wait_settled([study])[study]
    assert report["state"] == checked_again["state"] == "FAILED"
    assert "check before sending" in report["reason"]
    assert (letter["sop_uid"], letter["state"]) == (uid, "QUARANTINED")
    assert uid in listed.stdout and "SOMEBODY" not in listed.stdout
    assert "1 objects will be sent again" in again.stdout
    assert [arrival.sop_class_uid for arrival in pacs.arrivals] == ["1.2.840.10008.5.1.4.1.1.11.1"]


def test_a_received_image_that_was_damaged_since_holds_up_no_result(reported: Path, tmp_path: Path) -> None:
    shutil.copytree(reported, tmp_path / "own" / "data", ignore=shutil.ignore_patterns("run", "daemon.lock"))
    with receiving(Receiver()) as pacs:
        system = Thoraxd(
            tmp_path / "own", workers=0, destinations=[pacs.destination()], settings={"broker": {"url": NOBODY}}
        )
        (study,) = system.ledger.views.study_uids()
        (image,) = system.ledger.deliveries.image_keys(study)
        os.truncate(system.home / "archive" / image, 140)
        with system:
            report = system.wait_settled([study])[study]
    assert report["state"] == "DELIVERED", report["reason"]
    assert len(pacs.accepted()) == 2
