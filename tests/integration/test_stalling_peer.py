"""A destination that stalls inside a PDU, drips, streams without end or answers out of turn ends no loop of ours."""

from __future__ import annotations

import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from pydicom import Dataset

from daemon.core.commitment import CommitmentRequest, Reference
from daemon.core.errors import DeliveryError, DestinationUnreachable
from daemon.core.outcome import Answer, Outcome, Outgoing
from daemon.dimse.commitment_scu import Results, accepts, ask
from daemon.dimse.scu import echo, send
from daemon.sections import RetrySettings
from daemon.store.ledger import Ledger
from tests.integration.test_deliveries import delivering, settled
from tests.support.peers.stalling import A_RELEASE_RP, SUCCESS, Line, Peer, Way, serving
from tests.support.reports import make_request, one, reread

TIMEOUT_S = 1.0
IN_TIME_S = TIMEOUT_S + 1.5  # with the farewell, on a busy machine
FILE = one(make_request(), "sr").to_bytes()
CANNOT_UNDERSTAND = 0xC000


def header(kind: int, length: int) -> bytes:
    return struct.pack(">BBL", kind, 0, length)


def objects(count: int = 1) -> list[Outgoing]:
    found = []
    for number in range(count):
        ds = reread(FILE)
        ds.SOPInstanceUID += f".{number}"
        found.append(Outgoing(FILE, ds))
    return found


def large() -> Dataset:
    """30 MB, which no buffer of a socket holds."""
    ds = reread(FILE)
    ds.add_new("PixelData", "OB", bytes(30_000_000))
    return ds


def sent(peer: Peer, *outgoing: Outgoing, timeout_s: float = TIMEOUT_S) -> list[Outcome]:
    return list(send(peer.destination(timeout_s), "THORAXD", outgoing or objects()))


def answers(outcomes: list[Outcome]) -> list[Answer]:
    return [outcome.answer for outcome in outcomes]


@contextmanager
def in_time() -> Iterator[None]:
    """The block ends in time, and so do the threads of its associations: they would keep a process alive."""
    before, started = set(threading.enumerate()), time.monotonic()
    yield
    assert time.monotonic() - started < IN_TIME_S
    for thread in set(threading.enumerate()) - before:
        if type(thread).__module__.startswith("pynetdicom"):
            thread.join(1.0)
            assert not thread.is_alive()


IN_THE_ANSWER: dict[str, Way] = {
    "says nothing": Line.stall,
    "half a header": lambda line: line.stall(b"\x04\0\0"),
    "half a body": lambda line: line.stall(header(4, 100) + bytes(50)),
    "drips": lambda line: line.drip(header(4, 65536), b"\0", 0.1),
    "drips its header": lambda line: line.drip(b"\x04", b"\0", 0.4),
    "announces 4 GB": lambda line: line.stall(header(4, 0xFFFFFFFF)),
    "streams 4 GB": lambda line: line.drip(header(4, 0xFFFFFFFF), bytes(65536), 0.001),
    # Whole PDUs, each with one fragment, not the last, of a command (PS3.8 E.2).
    "sends a command without end": lambda line: line.drip(b"", header(4, 6) + struct.pack(">LBB", 2, 1, 1), 0.05),
}


@pytest.mark.parametrize("way", IN_THE_ANSWER.values(), ids=IN_THE_ANSWER)
def test_an_object_whose_answer_does_not_come_whole_is_broken_in_time(way: Way) -> None:
    def on_command(line: Line) -> None:
        line.read()
        way(line)

    with serving(Peer(on_command=on_command)) as peer, in_time():
        assert answers(sent(peer)) == [Answer.BROKEN]


def test_a_peer_that_reads_no_more_breaks_the_object_in_time() -> None:
    with serving(Peer(on_command=Line.stall)) as peer, in_time():
        assert answers(sent(peer, Outgoing(b"", large()))) == [Answer.BROKEN]


def test_a_peer_that_reads_ever_so_slowly_breaks_the_object_in_time() -> None:
    def sip(line: Line) -> None:
        while True:
            line._exactly(1000)
            line.pause(0.05)

    with serving(Peer(on_command=sip)) as peer, in_time():
        assert answers(sent(peer, Outgoing(b"", large()))) == [Answer.BROKEN]


IN_THE_AC: dict[str, Way] = {
    "says nothing": Line.stall,
    "half an AC": lambda line: line.stall(line.ac[:9]),
    "drips": lambda line: line.drip(line.ac[:9], b"\0", 0.1),
    "announces 4 GB": lambda line: line.stall(header(2, 0xFFFFFFFF) + bytes(1000)),
}


@pytest.mark.parametrize("way", IN_THE_AC.values(), ids=IN_THE_AC)
def test_a_peer_that_does_not_accept_whole_is_unreachable_in_time(way: Way) -> None:
    with serving(Peer(on_request=way)) as peer, in_time(), pytest.raises(DestinationUnreachable, match="no answer"):
        sent(peer)


IN_THE_RELEASE: dict[str, Way] = {
    "says nothing": Line.stall,
    "half a header": lambda line: line.stall(A_RELEASE_RP[:3]),
    "drips": lambda line: line.drip(header(6, 65536), b"\0", 0.1),
}


@pytest.mark.parametrize("way", IN_THE_RELEASE.values(), ids=IN_THE_RELEASE)
def test_what_is_stored_is_stored_however_the_release_ends(way: Way) -> None:
    with serving(Peer(on_release=way)) as peer, in_time():
        assert answers(sent(peer)) == [Answer.ACCEPTED]


def test_a_destination_accepts_commitment_however_the_release_ends() -> None:
    with serving(Peer(on_release=IN_THE_RELEASE["drips"])) as peer, in_time():
        accepts(peer.destination(TIMEOUT_S), "THORAXD")


def test_an_echo_that_is_not_answered_whole_fails_in_time() -> None:
    with serving(Peer(on_command=IN_THE_ANSWER["half a header"])) as peer, in_time(), pytest.raises(DeliveryError):
        echo(peer.destination(TIMEOUT_S), "THORAXD")


@pytest.mark.parametrize("way", IN_THE_ANSWER.values(), ids=IN_THE_ANSWER)
def test_a_commitment_request_that_is_not_answered_whole_fails_in_time(way: Way) -> None:
    def on_command(line: Line) -> None:
        line.read()
        way(line)

    results = Results(cast(Ledger, None), RetrySettings(), time.time)  # none comes
    request = CommitmentRequest("2.25.1", (Reference("1.2.840.10008.5.1.4.1.1.88.34", "2.25.2"),))
    with serving(Peer(on_command=on_command)) as peer, in_time(), pytest.raises(DestinationUnreachable):
        ask(peer.destination(TIMEOUT_S), "THORAXD", results, request)


def test_a_slow_peer_that_answers_in_time_is_not_cut() -> None:
    def slow(act: Way) -> Way:
        return lambda line: (line.pause(0.8 * TIMEOUT_S), act(line))[1]

    with serving(Peer(slow(Line.accept), slow(Line.take), slow(Line.release))) as peer:
        assert answers(sent(peer, *objects(3))) == [Answer.ACCEPTED] * 3
    assert (peer.opened, peer.released) == (1, 1)


def test_a_large_object_is_not_cut() -> None:
    with serving(Peer()) as peer:
        assert answers(sent(peer, Outgoing(b"", large()), timeout_s=20.0)) == [Answer.ACCEPTED]
    assert peer.released == 1


def test_an_association_may_wait_for_us_between_two_objects() -> None:
    found = []
    with serving(Peer()) as peer:
        for outcome in send(peer.destination(TIMEOUT_S), "THORAXD", objects(2)):
            found.append(outcome.answer)
            time.sleep(1.7 * TIMEOUT_S)  # a ledger that is slow
    assert (found, peer.opened, peer.released) == ([Answer.ACCEPTED] * 2, 1, 1)


def answers_twice(line: Line) -> None:
    line.read()
    if line.number == 1:
        line.say(SUCCESS)
        line.say(SUCCESS)
    else:
        line.say(CANNOT_UNDERSTAND)


def answers_the_first_again(line: Line) -> None:
    line.read()
    line.say(SUCCESS, number=1)
    if line.number > 1:
        line.say(CANNOT_UNDERSTAND)


@pytest.mark.parametrize("way", [answers_twice, answers_the_first_again])
def test_an_answer_to_another_message_says_nothing_of_an_object(way: Way) -> None:
    first, second = objects(2)
    with serving(Peer(on_command=way)) as peer:
        found = answers(sent(peer, first, second))
    # The second is broken, or refused as it was, or not sent at all, by what came first.
    assert found[:1] == [Answer.ACCEPTED]
    assert Answer.ACCEPTED not in found[1:]
    assert peer.released == 0
    assert set(peer.held) == {first.dataset.SOPInstanceUID}


def test_an_answer_to_no_message_breaks_the_object() -> None:
    def on_command(line: Line) -> None:
        line.read()
        line.commands[-1][1][0x0110] = b"\x07\0"
        line.say(SUCCESS)

    with serving(Peer(on_command=on_command)) as peer, in_time():
        (outcome,) = sent(peer)
    assert (outcome.answer, outcome.reason) == (Answer.BROKEN, "another message was answered")


def destination(peer: Peer) -> dict[str, Any]:
    return {"name": "pacs", "ae_title": "PACS", "host": "127.0.0.1", "port": peer.port, "timeout_s": TIMEOUT_S}


def test_a_destination_that_stalls_once_gets_everything_later(reported: Path, tmp_path: Path) -> None:
    def on_command(line: Line) -> None:
        line.read()
        if line.peer.opened == 1:
            line.stall(b"\x04\0\0")
        line.say(SUCCESS)

    with (
        serving(Peer(on_command=on_command)) as peer,
        delivering(reported, tmp_path / "own", [destination(peer)]) as it,
    ):
        assert settled(it)["state"] == "DELIVERED"
    assert len(set(peer.held)) == 2


def test_a_destination_that_stalls_does_not_hold_up_a_stop(reported: Path, tmp_path: Path) -> None:
    stalling = Peer(on_command=lambda line: line.stall(b"\x04\0\0"))
    with serving(stalling) as peer, delivering(reported, tmp_path / "own", [destination(peer)]) as system:
        while not peer.opened:
            time.sleep(0.05)
        started = time.monotonic()
        system.stop()
        assert time.monotonic() - started < 8.0
