"""Destinations that are down, refuse, are slow, or come back: PS3.4 Annex B as SCU, with retries.

The daemon alone is started on a copy of a home in which one study is already reported.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.uid import GrayscaleSoftcopyPresentationStateStorage

from daemon.dimse.contexts import STORAGE_SCU
from tests.conftest import skip_where_missing
from tests.integration.conftest import NOBODY
from tests.support.peers.dcmtk import storescp
from tests.support.peers.programs import free_port, wait_until
from tests.support.peers.receiver import Receiver, receiving
from tests.support.system import Thoraxd

QUICK = {"first_s": 0.2, "factor": 1.5, "longest_s": 0.5, "give_up_s": 60.0, "refused_attempts": 3}
UNREACHABLE = {"no connection", "no answer"}
SR_CLASSES = tuple(item.uid for item in STORAGE_SCU if "SR" in item.name)
GSPS_CLASS = GrayscaleSoftcopyPresentationStateStorage


@contextmanager
def delivering(
    reported: Path, folder: Path, destinations: Sequence[Mapping[str, Any]], **retry: float
) -> Iterator[Thoraxd]:
    """The daemon on a copy of the reported study, sending it to `destinations`."""
    shutil.copytree(reported, folder / "data", ignore=shutil.ignore_patterns("run", "daemon.lock"))
    system = Thoraxd(
        folder,
        workers=0,
        destinations=destinations,
        settings={"broker": {"url": NOBODY}, "retry": QUICK | retry},
    )
    with system:
        yield system


def only_study(system: Thoraxd) -> str:
    (study_uid,) = system.ledger.views.study_uids()
    return study_uid


def settled(system: Thoraxd, patience_s: float = 30.0) -> dict[str, Any]:
    study_uid = only_study(system)
    return system.wait_settled([study_uid], patience_s)[study_uid]


def lines(report: Mapping[str, Any]) -> dict[str, tuple[str, int]]:
    """State and attempts of each destination."""
    return {line["destination"]: (line["state"], line["attempts"]) for line in report["deliveries"]}


# How each of several destinations behaves, all of them at once behind one daemon.
BEHAVIOURS: Mapping[str, Callable[[], Receiver]] = {
    "willing": Receiver,
    "full-at-first": lambda: Receiver(lambda _uid, attempt: 0xA700 if attempt <= 2 else 0x0000),
    "puzzled-at-first": lambda: Receiver(lambda _uid, attempt: 0xC000 if attempt <= 2 else 0x0000),
    "refusing": lambda: Receiver(lambda _uid, _attempt: 0xA900),
    "warning": lambda: Receiver(lambda _uid, _attempt: 0xB007),
    "sr-only": lambda: Receiver(sop_classes=SR_CLASSES),
    "slow": lambda: Receiver(delay_s=1.5),
}


@dataclass
class Outcome:
    """What became of one study at many destinations."""

    report: dict[str, Any]
    shown: str
    peers: dict[str, Receiver]
    refused: list[dict[str, Any]]

    def line(self, destination: str) -> dict[str, Any]:
        return next(line for line in self.report["deliveries"] if line["destination"] == destination)


@pytest.fixture(scope="module")
def outcome(reported: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcome]:
    """One study sent to all of BEHAVIOURS, and to a port where nobody listens."""
    peers = {name: make() for name, make in BEHAVIOURS.items()}
    nobody = {"name": "nobody", "ae_title": "NOBODY", "host": "127.0.0.1", "port": free_port()}
    destinations = [nobody, *(peer.destination(name) for name, peer in peers.items())]
    folder = tmp_path_factory.mktemp("behaviours") / "own"
    with ExitStack() as stack:
        for peer in peers.values():
            stack.enter_context(receiving(peer))
        system = stack.enter_context(delivering(reported, folder, destinations, give_up_s=8.0))
        report = settled(system)
        shown = system.cli("show", only_study(system)).stdout
        yield Outcome(report, shown, peers, system.events("object.refused"))


def test_a_willing_destination_gets_each_object_once(outcome: Outcome) -> None:
    uids = sorted(item["sop_uid"] for items in outcome.report["outputs"].values() for item in items)
    assert len(uids) == 2
    assert sorted(arrival.sop_uid for arrival in outcome.peers["willing"].arrivals) == uids
    assert (outcome.line("willing")["state"], outcome.line("willing")["attempts"]) == ("SENT", 1)


def test_one_destination_that_is_down_holds_up_no_other(outcome: Outcome) -> None:
    assert outcome.line("nobody")["state"] == "DEAD"
    assert outcome.line("nobody")["reason"] in UNREACHABLE
    given_up_at = outcome.report["settled_at"]
    last = max(arrival.at for arrival in outcome.peers["willing"].accepted())
    assert given_up_at - last > 4.0


@pytest.mark.parametrize(
    ("name", "words"), [("full-at-first", "A700 out of resources"), ("puzzled-at-first", "C000 cannot understand")]
)
def test_an_object_that_is_refused_at_first_is_sent_again_until_it_is_taken(
    outcome: Outcome, name: str, words: str
) -> None:
    assert (outcome.line(name)["state"], outcome.line(name)["attempts"]) == ("SENT", 3)
    assert len(outcome.peers[name].accepted()) == 2
    assert [event["why"] for event in outcome.refused if event["destination"] == name] == [words] * 4


def test_an_object_that_stays_refused_is_given_up_with_its_reason(outcome: Outcome) -> None:
    line = outcome.line("refusing")
    assert (line["state"], line["attempts"]) == ("DEAD", QUICK["refused_attempts"])
    assert line["reason"] == "A900 data set does not match SOP class"
    assert len(outcome.peers["refusing"].arrivals) == 6
    assert outcome.report["state"] == "FAILED"
    assert "refusing: A900" in outcome.report["reason"]
    assert "A900" in outcome.shown


def test_a_warning_is_not_taken_for_acceptance(outcome: Outcome) -> None:
    assert outcome.line("warning")["state"] == "DEAD"
    assert "B007" in outcome.line("warning")["reason"]
    assert len(outcome.peers["warning"].arrivals) == 2


def test_a_class_that_a_destination_does_not_take_is_given_up_and_the_other_delivered(outcome: Outcome) -> None:
    line = outcome.line("sr-only")
    assert (line["state"], line["attempts"]) == ("DEAD", QUICK["refused_attempts"])
    assert "no presentation context accepted" in line["reason"]
    assert [arrival.sop_class_uid in SR_CLASSES for arrival in outcome.peers["sr-only"].accepted()] == [True]


def test_a_slow_destination_gets_everything_once(outcome: Outcome) -> None:
    assert (outcome.line("slow")["state"], outcome.line("slow")["attempts"]) == ("SENT", 1)
    assert len(outcome.peers["slow"].arrivals) == 2


def test_storescp_gets_both_objects(reported: Path, tmp_path: Path) -> None:
    with skip_where_missing(storescp(tmp_path / "scp")) as peer:
        there = {"name": "scp", "ae_title": "STORESCP", "host": "127.0.0.1", "port": peer.port}
        with delivering(reported, tmp_path / "own", [there]) as system:
            report = settled(system)
        received = [path.name for path in peer.files()]
    assert report["state"] == "DELIVERED"
    uids = [item["sop_uid"] for items in report["outputs"].values() for item in items]
    assert sorted(name.partition(".")[2] for name in received) == sorted(uids)


def test_a_destination_that_is_down_gets_everything_once_when_it_is_back(reported: Path, tmp_path: Path) -> None:
    peer = Receiver()
    with delivering(reported, tmp_path / "own", [peer.destination()]) as system:
        study_uid = only_study(system)
        wait_until(lambda: lines(system.report(study_uid)).get("receiver", ("", 0))[1] >= 2, 20, "two attempts")
        waiting = system.report(study_uid)
        assert waiting["state"] == "DELIVERING"
        assert waiting["deliveries"][0]["reason"] in UNREACHABLE
        with receiving(peer):
            report = settled(system)
    assert report["state"] == "DELIVERED"
    assert len(peer.accepted()) == len({arrival.sop_uid for arrival in peer.arrivals}) == 2


def test_a_damaged_result_is_never_sent_and_holds_up_no_other(reported: Path, tmp_path: Path) -> None:
    peer, copy = Receiver(), tmp_path / "copy"
    shutil.copytree(reported, copy, ignore=shutil.ignore_patterns("run", "daemon.lock"))
    damaged = next(path for path in (copy / "archive").rglob("*.dcm") if dcmread(path).Modality == "SR")
    damaged.write_bytes(damaged.read_bytes()[:-100])
    with receiving(peer), delivering(copy, tmp_path / "own", [peer.destination()], give_up_s=2.0) as system:
        report = settled(system)
    assert report["state"] == "FAILED"
    assert "is damaged" in report["reason"]
    assert [arrival.sop_class_uid for arrival in peer.accepted()] == [GSPS_CLASS]


def test_a_destination_slower_than_its_time_limit_is_tried_again(reported: Path, tmp_path: Path) -> None:
    peer = Receiver(delay_s=3.0)
    with receiving(peer), delivering(reported, tmp_path / "own", [peer.destination(timeout_s=1.0)]) as system:
        study_uid = only_study(system)
        wait_until(lambda: lines(system.report(study_uid)).get("receiver", ("", 0))[1] >= 1, 20, "a failed attempt")
        assert system.report(study_uid)["state"] == "DELIVERING"
        assert "timed out" in system.report(study_uid)["deliveries"][0]["reason"]
        peer.delay_s = 0.0
        report = settled(system)
    assert report["state"] == "DELIVERED"
    assert {arrival.sop_uid for arrival in peer.accepted()} == {
        item["sop_uid"] for items in report["outputs"].values() for item in items
    }


def test_what_was_given_up_in_time_is_replayed_with_identical_bytes(reported: Path, tmp_path: Path) -> None:
    peer = Receiver()
    with delivering(reported, tmp_path / "own", [peer.destination()], give_up_s=1.0) as system:
        study_uid = only_study(system)
        assert settled(system)["state"] == "FAILED"
        assert system.report(study_uid)["reason"] in {f"receiver: {reason}" for reason in UNREACHABLE}
        with receiving(peer):
            assert system.cli("replay", "--failed").returncode == 0
            assert settled(system)["state"] == "DELIVERED"
            first = {arrival.sop_uid: arrival.content for arrival in peer.accepted()}
            assert system.cli("replay", study_uid).returncode == 0
            wait_until(lambda: len(peer.accepted()) == 4, 20, "both objects again")
            again = {arrival.sop_uid: arrival.content for arrival in peer.accepted()[2:]}
            assert settled(system)["state"] == "DELIVERED"
    assert len(first) == 2
    assert again == first


def test_a_daemon_killed_while_it_delivers_delivers_the_rest_after_its_restart(reported: Path, tmp_path: Path) -> None:
    peer = Receiver(delay_s=1.0)
    with receiving(peer), delivering(reported, tmp_path / "own", [peer.destination()]) as system:
        study_uid = only_study(system)
        wait_until(lambda: len(peer.arrivals) == 1, 20, "the first object")
        system.kill_daemon()
        peer.delay_s = 0.0
        assert system.report(study_uid)["state"] == "DELIVERING"
        system.start_daemon()
        report = settled(system)
    assert report["state"] == "DELIVERED"
    assert {arrival.sop_uid for arrival in peer.accepted()} == {
        item["sop_uid"] for items in report["outputs"].values() for item in items
    }
