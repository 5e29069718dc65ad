"""The deliver loop with messages: checked before they are sent, and a repetition is the same bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from daemon.core.records import NewOutput, Wanted
from daemon.deliver import Deliver
from daemon.hl7.mllp import Receiver, send
from daemon.sections import RetrySettings
from daemon.store import migrate
from daemon.store.archive import Archive, key_for
from daemon.store.database import Database
from daemon.store.ledger import Ledger
from tests.support.ledgers import reported
from tests.support.messages import oru
from tests.support.peers.mllp import Library, destination
from worker.encode import EncodedMessage

WANTED = Wanted("ris", ("oru",), "air", False)
NOW = 1_000.0


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    database = Database(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    migrate.upgrade(database.engine)
    yield Ledger(database)
    database.close()


def recorded(ledger: Ledger, archive: Archive, message: EncodedMessage) -> None:
    """A study whose only result is this message, on record as one without marking."""
    digest = hashlib.sha256(message.content).hexdigest()
    key = key_for("1.2", message.sop_uid, digest, "hl7")
    archive.write(key, message.content)
    made = NewOutput(message.sop_uid, "", "", "oru", "", False, "", key, digest, entry=None)
    reported(ledger, made, wanted=WANTED)


def turn(ledger: Ledger, archive: Archive, port: int) -> None:
    to_send = partial(send, Receiver(destination(port), "THORAXD"))
    Deliver("ris", to_send, 5.0, ledger, archive, RetrySettings(), lambda: NOW).turn()


def test_a_message_that_tells_of_lesions_is_not_sent_where_none_were_to_be_told(ledger: Ledger, tmp_path: Path) -> None:
    archive = Archive(str(tmp_path / "archive"))
    recorded(ledger, archive, oru(marking=True))
    with Library() as peer:
        turn(ledger, archive, peer.port)

        (letter,) = ledger.views.dead_letters("ris")
        assert letter["state"] == "QUARANTINED" and "no-location" in letter["reason"] and not peer.messages


def test_a_message_that_is_damaged_in_the_archive_is_not_sent(ledger: Ledger, tmp_path: Path) -> None:
    archive = Archive(str(tmp_path / "archive"))
    recorded(ledger, archive, oru(marking=False))
    (file,) = (tmp_path / "archive").rglob("*.hl7")
    file.write_bytes(file.read_bytes().replace(b"|A|", b"|N|", 1))
    with Library() as peer:
        turn(ledger, archive, peer.port)

        assert ledger.views.dead_letters("ris")[0]["reason"].startswith("archive: ") and not peer.messages


def test_a_replay_sends_the_same_message(ledger: Ledger, tmp_path: Path) -> None:
    archive = Archive(str(tmp_path / "archive"))
    recorded(ledger, archive, oru(marking=False))
    with Library() as peer:
        turn(ledger, archive, peer.port)
        ledger.deliveries.replay(["1.2"], "ris", failed_only=False, now=NOW)
        turn(ledger, archive, peer.port)

        assert len(peer.messages) == 2 and str(peer.messages[0]) == str(peer.messages[1])
        assert ledger.catalogue.instances("1.2", sop_uid=oru(marking=False).sop_uid) == []
