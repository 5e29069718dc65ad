"""Query/Retrieve SCP on real associations: PS3.4 Annex C, asked by DCMTK, pynetdicom and Orthanc."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEG2000Lossless, generate_uid
from pynetdicom import AE, build_role
from pynetdicom.events import Event

from daemon.store.schema_catalogue import CatalogueInstanceRow
from tests.conftest import need
from tests.support.builders import compress, make_cxr
from tests.support.peers import dcmtk, sender
from tests.support.peers.orthanc import Orthanc
from tests.support.peers.programs import free_port
from tests.support.peers.receiver import Receiver, receiving
from tests.support.peers.requestor import DX, PATIENT_FIND, PATIENT_GET, STUDY_FIND, STUDY_GET, find, get, keys, move
from tests.support.system import Thoraxd

PATIENCE_S = 6.0  # of the SCP with a silent peer
SR = "1.2.840.10008.5.1.4.1.1.88.34"  # Comprehensive 3D SR
NOBODY = "redis://127.0.0.1:1/0"
RECEIVER_PORT, DEAD_PORT, STORESCP_PORT = free_port(), free_port(), free_port()


class Archive:
    """A thoraxd with two studies of Müller and one of Smith, the last one in JPEG 2000."""

    def __init__(self, system: Thoraxd) -> None:
        self.system = system
        study = generate_uid()
        small: dict[str, Any] = {"rows": 64, "columns": 48}
        self.films = [
            make_cxr(study_uid=study, patient_name="Müller^Änne", patient_id="M-1", AccessionNumber="A-1", **small),
            make_cxr(study_uid=study, patient_name="Müller^Änne", patient_id="M-1", AccessionNumber="A-1", **small),
            make_cxr(
                patient_name="Müller^Änne", patient_id="M-1", AccessionNumber="A-2", StudyDate="20250102", **small
            ),
            compress(
                make_cxr(patient_name="Smith^Ann", patient_id="S-1", AccessionNumber="A-3", **small), JPEG2000Lossless
            ),
        ]
        assert sender.send(system.port, self.films) == [0x0000] * 4
        self.study = study


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory, pacs: Orthanc) -> Iterator[Archive]:
    """`thoraxd serve` that knows Orthanc, a receiver, a storescp and a modality where nobody is."""
    peers = {"ORTHANC": pacs.dicom_port, "RECEIVER": RECEIVER_PORT, "NOBODY": DEAD_PORT, "STORESCP": STORESCP_PORT}
    modalities = [{"ae_title": title, "host": "127.0.0.1", "port": port} for title, port in peers.items()]
    folder = tmp_path_factory.mktemp("query")
    settings = {"broker": {"url": NOBODY}, "scp": {"timeout_s": PATIENCE_S}}
    with Thoraxd(folder, workers=0, modalities=modalities, settings=settings) as system:
        pacs.know("THORAXD", system.port)
        yield Archive(system)


def test_studies_are_found_with_what_was_asked_for_and_where_to_retrieve_them(archive: Archive) -> None:
    asked = keys("STUDY", PatientName="müller*", StudyInstanceUID="", AccessionNumber="", ModalitiesInStudy="")
    statuses, found = find(archive.system.port, asked)

    assert statuses == [0xFF00, 0xFF00, 0x0000]
    assert [ds.AccessionNumber for ds in found] == ["A-1", "A-2"]
    first = found[0]
    assert (str(first.PatientName), first.SpecificCharacterSet) == ("Müller^Änne", "ISO_IR 192")
    assert (first.RetrieveAETitle, first.InstanceAvailability, first.QueryRetrieveLevel) == (
        "THORAXD",
        "ONLINE",
        "STUDY",
    )
    assert (first.StudyInstanceUID, first.ModalitiesInStudy) == (archive.study, "DX")


def test_an_answer_in_ascii_declares_no_character_set(archive: Archive) -> None:
    _, (found,) = find(archive.system.port, keys("STUDY", PatientID="S-1", PatientName=""))
    assert "SpecificCharacterSet" not in found


def test_a_key_that_is_not_supported_is_said_to_be_so(archive: Archive) -> None:
    statuses, found = find(archive.system.port, keys("STUDY", PatientID="S-1", Occupation="nurse"))
    assert statuses == [0xFF01, 0x0000]
    assert "Occupation" not in found[0]


def test_a_patient_with_two_studies_is_one_match(archive: Archive) -> None:
    asked = keys("PATIENT", PatientID="M-1", PatientName="")
    statuses, (found,) = find(archive.system.port, asked, PATIENT_FIND)
    assert statuses == [0xFF00, 0x0000]
    assert str(found.PatientName) == "Müller^Änne"


def test_images_are_found_below_their_study_and_series(archive: Archive) -> None:
    film = archive.films[0]
    asked = keys("IMAGE", StudyInstanceUID=film.StudyInstanceUID, SeriesInstanceUID=film.SeriesInstanceUID, Rows="")
    _, (found,) = find(archive.system.port, asked)
    assert (found.SOPInstanceUID, found.Rows) == (film.SOPInstanceUID, 64)


@pytest.mark.parametrize(
    "identifier",
    [
        keys("SERIES", SeriesInstanceUID=""),  # relational
        keys("PATIENT", PatientID=""),  # no level of Study Root
        keys("STUDIES", StudyInstanceUID=""),
        keys("STUDY", StudyDate="yesterday"),
    ],
)
def test_what_does_not_match_the_model_is_refused(archive: Archive, identifier: Dataset) -> None:
    assert find(archive.system.port, identifier) == ([0xA900], [])


def test_a_query_is_cancelled(archive: Archive) -> None:
    ae = AE()
    ae.add_requested_context(STUDY_FIND)
    assoc = ae.associate("127.0.0.1", archive.system.port)
    assoc._reactor_checkpoint.clear()
    responses = assoc.send_c_find(keys("STUDY", PatientName=""), STUDY_FIND, msg_id=7)
    assoc.send_c_cancel(7, query_model=STUDY_FIND)
    last = [int(status.Status) for status, _ in responses][-1]
    assoc.release()
    assert last in (0xFE00, 0x0000)  # three matches may be told before the cancel is there


def test_findscu_reads_the_answer(archive: Archive) -> None:
    need("findscu")
    done = dcmtk.run(
        "findscu", "-S", "-aec", "THORAXD", "-k", "QueryRetrieveLevel=STUDY", "-k", "PatientID=M-1",
        "-k", "StudyDate=20260101-", "-k", "StudyInstanceUID", "127.0.0.1", str(archive.system.port),
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert said.count(archive.study) == 1


def getscu(archive: Archive, folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    need("getscu")
    folder.mkdir()
    return dcmtk.run(
        "getscu", "-v", "-S", "-aec", "THORAXD", "-od", folder, *more, "127.0.0.1", str(archive.system.port)
    )


def test_getscu_gets_a_study(archive: Archive, tmp_path: Path) -> None:
    done = getscu(
        archive, tmp_path / "got", "-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={archive.study}"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    got = {dcmread(path).SOPInstanceUID: dcmread(path).pixel_array for path in (tmp_path / "got").iterdir()}
    assert got.keys() == {film.SOPInstanceUID for film in archive.films[:2]}
    assert (got[archive.films[0].SOPInstanceUID] == archive.films[0].pixel_array).all()


def test_getscu_gets_a_compressed_film_decoded_where_it_takes_no_other(archive: Archive, tmp_path: Path) -> None:
    film = archive.films[3]
    done = getscu(
        archive, tmp_path / "got", "-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={film.StudyInstanceUID}"
    )
    (file,) = (tmp_path / "got").iterdir()
    got = dcmread(file)
    assert done.returncode == 0, done.stdout + done.stderr
    assert got.file_meta.TransferSyntaxUID in (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
    assert (got.pixel_array == film.pixel_array).all()


def test_a_film_comes_as_it_is_stored_where_that_is_accepted(archive: Archive) -> None:
    film = archive.films[3]
    asked = keys("STUDY", StudyInstanceUID=film.StudyInstanceUID)
    responses, (came,) = get(archive.system.port, asked, [ExplicitVRLittleEndian, JPEG2000Lossless])
    assert [int(response.Status) for response in responses] == [0x0000]
    assert responses[-1].NumberOfCompletedSuboperations == 1
    assert came.file_meta.TransferSyntaxUID == JPEG2000Lossless
    assert came.PixelData == film.PixelData


@pytest.mark.parametrize("number", [0, 3], ids=["native", "compressed"])
def test_a_film_comes_in_implicit_vr_where_nothing_else_is_accepted(archive: Archive, number: int) -> None:
    film = archive.films[number]
    asked = keys(
        "IMAGE", **{name: film[name].value for name in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")}
    )
    _, (came,) = get(archive.system.port, asked, [ImplicitVRLittleEndian])
    assert came.file_meta.TransferSyntaxUID == ImplicitVRLittleEndian
    assert (came.pixel_array == film.pixel_array).all()


def test_what_cannot_be_sent_is_counted_and_named(archive: Archive) -> None:
    statuses = iter([0xC000, 0x0000])
    asked = keys("STUDY", StudyInstanceUID=archive.study)
    responses, _ = get(archive.system.port, asked, [ExplicitVRLittleEndian], store=lambda _event: next(statuses))
    pending, last = responses
    assert (pending.Status, pending.NumberOfRemainingSuboperations, pending.NumberOfFailedSuboperations) == (
        0xFF00,
        1,
        1,
    )
    assert (last.Status, last.NumberOfFailedSuboperations, last.NumberOfCompletedSuboperations) == (0xB000, 1, 1)


def test_a_study_is_moved_with_the_ids_of_who_asked(archive: Archive) -> None:
    originators = []

    class Mover(Receiver):
        def _on_c_store(self, event: Event) -> int:
            request: Any = event.request
            originators.append((request.MoveOriginatorApplicationEntityTitle, request.MoveOriginatorMessageID))
            return super()._on_c_store(event)

    with receiving(Mover(port=RECEIVER_PORT, sop_classes=[DX])) as receiver:
        responses, _ = move(archive.system.port, keys("STUDY", StudyInstanceUID=archive.study), "RECEIVER")
    assert [response.Status for response in responses] == [0xFF00, 0x0000]
    assert {arrival.sop_uid for arrival in receiver.arrivals} == {film.SOPInstanceUID for film in archive.films[:2]}
    assert originators == [("ASKING", 77)] * 2


def test_a_patient_is_retrieved_whole_and_a_study_of_another_patient_is_not(archive: Archive) -> None:
    asked = keys("PATIENT", PatientID="M-1")
    _, came = get(archive.system.port, asked, [ExplicitVRLittleEndian], model=PATIENT_GET)
    assert {ds.SOPInstanceUID for ds in came} == {film.SOPInstanceUID for film in archive.films[:3]}
    asked = keys("STUDY", PatientID="S-1", StudyInstanceUID=archive.study)
    responses, _ = get(archive.system.port, asked, [ExplicitVRLittleEndian], model=PATIENT_GET)
    assert (responses[-1].Status, responses[-1].NumberOfCompletedSuboperations) == (0x0000, 0)


def test_a_destination_that_is_not_in_the_settings_is_unknown(archive: Archive) -> None:
    responses, _ = move(archive.system.port, keys("STUDY", StudyInstanceUID=archive.study), "STRANGER")
    assert [response.Status for response in responses] == [0xA801]


def test_a_destination_that_is_down_costs_only_this_retrieval(archive: Archive) -> None:
    responses, lists = move(archive.system.port, keys("STUDY", StudyInstanceUID=archive.study), "NOBODY")
    assert (responses[-1].Status, responses[-1].NumberOfFailedSuboperations) == (0xA702, 2)
    assert lists[-1] is not None and len(lists[-1].FailedSOPInstanceUIDList) == 2


def test_a_destination_that_never_answers_costs_only_this_retrieval(archive: Archive) -> None:
    slow = Receiver(port=RECEIVER_PORT, sop_classes=[DX], delay_s=PATIENCE_S + 4)
    with receiving(slow):
        answers: list[tuple[list[Dataset], list[Dataset | None]]] = []
        asked = keys("STUDY", StudyInstanceUID=archive.study)
        moving = threading.Thread(target=lambda: answers.append(move(archive.system.port, asked, "RECEIVER")))
        began = time.monotonic()
        moving.start()
        assert find(archive.system.port, keys("STUDY", PatientID="S-1"))[0][-1] == 0x0000
        assert moving.is_alive()
        moving.join(PATIENCE_S + 5)
        assert PATIENCE_S - 0.5 < time.monotonic() - began < PATIENCE_S + 3
    (responses, lists) = answers[0]
    assert (responses[-1].Status, responses[-1].NumberOfFailedSuboperations) == (0xA702, 2)
    assert lists[-1] is not None and len(lists[-1].FailedSOPInstanceUIDList) == 2


def test_a_retrieval_is_cancelled_between_two_instances(archive: Archive) -> None:
    def cancelling(event: Event) -> int:
        event.assoc.send_c_cancel(1, query_model=STUDY_GET)
        time.sleep(0.3)
        return 0x0000

    asked = keys("STUDY", StudyInstanceUID=archive.study)
    responses, _ = get(archive.system.port, asked, [ExplicitVRLittleEndian], store=cancelling)
    last = responses[-1]
    assert (last.Status, last.NumberOfRemainingSuboperations, last.NumberOfCompletedSuboperations) == (0xFE00, 1, 1)


def test_an_sr_may_be_retrieved_and_not_sent(archive: Archive) -> None:
    for role, accepted in ((None, []), (build_role(SR, scp_role=True), [SR])):
        ae = AE()
        ae.add_requested_context(SR)
        ae.add_requested_context(STUDY_GET)
        assoc = ae.associate("127.0.0.1", archive.system.port, ext_neg=[role] if role else [])  # type: ignore[list-item]
        assert [c.abstract_syntax for c in assoc.accepted_contexts if c.abstract_syntax == SR] == accepted
        assoc.release()


def test_a_move_of_nothing_succeeds(archive: Archive) -> None:
    responses, _ = move(archive.system.port, keys("STUDY", StudyInstanceUID="1.2.3.4.5"), "RECEIVER")
    assert (responses[-1].Status, responses[-1].NumberOfCompletedSuboperations) == (0x0000, 0)


def test_movescu_moves_to_storescp(archive: Archive, tmp_path: Path) -> None:
    need("movescu")
    with dcmtk.storescp(tmp_path, STORESCP_PORT) as store:
        done = dcmtk.run(
            "movescu", "-S", "-aec", "THORAXD", "-aem", "STORESCP", "-k", "QueryRetrieveLevel=STUDY",
            "-k", f"StudyInstanceUID={archive.study}", "127.0.0.1", str(archive.system.port),
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        assert len(store.files()) == 2


def test_orthanc_queries_and_retrieves(archive: Archive, pacs: Orthanc) -> None:
    query = {"Level": "Study", "Query": {"PatientID": "M-1", "StudyInstanceUID": "", "AccessionNumber": ""}}
    asked = json.loads(pacs.change("POST", "/modalities/thoraxd/query", query))["ID"]
    answers = json.loads(pacs.get(f"/queries/{asked}/answers"))
    assert len(answers) == 2
    for answer in answers:
        pacs.change("POST", f"/queries/{asked}/answers/{answer}/retrieve", {"TargetAet": "ORTHANC"})
    assert len(pacs.of_study(archive.study)) == 2


def test_the_log_of_all_this_names_no_patient(archive: Archive) -> None:
    time.sleep(0.1)
    text = archive.system.log.read_text()
    assert '"find.answered"' in text and '"retrieve.done"' in text
    assert not [word for word in ("Müller", "ller^", "Smith", "M-1", "S-1", "nurse") if word in text]


def test_results_are_served_and_withdrawn_ones_are_not(reported: Path, tmp_path: Path) -> None:
    shutil.copytree(reported, tmp_path / "data", ignore=shutil.ignore_patterns("run", "daemon.lock"))
    with Thoraxd(tmp_path, workers=0, settings={"broker": {"url": NOBODY}}) as system:
        (study_uid,) = system.ledger.views.study_uids()
        asked = keys("STUDY", StudyInstanceUID=study_uid, ModalitiesInStudy="", NumberOfStudyRelatedInstances="")
        _, (found,) = find(system.port, asked)
        assert (sorted(found.ModalitiesInStudy), found.NumberOfStudyRelatedInstances) == (["DX", "PR", "SR"], 3)
        sr_uid = next(item["sop_uid"] for item in system.report(study_uid)["outputs"]["sr"])
        for hidden, expected in ((False, [sr_uid]), (True, [])):
            with system.ledger.database.write() as session:
                session.get_one(CatalogueInstanceRow, sr_uid).hidden = hidden
            _, came = get(system.port, asked, [ExplicitVRLittleEndian], sop_class=SR)
            assert [ds.SOPInstanceUID for ds in came] == expected
