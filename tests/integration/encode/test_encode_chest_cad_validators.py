"""The public validators, and our checker of TID 4100, find nothing in the Chest CAD SR and the Basic Text SR."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support import validators
from tests.support.checks import is_note, quick, readable
from tests.support.chest_cad_template import complaints
from tests.support.form_cases import Case, cases
from tests.support.reports import reread
from worker.encode import encode

KINDS = ("chest-cad-sr", "text-sr")
EVERY = 5  # the programs see one study in so many: bench/forms runs them on all
Written = Mapping[Path, Case]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """Both forms of every odd study (positive, negative, failed, mixed), with marks and without; whose each is."""
    folder = tmp_path_factory.mktemp("studies")
    files = {}
    for number, case in enumerate(cases(folder)):
        for kind in KINDS:
            for marking in (True, False):
                (made,) = encode(case.request, kind, marking=marking)
                file = folder / f"{kind}-{number}-{'marked' if marking else 'triage'}.dcm"
                file.write_bytes(made.to_bytes())
                files[file] = case
    return files


def test_every_chest_cad_sr_follows_its_template(written: Written) -> None:
    reports = {file: reread(file.read_bytes()) for file in written if file.name.startswith("chest-cad-sr")}

    assert len(reports) > 100
    assert {file.name: said for file, ds in reports.items() if (said := complaints(ds))} == {}
    summaries = {ds.ContentSequence[2].ConceptCodeSequence[0].CodeValue for ds in reports.values()}
    assert summaries == {"111241", "111242", "111243", "111244", "111245"}  # all of CID 6047


@pytest.mark.parametrize("kind", KINDS)
def test_dicom3tools_and_dcmtk_are_silent(written: Written, tmp_path: Path, kind: str) -> None:
    absent = validators.missing("dciodvfy", "dcentvfy", "dsrdump", "dsr2html")
    if absent:
        pytest.skip(f"not installed: {', '.join(absent)}")
    chosen = [(file, case) for file, case in written.items() if int(file.stem.split("-")[-2]) % EVERY == 0]

    said = []
    for file, case in chosen:
        if file.name.startswith(kind):
            images = [readable(image, tmp_path / "inflated") for image in case.films]
            for name, path, check in quick(file, reread(file.read_bytes()), images):
                said += [f"{path.name} ({case.name}) {name}: {line}" for line in check()]

    assert [line for line in said if not is_note(line.partition(") ")[2])] == []


def test_pixelmed_finds_the_iods_kept_and_a_fault_in_one_that_is_not(written: Written, tmp_path: Path) -> None:
    absent = validators.missing("DicomSRValidator", "javac")
    if absent:
        pytest.skip(f"not installed: {', '.join(absent)}")
    mixed = next(number for number, file in enumerate(written) if "several" in written[file].name)
    chosen = [*list(written)[:4], *list(written)[mixed : mixed + 4]]
    spoiled = tmp_path / "spoiled.dcm"
    ds = reread(chosen[0].read_bytes())
    ds.ContentSequence[2].RelationshipType = "HAS PROPERTIES"  # PS3.3 Table A.35.6-2: not of a CONTAINER
    ds.save_as(spoiled, enforce_file_format=True)

    answers = validators.sr_validators(dict.fromkeys([*chosen, spoiled], ""))

    assert answers.pop(spoiled)
    assert {file.name: said for file, said in answers.items() if said} == {}
