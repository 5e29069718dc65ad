"""OHIF with thoraxd itself as its data source: films by C-STORE, our SR opened from our own DICOMweb."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread

from tests.support.builders import make_cxr
from tests.support.peers.programs import free_port, wait_until
from tests.support.peers.sender import send
from tests.support.system import Thoraxd
from tests.support.viewers import ohif


def test_ohif_shows_film_and_report_from_our_own_server(tmp_path: Path) -> None:
    absent = ohif.missing()
    if absent:
        pytest.skip(f"not installed: {', '.join(absent)}")
    # A PACS that is not there: its SR is made in the flavour that OHIF edits, and stays here.
    nowhere = {"name": "pacs", "ae_title": "NOWHERE", "host": "127.0.0.1", "port": free_port()}
    destination = nowhere | {"outputs": ["sr", "gsps"], "profile": "ohif"}
    film = make_cxr()
    with Thoraxd(tmp_path / "system", destinations=[destination]) as system:
        assert send(system.port, [film]) == [0]
        report = _reported(system, film.StudyInstanceUID)
        sr = dcmread(report["outputs"]["sr"][0]["path"])

        said = ohif.open_report(f"http://127.0.0.1:{system.web_port}", film.StudyInstanceUID, tmp_path / "ohif")

    assert said.get("error") is None and said["failure"] == ""
    lesions = sum(item.ConceptNameCodeSequence[0].CodeMeaning == "Measurement Group" for item in _groups(sr))
    drawn = [one for one in said["annotations"] or [] if one["tool"] == "RectangleROI"]
    assert len(drawn) == lesions
    assert "unverified" in said["text"]


def _reported(system: Thoraxd, study_uid: str) -> dict[str, Any]:
    wait_until(lambda: "sr" in system.reports([study_uid]).get(study_uid, {}).get("outputs", {}), 60, "a report")
    return system.report(study_uid)


def _groups(sr: Dataset) -> Iterator[Dataset]:
    for item in sr.ContentSequence:
        if item.ConceptNameCodeSequence[0].CodeMeaning == "Imaging Measurements":
            yield from item.ContentSequence
