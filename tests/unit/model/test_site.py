"""A site refits the calibration to its own films and is told, from films that did not decide, what that changes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from model.calibration import Calibration
from model.checkpoint import load
from model.cli import app
from model.detector import findings
from model.network import LABELS, NetworkConfig
from model.reading import Reading
from model.train.films import Film
from model.train.fit import fit_all
from model.train.site import change, site_calibration

BOX = np.array([[0.1, 0.1, 0.3, 0.3]])


def sample(count: int, shift: float = 0.0, signal: float = 2.0) -> tuple[list[Film], list[Reading]]:
    """A quarter abnormal, one film a patient, no boxes; all scores off by `shift`."""
    rng = np.random.default_rng(5)
    films, readings = [], []
    for index in range(count):
        normal = index % 4 > 0
        films.append(Film(Path("a.png"), "site", "site", "PA", f"{index}", 1, normal, frozenset(), BOX[:0], ()))
        z = rng.normal(0 if normal else signal) + shift
        readings.append(Reading(np.array([z, z]), np.zeros(len(LABELS)), BOX, np.array([z - 1]), np.zeros((1, 9))))
    return films, readings


def test_recalibration_mends_probabilities_and_sensitivity_on_patients_that_did_not_decide():
    shipped = fit_all(*sample(400))
    found = change(shipped, *sample(800, shift=-2.0))
    assert found.before.sensitivity < 0.6 < 0.9 < found.after.sensitivity
    assert found.after.ece < 0.06 < found.before.ece
    low, high = found.after.sensitivity_interval
    assert low < found.after.sensitivity < high and (found.films, found.abnormal, found.patients) == (800, 200, 800)


def test_the_lesions_probabilities_stay_as_they_are():
    shipped = fit_all(*sample(400))
    films, readings = sample(400, shift=1.0)
    refitted = site_calibration(shipped, films, readings)
    for reading in readings[:20]:
        before, after = (findings(reading, c, NetworkConfig(), 100, 100).lesions[0] for c in (shipped, refitted))
        assert after.probability == pytest.approx(before.probability, abs=2e-4)
    assert "25%" in refitted.meaning and "films of this site" in refitted.words


def test_labels_that_do_not_go_with_the_scores_are_refused():
    films, readings = sample(400, signal=-2.0)
    with pytest.raises(ValueError, match="do not follow"):
        site_calibration(Calibration(), films, readings)


def test_a_handful_of_patients_cannot_say_what_changes():
    films, readings = sample(200)
    few = [Film(f.path, "s", "s", "PA", f"{f.normal}", 1, f.normal, f.labels, f.boxes, ()) for f in films]
    with pytest.raises(ValueError, match="5 patients"):
        change(Calibration(), few, readings)


def test_the_command_prints_what_changes_and_what_can_be_promised(folder: Path, tmp_path: Path, tiny_weights: Path):
    out = tmp_path / "site.safetensors"

    def ran(sensitivity: float) -> str:
        arguments = ["calibrate", folder, "--out", out, "--weights", tiny_weights, "--sensitivity", sensitivity]
        answer = CliRunner().invoke(app, [str(argument) for argument in arguments])
        assert answer.exit_code == 0, answer.output
        return answer.stdout

    printed = ran(0.9)
    first = load(out)
    for words in ("60 films of 60 patients, 30 abnormal", "AUC", "sensitivity", "specificity", "ECE", "few abnormal"):
        assert words in printed
    assert "no promise from 30 abnormal patients, 299 or more are needed" in printed
    assert (
        first.calibration.words.startswith("sensitivity 0.90 (at least 0.") and "this site" in first.calibration.words
    )
    assert first.digest == load(tiny_weights).digest  # the weights are the same; the card differs
    ran(0.8)
    assert first.version.startswith("0+site.") and load(out).version != first.version


def test_a_folder_with_too_few_films_ends_the_command_with_a_reason(tmp_path: Path, make_films, tiny_weights: Path):
    small = make_films(tmp_path / "small", 10)
    arguments = ["calibrate", small, "--out", tmp_path / "x.safetensors", "--weights", tiny_weights]
    answer = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert answer.exit_code == 2 and "20" in answer.output and not (tmp_path / "x.safetensors").exists()
