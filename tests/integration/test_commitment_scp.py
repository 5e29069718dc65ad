"""Storage commitment as SCP, PS3.4 Annex J: modalities that wait for the result, hang up, are down, talk nonsense."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom import Dataset
from pydicom.uid import ComputedRadiographyImageStorage, CTImageStorage, ImplicitVRLittleEndian, generate_uid
from pynetdicom.dimse_primitives import N_ACTION, N_EVENT_REPORT

from tests.integration.conftest import NOBODY
from tests.support.builders import make_cxr
from tests.support.peers import sender
from tests.support.peers.modality import (
    Modality,
    action_information,
    ask_on,
    contexts_of,
    encoded,
    references_to,
    request,
    requests_at_once,
)
from tests.support.peers.programs import wait_until
from tests.support.system import Thoraxd

SMALL = {"rows": 64, "columns": 48}
RETRY = {"first_s": 0.3, "factor": 1.5, "longest_s": 1.0}


def films(count: int) -> list[Dataset]:
    return [make_cxr(**SMALL) for _ in range(count)]  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def listening() -> Iterator[Modality]:
    """Takes reports on associations that we open, in Implicit VR alone; says no to the first."""
    modality = Modality("CR1", syntaxes=(ImplicitVRLittleEndian,), reply=lambda number: 0x0110 if number == 1 else 0)
    modality.start()
    yield modality
    modality.stop()


@pytest.fixture(scope="module")
def down() -> Modality:
    """Is in the settings, and does not listen; nor does it know of roles."""
    return Modality("CR2", knows_roles=False)


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory, listening: Modality, down: Modality) -> Iterator[Thoraxd]:
    with Thoraxd(
        tmp_path_factory.mktemp("vouch"),
        workers=0,
        modalities=[listening.entry(), down.entry()],
        settings={"broker": {"url": NOBODY}, "retry": RETRY},
    ) as running:
        yield running


@pytest.fixture
def stranger() -> Modality:
    """Is not in the settings."""
    return Modality("STRANGER")


def test_a_modality_that_waits_is_told_on_its_own_association(system: Thoraxd, stranger: Modality) -> None:
    stored = films(2)
    with stranger.association(system.port, *contexts_of(*stored)) as assoc:
        assert [sender.store(assoc, film) for film in stored] == [0x0000, 0x0000]
        transaction_uid, status = ask_on(assoc, references_to(*stored))
        assert status == 0x0000
        wait_until(lambda: stranger.reports, 10, "a report")
    (report,) = stranger.reports
    assert (report.transaction_uid, report.event_type, report.anew) == (transaction_uid, 1, False)
    assert (report.committed, report.failed) == (frozenset(references_to(*stored)), {})


def test_a_modality_that_hangs_up_is_told_on_a_new_association_until_it_agrees(
    system: Thoraxd, listening: Modality
) -> None:
    stored = films(1)
    assert sender.send(system.port, stored) == [0x0000]
    transaction_uid, status = listening.ask(system.port, references_to(*stored))
    assert status == 0x0000
    wait_until(lambda: len(listening.heard(transaction_uid)) == 2, 10, "a report, and the same once more")
    assert {(r.event_type, r.anew, r.transfer_syntax_uid) for r in listening.heard(transaction_uid)} == {
        (1, True, ImplicitVRLittleEndian)
    }


def test_each_instance_is_looked_at(system: Thoraxd, stranger: Modality) -> None:
    whole, gone, damaged, other_class = stored = films(4)
    assert sender.send(system.port, stored) == [0x0000] * 4
    archive = {path.name.partition(".dcm")[0].rpartition(".")[0]: path for path in system.home.rglob("*.dcm")}
    archive[gone.SOPInstanceUID].unlink()
    content = bytearray(archive[damaged.SOPInstanceUID].read_bytes())
    content[-1] ^= 1
    archive[damaged.SOPInstanceUID].write_bytes(content)
    asked = references_to(*stored) | {other_class.SOPInstanceUID: ComputedRadiographyImageStorage}
    unknown, unsupported = generate_uid(), generate_uid()
    asked |= {unknown: ComputedRadiographyImageStorage, unsupported: CTImageStorage}
    with stranger.association(system.port) as assoc:
        ask_on(assoc, asked)
        wait_until(lambda: stranger.reports, 10, "a report")
    (report,) = stranger.reports
    assert (report.event_type, report.committed) == (2, {whole.SOPInstanceUID})
    assert report.failed == {
        gone.SOPInstanceUID: 0x0112,
        damaged.SOPInstanceUID: 0x0110,
        other_class.SOPInstanceUID: 0x0119,
        unknown: 0x0112,
        unsupported: 0x0122,
    }


def test_what_is_asked_twice_is_answered_twice_and_another_question_under_its_uid_is_refused(
    system: Thoraxd, stranger: Modality
) -> None:
    stored = films(1)
    with stranger.association(system.port) as assoc:
        transaction_uid, _ = ask_on(assoc, references_to(*stored))
        wait_until(lambda: len(stranger.reports) == 1, 10, "a report")
        assert sender.send(system.port, stored) == [0x0000]
        assert ask_on(assoc, references_to(*stored), transaction_uid) == (transaction_uid, 0x0000)
        wait_until(lambda: len(stranger.reports) == 2, 10, "a second report")
        assert ask_on(assoc, references_to(*films(1)), transaction_uid) == (transaction_uid, 0x0115)
    assert [report.event_type for report in stranger.reports] == [2, 1]


def test_a_modality_that_is_down_is_told_after_a_restart_of_ours_and_holds_up_no_other(
    system: Thoraxd, down: Modality, stranger: Modality
) -> None:
    stored = films(1)
    assert sender.send(system.port, stored) == [0x0000]
    transaction_uid, status = down.ask(system.port, references_to(*stored))
    assert status == 0x0000
    with stranger.association(system.port) as assoc:
        ask_on(assoc, references_to(*stored))
        wait_until(lambda: stranger.reports, 5, "the other's report")
    wait_until(lambda: system.events("promise.untold"), 10, "a failed attempt")
    system.kill_daemon()
    system.start_daemon()
    down.start()
    try:
        wait_until(lambda: down.heard(transaction_uid), 90, "the report")
    finally:
        down.stop()
    assert [(report.event_type, report.anew) for report in down.heard(transaction_uid)] == [(1, True)]


def test_a_modality_that_hangs_up_and_is_not_in_the_settings_is_named_in_the_log(
    system: Thoraxd, stranger: Modality
) -> None:
    _, status = stranger.ask(system.port, references_to(*films(1)))
    assert status == 0x0000
    wait_until(lambda: any(e["calling_ae"] == "STRANGER" for e in system.events("promise.untold")), 10, "an event")
    (event,) = [e for e in system.events("promise.untold") if e["calling_ae"] == "STRANGER"]
    assert "no [[modality]] has this AE title" in event["why"]


NAME = "DOE^JANE"
GOOD = action_information({"1.2.3": CTImageStorage}, "1.2.4")
NAMELESS = action_information({"1.2.3": CTImageStorage}, NAME)
SEQUENCE = b"\x08\x00\x99\x11SQ\x00\x00\xff\xff\xff\xff"  # (0008,1199), of undefined length
UNFIT: dict[str, tuple[dict[str, object], bytes | None, int]] = {
    "another action": ({"type_id": 2}, encoded(GOOD), 0x0123),
    "another instance": ({"sop_uid": "1.2.3"}, encoded(GOOD), 0x0112),
    "no data set": ({}, None, 0x0115),
    "a name for a UID": ({}, encoded(NAMELESS), 0x0115),
    "no reference": ({}, encoded(action_information({}, "1.2.4")), 0x0115),
    "half a data set": ({}, SEQUENCE + bytes(300), 0x0110),
    "items within items": ({}, (SEQUENCE + b"\xfe\xff\x00\xe0\xff\xff\xff\xff") * 5_000, 0x0110),
    "too many items": (
        {},
        SEQUENCE + (b"\xfe\xff\x00\xe0" + bytes(4)) * 300_000,
        0x0213,
    ),
}


@pytest.mark.parametrize("case", UNFIT)
def test_a_request_that_makes_no_sense_gets_its_status(system: Thoraxd, stranger: Modality, case: str) -> None:
    parameters, content, status = UNFIT[case]
    with stranger.association(system.port) as assoc:
        assert request(assoc, N_ACTION, content, **parameters) == status  # type: ignore[arg-type]
        assert ask_on(assoc, {"1.2.3": CTImageStorage})[1] == 0x0000  # and the association goes on
    assert NAME not in system.log.read_text()


@pytest.mark.parametrize(
    ("content", "type_id", "status"),
    [(encoded(GOOD), 1, 0x0115), (encoded(GOOD), 3, 0x0113), (encoded(NAMELESS), 2, 0x0115), (None, 1, 0x0115)],
)
def test_a_report_that_makes_no_sense_gets_its_status(
    system: Thoraxd, stranger: Modality, content: bytes | None, type_id: int, status: int
) -> None:
    with stranger.association(system.port) as assoc:
        assert request(assoc, N_EVENT_REPORT, content, type_id=type_id) == status


def test_a_request_without_an_end_is_cut_off_and_storing_goes_on(system: Thoraxd, stranger: Modality) -> None:
    with stranger.association(system.port) as assoc:
        assert request(assoc, N_ACTION, bytes(40_000_000)) is None
    assert sender.send(system.port, films(1)) == [0x0000]
    resident = int(Path(f"/proc/{system.daemon_pid}/statm").read_text().split()[1]) * 4096
    assert resident < 400e6


def test_a_modality_that_does_not_wait_for_its_answers_gets_them_all(system: Thoraxd, stranger: Modality) -> None:
    with stranger.association(system.port) as assoc:
        assert requests_at_once(assoc, encoded(GOOD), 30) == [0x0000] * 30
