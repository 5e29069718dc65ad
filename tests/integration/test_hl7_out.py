"""The MLLP client against the library `hl7` and against receivers that go wrong."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset

from daemon.core.errors import DestinationUnreachable, SettingsError
from daemon.core.outcome import Answer, Outcome, Outgoing
from daemon.hl7.mllp import Receiver, addressed, reachable, send
from tests.conftest import need
from tests.support.conform import film
from tests.support.messages import oru
from tests.support.peers.mllp import Library, Way, ack, destination, frame, scripted
from tests.support.peers.programs import free_port
from tests.support.reports import make_request

MESSAGES = [Outgoing(oru(make_request(film(study_uid=f"1.2.{n}"))).content, Dataset()) for n in range(3)]
IDS = [message.content.decode().split("|")[9] for message in MESSAGES]


def sent(port: int, objects: list[Outgoing] = MESSAGES, **settings: Any) -> list[Outcome]:
    return list(send(Receiver(destination(port, **settings), "THORAXD"), objects))


def answers(way: Way, **settings: Any) -> tuple[list[Answer], list[str]]:
    """What became of three messages, and the MSH-10 that came."""
    with scripted(way) as (port, came):
        return [outcome.answer for outcome in sent(port, **settings)], came


def always(reply: Callable[[str], bytes]) -> Way:
    """Sends this to every message."""

    def way(connection: socket.socket, control_id: str, _: int) -> bool:
        connection.sendall(reply(control_id))
        return True

    return way


def test_the_library_reads_and_acknowledges_what_we_send() -> None:
    with Library() as peer:
        settings = {"receiving_application": "RIS^1.2^ISO", "receiving_facility": "H", "sending_facility": "X"}
        outcomes = sent(peer.port, **settings)

        assert [outcome.accepted for outcome in outcomes] == [True] * 3
        assert peer.control_ids() == IDS
        header = peer.messages[0].segment("MSH")
        assert [str(header[n]) for n in (3, 4, 5, 6, 18)] == ["THORAXD", "X", "RIS^1.2^ISO", "H", "UNICODE UTF-8"]
        assert str(peer.messages[1]["PID.F5.R1.C1"]) == "Test"


def test_one_connection_serves_all_that_is_due() -> None:
    connections = set()

    def way(connection: socket.socket, control_id: str, _: int) -> bool:
        connections.add(connection.getpeername())
        connection.sendall(ack(control_id))
        return True

    assert answers(way) == ([Answer.ACCEPTED] * 3, IDS) and len(connections) == 1


@pytest.mark.parametrize(
    "code, answer",
    [
        *(("AA", Answer.ACCEPTED), ("CA", Answer.ACCEPTED), ("AE", Answer.REFUSED), ("CE", Answer.REFUSED)),
        *(("AR", Answer.BUSY), ("CR", Answer.BUSY)),
    ],
)
def test_each_code_means_what_table_0008_says(code: str, answer: Answer) -> None:
    assert answers(always(lambda control_id: ack(control_id, code))) == ([answer] * 3, IDS)


def test_a_refusal_is_told_by_codes_and_lengths_without_a_word_of_the_patient() -> None:
    errors = "ERR||PID^1^5|204^Unknown key^HL70357|E||||Test^Phantom is unknown\r"

    def refuse(connection: socket.socket, control_id: str, _: int) -> bool:
        reply = ack(control_id, "AE", errors).replace(f"AE|{control_id}".encode(), f"AE|{control_id}|Phantom".encode())
        connection.sendall(reply)
        return True

    with scripted(refuse) as (port, _):
        (outcome,) = sent(port, MESSAGES[:1])

    assert outcome.reason == "AE, error 204, with a text of 11 characters"


def test_an_error_before_version_2_5_is_told_too() -> None:
    with scripted(always(lambda i: ack(i, "AR", "ERR|MSH^1^9^200&Unsupported message type&HL70357\r"))) as (port, _):
        assert [outcome.reason for outcome in sent(port, MESSAGES[:1])] == ["AR, error 200"]


@pytest.mark.parametrize(
    "reply",
    [
        b"hello",
        b"\x0bhello\x1c\r",
        b"\x0b\x1c\r",
        ack("SOMEONE-ELSE"),
        frame("MSH|^~\\&|||||||ACK|1|P|2.5.1\r"),
        ack("", "AA"),
        ack("X", "OK"),
        b"\x0b" + b"A" * 100_000,
    ],
    ids=["no frame", "no message", "empty", "another message", "no MSA", "no id", "no code", "endless"],
)
def test_an_answer_that_is_none_proves_nothing(reply: bytes) -> None:
    got, came = answers(always(lambda _: reply))

    assert got == [Answer.BROKEN] and came == IDS[:1]


def test_silence_ends_after_timeout_s_even_if_bytes_trickle() -> None:
    def trickle(connection: socket.socket, control_id: str, _: int) -> bool:
        reply, until = ack(control_id), time.monotonic() + 5
        for place in range(len(reply)):
            if time.monotonic() > until:
                break
            connection.sendall(reply[place : place + 1])
            time.sleep(0.1)
        return False

    started = time.monotonic()
    got, _ = answers(trickle, timeout_s=0.5)

    assert got == [Answer.BROKEN] and time.monotonic() - started < 3


def test_half_an_answer_and_then_the_end_proves_nothing() -> None:
    def way(connection: socket.socket, control_id: str, _: int) -> bool:
        connection.sendall(ack(control_id)[:-5])
        return False

    assert answers(way)[0] == [Answer.BROKEN]


def test_a_receiver_that_hangs_up_at_once_gets_one_message_as_not_known() -> None:
    assert answers(lambda *_: False) == ([Answer.BROKEN], IDS[:1])


def test_a_receiver_that_hangs_up_after_each_answer_is_no_news_of_the_next_message() -> None:
    def way(connection: socket.socket, control_id: str, _: int) -> bool:
        connection.sendall(ack(control_id))
        return False

    with scripted(way) as (port, came):
        assert [outcome.answer for outcome in sent(port)] == [Answer.ACCEPTED]
        assert [outcome.answer for outcome in sent(port, MESSAGES[1:])] == [Answer.ACCEPTED]
        assert came == IDS[:2]


def test_a_second_answer_to_the_same_message_is_passed_over() -> None:
    def way(connection: socket.socket, control_id: str, _: int) -> bool:
        connection.sendall(ack(control_id, "CA") + ack(control_id, "AA"))
        return True

    assert answers(way) == ([Answer.ACCEPTED] * 3, IDS)


def test_an_answer_in_pieces_and_after_line_ends_is_read() -> None:
    def way(connection: socket.socket, control_id: str, _: int) -> bool:
        for piece in (b"\r\n", ack(control_id)[:9], ack(control_id)[9:-1], ack(control_id)[-1:]):
            connection.sendall(piece)
            time.sleep(0.02)
        return True

    assert answers(way) == ([Answer.ACCEPTED] * 3, IDS)


def test_where_nobody_is_there_no_message_is_tried() -> None:
    with pytest.raises(DestinationUnreachable):
        sent(free_port())
    with pytest.raises(DestinationUnreachable):
        reachable(Receiver(destination(free_port()), "THORAXD"))


def test_a_message_is_written_in_the_receivers_character_set_or_not_at_all() -> None:
    message = oru(make_request(film(patient_name="Müller^Jörg"))).content
    japanese = Outgoing(oru(make_request(film(patient_name="Yamada=山田"))).content, Dataset())
    latin = Receiver(destination(1, charset="8859/1"), "THORAXD")

    assert "Müller" in addressed(message, latin)[0].decode("latin-1")
    with scripted(always(ack)) as (port, came):
        outcomes = sent(port, [japanese, MESSAGES[1]], charset="8859/1")
    assert [outcome.answer for outcome in outcomes] == [Answer.REFUSED, Answer.ACCEPTED] and came == IDS[1:2]
    assert "8859/1" in outcomes[0].reason and "Yamada" not in outcomes[0].reason


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 that signs itself, and its key."""
    pem, key = folder / "peer.pem", folder / "peer.key"
    command = [need("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=peer"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(pem)]
    subprocess.run(command, check=True, capture_output=True)
    return pem, key


def test_tls_with_a_certificate_on_both_sides(tmp_path: Path) -> None:
    pem, key = certificate(tmp_path)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem, key)
    server.verify_mode = ssl.CERT_REQUIRED
    server.load_verify_locations(pem)
    with Library(tls=server) as peer:
        known = {"tls": True, "ca_file": pem, "certificate": pem, "private_key": key}
        assert [outcome.accepted for outcome in sent(peer.port, **known)] == [True] * 3
        with pytest.raises(DestinationUnreachable, match="TLS"):
            sent(peer.port, tls=True)  # nobody vouches for this receiver


def test_files_for_tls_that_are_of_no_use_are_a_mistake_in_the_settings(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="ris"):
        Receiver(destination(1, tls=True, ca_file=tmp_path / "nothing.pem"), "THORAXD")


def test_a_receiver_that_never_reads_ends_the_wait() -> None:
    listening = socket.create_server(("127.0.0.1", 0), backlog=1)
    big = Outgoing(MESSAGES[0].content + b"NTE|1||" + b"A" * 20_000_000 + b"\r", Dataset())
    held: list[socket.socket] = []
    thread = threading.Thread(target=lambda: held.append(listening.accept()[0]))
    thread.start()
    try:
        outcomes = sent(listening.getsockname()[1], [big], timeout_s=0.5)
    finally:
        thread.join()
        for connection in (*held, listening):
            connection.close()

    assert [outcome.answer for outcome in outcomes] == [Answer.BROKEN]
