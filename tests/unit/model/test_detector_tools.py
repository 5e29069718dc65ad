"""The detector's command line, run whole on a small folder: train, evaluate, calibrate, bench."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from model.checkpoint import load
from model.cli import app
from model.network import LesionNet


def ran(*arguments: object) -> str:
    answer = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert answer.exit_code == 0, answer.output
    return answer.stdout


def test_trained_weights_are_judged_on_the_fold_they_left_out(make_films, tmp_path: Path):
    folder, work, out = make_films(tmp_path / "films", 150), tmp_path / "work", tmp_path / "out"
    ran("train", folder, "--work", work, "--films", 32, "--fold", 3, "--threads", 1)
    weights = work / "detector.safetensors"
    figures = json.loads(ran("evaluate", folder, "--models", weights, "--out", out, "--draws", 5, "--json"))
    assert figures["about"]["folds"] == [3] and figures["triage"]["films"]["films"] == 30
    assert figures["about"]["models"]["3"]["digest"] == load(weights).digest


def test_bench_prints_both_ways_of_scoring(tiny: LesionNet, tiny_weights: Path):
    timing = json.loads(ran("bench", "--weights", tiny_weights, "--side", 128, "--json"))
    assert timing["windows"] == len(tiny.config.scales) * 256
    assert timing["crops_working_s"] > 5 * timing["shared_pass_s"] > 0


@pytest.mark.parametrize(
    "command", [["evaluate", "{folder}", "--out", "{folder}/out", "--models"], ["bench", "--weights"]]
)
def test_refused_weights_end_a_command_with_a_reason(folder: Path, tiny_weights: Path, command: list[str]):
    tiny_weights.write_bytes(b"PK\x03\x04 a pickle")
    arguments = [part.format(folder=folder) for part in command] + [str(tiny_weights)]
    answer = CliRunner().invoke(app, arguments)
    assert answer.exit_code == 2 and "pickled" in answer.output
