"""From C-STORE to the PACS: `thoraxd up`, a real worker with the shipped weights, a real Orthanc."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import JPEGLSLossless
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    Comprehensive3DSRStorage,
    GrayscaleSoftcopyPresentationStateStorage,
)

from tests.support.builders import compress, make_cxr, write
from tests.support.peers import dcmtk, sender
from tests.support.peers.orthanc import Orthanc
from tests.support.system import Thoraxd

SR, GSPS = str(Comprehensive3DSRStorage), str(GrayscaleSoftcopyPresentationStateStorage)
DOG = "dx_image.dcm"


def held_kinds(pacs: Orthanc, film: Dataset) -> dict[str, int]:
    """How many objects of each class Orthanc has of the film's study, all of them naming the film."""
    kinds: dict[str, int] = {}
    for item in pacs.of_study(film.StudyInstanceUID):
        assert item.references == {film.SOPInstanceUID}
        kinds[item.sop_class_uid] = kinds.get(item.sop_class_uid, 0) + 1
    return kinds


def test_a_film_sent_by_dcmsend_comes_back_as_one_sr_and_one_gsps(
    with_pacs: Thoraxd, pacs: Orthanc, tmp_path: Path
) -> None:
    film = make_cxr(photometric="MONOCHROME1")
    said = dcmtk.dcmsend_parallel([write(film, tmp_path / "film.dcm")], with_pacs.port, 1)
    report = with_pacs.wait_settled([film.StudyInstanceUID])[film.StudyInstanceUID]
    assert report["state"] == "DELIVERED", (report["reason"], said)
    assert held_kinds(pacs, film) == {SR: 1, GSPS: 1}
    assert 0.0 <= report["probability"] <= 1.0


def test_orthanc_holds_the_archived_objects_unchanged(with_pacs: Thoraxd, pacs: Orthanc) -> None:
    film = make_cxr()
    assert sender.send(with_pacs.port, [film]) == [0x0000]
    report = with_pacs.wait_settled([film.StudyInstanceUID])[film.StudyInstanceUID]
    archived = {item["sop_uid"]: Path(item["path"]) for kind in report["outputs"].values() for item in kind}
    held = pacs.of_study(film.StudyInstanceUID)
    assert {item.sop_uid for item in held} == set(archived)
    for item in held:
        # Orthanc writes its own file meta information; the data set behind it must be ours to the byte.
        assert _data_set(pacs.file(item.orthanc_id)) == _data_set(archived[item.sop_uid].read_bytes())


def _data_set(file: bytes) -> bytes:
    return file[144 + int.from_bytes(file[140:144], "little") :]


def test_the_same_instance_in_parallel_and_later_is_analysed_and_delivered_once(
    with_pacs: Thoraxd, pacs: Orthanc
) -> None:
    film = make_cxr(rows=300, columns=260)
    threads = [threading.Thread(target=sender.send, args=(with_pacs.port, [film])) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with_pacs.wait_settled([film.StudyInstanceUID])
    assert sender.send(with_pacs.port, [film]) == [0x0000]
    (answered,) = [e for e in with_pacs.events("image.answered") if e["instance"] == film.SOPInstanceUID]
    assert answered["state"] == "DONE"
    report = with_pacs.wait_settled([film.StudyInstanceUID])[film.StudyInstanceUID]
    assert (report["state"], report["revision"], len(report["instances"])) == ("DELIVERED", 1, 1)
    assert held_kinds(pacs, film) == {SR: 1, GSPS: 1}
    sent = [e for e in with_pacs.events("object.sent") if e["instance"] in {h.sop_uid for h in pacs.instances()}]
    assert len(sent) == len({e["instance"] for e in sent})


def cut_stream(film: Dataset) -> Dataset:
    """Half of a JPEG-LS stream, in a data set that parses."""
    film = compress(film, JPEGLSLossless)
    film.PixelData = film.PixelData[: len(film.PixelData) // 4 * 2]
    film["PixelData"].is_undefined_length = True
    return film


def short_native(film: Dataset) -> Dataset:
    film.PixelData = film.PixelData[: len(film.PixelData) // 4 * 2]
    return film


def no_pixels(film: Dataset) -> Dataset:
    del film.PixelData
    return film


@pytest.mark.parametrize("spoil", [short_native, no_pixels, cut_stream])
def test_a_film_without_readable_pixels_fails_and_the_pacs_is_told_why(
    with_pacs: Thoraxd, pacs: Orthanc, spoil: Callable[[Dataset], Dataset]
) -> None:
    film = spoil(make_cxr())
    content, context = _content(film), sender.context_of(film)
    with sender.association(with_pacs.port, [context]) as assoc:
        assert sender.store_bytes(assoc, context, film.SOPInstanceUID, content) == 0x0000
    report = with_pacs.wait_settled([film.StudyInstanceUID])[film.StudyInstanceUID]
    assert report["state"] == "FAILED"
    assert report["instances"][0]["state"] == "FAILED"
    assert report["reason"]
    assert "unexpected" not in report["reason"], report["reason"]
    assert sorted(report["outputs"]) == ["sr"]  # a GSPS has nothing to draw
    assert [line["state"] for line in report["deliveries"]] == ["SENT"]
    assert len(pacs.of_study(film.StudyInstanceUID)) == 1
    said = dcmread(report["outputs"]["sr"][0]["path"]).to_json()
    assert "No algorithms succeeded" in said and f"not analysed ({report['reason']}" in said
    assert "Certainty of Finding" not in said
    shown = with_pacs.cli("show", film.StudyInstanceUID)
    assert report["reason"].split(":")[0] in shown.stdout.replace("\n", " ")


def _content(film: Dataset) -> bytes:
    """The bytes of a data set that pydicom would rather not write: a cut stream has no last delimiter to offer."""
    return sender.encoded(film)


def test_a_lateral_is_set_aside_with_its_reason_and_the_frontal_beside_it_is_answered(
    with_pacs: Thoraxd, pacs: Orthanc
) -> None:
    frontal = make_cxr()
    lateral = make_cxr(view="LL", study_uid=frontal.StudyInstanceUID)
    assert sender.send(with_pacs.port, [frontal, lateral]) == [0x0000, 0x0000]
    report = with_pacs.wait_settled([frontal.StudyInstanceUID])[frontal.StudyInstanceUID]
    states = {item["sop_uid"]: (item["state"], item["reason"]) for item in report["instances"]}
    assert states[frontal.SOPInstanceUID][0] == "DONE"
    assert states[lateral.SOPInstanceUID][0] == "SET_ASIDE"
    assert states[lateral.SOPInstanceUID][1]
    assert report["state"] == "DELIVERED"
    assert held_kinds(pacs, frontal) == {SR: 1, GSPS: 1}


def test_the_dog_is_not_analysed(with_pacs: Thoraxd, pacs: Orthanc, data_folder: Path) -> None:
    said = dcmtk.dcmsend_parallel([data_folder / "dicom" / DOG], with_pacs.port, 1)
    study_uid = "1.2.826.0.1.3680043.8.498.54401662452014863547255413372440461885"
    report = with_pacs.wait_settled([study_uid])[study_uid]
    assert report["state"] == "SET_ASIDE", said
    assert report["reason"]
    assert pacs.of_study(study_uid) == []


def test_an_image_that_comes_after_the_report_makes_a_second_revision(with_pacs: Thoraxd, pacs: Orthanc) -> None:
    first = make_cxr()
    second = make_cxr(study_uid=first.StudyInstanceUID, view="AP")
    for film in (first, second):
        assert sender.send(with_pacs.port, [film]) == [0x0000]
        report = with_pacs.wait_settled([first.StudyInstanceUID])[first.StudyInstanceUID]
        assert report["state"] == "DELIVERED"
    assert report["revision"] == 2
    held = pacs.of_study(first.StudyInstanceUID)
    reports = [item for item in held if item.sop_class_uid == SR]
    assert sorted(len(item.references) for item in reports) == [1, 2]
    newer = next(pacs.dataset(item.orthanc_id) for item in reports if len(item.references) == 2)
    older = next(item for item in reports if len(item.references) == 1)
    (predecessor,) = newer.PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence
    assert predecessor.ReferencedSOPInstanceUID == older.sop_uid
    assert sorted(len(item.references) for item in held if item.sop_class_uid == GSPS) == [1, 1]


def test_a_worker_outlives_its_redis(with_pacs: Thoraxd, pacs: Orthanc) -> None:
    workers = len(with_pacs.events("worker.ready"))
    assert with_pacs.kill_redis() is not None
    film = make_cxr(rows=300, columns=260)
    assert sender.send(with_pacs.port, [film]) == [0x0000]
    report = with_pacs.wait_settled([film.StudyInstanceUID])[film.StudyInstanceUID]
    assert report["state"] == "DELIVERED"
    assert held_kinds(pacs, film) == {SR: 1, GSPS: 1}
    assert len(with_pacs.events("worker.ready")) == workers
