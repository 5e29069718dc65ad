"""Self-supervised pre-training: hidden squares are drawn again, the trunk learns and the heads do not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from model.network import LesionNet, NetworkConfig
from model.train.augment import Augmentation
from model.train.batches import Batches
from model.train.cache import cached
from model.train.films import read_folder
from model.train.pretrain import HIDDEN, SQUARE, hidden_squares, pretrain
from model.train.recipe import Recipe
from model.windows import grid_windows

TINY = NetworkConfig(side=64, stem=4, widths=(4, 6, 8, 10), blocks=(1, 1, 1, 1), map_width=6)


@pytest.fixture
def batches(folder: Path, tmp_path: Path) -> Batches:
    films = read_folder(folder)
    pixels = cached(films, TINY.side, tmp_path / "cache")
    return Batches(films, pixels, range(len(films)), grid_windows(TINY.scales), Augmentation())


def network(seed: int = 0) -> LesionNet:
    torch.manual_seed(seed)
    return LesionNet(TINY)


def head_of(net: LesionNet) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in net.state_dict().items() if not name.startswith("trunk.")}


def test_half_of_a_film_is_hidden_in_whole_squares():
    hidden = hidden_squares(40, 128, np.random.default_rng(0))
    squares = hidden.reshape(40, 8, SQUARE, 8, SQUARE).permute(0, 1, 3, 2, 4).flatten(3).float().mean(-1)
    assert set(squares.unique().tolist()) == {0.0, 1.0}
    assert abs(hidden.float().mean() - HIDDEN) < 0.02


def test_a_side_that_is_no_multiple_of_the_square_is_covered():
    assert hidden_squares(2, 72, np.random.default_rng(0)).shape == (2, 1, 72, 72)


def test_the_hidden_pixels_are_drawn_better_than_by_a_blank_film(batches: Batches):
    assert pretrain(network(), batches, Recipe(films=1600, batch=16, rate=1e-2), TINY.side) < 0.75


def test_the_trunk_learns_and_the_heads_do_not(batches: Batches):
    net = network()
    trunk, heads = net.trunk.stem[0].weight.clone(), head_of(net)
    pretrain(net, batches, Recipe(films=32, batch=16), TINY.side)
    assert not torch.equal(trunk, net.trunk.stem[0].weight)
    assert all(torch.equal(tensor, heads[name]) for name, tensor in head_of(net).items())


def test_the_same_seed_gives_the_same_trunk(batches: Batches):
    nets = [network(), network()]
    for net in nets:
        torch.manual_seed(3)
        pretrain(net, batches, Recipe(films=32, batch=16), TINY.side)
    first, second = (net.trunk.state_dict() for net in nets)
    assert all(torch.equal(tensor, second[name]) for name, tensor in first.items())
