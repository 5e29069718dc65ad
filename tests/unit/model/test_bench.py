"""`thoraxd-model bench`: two ways of scoring, timed and compared in one run; crops are what they claim."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from model.agreement import agreement, pearson
from model.bench import matmul_tflops, throughput, time_files
from model.cli import app
from model.crops import pooled_scores, score_crops
from model.detector import Detector
from model.ensemble import Ensemble
from model.network import LesionNet, standardise
from model.train.readers import read_film
from model.windows import grid_windows
from tests.unit.model.conftest import drawn_film

FEW = ("--sampled", "1", "--count", "4", "--batch", "2")
CPU = torch.device("cpu")


@pytest.fixture
def detector(tiny_weights: Path) -> Detector:
    return Detector.load(tiny_weights, "cpu")


@pytest.fixture
def working() -> torch.Tensor:
    return standardise(torch.randn(1, 1, 64, 64, generator=torch.Generator().manual_seed(3)))


def test_a_crop_that_sees_the_whole_film_scores_as_the_shared_map_to_rounding(tiny: LesionNet, working: torch.Tensor):
    scale = 9  # 632 x 632
    rows = scale * 256 + np.array([0, 5, 100, 255])
    windows = grid_windows(tiny.config.scales)[rows]
    windows = (windows * 64).round() / 64  # crops begin and end between pixels
    windows[:, 2:] = windows[:, :2] + 32 / 64
    windows = np.clip(windows, 0, 1)
    windows[:, :2] = windows[:, 2:] - 32 / 64
    crops = score_crops(tiny, working, windows, scale, context=10.0)
    fine, _ = tiny.trunk(working)
    for row, window in enumerate(windows):
        alone = pooled_scores(tiny.windows, fine, scale, tuple(window))
        assert torch.allclose(crops[row], alone[0], atol=1e-5)


def test_crops_in_a_batch_score_as_one_by_one(tiny: LesionNet, working: torch.Tensor):
    windows = grid_windows(tiny.config.scales)[256 * 12 : 256 * 12 + 256 : 37]
    together = score_crops(tiny, working, windows, 12, context=0.5)
    for row in range(len(windows)):
        assert torch.allclose(together[row], score_crops(tiny, working, windows[[row]], 12, 0.5)[0], atol=1e-5)


def test_an_ensembles_crops_score_the_mean_of_its_members(tiny: LesionNet, working: torch.Tensor):
    torch.manual_seed(5)
    other = LesionNet(tiny.config).eval()
    windows = grid_windows(tiny.config.scales)[:3]
    each = [score_crops(network, working, windows, 0) for network in (tiny, other)]
    assert torch.allclose(score_crops(Ensemble([tiny, other]), working, windows, 0), sum(each) / 2, atol=1e-6)


def test_agreement_is_perfect_where_crops_see_everything_and_less_where_they_see_nothing(detector: Detector):
    films = [drawn_film(seed, 64, (20, 20, 40, 40)) for seed in range(6)]
    seeing, blind = agreement(detector, films, 20.0, 4), agreement(detector, films, 0.0, 4)
    # Crops are cut at whole pixels, windows are not: the two differ by that alone.
    assert seeing.window_r > 0.998 > blind.window_r
    assert seeing.within_film_rank_r > blind.within_film_rank_r
    assert (seeing.films, seeing.windows_per_film) == (6, 4 * len(detector.config.scales))


def test_a_correlation_of_too_few_or_equal_values_is_not_a_number():
    assert np.isnan(pearson(np.array([1.0, 2.0]), np.array([1.0, 2.0])))
    assert np.isnan(pearson(np.ones(5), np.arange(5.0)))
    assert pearson(np.arange(5.0), -np.arange(5.0)) == pytest.approx(-1)


def test_flops_are_counted_a_film_and_do_not_grow_with_the_batch(detector: Detector):
    one, four = throughput(detector, torch.float32, 1, 1), throughput(detector, torch.bfloat16, 4, 1)
    assert one.gflop_per_film == pytest.approx(four.gflop_per_film)
    # The stem alone: 5 x 5 taps, 1 -> 4 channels on 32 x 32.
    assert one.gflop_per_film > 2 * 25 * 4 * 32 * 32 / 1e9
    shares = one.to_json()
    assert shares["share_of_bf16_matmul_rate"] == pytest.approx(
        one.films_per_s * one.gflop_per_film / 1000 / one.bf16_matmul_tflops
    )
    assert matmul_tflops(CPU, 1) > 0


def test_timing_batches_leaves_the_answer_as_it_was(detector: Detector, film: np.ndarray):
    before = detector.detect(film)
    throughput(detector, torch.bfloat16, 2, 1)
    assert detector.detect(film) == before


def test_bench_on_films_prints_ratio_agreement_and_seconds_a_file(folder: Path, tiny_weights: Path):
    answer = CliRunner().invoke(
        app,
        ["bench", str(folder), "--weights", str(tiny_weights), "--side", "96", "--device", "cpu", *FEW, "--json"],
    )
    assert answer.exit_code == 0, answer.output
    figures = json.loads(answer.stdout)
    assert figures["file_files"] == figures["context_0_films"] == figures["context_50_films"] == 4
    assert figures["ratio_same_resolution"] == pytest.approx(figures["crops_working_s"] / figures["shared_pass_s"])
    assert 0 < figures["file_p50_s"] <= figures["file_p95_s"] <= figures["file_longest_s"]
    assert figures["file_read_p50_s"] < figures["file_p50_s"]
    assert figures["bf16_change_median"] <= figures["bf16_change_largest"] < 0.05


def test_a_film_that_cannot_be_read_ends_bench_with_a_reason(tmp_path: Path, tiny_weights: Path):
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    answer = CliRunner().invoke(
        app, ["bench", str(tmp_path), "--weights", str(tiny_weights), "--side", "64", "--sampled", "1"]
    )
    assert answer.exit_code == 2 and "cannot be read" in answer.output


def test_seconds_from_file_to_findings_are_those_of_every_file(folder: Path, detector: Detector):
    files = sorted((folder / "images").iterdir())[:4]
    timing = time_files(detector, files, read_film)
    assert timing.files == 4 and 0 < timing.read_p50_s < timing.p50_s <= timing.p95_s <= timing.longest_s
