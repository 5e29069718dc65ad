"""The score maps are average SPP and a linear layer, exactly; the network's input and output keep their promises."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

import numpy as np
import pytest
import torch

from model.crops import pooled_scores
from model.network import LesionNet, NetworkConfig, to_working
from model.pooling import BINS, LEVELS, POOLINGS, WindowScores, bin_weights
from model.seed.scales import TABLE_29
from model.windows import GRID, NATIVE_SIDE, SCALES, grid_windows

Scales = Sequence[tuple[int, int]]
TABLES: tuple[Scales, ...] = (SCALES, TABLE_29.sizes)


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


def test_a_card_from_before_there_was_a_choice_of_pooling_means_the_average(tiny: LesionNet):
    stored = tiny.config.to_json()
    del stored["pooling"]
    assert NetworkConfig.from_json(stored) == tiny.config


def rounded_places(low: float, high: float, level: int, cells: int) -> list[range]:
    """Cells of each bin of one window along one axis, by the rule in words: edges to the nearest cell, never empty."""
    edges = [math.floor((low + step * (high - low) / level) * cells + 0.5 + 1e-9) for step in range(level + 1)]
    starts = [min(edge, cells - 1) for edge in edges[:-1]]
    return [range(start, max(end, start + 1)) for start, end in zip(starts, edges[1:], strict=True)]


@pytest.mark.parametrize("table", TABLES, ids=len)
@pytest.mark.parametrize("cells", [16, 32])
def test_the_maximum_form_is_explicit_maximum_pooling_exactly_for_every_window(table: Scales, cells: int):
    torch.manual_seed(0)
    head = WindowScores(1, BINS, table, cells, "maximum")
    with torch.no_grad():
        head.maps.weight.zero_()  # output o gives bin o as it is: no sum that could hide a difference
        bins = [(level, y, x) for level in LEVELS for y in range(level) for x in range(level)]
        for output, (level, y, x) in enumerate(bins):
            head.linear(level)[output, y, x, 0] = 1
    features = torch.randn(1, 1, cells, cells)
    grey = features[0, 0].numpy()
    scores = head(features)[0].detach().numpy()
    windows = grid_windows(table)
    for row in [*range(0, len(windows), 11), len(windows) - 1]:
        x0, y0, x1, y1 = windows[row]
        expected = [
            grey[y.start : y.stop, x.start : x.stop].max()
            for level in LEVELS
            for y in rounded_places(y0, y1, level, cells)
            for x in rounded_places(x0, x1, level, cells)
        ]
        assert scores[row].tolist() == [float(value) for value in expected], row


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("table", TABLES, ids=len)
def test_shared_scores_are_pooling_then_linear_of_each_window_for_every_scale(table: Scales, pooling: str):
    torch.manual_seed(1)
    head = WindowScores(3, 2, table, 32, pooling)
    torch.nn.init.normal_(head.bias)
    features = torch.randn(2, 3, 32, 32)
    scores = head(features).unflatten(1, (len(table), GRID * GRID))
    windows = grid_windows(table).reshape(len(table), GRID * GRID, 4)
    for scale in range(len(table)):
        for row in (0, 15, 100, 137, 255):
            alone = pooled_scores(head, features, scale, tuple(windows[scale, row]))
            assert torch.allclose(scores[:, scale, row], alone, atol=2e-5), (scale, row)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_gradients_flow_through_both_forms_to_every_parameter_and_cell(pooling: str):
    head = WindowScores(2, 3, SCALES, 16, pooling)
    features = torch.randn(1, 2, 16, 16, requires_grad=True)
    head(features).square().sum().backward()
    assert features.grad is not None and head.maps.weight.grad is not None and head.bias.grad is not None
    assert (head.maps.weight.grad != 0).all() and (head.bias.grad != 0).all()
    assert (features.grad != 0).float().mean() > (0.99 if pooling == "average" else 0.5)


def test_the_gradient_of_a_maximum_goes_to_the_largest_cell_alone():
    head = WindowScores(1, 1, [(int(NATIVE_SIDE), int(NATIVE_SIDE))], 16, "maximum")
    with torch.no_grad():
        head.maps.weight.zero_()
        head.linear(1)[0, 0, 0, 0] = 1  # the one bin of level 1
    features = torch.zeros(1, 1, 16, 16)
    features[0, 0, 5, 9] = 3
    features.requires_grad_()
    head(features)[0, 0, 0].backward()
    assert features.grad is not None
    assert features.grad[0, 0, 5, 9] == 1 and features.grad.abs().sum() == 1


@pytest.mark.parametrize("pooling", POOLINGS)
def test_both_tables_of_scales_make_a_network_that_reads_films_of_several_sizes(pooling: str):
    for table in TABLES:
        config = NetworkConfig(64, 4, (4, 6, 8, 10), (1, 1, 1, 1), 6, scales=table, pooling=pooling)
        network = LesionNet(NetworkConfig.from_json(json.loads(json.dumps(config.to_json())))).eval()
        for side in (64, 128):
            assert network(torch.randn(1, 1, side, side)).window.shape == (1, len(table) * 256, 10)


def test_a_pooling_that_does_not_exist_is_an_error():
    with pytest.raises(ValueError, match="median"):
        WindowScores(1, 1, SCALES, 8, "median")
