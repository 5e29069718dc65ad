"""What a sender sees of thoraxd, on real associations: PS3.4 Annex A and B, PS3.7 9.1.1."""

from __future__ import annotations

import io
import threading
from pathlib import Path

import pytest
from pydicom import Dataset
from pynetdicom.sop_class import CTImageStorage, DigitalXRayImageStorageForPresentation  # type: ignore[attr-defined]

from daemon.dimse.contexts import TRANSFER_SYNTAXES_SCP
from tests.conftest import need
from tests.support.builders import compress, make_cxr
from tests.support.peers import dcmtk, sender
from tests.support.peers.programs import wait_until
from tests.support.system import Thoraxd

EXPLICIT, JPEG_EXTENDED = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.51"
NEAR_LOSSLESS_JPEG_LS = "1.2.840.10008.1.2.4.81"  # no encoder at hand makes it


def archived(system: Thoraxd, ds: Dataset) -> list[Path]:
    return sorted((system.home / "archive" / ds.StudyInstanceUID).glob(f"{ds.SOPInstanceUID}.*"))


def incoming(system: Thoraxd) -> list[Path]:
    return [path for path in (system.home / "incoming").iterdir() if path.is_file()]


def test_echoscu_is_answered(receiver_only: Thoraxd) -> None:
    need("echoscu")
    done = dcmtk.echoscu(receiver_only.port)
    assert done.returncode == 0, done.stderr


def test_contexts_that_are_not_taken_are_rejected_and_the_others_go_on(receiver_only: Thoraxd) -> None:
    film = make_cxr()
    dx = str(DigitalXRayImageStorageForPresentation)
    with sender.association(
        receiver_only.port, [(dx, EXPLICIT), (dx, JPEG_EXTENDED), (str(CTImageStorage), EXPLICIT)]
    ) as assoc:
        assert [(c.abstract_syntax, c.transfer_syntax) for c in assoc.accepted_contexts] == [(dx, [EXPLICIT])]
        # PS3.8 table 9-18: 3 = abstract syntax not supported, 4 = transfer syntaxes not supported
        assert {(c.abstract_syntax, c.result) for c in assoc.rejected_contexts} == {(CTImageStorage, 3), (dx, 4)}
        assert sender.store(assoc, film) == 0x0000


@pytest.mark.parametrize("syntax", [syntax for syntax in TRANSFER_SYNTAXES_SCP if syntax.uid != NEAR_LOSSLESS_JPEG_LS])
def test_the_archive_holds_the_data_set_as_it_was_sent(receiver_only: Thoraxd, syntax: tuple[str, str]) -> None:
    film = compress(make_cxr(rows=64, columns=48, bits_stored=8, bits_allocated=8), syntax[0])
    content = sender.encoded(film)
    context = sender.context_of(film)
    with sender.association(receiver_only.port, [context]) as assoc:
        assert sender.store_bytes(assoc, context, film.SOPInstanceUID, content) == 0x0000
    (file,) = archived(receiver_only, film)
    assert file.read_bytes().endswith(content)


def test_bytes_that_are_no_data_set_are_refused_and_the_association_goes_on(receiver_only: Thoraxd) -> None:
    film, context = make_cxr(), sender.context_of(make_cxr())
    with sender.association(receiver_only.port, [context]) as assoc:
        assert sender.store_bytes(assoc, context, "1.2.3.4", b"\xff" * 1001) == 0xC000
        assert sender.store(assoc, film) == 0x0000
    assert len(archived(receiver_only, film)) == 1
    assert incoming(receiver_only) == []


def test_a_data_set_without_a_study_uid_is_refused(receiver_only: Thoraxd) -> None:
    film = make_cxr(StudyInstanceUID=None)
    assert sender.send(receiver_only.port, [film]) == [0xC000]


def test_a_data_set_that_ends_before_its_pixels_is_refused_or_kept_whole(receiver_only: Thoraxd) -> None:
    film = make_cxr()
    context, content = sender.context_of(film), sender.encoded(film)
    with sender.association(receiver_only.port, [context]) as assoc:
        assert sender.store_bytes(assoc, context, film.SOPInstanceUID, content[:60]) == 0xC000
        assert sender.store_bytes(assoc, context, film.SOPInstanceUID, content) == 0x0000
    assert len(archived(receiver_only, film)) == 1


def test_another_instance_than_announced_is_refused_and_not_kept(receiver_only: Thoraxd) -> None:
    film, context = make_cxr(), sender.context_of(make_cxr())
    with sender.association(receiver_only.port, [context]) as assoc:
        assert sender.store_bytes(assoc, context, "1.2.3.4", sender.encoded(film)) == 0xA900
        assert archived(receiver_only, film) == []
        assert sender.store(assoc, film) == 0x0000
    assert film.StudyInstanceUID in receiver_only.reports([film.StudyInstanceUID])


def test_an_association_cut_in_the_middle_leaves_no_part_and_keeps_what_was_acknowledged(
    receiver_only: Thoraxd,
) -> None:
    first, second = make_cxr(), make_cxr(rows=2000, columns=1600)
    second.StudyInstanceUID = first.StudyInstanceUID
    assoc = sender.associate(receiver_only.port, map(sender.context_of, (first, second)))
    assert sender.store(assoc, first) == 0x0000
    sender.break_off(assoc, second)
    wait_until(lambda: not incoming(receiver_only), 10, "no partial file")
    assert len(archived(receiver_only, first)) == 1
    assert archived(receiver_only, second) == []
    wait_until(lambda: receiver_only.report(first.StudyInstanceUID)["completed_at"], 10, "study complete")
    assert len(receiver_only.report(first.StudyInstanceUID)["instances"]) == 1


def test_the_middle_of_an_instance_is_really_on_disk_before_it_is_cut(receiver_only: Thoraxd) -> None:
    """Without this, the test above could pass because nothing had arrived."""
    film = make_cxr(rows=2000, columns=1600)
    assoc = sender.associate(receiver_only.port, [sender.context_of(film)])
    most: list[int] = []
    watch = threading.Event()

    def look() -> None:
        while not watch.wait(0.01):
            most.append(max((path.stat().st_size for path in incoming(receiver_only)), default=0))

    watcher = threading.Thread(target=look)
    watcher.start()
    sender.break_off(assoc, film)
    watch.set()
    watcher.join()
    assert max(most) > 1_000_000
    wait_until(lambda: not incoming(receiver_only), 10, "no partial file")


def test_the_same_instance_from_eight_senders_at_once_is_stored_once(receiver_only: Thoraxd) -> None:
    film = make_cxr()
    content, context = sender.encoded(film), sender.context_of(film)
    statuses: list[int | None] = []

    def send_it() -> None:
        with sender.association(receiver_only.port, [context]) as assoc:
            statuses.append(sender.store_bytes(assoc, context, film.SOPInstanceUID, content))

    threads = [threading.Thread(target=send_it) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [0x0000] * 8
    assert len(archived(receiver_only, film)) == 1
    assert len(receiver_only.report(film.StudyInstanceUID)["instances"]) == 1


def test_other_bytes_under_a_uid_that_is_here_leave_the_first_as_it_was(receiver_only: Thoraxd) -> None:
    film = make_cxr()
    assert sender.send(receiver_only.port, [film]) == [0x0000]
    (before,) = archived(receiver_only, film)
    kept = before.read_bytes()
    film.PatientComments = "changed"
    assert sender.send(receiver_only.port, [film]) == [0x0000]
    assert archived(receiver_only, film) == [before]
    assert before.read_bytes() == kept


def test_the_log_names_no_patient(receiver_only: Thoraxd) -> None:
    film = make_cxr(patient_name="Zzyzx^Quentin", patient_id="ZZID-77", AccessionNumber="ZZACC-77")
    assert sender.send(receiver_only.port, [film]) == [0x0000]
    file = io.BytesIO()
    film.save_as(file, enforce_file_format=True)
    assert b"Zzyzx" in file.getvalue()
    text = receiver_only.log.read_text()
    assert film.SOPInstanceUID in text
    assert not [word for word in ("Zzyzx", "Quentin", "ZZID", "ZZACC") if word in text]
