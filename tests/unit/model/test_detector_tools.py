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


def test_train_writes_calibrated_weights_that_evaluate_reads(folder: Path, tmp_path: Path):
    ran("train", folder, "--work", tmp_path / "work", "--minutes", 0.03, "--threads", 1)
    weights = tmp_path / "work" / "detector.safetensors"
    assert "sensitivity 0.95" in load(weights).calibration.words
    out = tmp_path / "out"
    figures = json.loads(ran("evaluate", folder, "--weights", weights, "--out", out, "--draws", 20, "--json"))
    assert (
        figures["triage"] == {} and figures["boxes"]["films"]["boxed_films"] == 6
    )  # 12 films of fold 0: too few to grade
    assert figures["model"].startswith("thoraxd-lesion")
    assert (out / "sheet.png").stat().st_size > 1000 and "Operating point" in (out / "figures.md").read_text()


def test_evaluate_grades_a_source_with_enough_films(tmp_path: Path, make_films, tiny_weights: Path):
    folder = make_films(tmp_path / "many", 120)
    peer = tmp_path / "peer.csv"
    peer.write_text("image,prob_Mass\n" + "".join(f"{i:04}.png,{0.9 if i % 2 else 0.1}\n" for i in range(120)))
    out = tmp_path / "out"
    ran("evaluate", folder, "--weights", tiny_weights, "--out", out, "--draws", 20, "--peer", peer)
    figures = json.loads((out / "figures.json").read_text())
    assert figures["triage"]["many, PA"]["films"] == 24
    assert figures["peer"]["many"]["peer"]["value"] == 1.0
    assert "| many |" in (out / "figures.md").read_text()


def test_calibrate_refits_weights_to_a_site(folder: Path, tmp_path: Path, tiny_weights: Path):
    out = tmp_path / "site.safetensors"
    ran("calibrate", folder, "--out", out, "--weights", tiny_weights, "--sensitivity", 0.9)
    refitted = load(out)
    assert refitted.calibration.words == "sensitivity 0.90 on 30 abnormal films of this site"
    assert refitted.digest == load(tiny_weights).digest  # the weights are the same; the card differs
    ran("calibrate", folder, "--out", out, "--weights", tiny_weights, "--sensitivity", 0.8)
    assert refitted.version.startswith("0+site.") and load(out).version != refitted.version


def test_bench_prints_both_ways_of_scoring(tiny: LesionNet, tiny_weights: Path):
    timing = json.loads(ran("bench", "--weights", tiny_weights, "--side", 128, "--json"))
    assert timing["windows"] == len(tiny.config.scales) * 256
    assert timing["crops_working_s"] > 5 * timing["shared_pass_s"] > 0


@pytest.mark.parametrize("command", [["evaluate", "{folder}", "--out", "{folder}/out"], ["bench"]])
def test_refused_weights_end_a_command_with_a_reason(folder: Path, tiny_weights: Path, command: list[str]):
    tiny_weights.write_bytes(b"PK\x03\x04 a pickle")
    arguments = [part.format(folder=folder) for part in command] + ["--weights", str(tiny_weights)]
    answer = CliRunner().invoke(app, arguments)
    assert answer.exit_code == 2 and "pickled" in answer.output
