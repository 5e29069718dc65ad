"""One study, every form, several destinations with different wishes at once: each gets its own, and all of it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread

from daemon.sections import OUTPUTS
from tests.support.builders import make_cxr
from tests.support.peers.orthanc import Orthanc
from tests.support.peers.receiver import Receiver, receiving
from tests.support.peers.sender import send
from tests.support.system import Thoraxd
from worker.encode import WRITERS

PER_STUDY = {"sr", "chest-cad-sr", "text-sr"}
PER_FILM = {"gsps", "sc", "parametric-map"}


def test_every_output_that_the_settings_know_can_be_written() -> None:
    assert set(OUTPUTS) == set(WRITERS)


@pytest.fixture(scope="module")
def system(pacs: Orthanc, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Thoraxd, Receiver, Receiver]]:
    """A PACS that wants every form, a reading list that wants no places, a viewer that wants its own SR."""
    with receiving(Receiver()) as triage, receiving(Receiver()) as viewer:
        destinations = [
            pacs.destination() | {"outputs": list(OUTPUTS), "profile": "air"},
            triage.destination("triage", outputs=list(OUTPUTS), marking=False, profile="stone"),
            viewer.destination("viewer", outputs=["sr"], profile="ohif"),
        ]
        with Thoraxd(tmp_path_factory.mktemp("forms"), destinations=destinations) as running:
            yield running, triage, viewer


def test_each_destination_gets_the_forms_it_asked_for(
    system: tuple[Thoraxd, Receiver, Receiver], pacs: Orthanc
) -> None:
    thoraxd, triage, viewer = system
    film = make_cxr(rows=600, columns=500)
    assert send(thoraxd.port, [film]) == [0x0000]
    report = thoraxd.wait_settled([film.StudyInstanceUID])[film.StudyInstanceUID]

    assert report["state"] == "DELIVERED", report["reason"]
    kos = {"kos"} if report["positive"] else set()
    classes = {
        (kind, item["marking"]): item["sop_class_uid"] for kind, items in report["outputs"].items() for item in items
    }
    assert {kind for kind, marking in classes if marking} == PER_STUDY | PER_FILM | kos
    assert {kind for kind, marking in classes if not marking} == (PER_STUDY | PER_FILM | kos) - {"parametric-map"}
    assert len(pacs.of_study(film.StudyInstanceUID)) == len(PER_STUDY | PER_FILM | kos)
    assert Counter(arrival.sop_class_uid for arrival in triage.accepted()) == Counter(
        uid for (_, marking), uid in classes.items() if not marking
    )
    assert len(viewer.accepted()) == 1


def test_a_secondary_capture_of_ours_that_the_pacs_sends_back_changes_nothing(
    system: tuple[Thoraxd, Receiver, Receiver],
) -> None:
    thoraxd, triage, _ = system
    film = make_cxr()
    send(thoraxd.port, [film])
    before = thoraxd.wait_settled([film.StudyInstanceUID])[film.StudyInstanceUID]
    sent = len(triage.arrivals)
    capture = dcmread(before["outputs"]["sc"][0]["path"])

    assert send(thoraxd.port, [capture]) == [0x0000]

    time.sleep(2.0)  # longer than quiet_s
    after = thoraxd.report(film.StudyInstanceUID)
    assert (after["state"], after["revision"]) == (before["state"], 1)
    assert [item["sop_uid"] for item in after["instances"]] == [film.SOPInstanceUID]
    assert len(triage.arrivals) == sent


def test_of_a_film_that_cannot_be_read_every_form_that_can_says_so(
    system: tuple[Thoraxd, Receiver, Receiver], pacs: Orthanc
) -> None:
    thoraxd, _, _ = system
    film = make_cxr()
    film.PixelData = film.PixelData[:100]
    assert send(thoraxd.port, [film]) == [0x0000]
    report = thoraxd.wait_settled([film.StudyInstanceUID])[film.StudyInstanceUID]

    assert report["state"] == "FAILED" and report["reason"]
    assert set(report["outputs"]) == PER_STUDY | {"sc"}
    assert {line["state"] for line in report["deliveries"]} == {"SENT"}
    for items in report["outputs"].values():
        for item in items:
            assert "not analysed" in _words(dcmread(Path(item["path"])))


def _words(ds: Dataset) -> str:
    """Everything that a data set says in words, but for its pixels."""
    if "PixelData" in ds:
        del ds.PixelData
    return ds.to_json().lower()
