"""The score maps are average SPP and a linear layer, exactly; the network's input and output keep their promises."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from model.crops import pooled_scores
from model.network import LEVELS, LesionNet, NetworkConfig, WindowScores, bin_weights, to_working
from model.windows import GRID, NATIVE_SIDE


def test_each_row_of_bin_weights_is_a_mean():
    for level in LEVELS:
        weights = bin_weights([150, 447, 1300], 32, level)
        assert weights.shape == (3, GRID, level, 32)
        assert torch.allclose(weights.sum(-1), torch.ones(3, GRID, level), atol=1e-5)


def test_score_maps_equal_pooling_then_linear_on_the_whole_map():
    torch.manual_seed(0)
    head = WindowScores(5, 3, [(int(NATIVE_SIDE), int(NATIVE_SIDE))], 16)
    torch.nn.init.normal_(head.bias)
    features = torch.randn(2, 5, 16, 16)
    windows = head(features)  # a scale as large as the film: all its windows are the film
    assert torch.allclose(windows[:, 0], pooled_scores(head, features, 0), atol=1e-5)
    assert torch.allclose(windows[:, 0], windows[:, -1], atol=1e-5)


def test_score_maps_equal_pooling_then_linear_on_windows_that_cut_cells():
    """By brute force: cells enlarged, cut at the window's edges, pooled, then the linear layer."""
    torch.manual_seed(0)
    cells, fine, side = 8, 8, NATIVE_SIDE * 3 / 8  # windows of 3 cells, in 15 steps of a third of a cell
    head = WindowScores(4, 2, [(side, side)], cells)
    features = torch.randn(1, 4, cells, cells)
    scores = head(features)[0].reshape(GRID, GRID, 2)
    large = features.repeat_interleave(3 * fine, 2).repeat_interleave(3 * fine, 3)
    for row, column in [(0, 0), (1, 0), (4, 7), (15, 2), (15, 15)]:
        y, x, length = row * fine, column * fine, 9 * fine  # a third of a cell is `fine` pixels
        crop = large[:, :, y : y + length, x : x + length]
        assert torch.allclose(scores[row, column], pooled_scores(head, crop, 0)[0], atol=1e-4)


def test_scores_have_one_row_a_window_and_gradients_reach_the_trunk(tiny: LesionNet):
    scores = tiny(torch.randn(2, 1, 64, 64))
    assert scores.image.shape == (2, 16)
    assert scores.window.shape == (2, len(tiny.config.scales) * 256, 10)
    assert scores.deltas.shape == (2, len(tiny.config.scales) * 256, 4)
    scores.window[:, 77].sum().backward()
    assert tiny.trunk.stem[0].weight.grad.abs().sum() > 0


@pytest.mark.parametrize("shape", [(64, 64), (100, 300), (513, 257)])
@pytest.mark.parametrize(("gain", "offset"), [(4095.0, 700.0), (1e-9, 0.0), (1e6, -1e7)])
def test_the_working_film_does_not_know_the_scale_of_intensities(shape: tuple[int, int], gain: float, offset: float):
    film = torch.from_numpy(np.random.default_rng(0).normal(0, 1, shape).astype(np.float32))
    working, scaled = to_working(film, 64), to_working(film * gain + offset, 64)
    assert working.shape == (64, 64)
    assert abs(float(working.mean())) < 1e-4 and float(working.std()) == pytest.approx(1, abs=0.01)
    assert torch.allclose(working, scaled, atol=1e-3)


def test_a_constant_film_becomes_zeros_not_nan():
    assert torch.equal(to_working(torch.full((80, 80), 7.0), 64), torch.zeros(64, 64))


def test_a_configuration_survives_json(tiny: LesionNet):
    stored = json.loads(json.dumps(tiny.config.to_json()))
    assert NetworkConfig.from_json(stored) == tiny.config
