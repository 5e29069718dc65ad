"""The seed's network: a trunk without head, maximum spatial pyramid pooling 1-2-4, one linear layer to two classes.

Spatial pyramid pooling (He et al., 2015) makes crops of any size one vector: 21 bins of every channel, bin edges at
round(k * size / level). With InceptionV3 these are 21 x 2,048 = 43,008 numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from model.network import NetworkConfig, Trunk
from model.seed.inception import InceptionV3

LEVELS = (1, 2, 4)
BINS = sum(level * level for level in LEVELS)
TrunkName = Literal["inception", "residual"]


@dataclass(frozen=True, slots=True)
class SeedConfig:
    """Which trunk, and the multiplier of its channels."""

    trunk: TrunkName = "inception"
    width: float = 1.0


class ResidualTrunk(nn.Module):
    """The project's own light trunk, as a map at an eighth of the size."""

    def __init__(self, width: float) -> None:
        super().__init__()
        plain = NetworkConfig()
        widths = tuple(max(round(channels * width), 4) for channels in plain.widths)
        stem, self.channels = max(round(plain.stem * width), 4), max(round(plain.map_width * width), 4)
        self.trunk = Trunk(NetworkConfig(stem=stem, widths=widths, map_width=self.channels))

    def forward(self, x: Tensor) -> Tensor:
        """[B, 1, H, W] -> [B, channels, ceil(H / 8), ceil(W / 8)]."""
        fine: Tensor = self.trunk(x)[0]
        return fine


def edges(size: int, level: int) -> list[int]:
    """The level + 1 rounded borders of `level` bins over `size` cells; halves go to the even neighbour."""
    return [round(index * size / level) for index in range(level + 1)]


def pyramid(features: Tensor) -> Tensor:
    """Map [B, C, h, w], 4 x 4 cells or more -> the 21 bins' maxima [B, 21 * C], bin-major.

    Raises ValueError for a smaller map.
    """
    height, width = features.shape[-2:]
    if min(height, width) < max(LEVELS):
        raise ValueError(f"a map of {height} x {width} has fewer cells than the pyramid has bins: take larger crops")
    bins = []
    for level in LEVELS:
        rows, columns = edges(height, level), edges(width, level)
        for top, bottom in pairwise(rows):
            strip = features[:, :, top:bottom].amax(2)  # [B, C, w]
            bins += [strip[:, :, left:right].amax(2) for left, right in pairwise(columns)]
    return torch.cat(bins, dim=1)


class SeedNet(nn.Module):
    """Crops of one size -> logits of normal and abnormal."""

    def __init__(self, config: SeedConfig) -> None:
        super().__init__()
        self.config = config
        self.trunk: InceptionV3 | ResidualTrunk
        self.trunk = InceptionV3(config.width) if config.trunk == "inception" else ResidualTrunk(config.width)
        self.dense = nn.Linear(BINS * self.trunk.channels, 2)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        nn.init.normal_(self.dense.weight, std=0.01)
        nn.init.zeros_(self.dense.bias)

    def forward(self, crops: Tensor) -> Tensor:
        """Crops [B, 1, H, W] of z-scored films -> logits [B, 2], float32; column 1 is "abnormal"."""
        pooled = pyramid(self.trunk(crops)).float()
        with torch.autocast(crops.device.type, enabled=False):  # bfloat16 logits would tie thousands of crops
            logits: Tensor = self.dense(pooled)
        return logits
