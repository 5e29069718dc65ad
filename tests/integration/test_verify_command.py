"""`thoraxd verify` on files."""

from __future__ import annotations

import json
import os
import zlib
from pathlib import Path

import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian
from typer.testing import CliRunner

from daemon.cli import app
from daemon.core.header import MAX_INFLATED_RESULT
from tests.support.builders import make_cxr, write
from tests.support.reports import digest_of, make_findings, make_request, one, reread
from worker.encode import SourceImage


@pytest.fixture
def results(tmp_path: Path) -> tuple[Path, Path, Path]:
    """A film, its SR, and its GSPS with a label in lower case."""
    film = write(make_cxr(rows=128, columns=96), tmp_path / "film.dcm")
    header = reread(film.read_bytes())
    image = SourceImage(header, digest_of(header), make_findings((10.0, 10.0, 40.0, 50.0), width=96, height=128))
    report, state = tmp_path / "sr.dcm", tmp_path / "gsps.dcm"
    report.write_bytes(one(make_request(image), "sr", "stone").to_bytes())
    state.write_bytes(one(make_request(image), "gsps").to_bytes().replace(b"AI_UNVERIFIED ", b"ai_unverified "))
    return film, report, state


def run(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["verify", *map(str, arguments)])
    return done.exit_code, done.output


def test_a_result_without_fault_is_called_so(results: tuple[Path, Path, Path]) -> None:
    film, report, _ = results

    code, said = run(report, "--source", film, "--profile", "stone")

    assert code == 0 and "no fault" in said and "no --source" not in said


def test_faults_are_told_by_file_and_exit_with_one(results: tuple[Path, Path, Path]) -> None:
    film, report, state = results

    code, said = run(report, state, "--source", film, "--json")

    good, bad = (json.loads(line) for line in said.splitlines() if line.startswith("{"))
    assert code == 1
    assert (good["kind"], good["faults"], bad["kind"]) == ("sr", [], "gsps")
    assert "gsps-content-label" in {fault["rule"] for fault in bad["faults"]}


def test_what_was_not_checked_for_want_of_a_source_is_said(results: tuple[Path, Path, Path]) -> None:
    _, report, _ = results

    code, said = run(report)

    assert code == 0 and "no --source" in said


def test_a_destination_of_another_profile_or_without_marking_would_not_get_it(
    results: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    film, report, _ = results

    assert run(report, "--source", film, "--profile", "ohif")[0] == 1
    assert "no-location" in run(report, "--source", film, "--triage-only")[1]
    assert run(report, "--profile", "fax")[0] == 2
    assert run(write_text(tmp_path), "--source", film)[0] == 2


def write_text(folder: Path) -> Path:
    (folder / "text.dcm").write_text("no DICOM")
    return folder / "text.dcm"


def test_what_is_no_file_and_what_inflates_without_end_is_refused(results: tuple[Path, Path, Path]) -> None:
    film, report, _ = results
    pipe, bomb = film.parent / "pipe", film.parent / "bomb.dcm"
    os.mkfifo(pipe)
    ds = reread(report.read_bytes())
    ds.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    ds.save_as(bomb, enforce_file_format=True)
    whole = bomb.read_bytes()
    start = 144 + int.from_bytes(whole[140:144], "little")
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    inflated = zlib.decompress(whole[start:], -zlib.MAX_WBITS)
    endless = (packer.compress(bytes(1 << 20)) for _ in range((MAX_INFLATED_RESULT >> 20) + 1))
    packed = b"".join([packer.compress(inflated), *endless, packer.flush()])

    assert run(bomb)[0] == 0
    bomb.write_bytes(whole[:start] + packed)
    for path, words in ((pipe, "is no file"), (bomb, "inflates to more")):
        code, said = run(path)
        assert code == 2 and words in " ".join(said.replace("│", " ").split())
    assert run(report, "--source", pipe)[0] == 2
