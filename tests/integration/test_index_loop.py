"""A ledger of before the catalogue is entered in the background, whatever state its files are in."""

from __future__ import annotations

import os
import time
from pathlib import Path

from sqlalchemy import delete

from daemon.index import PASS_S, PAUSE_S, Index
from daemon.ingest import Ingest, Received
from daemon.store import migrate
from daemon.store.archive import Archive
from daemon.store.database import Database
from daemon.store.ledger import Ledger
from daemon.store.schema_catalogue import CatalogueInstanceRow, CatalogueSeriesRow, CatalogueStudyRow
from tests.support.builders import make_cxr, write
from tests.support.catalogue import found


def received(ingest: Ingest, folder: Path, count: int) -> list[str]:
    """So many films of as many studies; their SOP Instance UIDs."""
    taken = []
    for number in range(count):
        film = make_cxr(rows=16, columns=16, study_uid=f"1.2.{number}", sop_uid=f"1.2.{number}.1.1")
        path = write(film, folder / "incoming.dcm")
        ingest.take(Received(path, film.SOPClassUID, film.SOPInstanceUID, film.file_meta.TransferSyntaxUID, "CR1"))
        taken.append(str(film.SOPInstanceUID))
    return taken


def test_what_was_received_before_the_catalogue_is_entered_and_damaged_files_are_passed_over(tmp_path):
    database = Database(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    migrate.upgrade(database.engine)
    ledger, archive = Ledger(database), Archive(str(tmp_path / "archive"))
    uids = received(Ingest(archive, ledger, tmp_path / "in", 0, time.time), tmp_path / "in", 25)
    before = {uid: ledger.catalogue.instances(uid.removesuffix(".1.1")) for uid in uids}
    paths = [archive.path(instances[0].key) for instances in before.values()]
    with database.write() as session:
        for table in (CatalogueInstanceRow, CatalogueSeriesRow, CatalogueStudyRow):
            session.execute(delete(table))
    Path(paths[3]).unlink()
    Path(paths[4]).write_bytes(b"no DICOM file")
    Path(paths[5]).write_bytes(Path(paths[5]).read_bytes()[:400])
    assert ledger.catalogue.missing_count() == 25 and found(ledger) == []

    index = Index(ledger.catalogue, archive)
    assert [index.turn() for _ in range(3)] == [PAUSE_S, PAUSE_S, PASS_S]

    assert ledger.catalogue.missing_count() == 3
    lost = {uids[3], uids[4], uids[5]}
    assert set(found(ledger, "IMAGE")) == set(uids) - lost
    for uid in set(uids) - lost:  # as if it had been entered on arrival
        assert ledger.catalogue.instances(uid.removesuffix(".1.1")) == before[uid]
    os.link(paths[6], paths[3])  # a file is back
    assert [index.turn() for _ in range(2)] == [PAUSE_S, PASS_S] and ledger.catalogue.missing_count() == 2
    database.close()
