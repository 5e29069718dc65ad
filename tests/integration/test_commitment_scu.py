"""Storage commitment as SCU, PS3.4 Annex J: destinations that answer at once, late, anew, twice, wrongly or never.

One study whose results go to all of them at once, from one daemon; the state of each delivery tells the cases apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydicom.uid import ImplicitVRLittleEndian, generate_uid

from tests.integration.test_deliveries import QUICK, delivering, only_study
from tests.support.peers.commitment import Asked, CommittingPacs, event_information, report_anew
from tests.support.peers.programs import wait_until
from tests.support.peers.receiver import Receiver, receiving
from tests.support.system import Thoraxd

WAIT_S, GIVE_UP_S = 3.0, 15.0
NO_SUCH_OBJECT_INSTANCE = 0x0112
UNKNOWN = {"1.2.3.4": "1.2.840.10008.5.1.4.1.1.1"}  # an instance that nobody asked about


def first_of(asked: Asked) -> str:
    return min(asked.references)


def late(pacs: CommittingPacs, asked: Asked) -> None:
    if asked.number == 1:
        wait_until(lambda: len(pacs.asked) == 2, 20, "asked again")
        pacs.report(asked, anew=True)


def twice(pacs: CommittingPacs, asked: Asked) -> None:
    pacs.report(asked, anew=True)
    pacs.report(asked, anew=True)


def loses_one(pacs: CommittingPacs, asked: Asked) -> None:
    failed = {first_of(asked): NO_SUCH_OBJECT_INSTANCE} if asked.number == 1 else {}
    pacs.report(asked, failed=failed)
    pacs.report(asked, anew=True, failed=failed)  # the same once more costs no second attempt


def always_loses_one(pacs: CommittingPacs, asked: Asked) -> None:
    pacs.report(asked, failed={min(pacs.asked[0].references): NO_SUCH_OBJECT_INSTANCE})


def forgets_one(pacs: CommittingPacs, asked: Asked) -> None:
    pacs.report(asked, anew=True, left_out=[first_of(asked)] if asked.number == 1 else ())


def confused(pacs: CommittingPacs, asked: Asked) -> None:
    pacs.report(asked, anew=True, transaction_uid=generate_uid(prefix=None))
    pacs.report(asked, anew=True, more=UNKNOWN)


def never(pacs: CommittingPacs, asked: Asked) -> None:
    """Says nothing."""


PEERS: Mapping[str, Callable[[], Receiver]] = {
    "same": lambda: CommittingPacs(lambda pacs, asked: pacs.report(asked)),
    "early": lambda: CommittingPacs(lambda pacs, asked: pacs.report(asked), early=True),
    "anew": lambda: CommittingPacs(lambda pacs, asked: pacs.report(asked, anew=True)),
    "implicit": lambda: CommittingPacs(
        lambda pacs, asked: pacs.report(asked, anew=True, syntax=ImplicitVRLittleEndian),
        syntaxes=[ImplicitVRLittleEndian],
    ),
    "no-role": lambda: CommittingPacs(lambda pacs, asked: pacs.report(asked, anew=True, role=False)),
    "late": lambda: CommittingPacs(late),
    "twice": lambda: CommittingPacs(twice),
    "loses-one": lambda: CommittingPacs(loses_one),
    "always-loses-one": lambda: CommittingPacs(always_loses_one),
    "forgets-one": lambda: CommittingPacs(forgets_one),
    "confused": lambda: CommittingPacs(confused),
    "never": lambda: CommittingPacs(never),
    "busy-at-first": lambda: CommittingPacs(
        lambda pacs, asked: pacs.report(asked),
        action_status=lambda number: 0x0213 if number <= 2 else 0x0000,
    ),
    "without": Receiver,
}
COMMITTED_AT_ONCE = ("same", "early", "anew", "implicit", "no-role", "twice", "confused")


@dataclass
class Outcome:
    """What became of one study's two objects at all PEERS."""

    report: dict[str, Any]
    objects: list[dict[str, Any]]
    peers: dict[str, Any]
    system: Thoraxd

    def states(self, name: str) -> dict[str, tuple[str, int]]:
        """State and C-STORE attempts by SOP Instance UID."""
        return {o["sop_uid"]: (o["state"], o["attempts"]) for o in self.objects if o["destination"] == name}

    def reasons(self, name: str) -> set[str]:
        return {o["reason"] for o in self.objects if o["destination"] == name}


@pytest.fixture(scope="module")
def outcome(reported: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcome]:
    peers = {name: make() for name, make in PEERS.items()}
    proof = {"commitment": True, "commitment_wait_s": WAIT_S, "commitment_give_up_s": GIVE_UP_S}
    destinations = [peer.destination(name, **proof) for name, peer in peers.items()]
    with ExitStack() as stack:
        for peer in peers.values():
            stack.enter_context(receiving(peer))
        system = stack.enter_context(delivering(reported, tmp_path_factory.mktemp("commit") / "own", destinations))
        for peer in peers.values():
            if isinstance(peer, CommittingPacs):
                peer.reports_to = system.port
        study_uid = only_study(system)

        def answered() -> bool:
            objects = system.ledger.views.object_deliveries(study_uid)
            return len(objects) == 2 * len(PEERS) and all(o["state"] in ("COMMITTED", "DEAD") for o in objects)

        wait_until(answered, 60, "every object committed or given up")
        yield Outcome(system.report(study_uid), system.ledger.views.object_deliveries(study_uid), peers, system)


@pytest.mark.parametrize("name", COMMITTED_AT_ONCE)
def test_a_commitment_is_taken_however_it_comes(outcome: Outcome, name: str) -> None:
    assert set(outcome.states(name).values()) == {("COMMITTED", 1)}
    assert len(outcome.peers[name].asked) == 1
    assert all(o["committed_at"] >= o["sent_at"] for o in outcome.objects if o["destination"] == name)


def test_both_objects_are_asked_about_in_one_transaction_with_their_classes(outcome: Outcome) -> None:
    (asked,) = outcome.peers["same"].asked
    assert asked.references == {a.sop_uid: a.sop_class_uid for a in outcome.peers["same"].arrivals}
    assert len(asked.references) == 2


def test_a_destination_that_takes_implicit_vr_alone_is_asked_in_it(outcome: Outcome) -> None:
    assert [asked.transfer_syntax_uid for asked in outcome.peers["implicit"].asked] == [ImplicitVRLittleEndian]


def test_a_second_report_is_answered_as_the_first(outcome: Outcome) -> None:
    assert outcome.peers["twice"].replies == [0x0000, 0x0000]


def test_a_transaction_that_is_not_ours_is_refused_and_what_is_said_beside_the_question_does_no_harm(
    outcome: Outcome,
) -> None:
    assert outcome.peers["confused"].replies == [0x0115, 0x0000]


def test_an_answer_to_the_first_question_counts_after_the_second_was_asked(outcome: Outcome) -> None:
    pacs = outcome.peers["late"]
    assert set(outcome.states("late").values()) == {("COMMITTED", 1)}
    assert pacs.asked[0].transaction_uid != pacs.asked[1].transaction_uid
    assert pacs.asked[1].at - pacs.asked[0].at >= WAIT_S
    assert pacs.replies == [0x0000]


def test_what_was_lost_is_sent_again_and_committed_and_the_other_left_alone(outcome: Outcome) -> None:
    pacs = outcome.peers["loses-one"]
    lost = min(pacs.asked[0].references)
    assert {uid: found for uid, found in outcome.states("loses-one").items() if uid == lost} == {lost: ("COMMITTED", 2)}
    assert sorted(outcome.states("loses-one").values()) == [("COMMITTED", 1), ("COMMITTED", 2)]
    assert [set(asked.references) for asked in pacs.asked[1:]] == [{lost}]
    assert set(pacs.replies) == {0x0000}


def test_what_is_lost_again_and_again_is_given_up_with_the_reason(outcome: Outcome) -> None:
    attempts = int(QUICK["refused_attempts"])
    assert sorted(outcome.states("always-loses-one").values()) == [("COMMITTED", 1), ("DEAD", attempts)]
    assert "storage commitment failed: 0112 no such object instance" in outcome.reasons("always-loses-one")
    assert len(outcome.peers["always-loses-one"].asked) == attempts


def test_an_object_that_a_report_leaves_out_is_asked_about_again_and_not_sent_again(outcome: Outcome) -> None:
    first, second = outcome.peers["forgets-one"].asked
    assert set(outcome.states("forgets-one").values()) == {("COMMITTED", 1)}
    assert set(second.references) == {first_of(first)}


def test_a_destination_that_never_answers_is_asked_again_and_given_up(outcome: Outcome) -> None:
    assert set(outcome.states("never").values()) == {("DEAD", 1)}
    assert outcome.reasons("never") == {
        "storage commitment: no answer (does the destination know our AE title, host and port?), "
        f"given up after {GIVE_UP_S:g} s"
    }
    assert len(outcome.peers["never"].asked) >= 2
    assert len(outcome.peers["never"].accepted()) == 2


def test_a_destination_that_refuses_the_request_is_asked_again(outcome: Outcome) -> None:
    assert set(outcome.states("busy-at-first").values()) == {("COMMITTED", 1)}
    assert len(outcome.peers["busy-at-first"].asked) == 3


def test_a_destination_without_storage_commitment_is_given_up_with_the_reason(outcome: Outcome) -> None:
    assert set(outcome.states("without").values()) == {("DEAD", 1)}
    why = "storage commitment: no presentation context accepted"
    assert outcome.reasons("without") == {f"{why}, given up after {GIVE_UP_S:g} s"}


def test_a_study_whose_object_was_given_up_is_failed_with_the_reason(outcome: Outcome) -> None:
    assert outcome.report["state"] == "FAILED"
    assert "always-loses-one: storage commitment failed: 0112 no such object instance" in outcome.report["reason"]


def test_no_wait_for_a_commitment_delays_a_delivery(outcome: Outcome) -> None:
    sent = [o["sent_at"] for o in outcome.objects if o["attempts"] == 1]
    assert max(sent) - min(sent) < WAIT_S


def test_thoraxd_check_says_who_has_no_storage_commitment(outcome: Outcome) -> None:
    lines = outcome.system.cli("check").stdout.splitlines()
    about = {name: line for line in lines for name in ("same", "without") if f"commitment {name}" in line}
    assert about["same"].startswith("ok")
    assert about["without"].startswith("no") and "no presentation context accepted" in about["without"]


def test_a_result_for_a_killed_daemon_is_taken_after_its_restart(reported: Path, tmp_path: Path) -> None:
    pacs = CommittingPacs(never)
    proof = {"commitment": True, "commitment_wait_s": 300.0}
    with receiving(pacs), delivering(reported, tmp_path / "own", [pacs.destination(**proof)]) as system:
        wait_until(lambda: pacs.asked, 20, "N-ACTION")
        system.kill_daemon()
        (asked,) = pacs.asked
        lost = first_of(asked)
        said = event_information(asked.transaction_uid, asked.references, {lost: NO_SUCH_OBJECT_INSTANCE})
        assert report_anew(system.port, said, 2) is None  # nobody there
        study_uid = only_study(system)
        assert system.report(study_uid)["state"] == "DELIVERED"
        system.start_daemon()
        assert report_anew(system.port, said, 2) == 0x0000
        wait_until(lambda: len(pacs.asked) == 2, 20, "asked about the object that was sent again")
        assert system.report(study_uid)["state"] == "DELIVERED"
        kept = event_information(pacs.asked[1].transaction_uid, pacs.asked[1].references, {})
        assert report_anew(system.port, kept) == 0x0000
        wait_until(lambda: system.report(study_uid)["state"] == "COMMITTED", 10, "COMMITTED")
        objects = system.ledger.views.object_deliveries(study_uid)
    assert sorted(o["attempts"] for o in objects) == [1, 2]
