"""A running thoraxd and a RIS: results go out as ORU^R01 whatever happens meanwhile, and orders come in."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import hl7
import pytest

from tests.support.builders import make_cxr
from tests.support.messages import omi
from tests.support.peers.mllp import FS_CR, Library, ack, frame, scripted
from tests.support.peers.programs import free_port, wait_until
from tests.support.peers.sender import send
from tests.support.system import Thoraxd

RETRY = {"first_s": 0.3, "factor": 1.0, "longest_s": 0.5}


def ris(port: int, **more: object) -> dict[str, object]:
    return {"name": "ris", "kind": "mllp", "host": "127.0.0.1", "port": port, "receiving_application": "RIS", **more}


@dataclass
class Moody:
    """A receiver that answers by `codes`, in turn, and AA after them; "HOLD": not before it is let go, and not then."""

    codes: list[str] = field(default_factory=list)
    arrived: threading.Event = field(default_factory=threading.Event)
    let_go: threading.Event = field(default_factory=threading.Event)
    came: list[str] = field(default_factory=list)
    port: int = 0

    def answer(self, connection: socket.socket, control_id: str, _: int) -> bool:
        code = self.codes.pop(0) if self.codes else "AA"
        if code == "HOLD":
            self.arrived.set()
            self.let_go.wait(60)
            return False
        connection.sendall(ack(control_id, code, "ERR||PID^1^3|204^Unknown key^HL70357|E\r" if code == "AE" else ""))
        return True


class Site(NamedTuple):
    """thoraxd; ports of a receiver that is told of lesions and of one that is not, neither of them up; a third."""

    thoraxd: Thoraxd
    port: int
    triage_port: int
    moody: Moody


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    moody, ports = Moody(), (free_port(), free_port())
    settings = {"retry": RETRY | {"refused_attempts": 2}, "hl7": {"port": free_port()}}
    with scripted(moody.answer) as (moody.port, moody.came):
        triage = ris(ports[1]) | {"name": "worklist", "marking": False}
        destinations = [ris(ports[0]), triage, ris(moody.port) | {"name": "moody"}]
        with Thoraxd(tmp_path_factory.mktemp("hl7"), destinations=destinations, settings=settings) as running:
            yield Site(running, *ports, moody)


def value(message: hl7.Message, code: str) -> str:
    """OBX-5 of the study's observation of a code, in text."""
    (found,) = (obx for obx in message.segments("OBX") if str(obx[3][0][0]) == code and not str(obx[4]))
    return str(message.unescape(str(found[5])))


def tell(port: int, message: str) -> bytes:
    """Send a message to thoraxd; its answer."""
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        connection.sendall(frame(message))
        held = b""
        while FS_CR not in held:
            held += connection.recv(65536)
        return held


def test_results_wait_for_a_receiver_that_is_down_and_are_corrected_and_withdrawn(site: Site) -> None:
    thoraxd, port, triage_port, _ = site
    film = make_cxr(patient_name="Müller|^Jörg", AccessionNumber="A^77")
    assert send(thoraxd.port, [film]) == [0x0000]
    study = film.StudyInstanceUID

    def attempts() -> list[int]:
        lines = thoraxd.ledger.views.object_deliveries(study)
        return [line["attempts"] for line in lines if line["destination"] != "moody"]

    wait_until(lambda: len(attempts()) == 2 and min(attempts()) >= 2, 60, "the receivers are tried in vain")
    with Library(port) as peer, Library(triage_port) as triage:
        report = thoraxd.wait_settled([study])[study]
        assert report["state"] == "DELIVERED", report["reason"]
        (message,) = peer.messages
        assert [str(message.unescape(str(part))) for part in message.segment("PID")[5][0]] == ["Müller|", "Jörg"]
        assert message.unescape(str(message["OBR.F18"])) == "A^77"
        assert (str(message["MSH.F3"]), str(message["MSH.F5"]), str(message["OBR.F25"])) == ("THORAXD", "RIS", "P")
        assert value(message, "113014") == study and value(message, "19005-8").startswith("AI, unverified")
        assert float(value(message, "111012")) == round(100 * report["probability"], 1)
        (told,) = triage.messages
        assert told["MSH.F10"] != message["MSH.F10"] and "." not in "".join(str(o[4]) for o in told.segments("OBX"))

        second = make_cxr(study_uid=study, patient_name="Müller|^Jörg", AccessionNumber="A^77")
        assert send(thoraxd.port, [second]) == [0x0000]
        wait_until(lambda: len(peer.messages) == 2 and len(triage.messages) == 2, 60, "the corrected result")
        assert str(peer.messages[1]["OBR.F25"]) == "C"
        thoraxd.wait_settled([study])

        assert thoraxd.cli("reject", study, "--reason", "safety").returncode == 0
        wait_until(lambda: len(peer.messages) == 3 and len(triage.messages) == 3, 30, "the withdrawal")
        last = peer.messages[2]
        assert {str(obx[11]) for obx in last.segments("OBX")} == {"O", "C", "W"}
        assert "withdrawn" in value(last, "19005-8")
        assert thoraxd.ledger.catalogue.instances(study)[0].result is False  # a message is no instance
    words = "\n".join(path.read_text(errors="replace") for path in thoraxd.logs())
    assert not any(word in words for word in ("Müller", "Jörg", "A^77"))


def test_an_order_makes_its_study_urgent_whichever_comes_first(site: Site) -> None:
    thoraxd, port, triage_port, _ = site
    listening = thoraxd.settings.hl7.port
    before, after = make_cxr(AccessionNumber="B1"), make_cxr(AccessionNumber="B2")
    ours = {"patient": str(before.PatientID), "study_uid": ""}
    first = omi(accession="B1", placer="P1", filler="F1", control_id="M1", priority="S", **ours)
    later = omi(accession="B2", placer="P2", filler="F2", control_id="M2", priority="A", **ours)
    with Library(port), Library(triage_port):
        assert b"MSA|AA|M1" in tell(listening, first)
        assert send(thoraxd.port, [before, after]) == [0x0000, 0x0000]
        thoraxd.wait_settled([before.StudyInstanceUID, after.StudyInstanceUID])
        assert b"MSA|AA|M2" in tell(listening, later)
        assert b"MSA|AE|M3" in tell(listening, omi(control_id="M3", control="??"))

    urgency = thoraxd.ledger.orders.urgency_of
    assert (urgency(before.StudyInstanceUID), urgency(after.StudyInstanceUID)) == ("STAT", "HIGH")
    listed = [json.loads(line) for line in thoraxd.cli("orders", "--json").stdout.splitlines()]
    assert [(each["urgency"], each["studies"]) for each in listed] == [
        ("HIGH", [after.StudyInstanceUID]),
        ("STAT", [before.StudyInstanceUID]),
    ]
    assert "B1" not in str(listed) and "STAT" in thoraxd.cli("orders").stdout


def test_a_message_whose_answer_was_lost_comes_again_and_a_refused_one_can_be_replayed(site: Site) -> None:
    thoraxd, port, triage_port, moody = site
    film = make_cxr()
    study = film.StudyInstanceUID
    moody.codes[:], moody.came[:] = ["HOLD", "AE", "AE"], []
    with Library(port), Library(triage_port):
        assert send(thoraxd.port, [film]) == [0x0000]
        assert moody.arrived.wait(60)
        thoraxd.kill_daemon()
        moody.let_go.set()
        thoraxd.start_daemon()
        report = thoraxd.wait_settled([study])[study]
        assert (report["state"], report["reason"]) == ("FAILED", "moody: AE, error 204")
        (letter,) = thoraxd.ledger.views.dead_letters("moody")
        assert (letter["output"], letter["state"], letter["attempts"]) == ("oru", "DEAD", 2)
        assert thoraxd.cli("replay", "--failed").returncode == 0
        wait_until(lambda: thoraxd.report(study)["state"] == "DELIVERED", 30, "delivered")
    assert len(moody.came) == 4 and len(set(moody.came)) == 1
