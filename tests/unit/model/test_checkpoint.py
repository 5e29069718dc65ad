"""Weights are used only when they are what their card says, and are never unpickled."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import torch

from model.checkpoint import WeightsRefused, load, seal
from model.detector import Detector
from model.network import LesionNet


def test_what_is_saved_is_loaded(tiny_weights: Path, tiny: LesionNet):
    checkpoint = load(tiny_weights)
    loaded = checkpoint.build().state_dict()
    for name, tensor in tiny.state_dict().items():
        assert torch.allclose(loaded[name].float(), tensor.float(), atol=2e-3, rtol=1e-3), name
    assert (checkpoint.name, len(checkpoint.digest)) == ("tiny", 64)


def test_one_changed_byte_is_refused(tiny_weights: Path):
    raw = bytearray(tiny_weights.read_bytes())
    raw[-5] ^= 1
    tiny_weights.write_bytes(raw)
    with pytest.raises(WeightsRefused, match="SHA-256"):
        Detector.load(tiny_weights)


def test_a_pickled_file_is_refused_even_when_its_card_vouches_for_it(tiny_weights: Path, tiny: LesionNet):
    torch.save(tiny.state_dict(), tiny_weights)
    card = tiny_weights.with_suffix(".json")
    digest = hashlib.sha256(tiny_weights.read_bytes()).hexdigest()
    card.write_text(json.dumps(json.loads(card.read_text()) | {"sha256": digest}))
    with pytest.raises(WeightsRefused, match="pickled"):
        Detector.load(tiny_weights)


@pytest.mark.parametrize("missing", [".safetensors", ".json"])
def test_weights_without_their_card_or_a_card_without_weights_are_refused(tiny_weights: Path, missing: str):
    tiny_weights.with_suffix(missing).unlink()
    with pytest.raises(WeightsRefused, match="tiny"):
        Detector.load(tiny_weights)


def test_weights_that_do_not_fit_their_configuration_are_refused(tiny_weights: Path):
    card = tiny_weights.with_suffix(".json")
    values = json.loads(card.read_text())
    values["network"]["map_width"] += 1
    card.write_text(json.dumps(values | {"seal": seal(values)}))
    with pytest.raises(WeightsRefused, match="do not fit"):
        Detector.load(tiny_weights)
