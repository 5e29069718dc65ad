"""Orthanc as the PACS that receives results: DICOM in, REST to look at what it holds."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

from pydicom import Dataset, dcmread

from tests.support.peers.programs import find, free_port, running

_DICOMWEB = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")


@dataclass(frozen=True, slots=True)
class Held:
    """One object in Orthanc. references: SOP Instance UIDs that it gives as its evidence or its referenced images."""

    orthanc_id: str
    sop_class_uid: str
    sop_uid: str
    study_uid: str
    references: frozenset[str]


@dataclass
class Orthanc:
    """One running Orthanc."""

    dicom_port: int
    http_port: int
    ae_title: str = "ORTHANC"
    _seen: dict[str, Held] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Where its REST interface is."""
        return f"http://127.0.0.1:{self.http_port}"

    def destination(self, name: str = "pacs", **more: Any) -> dict[str, Any]:
        """A [[destination]] of thoraxd.toml that sends here."""
        here = {"name": name, "ae_title": self.ae_title, "host": "127.0.0.1", "port": self.dicom_port}
        return here | more

    def get(self, path: str) -> bytes:
        """A GET of the REST interface."""
        with urllib.request.urlopen(f"{self.url}{path}", timeout=30) as answer:
            return bytes(answer.read())

    def change(self, method: str, path: str, value: Any = None) -> bytes:
        """A PUT, POST or DELETE of the REST interface."""
        content = json.dumps(value).encode() if value is not None else None
        request = urllib.request.Request(f"{self.url}{path}", content, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return bytes(answer.read())

    def know(self, ae_title: str, port: int) -> None:
        """Where another AE listens: storage commitment is for known modalities alone."""
        there = {"AET": ae_title, "Host": "127.0.0.1", "Port": port}
        self.change("PUT", f"/modalities/{ae_title.lower()}", there)

    def ask_for_commitment(self, ae_title: str, references: Mapping[str, str]) -> str:
        """N-ACTION to a known AE about SOP Instance UIDs by class; the Transaction UID."""
        asked = {"DicomInstances": [[sop_class, uid] for sop_class, uid in references.items()]}
        return str(json.loads(self.change("POST", f"/modalities/{ae_title.lower()}/storage-commitment", asked))["ID"])

    def commitment(self, transaction_uid: str) -> dict[str, Any]:
        """What it has heard of that: Status (Pending, Success, Failure), Success, Failures."""
        return dict(json.loads(self.get(f"/storage-commitment/{transaction_uid}")))

    def count(self) -> int:
        """How many instances it holds."""
        return int(json.loads(self.get("/statistics"))["CountInstances"])

    def file(self, orthanc_id: str) -> bytes:
        """The Part 10 file of one instance, as Orthanc hands it out."""
        return self.get(f"/instances/{orthanc_id}/file")

    def dataset(self, orthanc_id: str) -> Dataset:
        """The data set of one instance."""
        return dcmread(BytesIO(self.file(orthanc_id)))

    def instances(self) -> list[Held]:
        """Everything it holds; an instance is read once and remembered, since Orthanc does not change it."""
        ids = json.loads(self.get("/instances"))
        for orthanc_id in ids:
            if orthanc_id not in self._seen:
                self._seen[orthanc_id] = held(orthanc_id, self.dataset(orthanc_id))
        return [self._seen[orthanc_id] for orthanc_id in ids]

    def of_study(self, study_uid: str) -> list[Held]:
        """What it holds of one study."""
        return [item for item in self.instances() if item.study_uid == study_uid]

    def changes(self, since: int) -> tuple[list[str], int]:
        """(Orthanc ids of instances that are new since `since`, the number to ask with next)."""
        answer = json.loads(self.get(f"/changes?since={since}&limit=1000"))
        new = [change["ID"] for change in answer["Changes"] if change["ChangeType"] == "NewInstance"]
        return new, int(answer["Last"])

    def answers(self) -> bool:
        """Whether it is up."""
        try:
            self.get("/system")
        except (urllib.error.URLError, OSError):
            return False
        return True


def held(orthanc_id: str, ds: Dataset) -> Held:
    """What matters of one object: SR by its evidence (PS3.3 C.17.2), GSPS by its referenced series (PS3.3 C.11.11)."""
    references: set[str] = set()
    for study in ds.get("CurrentRequestedProcedureEvidenceSequence", []):
        for series in study.ReferencedSeriesSequence:
            references |= {str(item.ReferencedSOPInstanceUID) for item in series.ReferencedSOPSequence}
    if "CurrentRequestedProcedureEvidenceSequence" not in ds:
        for series in ds.get("ReferencedSeriesSequence", []):
            images = series.get("ReferencedImageSequence") or series.get("ReferencedInstanceSequence", [])
            references |= {str(item.ReferencedSOPInstanceUID) for item in images}
    return Held(
        orthanc_id, str(ds.SOPClassUID), str(ds.SOPInstanceUID), str(ds.StudyInstanceUID), frozenset(references)
    )


@contextmanager
def orthanc(folder: Path, *, dicomweb: bool = False, port: int | None = None) -> Iterator[Orthanc]:
    """An empty Orthanc that stores whatever it is sent, with its files below `folder`. Raises ProgramMissing."""
    program = find("Orthanc")
    folder.mkdir(parents=True, exist_ok=True)
    peer = Orthanc(port or free_port(), free_port())
    settings: dict[str, Any] = {
        "Name": "peer",
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "DicomAet": peer.ae_title,
        "DicomPort": peer.dicom_port,
        "HttpPort": peer.http_port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomAlwaysAllowStore": True,
        "DicomAlwaysAllowEcho": True,
        "DicomCheckCalledAet": False,
        "StableAge": 1,
        "SaveJobs": False,
        "Plugins": [],
    }
    if dicomweb:
        settings["Plugins"] = [str(_DICOMWEB)]
        settings["DicomWeb"] = {"Enable": True, "Root": "/dicom-web/"}
    config = folder / "orthanc.json"
    config.write_text(json.dumps(settings))
    with running([program, config], folder / "orthanc.log", peer.answers):
        yield peer
