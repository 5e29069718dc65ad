"""What readers said, read back: by the command, and on PostgreSQL as on SQLite."""

from __future__ import annotations

import csv
import json
from io import StringIO
from pathlib import Path

import pytest
from typer.testing import CliRunner

from daemon.cli import app
from daemon.core.passwords import matches
from daemon.core.reading_item import ReadingItem
from daemon.store import migrate
from daemon.store.archive import Archive
from daemon.store.database import Database
from daemon.store.feedback import Feedback, Opinion
from daemon.store.ledger import Ledger
from daemon.worklist import Origin, Worklist
from tests.support.ledgers import PACS, answer, complete, instance, reported
from tests.support.peers.servers import PostgresServer

UID = "1.2"


def verdict(given_at: float, said: Opinion, reader: str = "ann", lesion: int = 1) -> Feedback:
    return Feedback(UID, "1.2.1", lesion, 1, "ab" * 32, said, reader, given_at)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "thoraxd.toml"
    path.write_text(f"home = {json.dumps(str(tmp_path / 'home'))}\n")
    ledger = Ledger(Database(f"sqlite:///{tmp_path / 'home' / 'thoraxd.sqlite'}"))
    migrate.upgrade(ledger.database.engine)
    ledger.intake.record(instance(), 100.0)
    for one in (verdict(1.0, Opinion.ACCEPTED), verdict(2.0, Opinion.REJECTED)):
        assert ledger.feedback.give(one)
    ledger.close()
    return path


def test_the_command_exports_every_verdict(config: Path) -> None:
    as_json, as_csv, as_table = (
        CliRunner().invoke(app, ["feedback", "--config", str(config), *options])
        for options in (["--json"], ["--csv"], [])
    )

    lines = [json.loads(line) for line in as_json.output.splitlines()]
    assert [line["verdict"] for line in lines] == ["ACCEPTED", "REJECTED"] and lines[0]["model"] == "ab" * 32
    rows = list(csv.DictReader(StringIO(as_csv.output)))
    assert [(row["study_uid"], row["lesion"], row["given_at"]) for row in rows] == [
        (UID, "1", "1.0"),
        (UID, "1", "2.0"),
    ]
    assert "REJECTED" in as_table.output and as_table.exit_code == 0


def test_the_command_prints_a_hash_of_the_password_that_is_typed() -> None:
    done = CliRunner().invoke(app, ["password"], input="open sesame\nopen sesame\n")

    kept = done.stdout.splitlines()[-1]
    assert kept.startswith("scrypt$") and matches("open sesame", kept)


def check_reads(ledger: Ledger, tmp_path: Path) -> None:
    """Each read of the pages once, on a ledger with one study that is reported and waits for its destination."""
    reported(ledger)
    now, screens = 200.0, ledger.screens
    assert not ledger.feedback.give(Feedback("9.9", "", 0, 1, "", Opinion.ACCEPTED, "", 1.0))
    for one in (verdict(1.0, Opinion.ACCEPTED), verdict(2.0, Opinion.REJECTED, "bob"), verdict(3.0, Opinion.WITHDRAWN)):
        assert ledger.feedback.give(one)
    assert [(item.reader, item.verdict) for item in ledger.feedback.of_study(UID)] == [("bob", "REJECTED")]
    assert len(list(ledger.feedback.all())) == 3

    before = (screens.worklist_mark(), screens.study_mark(UID))
    worklist = Worklist(ledger, Archive(str(tmp_path)), Origin("THORAXD", "http://127.0.0.1/dicom-web"), lambda: now)
    worklist.schedule_reading(ReadingItem(UID, 1, "HIGH", now + 60, now, "AI", 0.9, ()))
    assert screens.worklist_mark() != before[0] and screens.study_mark(UID) != before[1]
    assert screens.work_items([UID])[UID].priority == "HIGH"
    assert screens.glances([UID])[UID].probability == 0.9
    (film,) = screens.films(UID)
    assert (film.sop_uid, film.state, film.key) == ("1.2.1", "DONE", screens.film_key(UID))
    assert screens.study_counts() == {"DELIVERING": 1}
    assert (screens.jobs_open(), screens.busy_workers(now)) == ({}, 0)
    backlog = screens.backlog(PACS.destination)
    assert (backlog.pending, backlog.lost, backlog.oldest, backlog.reason) == (2, 0, 105.0, "")
    assert screens.failures(5) == []

    ledger.intake.record(instance("1.3.1", "1.3"), 110.0)
    complete(ledger, 113.0)
    assert screens.jobs_open() == {"QUEUED": (1, 110.0)}
    answer(ledger, 114.0, as_state="FAILED", reason="the file ends early")
    assert screens.films("1.3")[0].reason == "the file ends early" and screens.films("1.3")[0].findings is None


def test_the_pages_read_the_same_from_sqlite(tmp_path: Path) -> None:
    ledger = Ledger(Database(f"sqlite:///{tmp_path}/ledger.sqlite"))
    migrate.upgrade(ledger.database.engine)
    check_reads(ledger, tmp_path)
    ledger.close()


def test_the_pages_read_the_same_from_postgresql(tmp_path: Path, postgres: PostgresServer) -> None:
    ledger = Ledger(Database(postgres.url))
    migrate.upgrade(ledger.database.engine)
    check_reads(ledger, tmp_path)
    ledger.close()
