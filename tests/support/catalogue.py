"""Headers of studies, recorded as the daemon records what it receives, without files."""

from __future__ import annotations

from typing import Any

from pydicom import Dataset

from daemon.core.catalogue import entry_of
from daemon.core.query import Query
from daemon.core.records import NewOutput, ReceivedInstance
from daemon.store.ledger import Ledger

DX, SR = "1.2.840.10008.5.1.4.1.1.1.1", "1.2.840.10008.5.1.4.1.1.88.33"
EXPLICIT = "1.2.840.10008.1.2.1"


def header(study_uid: str = "1.2.1", series: int = 1, instance: int = 1, **attributes: Any) -> Dataset:
    """One header; attributes: by keyword, None deletes."""
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = study_uid, f"{study_uid}.{series}"
    ds.SOPInstanceUID, ds.SOPClassUID = f"{study_uid}.{series}.{instance}", DX
    ds.PatientName, ds.PatientID, ds.AccessionNumber = "Doe^Jane", "P1", "A1"
    ds.StudyDate, ds.StudyTime, ds.Modality = "20260102", "101112", "DX"
    ds.SeriesNumber, ds.InstanceNumber = series, instance
    for keyword, value in attributes.items():
        if value is None:
            ds.pop(keyword, None)
        else:
            setattr(ds, keyword, value)
    return ds


def record(ledger: Ledger, *headers: Dataset) -> None:
    """Receive these."""
    for ds in headers:
        uids = [str(ds[name].value) for name in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")]
        received = ReceivedInstance(
            *uids, str(ds.SOPClassUID), EXPLICIT, f"{uids[2]}.dcm", "d" * 64, 1000, "CR1", "ELIGIBLE", "", entry_of(ds)
        )
        assert ledger.intake.record(received, 100.0)


def result(ds: Dataset, kind: str = "sr") -> NewOutput:
    """One of our results."""
    return NewOutput(
        str(ds.SOPInstanceUID), str(ds.SeriesInstanceUID), str(ds.SOPClassUID), kind, "", True, "",
        f"{ds.SOPInstanceUID}.dcm", "e" * 64, EXPLICIT, 500, entry_of(ds),
    )  # fmt: skip


def found(ledger: Ledger, level: str = "STUDY", *, key: str = "", **matches: str) -> list[Any]:
    """The unique keys (or the values of `key`) of what a search finds."""
    key = key or {"STUDY": "StudyInstanceUID", "SERIES": "SeriesInstanceUID", "IMAGE": "SOPInstanceUID"}[level]
    return [row[key] for row in ledger.catalogue.search(Query(level, matches, limit=1000))]
