"""The commands that other programs rely on, as processes, on a real ledger."""

from __future__ import annotations

import json
import socket
import subprocess
import sys

import pytest

from daemon.core.records import NewOutput, ReceivedInstance, Wanted
from daemon.core.states import JobState
from daemon.store import migrate
from daemon.store.database import Database
from daemon.store.ledger import Ledger
from tests.support.peers import programs


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home whose ledger holds one study that was given up by its PACS and one that was set aside."""
    home = tmp_path_factory.mktemp("home")
    database = Database(f"sqlite:///{home / 'thoraxd.sqlite'}")
    migrate.upgrade(database.engine)
    ledger = Ledger(database)
    ledger.intake.record(_instance("1.2.1", "1.2", "ELIGIBLE", ""), 100.0)
    ledger.intake.record(_instance("1.3.1", "1.3", "SET_ASIDE", "BodyPartExamined is another part"), 101.0)
    ledger.settling.complete(ledger.settling.receiving(), 103.0)
    ((job_id, _),) = ledger.jobs.take_unsent(103.0, 20.0, 64)
    job = ledger.jobs.claim(job_id, "w", 103.0, 15.0, 5)
    identity = {"name": "detector", "version": "3", "digest": "ab" * 32}
    answer = json.dumps({"findings": {"probability": 0.9, "lesions": []}, "identity": identity})
    ledger.jobs.finish_analysis(job, "w", JobState.DONE, 104.0, answer=answer, probability=0.9, positive=True)
    ledger.settling.close_answered(104.0)
    ((job_id, _),) = ledger.jobs.take_unsent(104.0, 20.0, 64)
    job = ledger.jobs.claim(job_id, "w", 104.0, 15.0, 5)
    made = NewOutput(
        "2.25.1", "2.25.9", "1.2.840.10008.5.1.4.1.1.88.34", "sr", "air", True, "", "1.2/2.25.1.dcm", "e" * 64
    )
    ledger.jobs.finish_report(job, "w", [made], 104.0)
    ledger.settling.queue_deliveries([Wanted("pacs", ("sr", "gsps"), "air", True)], 105.0)
    for item in ledger.deliveries.due("pacs", 105.0, 60.0, 10):
        ledger.deliveries.failed(item.id, "C000 cannot understand", 0xC000, None)
    ledger.settling.finish_deliveries(106.0)
    database.close()
    (home / "thoraxd.toml").write_text(
        f'home = "{home}"\n[[destination]]\nname = "pacs"\nae_title = "PACS"\nhost = "127.0.0.1"\nport = 1\n'
    )
    return home


def _instance(sop_uid, study_uid, eligibility, reason):
    crx = "1.2.840.10008.5.1.4.1.1.1"
    key = f"{study_uid}/{sop_uid}.dcm"
    return ReceivedInstance(
        study_uid, "1.2.0", sop_uid, crx, "1.2.840.10008.1.2.1", key, "d" * 64, 9, "CR1", eligibility, reason
    )


def thoraxd(home, *arguments):
    command = [sys.executable, "-m", "daemon", arguments[0], "--config", str(home / "thoraxd.toml"), *arguments[1:]]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_studies_prints_one_line_a_study_with_what_other_programs_rely_on(home):
    lines = [json.loads(line) for line in thoraxd(home, "studies", "--json").stdout.splitlines()]
    by_uid = {line["study_uid"]: line for line in lines}
    assert by_uid["1.3"]["state"] == "SET_ASIDE"
    assert by_uid["1.3"]["reason"] == "BodyPartExamined is another part"
    failed = by_uid["1.2"]
    assert (failed["state"], failed["probability"]) == ("FAILED", 0.9)
    assert failed["outputs"]["sr"][0]["sop_uid"] == "2.25.1"
    (delivery,) = failed["deliveries"]
    assert (delivery["destination"], delivery["state"], delivery["attempts"]) == ("pacs", "DEAD", 1)


def test_studies_can_be_asked_for_by_state(home):
    lines = thoraxd(home, "studies", "--json", "--state", "set_aside").stdout.splitlines()
    assert [json.loads(line)["study_uid"] for line in lines] == ["1.3"]


def test_show_names_every_object_and_its_last_answer(home):
    shown = thoraxd(home, "show", "1.2").stdout
    assert "C000 cannot understand" in shown
    assert "2.25.1" in shown
    assert "detector 3 (abababababab)" in shown


def test_an_unknown_study_is_an_error(home):
    done = thoraxd(home, "show", "9.9")
    assert done.returncode == 1
    assert "no study 9.9" in done.stderr


def test_check_says_what_works_and_what_does_not(home):
    done = thoraxd(home, "check", "--json")
    results = {line["name"]: line for line in map(json.loads, done.stdout.splitlines())}
    assert done.returncode == 1
    assert not results["destination pacs"]["ok"]
    assert all(results[name]["ok"] for name in ("settings", "archive", "database", "broker", "weights", "scp"))


def test_check_says_which_ports_other_programs_have(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (tmp_path / "thoraxd.toml").write_text(
            f'home = "{tmp_path}"\n[scp]\nport = {programs.free_port()}\n'
            f"[web]\nport = {port}\n[hl7]\nport = {programs.free_port()}\n"
        )
        done = thoraxd(tmp_path, "check", "--json")
    results = {line["name"]: line for line in map(json.loads, done.stdout.splitlines())}
    assert done.returncode == 1
    assert results["web"]["detail"] == f"127.0.0.1:{port} is in use by another program"
    assert results["hl7"]["ok"] and results["hl7"]["detail"].endswith("free (not running)")


def test_the_help_keeps_the_names_of_the_settings(home):
    done = subprocess.run([sys.executable, "-m", "daemon", "--help"], capture_output=True, text=True, check=True)
    assert "[[user]]" in done.stdout
    assert "[[source]]" in done.stdout


def test_replay_needs_to_know_what(home):
    assert thoraxd(home, "replay").returncode == 2


def test_replay_makes_what_was_given_up_due_again(home):
    done = thoraxd(home, "replay", "--failed")
    assert (done.returncode, done.stdout.strip()) == (0, "1 objects will be sent again")
    (line,) = thoraxd(home, "studies", "--json", "--state", "DELIVERING").stdout.splitlines()
    assert json.loads(line)["deliveries"][0]["state"] == "PENDING"


def test_a_mistake_in_the_settings_ends_in_words(home, tmp_path):
    (tmp_path / "thoraxd.toml").write_text("[scp]\nport = 0\nae = 'X'\n")
    done = thoraxd(tmp_path, "up")
    assert done.returncode == 2
    assert "scp.port" in done.stderr
    assert "scp.ae" in done.stderr
    assert "Traceback" not in done.stderr
