"""InceptionV3 without top, the pyramid and the two-class head."""

from itertools import pairwise

import pytest
import torch
from torch import nn

from model.seed.inception import Conv, InceptionV3
from model.seed.network import SeedConfig, SeedNet, edges, pyramid

# systems.md 1.1: crop width x height and the map's height x width
MAPS = (
    ((223, 446), (12, 5)), ((316, 316), (8, 8)), ((387, 258), (6, 10)), ((446, 223), (5, 12)), ((316, 632), (18, 8)),
    ((447, 447), (12, 12)), ((547, 365), (10, 15)), ((632, 316), (8, 18)), ((447, 894), (26, 12)),
    ((632, 632), (18, 18)), ((670, 447), (12, 19)), ((591, 1182), (35, 17)), ((774, 774), (22, 22)),
    ((865, 577), (16, 25)),
)  # fmt: skip


def test_at_width_one_it_has_the_numbers_of_the_keras_model():
    network = InceptionV3(1.0, inputs=3)
    numbers = sum(p.numel() for p in network.parameters())
    running = sum(b.numel() for b in network.buffers())
    assert (numbers + running, numbers) == (21_802_784, 21_768_352)
    assert network.channels == 2048
    assert sum(isinstance(module, Conv) for module in network.modules()) == 94


@pytest.fixture(scope="module")
def narrow() -> InceptionV3:
    """Four channels nearly everywhere: the maps' sizes do not depend on the width."""
    return InceptionV3(0.01).eval()


@torch.inference_mode()
@pytest.mark.parametrize(("crop", "cells"), MAPS)
def test_a_crop_gives_the_stated_map(narrow: InceptionV3, crop: tuple[int, int], cells: tuple[int, int]):
    assert tuple(narrow(torch.zeros(1, 1, crop[1], crop[0])).shape) == (1, narrow.channels, *cells)


@torch.inference_mode()
def test_the_least_crop_that_fills_the_pyramid_is_171_px(narrow: InceptionV3):
    assert narrow(torch.zeros(1, 1, 171, 171)).shape[-2:] == (4, 4)
    assert narrow(torch.zeros(1, 1, 170, 170)).shape[-2:] == (3, 3)


def test_normalisation_has_a_shift_and_no_scale_and_remembers_what_it_saw():
    conv = Conv(1, 4, (3, 3)).train()
    assert [name for name, _ in conv.norm.named_parameters()] == ["bias"]
    x = 5 + 3 * torch.randn(64, 1, 8, 8)
    normal = conv.norm(conv.conv(x))
    assert normal.mean((0, 2, 3)).abs().max() < 1e-4
    assert (normal.std((0, 2, 3)) - 1).abs().max() < 1e-2
    assert conv.norm.get_buffer("mean").abs().max() > 0


def test_the_pyramid_keeps_the_maximum_of_each_of_21_bins():
    features = torch.zeros(1, 1, 5, 6)
    features[0, 0, 4, 5] = 7.0
    pooled = pyramid(features)[0]
    assert pooled.shape == (21,)
    assert pooled.nonzero().flatten().tolist() == [0, 4, 20]  # the last bin of each level


def test_bins_meet_at_rounded_edges_cover_all_cells_and_are_never_empty():
    assert edges(5, 4) == [0, 1, 2, 4, 5]
    for size in range(4, 60):
        for level in (1, 2, 4):
            borders = edges(size, level)
            assert borders[0] == 0 and borders[-1] == size
            assert all(low < high for low, high in pairwise(borders))


def test_a_map_smaller_than_the_pyramid_is_refused():
    with pytest.raises(ValueError, match="take larger crops"):
        pyramid(torch.zeros(1, 1, 3, 9))


@pytest.mark.parametrize(("trunk", "side"), [("inception", 171), ("residual", 48)])
def test_either_trunk_answers_crops_of_different_shapes_with_two_logits(trunk, side):
    network = SeedNet(SeedConfig(trunk, 0.125)).eval()
    for height, width in ((side, side), (2 * side, side)):
        assert network(torch.randn(2, 1, height, width)).shape == (2, 2)


def test_the_head_reads_21_bins_of_each_channel_43008_at_width_one():
    network = SeedNet(SeedConfig("inception", 0.01))
    assert isinstance(network.dense, nn.Linear) and network.dense.in_features == 21 * network.trunk.channels
    assert 21 * InceptionV3(1.0).channels == 43_008
