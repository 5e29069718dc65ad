"""`thoraxd-model evaluate`, whole: two folds of a drawn folder in, report, card and calibration out."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from model.calibration import Calibration
from model.card import TEMPLATE, card
from model.checkpoint import Checkpoint, load, save, tensors_of
from model.cli import app
from model.network import LesionNet
from tests.unit.model.conftest import TINY, make_folder
from tests.unit.model.test_judge_folds import fold_weights


def ran(*arguments: object) -> str:
    answer = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert answer.exit_code == 0, answer.output
    return answer.stdout


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report on folds 0 and 1 of 120 drawn films, with a peer that is always right."""
    work = tmp_path_factory.mktemp("evaluated")
    folder, out, peer = make_folder(work / "many", 120), work / "out", work / "peer.csv"
    peer.write_text("image,prob_Mass\n" + "".join(f"{i:04}.png,{0.9 if i % 2 else 0.1}\n" for i in range(120)))
    torch.manual_seed(0)
    tiny, tensors = work / "tiny.safetensors", tensors_of(LesionNet(TINY).eval())
    save(tiny, Checkpoint("tiny", "0", TINY, tensors, Calibration(), ""))
    weights = [fold_weights(tiny, fold) for fold in (0, 1)]
    ran("evaluate", folder, "--models", *weights, "--out", out, "--draws", 20, "--peer", peer)
    return out


def test_one_command_writes_the_whole_report(evaluated: Path, tiny_weights: Path):
    figures = json.loads((evaluated / "figures.json").read_text())
    assert figures["about"]["films"] == 48 and figures["about"]["folds"] == [0, 1]
    assert figures["triage"]["many, PA"]["films"] == 48
    assert figures["peer"]["many"]["auc"]["peer"]["value"] == 1.0
    assert figures["boxes"]["many"]["boxed_films"] == 24 and figures["froc"]["many"]["normal_films"] == 24
    Calibration.from_json(json.loads((evaluated / "calibration.json").read_text()))
    with Image.open(evaluated / "sheet.png") as page:
        assert page.width >= 600
    written = (evaluated / "report.md").read_text()
    assert "| many |" in written and "A threshold fixed elsewhere" in written
    for name in re.findall(r"\(plots/([^)]+)\)", written):
        assert (evaluated / "plots" / name).stat().st_size > 1000


def test_the_page_needs_no_other_file(evaluated: Path):
    page = (evaluated / "report.html").read_text()
    assert page.count("data:image/") == 5
    assert not re.search(r'(src|href)="(?!#|data:)', page) and "<script" not in page and "@import" not in page


def test_the_card_has_its_numbers_from_the_figures(evaluated: Path, tiny_weights: Path):
    figures = json.loads((evaluated / "figures.json").read_text())
    shipped = load(tiny_weights)
    template = (
        "{{about>films}} films, AUC {{triage>many>auc}}, {{triage>many>auc|v2}}, {{triage>many>sensitivity|%}},"
        " {{weights>digest}}, {{no>such}}"
    )
    text, missing = card(figures, shipped, tiny_weights, template)
    auc, sensitivity = figures["triage"]["many"]["auc"], figures["triage"]["many"]["sensitivity"]["value"]
    assert text == (
        f"48 films, AUC {auc['value']:.3f} [{auc['low']:.3f}, {auc['high']:.3f}], {auc['value']:.2f},"
        f" {sensitivity:.0%}, {shipped.digest}, –\n".replace("%,", " %,")
    )
    assert missing == ["no>such"]


def test_the_template_types_no_measured_number(evaluated: Path, tiny_weights: Path):
    """The words between the placeholders hold no figure of 0.xx but those of other people's work."""
    text = re.sub(r"\{\{.*?\}\}", "", TEMPLATE.read_text())
    quoted = {"0.253", "0.15", "0.3", "0.1"}  # the challenge's winner; the pilots; IoU; the version
    assert set(re.findall(r"0\.\d+", text)) <= quoted
    card(json.loads((evaluated / "figures.json").read_text()), load(tiny_weights), tiny_weights)  # all tables exist


def test_a_single_fold_is_judged_in_halves_and_says_so(tmp_path: Path, make_films, tiny_weights: Path):
    folder, out = make_films(tmp_path / "many", 150), tmp_path / "out"
    ran("evaluate", folder, "--models", fold_weights(tiny_weights, 2), "--out", out, "--draws", 10)
    assert json.loads((out / "figures.json").read_text())["about"]["parts"] == "halves"
    assert "halved by a hash" in (out / "report.md").read_text()


def test_weights_that_have_seen_every_film_are_not_judged(folder: Path, tmp_path: Path, tiny_weights: Path):
    answer = CliRunner().invoke(app, ["evaluate", str(folder), "--models", str(tiny_weights), "--out", str(tmp_path)])
    assert answer.exit_code == 2 and "names no fold" in answer.output
