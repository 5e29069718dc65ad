"""Weights that were tampered with are refused with a reason: by load, by `detect` and at a worker's start."""

from __future__ import annotations

import hashlib
import json
import pickle
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from safetensors.torch import save as save_tensors
from typer.testing import CliRunner

from daemon.settings import Settings
from model.calibration import Calibration
from model.checkpoint import WeightsRefused, seal
from model.detector import Detector
from worker import identity
from worker.context import open_context
from worker.model_cli import app

Tamper = Callable[[Path], None]


def vouched(path: Path, raw: bytes) -> None:
    """Other bytes with a sealed card that names their digest: what no digest can see."""
    path.write_bytes(raw)
    card = path.with_suffix(".json")
    values = json.loads(card.read_text()) | {"sha256": hashlib.sha256(raw).hexdigest()}
    card.write_text(json.dumps(values | {"seal": seal(values)}))


def a_flipped_bit(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 4
    path.write_bytes(raw)


def a_truncated_file(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def a_truncated_file_with_its_digest(path: Path) -> None:
    vouched(path, path.read_bytes()[:-100])


def another_digest_in_the_card(path: Path) -> None:
    card = path.with_suffix(".json")
    card.write_text(json.dumps(json.loads(card.read_text()) | {"sha256": "0" * 64}))


def a_pickle_with_its_digest(path: Path) -> None:
    vouched(path, pickle.dumps({"weights": [1.0]}))


def a_header_of_an_exabyte(path: Path) -> None:
    vouched(path, struct.pack("<Q", 1 << 60) + b"{" * 64)


def a_header_longer_than_the_file(path: Path) -> None:
    vouched(path, struct.pack("<Q", 90_000_000) + path.read_bytes()[8:])


def another_networks_tensors(path: Path) -> None:
    vouched(path, save_tensors({"layer.weight": torch.ones(3, 3)}))


def a_tensor_of_another_shape(path: Path) -> None:
    tensors = load_file(path)
    vouched(path, save_tensors(tensors | {"windows.bias": tensors["windows.bias"][:-1].clone()}))


def a_card_that_is_no_object(path: Path) -> None:
    path.with_suffix(".json").write_text("[1, 2]")


def a_card_that_ends_early(path: Path) -> None:
    card = path.with_suffix(".json")
    card.write_text(card.read_text()[:200])


def an_operating_point_moved(path: Path) -> None:
    card = path.with_suffix(".json")
    values = json.loads(card.read_text())
    values["calibration"]["operating_point"] = 0.99
    card.write_text(json.dumps(values))


def a_seal_taken_off(path: Path) -> None:
    an_operating_point_moved(path)
    card = path.with_suffix(".json")
    values = json.loads(card.read_text())
    del values["seal"]
    card.write_text(json.dumps(values))


def a_weight_that_is_no_number(path: Path) -> None:
    tensors = load_file(path)
    tensors["image.bias"][0] = torch.nan
    vouched(path, save_tensors(tensors))


def a_network_that_cannot_be(path: Path) -> None:
    card = path.with_suffix(".json")
    values = json.loads(card.read_text())
    values["network"]["pooling"] = "median"
    card.write_text(json.dumps(values | {"seal": seal(values)}))


REASONS: dict[Tamper, str] = {
    a_flipped_bit: "SHA-256",
    a_truncated_file: "SHA-256",
    a_truncated_file_with_its_digest: "incomplete|Incomplete|HeaderTooLarge|Metadata|Invalid",
    another_digest_in_the_card: "SHA-256",
    a_pickle_with_its_digest: "pickled",
    a_header_of_an_exabyte: "HeaderTooLarge|header too large",
    a_header_longer_than_the_file: "header|Header",
    another_networks_tensors: "do not fit",
    a_tensor_of_another_shape: "do not fit",
    an_operating_point_moved: "seal is broken",
    a_seal_taken_off: "no seal",
    a_weight_that_is_no_number: "image.bias holds values that are not finite",
    a_network_that_cannot_be: "do not fit.*median",
    a_card_that_is_no_object: "is not a .* card",
    a_card_that_ends_early: "tiny.json",
}


@pytest.mark.parametrize("tamper", REASONS, ids=lambda tamper: tamper.__name__)
def test_load_refuses(tiny_weights: Path, tamper: Tamper):
    tamper(tiny_weights)
    with pytest.raises(WeightsRefused, match=REASONS[tamper]):
        Detector.load(tiny_weights, "cpu")


@pytest.mark.parametrize("tamper", REASONS, ids=lambda tamper: tamper.__name__)
def test_detect_ends_with_status_2_and_the_reason_before_it_reads_a_film(tiny_weights: Path, tamper: Tamper):
    tamper(tiny_weights)
    answer = CliRunner().invoke(app, ["detect", str(tiny_weights), "--weights", str(tiny_weights), "--device", "cpu"])
    assert answer.exit_code == 2
    assert "the detector cannot be loaded" in answer.stderr and answer.stdout == ""


@pytest.mark.parametrize("tamper", [a_flipped_bit, another_networks_tensors], ids=lambda tamper: tamper.__name__)
def test_no_worker_opens_with_them(tiny_weights: Path, tmp_path: Path, tamper: Tamper):
    tamper(tiny_weights)
    settings = Settings(home=tmp_path, model={"weights": str(tiny_weights), "device": "cpu"})
    with pytest.raises(WeightsRefused):
        open_context(settings)


def test_the_daemons_own_check_says_why_and_fails(tiny_weights: Path, tmp_path: Path, monkeypatch, capsys):
    a_flipped_bit(tiny_weights)
    config = tmp_path / "thoraxd.toml"
    config.write_text(f'[model]\nweights = "{tiny_weights}"\ndevice = "cpu"\n')
    monkeypatch.setenv("THORAXD_CONFIG", str(config))
    assert identity.main() == 1
    said = capsys.readouterr()
    assert "SHA-256" in said.err and said.out == ""


def test_a_card_written_before_calibration_needs_no_seal(tiny_weights: Path):
    card = tiny_weights.with_suffix(".json")
    values = json.loads(card.read_text())
    del values["seal"]
    card.write_text(json.dumps(values | {"calibration": Calibration().to_json()}))
    assert Detector.load(tiny_weights, "cpu").calibration == Calibration()
