"""Secondary Capture, KOS and rejection note before the public validators, a decoder, and a PACS."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread

from tests.conftest import need
from tests.support import validators
from tests.support.form_cases import SEEN, source_image
from tests.support.odd_films import write_odd
from tests.support.peers.dcmtk import run, storescu
from tests.support.peers.orthanc import Orthanc
from tests.support.reports import IDENTITY, make_request
from worker.encode import Encoded, Reference, SourceImage, encode
from worker.encode.rejection import RejectionRequest, rejection_note

# Those of tests/support/odd_films.py that differ in what an SC or a KOS takes over from its source.
ODD = (
    "DX, MONOCHROME1",
    "SC, MONOCHROME1",
    "DX, 8 bit",
    "CR, 16 bit, signed",
    "DX, pixels that are not square, MONOCHROME1",
    "CR without spacing",
    "CR with a pixel aspect ratio and no spacing",
    "nothing known of the patient",
    "CR without type 2 attributes",
    "Japanese",
    "Chinese, GB18030",
    "DX, an order, a time zone, AP",
)
MARKS = SEEN["five lesions at the edges"]


def results(image: SourceImage, folder: Path, *, marking: bool = True) -> dict[str, Path]:
    """The SC, the KOS and the note that withdraws both, as files; no KOS of a film that is not positive."""
    made = {kind: item for kind in ("sc", "kos") for item in encode(make_request(image), kind, marking=marking)}
    keys = ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID")
    withdrawn = tuple(Reference(*(str(item.dataset[key].value) for key in keys)) for item in made.values())
    at = datetime(2026, 11, 22, tzinfo=UTC)
    note = RejectionRequest(image.header, withdrawn, "safety", "wrong patient", at, 1, IDENTITY, "THORAXD")
    made["rejection"] = Encoded("rejection", "", False, "", rejection_note(note))
    return {kind: written(item, folder / f"{kind}.dcm") for kind, item in made.items()}


def written(item: Encoded, path: Path) -> Path:
    path.write_bytes(item.to_bytes())
    return path


@pytest.mark.parametrize("name", ODD)
def test_dicom3tools_and_dcmtk_are_silent(name: str, tmp_path: Path) -> None:
    for program in ("dciodvfy", "dcentvfy", "dsrdump", "dsr2html"):
        need(program)
    film = write_odd(name, tmp_path / "film.dcm")
    image = source_image(film, MARKS)
    unread = replace(image, findings=None, not_analysed="no pixels", picture=lambda: None)

    for made in (results(image, tmp_path), results(image, tmp_path, marking=False), results(unread, tmp_path)):
        for kind, file in made.items():
            assert validators.dciodvfy(file) == []
            assert validators.dcentvfy(film, file) == []
            if kind != "sc":
                assert validators.dsrdump(file) == validators.dsr2html(file) == []


def test_pixelmed_finds_tid_2010_kept(tmp_path: Path) -> None:
    need("DicomSRValidator")
    made = results(source_image(write_odd("DX", tmp_path / "film.dcm"), MARKS), tmp_path)
    named = dcmread(made["kos"])
    named.ContentSequence[-1].ConceptNameCodeSequence = named.ConceptNameCodeSequence
    named.save_as(tmp_path / "named.dcm")

    assert validators.sr_validator(made["rejection"], "TID_2010") == []
    assert any("Row 8" in line for line in validators.sr_validator(tmp_path / "named.dcm", "TID_2010"))


def test_the_validators_do_complain_of_what_is_wrong(tmp_path: Path) -> None:
    """The checks above can fail."""
    for program in ("dciodvfy", "dcentvfy", "dsrdump"):
        need(program)
    film = write_odd("DX", tmp_path / "film.dcm")
    made = results(source_image(film, MARKS), tmp_path)

    def spoil(kind: str, change: Callable[[Any], None]) -> Path:
        ds = dcmread(made[kind])
        change(ds)
        ds.save_as(tmp_path / "bad.dcm")
        return tmp_path / "bad.dcm"

    assert validators.dciodvfy(spoil("sc", lambda ds: delattr(ds, "ConversionType")))
    assert validators.dciodvfy(spoil("sc", lambda ds: delattr(ds, "PixelSpacingCalibrationDescription")))
    assert validators.dcentvfy(film, spoil("sc", lambda ds: setattr(ds, "PatientID", "SOMEONE ELSE")))
    assert validators.dciodvfy(spoil("kos", lambda ds: delattr(ds, "CurrentRequestedProcedureEvidenceSequence")))
    assert validators.dsrdump(spoil("rejection", lambda ds: delattr(ds, "ValueType")))


def test_dcmtk_decodes_the_picture_that_was_drawn(tmp_path: Path) -> None:
    need("dcmj2pnm")
    film = write_odd("DX, MONOCHROME1", tmp_path / "film.dcm")
    made = results(source_image(film, MARKS), tmp_path)["sc"]

    done = run("dcmj2pnm", "+Wi", "1", made, tmp_path / "sc.pgm")

    assert done.returncode == 0, done.stderr
    with Image.open(tmp_path / "sc.pgm") as picture:
        assert np.array_equal(np.asarray(picture), dcmread(made).pixel_array)


def test_a_pacs_takes_and_shows_them(tmp_path: Path, pacs: Orthanc) -> None:
    need("storescu")
    film = write_odd("CR, pixels that are not square", tmp_path / "film.dcm")
    made = results(source_image(film, MARKS), tmp_path)

    done = storescu(pacs.dicom_port, *made.values(), called=pacs.ae_title)

    assert done.returncode == 0, done.stderr
    stored = {item.sop_uid: item for item in pacs.of_study(str(dcmread(film).StudyInstanceUID))}
    assert set(stored) == {str(dcmread(file).SOPInstanceUID) for file in made.values()}
    drawn = dcmread(made["sc"])
    shown = pacs.get(f"/instances/{stored[drawn.SOPInstanceUID].orthanc_id}/preview")
    with Image.open(BytesIO(shown)) as picture:
        assert np.array_equal(np.asarray(picture.convert("L")), drawn.pixel_array)
    note = pacs.dataset(stored[dcmread(made["rejection"]).SOPInstanceUID].orthanc_id)
    assert note.ConceptNameCodeSequence[0].CodeMeaning == "Rejected for Patient Safety Reasons"
