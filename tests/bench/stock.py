"""A stock of reported studies: real films taken in, answers made up, real result objects, in a real ledger and archive.

Everything but the pixels' analysis is done by the code that does it in a hospital: `Ingest`, the settle loop's
transactions, and the worker's report job. A stock is made once into a folder and is used again by a run that asks for
the same: the run copies the ledger and reads the archive where it lies.
"""

from __future__ import annotations

import json
import multiprocessing
import shutil
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from pydicom import Dataset
from sqlalchemy import create_engine, insert, select

from daemon.core.log import configure
from daemon.core.states import JobState
from daemon.ingest import Ingest, Received
from daemon.sections import Destination
from daemon.settings import Settings
from daemon.store import migrate
from daemon.store.archive import Archive
from daemon.store.database import Database
from daemon.store.ledger import Ledger
from daemon.store.tables import Base
from model.detector import Detector
from model.findings import Findings, Lesion
from tests.support.builders import make_cxr, write
from tests.support.reports import IDENTITY
from worker.answers import Answer
from worker.context import Context
from worker.report import report

MANIFEST = "stock.json"
LEDGER = "thoraxd.sqlite"
LEASE_S = 3600.0
_UIDS = ("study_uid", "series_uid", "sop_uid")


MANY = 200  # from here on, several processes are worth their start


def prepare(folder: Path, studies: int, destinations: Sequence[dict[str, Any]]) -> None:
    """`studies` REPORTED studies in `folder`, with what these destinations want, made if they are not there yet."""
    wanted = {"studies": studies, "wants": [_wants(Destination(**destination)) for destination in destinations]}
    manifest = folder / MANIFEST
    if manifest.exists() and json.loads(manifest.read_text()) == wanted:
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    settings = Settings(home=folder, destination=tuple(Destination(**destination) for destination in destinations))
    jobs = _answered(settings, folder, studies)
    if studies < MANY:
        _report(settings, jobs)
    else:
        with multiprocessing.get_context("spawn").Pool(2, configure, ("error", "text")) as pool:
            pool.starmap(_report, [(settings, jobs[start::2]) for start in range(2)])
    manifest.write_text(json.dumps(wanted))


def _wants(destination: Destination) -> list[Any]:
    return [list(destination.outputs), destination.profile, destination.marking]


def _answered(settings: Settings, folder: Path, studies: int) -> list[int]:
    """Take in one film a study and answer it; the ids of the report jobs."""
    ledger, archive = Ledger(Database(settings.database_url)), Archive(settings.archive_url)
    migrate.upgrade(ledger.database.engine)
    ingest = Ingest(archive, ledger, settings.incoming, 0, time.time)
    for number in range(studies):
        ds = film(number)
        path = write(ds, settings.incoming / f"{number}.dcm")
        uids = str(ds.SOPClassUID), str(ds.SOPInstanceUID), str(ds.file_meta.TransferSyntaxUID)
        ingest.take(Received(path, *uids, "BENCH"))
    ledger.settling.complete(ledger.settling.receiving(), time.time())
    for job_id, _ in ledger.jobs.take_unsent(time.time(), 0.0, studies, ("analyse",)):
        job = ledger.jobs.claim(job_id, "bench", time.time(), LEASE_S, 5)
        assert job is not None
        found = answer(job_id)
        probability = found.findings.probability
        ledger.jobs.finish_analysis(
            job, "bench", JobState.DONE, time.time(), answer=found.to_json(), probability=probability, positive=True
        )
    while ledger.settling.close_answered(time.time()):
        pass
    found_jobs = [job_id for job_id, _ in ledger.jobs.take_unsent(time.time(), 0.0, studies, ("report",))]
    ledger.close()
    return found_jobs


def film(number: int) -> Dataset:
    """One film of a study and a patient of its own, the same for the same number; small: nobody looks at it."""
    uids = {what: f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, f'{what} {number}').int}" for what in _UIDS}
    return make_cxr(rows=16, columns=16, patient_name=f"ZZPATIENT{number:05d}", patient_id=f"ZZID{number:05d}", **uids)


def answer(number: int) -> Answer:
    """One to three lesions, another place each time."""
    boxes = [(1.0 + number % 7, 2.0 + 3 * k, 4.0 + number % 7, 4.5 + 3 * k) for k in range(1 + number % 3)]
    lesions = tuple(Lesion(box, 0.9 - 0.1 * k, "Nodule", shown=True) for k, box in enumerate(boxes))
    return Answer(Findings(16, 16, 0.9, 0.3, lesions), IDENTITY, modality_range=(0.0, 4095.0))


def _report(settings: Settings, jobs: Sequence[int]) -> None:
    """Do these report jobs as a worker would; it needs no detector for images that are answered."""
    ledger, archive = Ledger(Database(settings.database_url)), Archive(settings.archive_url)
    context = Context(settings, ledger, archive, cast(Detector, None), None, f"bench-{min(jobs, default=0)}")
    for job_id in jobs:
        report(job_id, context)
    ledger.close()


def copy_ledger(stock: Path, url: str) -> None:
    """The stock's ledger into the empty database at `url`, table by table."""
    source, target = create_engine(f"sqlite:///{stock / LEDGER}"), Database(url)
    migrate.upgrade(target.engine)
    with source.connect() as old, target.engine.begin() as new:
        for table in Base.metadata.sorted_tables:
            rows = [dict(row._mapping) for row in old.execute(select(table))]
            for start in range(0, len(rows), 500):
                new.execute(insert(table), rows[start : start + 500])
    source.dispose()
    target.close()
