"""Destinations that are down, refuse, are slow, or come back: PS3.4 Annex B as SCU, with retries.

Each test starts the daemon alone on a copy of a home in which one study is already reported.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

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


def test_one_destination_that_is_down_holds_up_no_other(reported: Path, tmp_path: Path) -> None:
    nobody = {"name": "nobody", "ae_title": "NOBODY", "host": "127.0.0.1", "port": free_port()}
    with receiving(Receiver()) as peer, delivering(reported, tmp_path / "own", [nobody, peer.destination()]) as system:
        wait_until(lambda: len(peer.accepted()) == 2, 20, "both objects at the other")
        report = system.report(only_study(system))
        wait_until(lambda: lines(system.report(only_study(system)))["receiver"][0] == "SENT", 5, "SENT on record")
    assert report["state"] == "DELIVERING"


@pytest.mark.parametrize(("status", "words"), [(0xA700, "A700 out of resources"), (0xC000, "C000 cannot understand")])
def test_an_object_that_is_refused_at_first_is_sent_again_until_it_is_taken(
    reported: Path, tmp_path: Path, status: int, words: str
) -> None:
    peer = Receiver(lambda _uid, attempt: status if attempt <= 2 else 0x0000)
    with receiving(peer), delivering(reported, tmp_path / "own", [peer.destination()]) as system:
        report = settled(system)
        refused = system.events("object.refused")
    assert report["state"] == "DELIVERED"
    assert lines(report) == {"receiver": ("SENT", 3)}
    assert [event["why"] for event in refused] == [words] * 4


def test_an_object_that_stays_refused_is_given_up_with_its_reason(reported: Path, tmp_path: Path) -> None:
    peer = Receiver(lambda _uid, _attempt: 0xA900)
    with receiving(peer), delivering(reported, tmp_path / "own", [peer.destination()]) as system:
        report = settled(system)
        shown = system.cli("show", only_study(system)).stdout
    assert report["state"] == "FAILED"
    assert report["reason"] == "receiver: A900 data set does not match SOP class"
    assert lines(report) == {"receiver": ("DEAD", 3)}
    assert "A900" in shown
    assert len(peer.arrivals) == 6


def test_a_warning_is_not_taken_for_acceptance(reported: Path, tmp_path: Path) -> None:
    peer = Receiver(lambda _uid, _attempt: 0xB007)
    with receiving(peer), delivering(reported, tmp_path / "own", [peer.destination()]) as system:
        report = settled(system)
    assert report["state"] == "FAILED"
    assert "B007" in report["reason"]
    assert len(peer.arrivals) == 2


def test_a_class_that_a_destination_does_not_take_is_given_up_and_the_other_delivered(
    reported: Path, tmp_path: Path
) -> None:
    peer = Receiver(sop_classes=SR_CLASSES)
    with receiving(peer), delivering(reported, tmp_path / "own", [peer.destination()]) as system:
        report = settled(system)
    assert report["state"] == "FAILED"
    assert "no presentation context accepted" in report["reason"]
    assert [arrival.sop_class_uid in SR_CLASSES for arrival in peer.accepted()] == [True]


def test_a_slow_destination_gets_everything_once(reported: Path, tmp_path: Path) -> None:
    peer = Receiver(delay_s=1.5)
    with receiving(peer), delivering(reported, tmp_path / "own", [peer.destination()]) as system:
        report = settled(system)
    assert lines(report) == {"receiver": ("SENT", 1)}
    assert len(peer.arrivals) == 2


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
