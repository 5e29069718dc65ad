"""The public validators find nothing to say about our objects, on films of odd kinds."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support import validators
from tests.support.builders import make_cxr, write
from tests.support.reports import KINDS, digest_of, make_findings, make_request, one, reread
from worker.encode import SourceImage

FILMS: dict[str, dict[str, Any]] = {
    "DX": {},
    "DX, MONOCHROME1, odd size": {"photometric": "MONOCHROME1", "rows": 611, "columns": 333},
    "DX, 16 bit, signed": {"bits_stored": 16, "signed": True},
    "CR without spacing": {"sop_class": "CR", "pixel_spacing": None},
    "CR without orientation, view and window": {
        "sop_class": "CR", "PatientOrientation": None, "ViewPosition": None, "WindowCenter": None, "WindowWidth": None,
    },
    "CR with pixels that are not square": {"sop_class": "CR", "pixel_spacing": (0.2, 0.1)},
    "8-bit Secondary Capture": {"sop_class": "SC", "bits_stored": 8, "bits_allocated": 8},
    "Latin-1 name": {"SpecificCharacterSet": "ISO_IR 100", "patient_name": "Müller^Jürg"},
    "without study data": {"StudyID": None, "StudyDate": None, "StudyTime": None, "AccessionNumber": None},
}  # fmt: skip


@pytest.fixture(params=FILMS, ids=list(FILMS))
def film(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return write(make_cxr(**{"rows": 128, "columns": 96, **FILMS[request.param]}), tmp_path / "film.dcm")


def result(film: Path, kind: str, profile: str, *, boxes: int = 3, marking: bool = True) -> Path:
    """One result object on the film, written beside it."""
    header = reread(film.read_bytes())
    w, h = header.Columns, header.Rows
    places = [(w * 0.1 * n, h * 0.15 * n, w * 0.1 * n + 20.25, h * 0.15 * n + 20.5) for n in range(1, boxes + 1)]
    found = make_findings(*places, width=w, height=h, probability=0.9 if boxes else 0.1)
    made = one(make_request(SourceImage(header, digest_of(header), found)), kind, profile, marking)
    file = film.with_name(f"{kind}-{profile}-{boxes}-{marking}.dcm")
    file.write_bytes(made.to_bytes())
    return file


def need(*programs: str) -> None:
    absent = validators.missing(*programs)
    if absent:
        pytest.skip(f"not installed: {', '.join(absent)}")


CHECKS: dict[str, Callable[[Path], list[str]]] = {"sr": validators.dsrdump, "gsps": validators.dcmpschk}


@pytest.mark.parametrize(("kind", "profile"), KINDS)
def test_dicom3tools_and_dcmtk_are_silent(film: Path, kind: str, profile: str) -> None:
    need("dciodvfy", "dcentvfy", "dsrdump", "dcmpschk")
    for boxes, marking in ((3, True), (0, True), (3, False)):
        made = result(film, kind, profile, boxes=boxes, marking=marking)

        assert validators.dciodvfy(made) == []
        assert validators.dcentvfy(film, made) == []
        assert CHECKS[kind](made) == []


@pytest.mark.parametrize(("profile", "boxes"), [("air", 0), ("air", 1), ("stone", 1), ("ohif", 2)])
def test_pixelmed_finds_the_templates_kept(tmp_path: Path, profile: str, boxes: int) -> None:
    need("DicomSRValidator")
    film = write(make_cxr(rows=128, columns=96), tmp_path / "film.dcm")

    assert validators.sr_validator(result(film, "sr", profile, boxes=boxes)) == []


def test_the_validators_do_complain_of_what_is_wrong(tmp_path: Path) -> None:
    """The checks above can fail: seeded faults are reported, also by the tools that exit with 0."""
    need("dciodvfy", "dcentvfy", "dsrdump", "dcmpschk")
    film = write(make_cxr(rows=128, columns=96), tmp_path / "film.dcm")
    report, state = result(film, "sr", "air"), result(film, "gsps", "")

    def spoil(file: Path, change: Callable[[Any], None]) -> Path:
        ds = reread(file.read_bytes())
        change(ds)
        ds.save_as(file.with_suffix(".bad"), enforce_file_format=True)
        return file.with_suffix(".bad")

    assert validators.dciodvfy(spoil(report, lambda ds: delattr(ds, "CompletionFlag")))
    assert validators.dciodvfy(spoil(state, lambda ds: delattr(ds, "PresentationLUTShape")))
    assert validators.dcentvfy(film, spoil(report, lambda ds: setattr(ds, "PatientID", "SOMEONE ELSE")))
    assert validators.dsrdump(spoil(report, lambda ds: delattr(ds, "ValueType")))
    assert validators.dcmpschk(spoil(state, lambda ds: delattr(ds, "DisplayedAreaSelectionSequence")))
