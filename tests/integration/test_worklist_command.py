"""`thoraxd worklist` and `thoraxd simulate` as a person uses them."""

from __future__ import annotations

import json
import time

from typer.testing import CliRunner

from daemon.cli.commands import app
from tests.support.builders import make_cxr
from tests.support.peers.sender import send
from tests.support.system import Thoraxd


def listed(system: Thoraxd, study_uid: str, *options: str) -> dict[str, object]:
    """The study's line, as soon as it is there."""
    for _ in range(40):
        done = system.cli("worklist", "--json", "--limit", "10000", *options)
        assert done.returncode == 0, done.stderr
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        found = [line for line in lines if line["study_uid"] == study_uid]
        if found:
            return found[0]
        time.sleep(0.25)
    raise AssertionError("the study never came onto the list")


def test_what_arrives_is_on_the_list_and_the_terminal_names_nobody_unasked(receiver_only: Thoraxd) -> None:
    film = make_cxr(patient_name="Hidden^Name")
    assert send(receiver_only.port, [film]) == [0x0000]
    line = listed(receiver_only, film.StudyInstanceUID)
    assert (line["state"], line["priority"], line["label"]) == ("SCHEDULED", "MEDIUM", "AI: not analysed")
    assert line["waiting_s"] >= 0 and line["place"] >= 1
    assert "patient_name" not in line and "Hidden" not in json.dumps(line)
    assert listed(receiver_only, film.StudyInstanceUID, "--names")["patient_name"] == "Hidden^Name"
    table = receiver_only.cli("worklist", "--limit", "10000").stdout
    assert film.StudyInstanceUID in table and "to be read" in table and "Hidden" not in table


def test_a_simulation_is_written_as_a_page_with_plots(tmp_path) -> None:
    out = tmp_path / "docs" / "simulation.md"
    done = CliRunner().invoke(
        app, ["simulate", "baltruschat", "--days", "28", "--seed", "3", "--out", str(out), "--json"]
    )
    assert done.exit_code == 0, done.output
    (values,) = [json.loads(line) for line in done.output.splitlines()]
    assert (values["days"], values["seed"]) == (28, 3)
    assert set(values["figures"]["pneumothorax"]) >= {"first in, first out", "thoraxd"}
    assert "img/simulation-baltruschat.png" in out.read_text()
    assert (tmp_path / "docs" / "img" / "simulation-baltruschat.png").stat().st_size > 10_000
