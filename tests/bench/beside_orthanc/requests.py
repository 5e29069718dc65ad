"""The forty requests, in order: store, search, retrieve."""

from __future__ import annotations

from dataclasses import replace

from pydicom.uid import JPEG2000Lossless, generate_uid

from tests.bench.beside_orthanc.films import Films
from tests.bench.beside_orthanc.wire import Ask, file_of, stow

JSON = {"Accept": "application/dicom+json"}
DICOM = 'multipart/related; type="application/dicom"'
OCTETS = 'multipart/related; type="application/octet-stream"'


def storing(films: Films) -> list[Ask]:
    """Five STOW-RS requests; afterwards both servers hold all films."""
    first = [file_of(ds) for ds in films.first]
    others = [file_of(films.second), file_of(films.third)]
    mixed = stow("/studies", [others[1], b"this is not a DICOM file"])
    return [
        replace(stow("/studies", first), what="store two instances"),
        replace(stow("/studies", first), what="store them again"),
        replace(stow(f"/studies/{generate_uid()}", [others[0]]), what="store into another study"),
        replace(mixed, what="store one instance and one part that is none"),
        replace(stow("/studies", [others[0]], media="application/x-unknown"), what="store an unknown media type"),
    ]


def afterwards(films: Films) -> Ask:
    """What the refused requests left out, so that both hold the same."""
    return stow("/studies", [file_of(films.second), file_of(films.third)])


def searching(films: Films) -> list[Ask]:
    """Twenty QIDO-RS requests."""
    study, series = films.first[0].StudyInstanceUID, films.first[0].SeriesInstanceUID
    queries = [
        ("all studies", "/studies"),
        ("name, wildcard", "/studies?PatientName=Doe*"),
        ("name in lower case", "/studies?PatientName=doe*"),
        ("name, fuzzy", "/studies?PatientName=Jane&fuzzymatching=true"),
        ("name in ideographs", "/studies?PatientName=%E5%B1%B1%E7%94%B0*"),
        ("Patient ID", "/studies?PatientID=P-1"),
        ("a range of dates", "/studies?StudyDate=20260101-20260331"),
        ("Modalities in Study", "/studies?ModalitiesInStudy=DX"),
        ("Accession Number by tag", "/studies?00080050=A2"),
        ("the second page", "/studies?limit=1&offset=1"),
        ("includefield=all", "/studies?includefield=all"),
        ("includefield by tag", "/studies?includefield=00081030"),
        ("a list of UIDs", f"/studies?StudyInstanceUID={study},{films.second.StudyInstanceUID}"),
        ("series of a study", f"/studies/{study}/series"),
        ("all CR series", "/series?Modality=CR"),
        ("instances of a series", f"/studies/{study}/series/{series}/instances"),
        ("instances by SOP Class", f"/instances?SOPClassUID={films.first[0].SOPClassUID}"),
        ("an unknown parameter", "/studies?NoSuchAttribute=1"),
        ("a malformed limit", "/studies?limit=ten"),
        ("nothing found", "/studies?PatientID=nobody"),
    ]
    return [Ask(what, "GET", path, JSON) for what, path in queries]


def retrieving(films: Films) -> list[Ask]:
    """Fifteen WADO-RS requests."""
    one, packed = films.first[0], films.second
    study, series, instance = levels(one)
    _, _, packed_instance = levels(packed)
    image = {"Accept": "image/png"}
    return [
        Ask("a study", "GET", study, {"Accept": DICOM}),
        Ask("a series", "GET", series, {"Accept": DICOM}),
        Ask("JPEG-LS as stored", "GET", packed_instance, {"Accept": f"{DICOM}; transfer-syntax=*"}),
        Ask("JPEG-LS, asked as Explicit VR LE", "GET", packed_instance, {"Accept": f"{DICOM}; {_syntax()}"}),
        Ask("native, asked as JPEG 2000", "GET", instance, {"Accept": f"{DICOM}; {_syntax(JPEG2000Lossless)}"}),
        Ask("an unknown study", "GET", f"/studies/{generate_uid()}", {"Accept": DICOM}),
        Ask("metadata of a study", "GET", f"{study}/metadata", JSON),
        Ask("metadata of an instance", "GET", f"{instance}/metadata", JSON),
        Ask("a native frame", "GET", f"{instance}/frames/1", {"Accept": OCTETS}),
        Ask("a frame of JPEG-LS, native", "GET", f"{packed_instance}/frames/1", {"Accept": OCTETS}),
        Ask("a frame that is not there", "GET", f"{instance}/frames/2", {"Accept": OCTETS}),
        Ask("rendered, JPEG", "GET", f"{instance}/rendered", {"Accept": "image/jpeg"}),
        Ask(
            "rendered, PNG, window and viewport",
            "GET",
            f"{instance}/rendered?viewport=100,128&window=2048,4096,linear",
            image,
        ),
        Ask("metadata as an image", "GET", f"{instance}/metadata", image),
        Ask("Pixel Data as bulk data", "GET", f"{instance}/bulkdata/7FE00010", {"Accept": OCTETS}),
    ]


def levels(ds: object) -> tuple[str, str, str]:
    """The paths of an instance's study, of its series and of itself."""
    study = f"/studies/{ds.StudyInstanceUID}"  # type: ignore[attr-defined]
    series = f"{study}/series/{ds.SeriesInstanceUID}"  # type: ignore[attr-defined]
    return study, series, f"{series}/instances/{ds.SOPInstanceUID}"  # type: ignore[attr-defined]


def _syntax(uid: str = "1.2.840.10008.1.2.1") -> str:
    return f"transfer-syntax={uid}"
