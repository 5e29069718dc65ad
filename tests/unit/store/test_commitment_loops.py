"""The loops of storage commitment where the other side hears or takes nothing, and what we vouch for."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from itertools import pairwise

import pytest

from daemon.commit import Commit
from daemon.core.commitment import CommitmentRequest, Reference
from daemon.core.errors import DestinationRefused, DestinationUnreachable
from daemon.core.records import Wanted
from daemon.sections import Destination, RetrySettings
from daemon.store.archive import Archive
from daemon.vouch import Vouch
from tests.support.ledgers import deliver, instance, reported

CR = "1.2.840.10008.5.1.4.1.1.1"
RETRY = RetrySettings(first_s=2.0, factor=2.0, longest_s=8.0, give_up_s=60.0)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Refusing:
    """Takes nothing, and remembers what it was given and when."""

    def __init__(self, clock, error):
        self.clock, self.error, self.given = clock, error, []

    def __call__(self, *given):
        self.given.append((self.clock.now, *given))
        raise self.error


def turns(loop, clock, until):
    """As the daemon's Loop does, but without waiting."""
    while clock.now < until:
        clock.now += loop.turn() or 0.1


def test_a_modality_that_never_listens_is_tried_ever_more_seldom_and_given_up(ledger, tmp_path):
    clock = Clock()
    tell = Refusing(clock, DestinationUnreachable("no connection"))
    vouch = Vouch(None, (), tell, ledger, Archive(str(tmp_path / "archive")), RETRY, clock)
    ledger.promises.note(CommitmentRequest("1.2.3", (Reference(CR, "1.2.9"),)), "CR1", 100.0, 100.0)
    turns(vouch, clock, 180.0)
    at = [round(given[0]) for given in tell.given]
    assert [later - earlier for earlier, later in pairwise(at)][:4] == [2, 4, 8, 8]
    assert 150 < at[-1] <= 160


@pytest.mark.parametrize(
    ("content", "failure"), [(b"as it came", None), (b"as it came!", 0x0110), (b"", 0x0110), (None, 0x0112)]
)
def test_a_file_is_vouched_for_by_its_bytes(ledger, tmp_path, content, failure):
    clock, archive, told = Clock(), Archive(str(tmp_path / "archive")), []
    film = replace(instance(), digest=hashlib.sha256(b"as it came").hexdigest())
    ledger.intake.record(film, 100.0)
    if content is not None:
        archive.write(film.key, content)
    vouch = Vouch(
        "CR1", (), lambda calling_ae, result: told.append((calling_ae, result)), ledger, archive, RETRY, clock
    )
    ledger.promises.note(CommitmentRequest("1.2.3", (Reference(CR, film.sop_uid),)), "CR1", 100.0, 100.0)
    vouch.turn()
    ((calling_ae, result),) = told
    assert calling_ae == "CR1"
    assert result.failures() == {film.sop_uid: failure}


@pytest.mark.parametrize(
    ("error", "why"),
    [(DestinationUnreachable("no connection"), "no connection"), (DestinationRefused("N-ACTION …"), "N-ACTION …")],
)
def test_a_destination_that_takes_no_request_is_asked_ever_more_seldom_and_its_objects_given_up(ledger, error, why):
    reported(ledger, wanted=Wanted("pacs", ("sr", "gsps"), "air", True, commitment=True))
    deliver(ledger, 106.0)
    clock = Clock()
    clock.now = 106.0
    ask = Refusing(clock, error)
    pacs = Destination(name="pacs", ae_title="PACS", host="h", port=104, commitment=True, commitment_give_up_s=60.0)
    turns(Commit(pacs, ask, ledger, RETRY, clock), clock, 176.0)
    waits = [later[0] - earlier[0] for earlier, later in pairwise(ask.given)]
    assert waits == sorted(waits) and len(waits) > 3
    assert {(o["state"], o["reason"]) for o in ledger.views.object_deliveries("1.2")} == {
        ("DEAD", f"storage commitment: {why}, given up after 60 s")
    }
