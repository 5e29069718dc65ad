"""An ensemble answers with the mean of its members, lives in one file, and is used like one network."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from model.calibration import Calibration, Logistic
from model.checkpoint import Checkpoint, WeightsRefused, ensemble, load, save, seal, tensors_of
from model.detector import Detector
from model.ensemble import Ensemble, members_of
from model.network import LABELS, LesionNet
from tests.unit.model.conftest import TINY

CALIBRATION = Calibration(labels=tuple(Logistic() for _ in LABELS), operating_point=0.0, lesion_cut=0.0)


@pytest.fixture
def parts(tmp_path: Path) -> list[Path]:
    """Two small networks with other weights, as files."""
    paths = [tmp_path / f"{seed}.safetensors" for seed in range(2)]
    for seed, path in enumerate(paths):
        torch.manual_seed(seed)
        network = LesionNet(TINY)
        torch.nn.init.normal_(network.windows.maps.weight, std=0.3)
        save(path, Checkpoint("tiny", "0", TINY, tensors_of(network), Calibration(), ""))
    return paths


def test_an_ensemble_in_one_file_answers_with_the_mean_of_its_members(parts: list[Path], tmp_path: Path):
    path = tmp_path / "both.safetensors"
    saved = save(path, ensemble(parts, CALIBRATION, "both", "1"))
    network = load(path).build()
    film = torch.randn(2, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        together = network(film)
        alone = [load(part).build()(film) for part in parts]
    for got, first, second in zip(together, *alone, strict=True):
        assert torch.allclose(got, (first + second) / 2, atol=1e-5)
    assert load(path).members == saved.members == 2 and load(path).digest == saved.digest
    assert [one["sha256"] for one in load(path).trained["members"]] == [load(part).digest for part in parts]


def test_the_detector_reads_films_with_an_ensemble(parts: list[Path], tmp_path: Path, film: np.ndarray):
    path = tmp_path / "both.safetensors"
    save(path, ensemble(parts, CALIBRATION, "both", "1"))
    detector = Detector.load(path, "cpu")
    alone = [Detector.load(part, "cpu").reader.read(film) for part in parts]
    reading = detector.reader.read(film)
    assert reading.film[0] == pytest.approx(np.mean([one.film[0] for one in alone]), abs=1e-5)
    assert reading.labels == pytest.approx(np.mean([one.labels for one in alone], axis=0), abs=1e-5)
    assert len(members_of(detector.reader.network)) == 2 and 1 <= len(detector.detect(film).lesions) <= 10


def test_twice_the_same_member_is_that_member(parts: list[Path], tmp_path: Path, film: np.ndarray):
    single, double = tmp_path / "one.safetensors", tmp_path / "two.safetensors"
    save(single, ensemble(parts[:1], CALIBRATION, "one", "1"))
    save(double, ensemble([parts[0], parts[0]], CALIBRATION, "two", "1"))
    assert load(single).members == 1 and isinstance(load(double).build(), Ensemble)
    assert Detector.load(double, "cpu").detect(film) == Detector.load(single, "cpu").detect(film)


def test_a_card_without_members_is_of_one_network(parts: list[Path]):
    card = parts[0].with_suffix(".json")
    values = json.loads(card.read_text())
    del values["members"]
    card.write_text(json.dumps(values | {"seal": seal(values)}))
    assert isinstance(load(parts[0]).build(), LesionNet)


def test_networks_that_are_not_alike_make_no_ensemble(parts: list[Path], tmp_path: Path):
    other = tmp_path / "other.safetensors"
    config = replace(TINY, map_width=8)
    save(other, Checkpoint("tiny", "0", config, tensors_of(LesionNet(config)), Calibration(), ""))
    with pytest.raises(WeightsRefused, match="one configuration"):
        ensemble([parts[0], other], CALIBRATION, "both", "1")
    with pytest.raises(ValueError, match="one configuration"):
        Ensemble([LesionNet(TINY), LesionNet(config)])


@pytest.mark.parametrize("claimed", [1, 3])
def test_a_card_that_claims_another_number_of_members_is_refused(parts: list[Path], tmp_path: Path, claimed: int):
    path = tmp_path / "both.safetensors"
    save(path, ensemble(parts, CALIBRATION, "both", "1"))
    card = path.with_suffix(".json")
    values = json.loads(card.read_text()) | {"members": claimed}
    card.write_text(json.dumps(values | {"seal": seal(values)}))
    with pytest.raises(WeightsRefused, match="do not fit"):
        load(path).build()
