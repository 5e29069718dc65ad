"""InceptionV3 without its top (Szegedy et al., 2016, table 1 and figures 5 to 7), at any width.

Every convolution is followed by batch normalisation without scale and a ReLU, and average pooling does not count the
padding, as in the Keras form that the seed uses (21,802,784 numbers at width 1). `width` multiplies all channels, so
that a narrow one can be trained on a CPU.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

# Keras keeps 0.99 of the running statistics, for long runs from ImageNet weights; runs from scratch are short
NORM_MOMENTUM = 0.03
NORM_EPS = 1e-3


class ShiftNorm(nn.Module):
    """Batch normalisation with a learned shift and no learned scale (the next convolution can scale)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("variance", torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> the same shape."""
        mean, variance = self.get_buffer("mean"), self.get_buffer("variance")
        return functional.batch_norm(x, mean, variance, None, self.bias, self.training, NORM_MOMENTUM, NORM_EPS)


class Conv(nn.Module):
    """Convolution, normalisation, ReLU; `same` keeps the size at stride 1, otherwise no padding."""

    def __init__(self, before: int, after: int, kernel: tuple[int, int], stride: int = 1, same: bool = True) -> None:
        super().__init__()
        padding = (kernel[0] // 2, kernel[1] // 2) if same else (0, 0)
        self.conv = nn.Conv2d(before, after, kernel, stride, padding, bias=False)
        self.norm = ShiftNorm(after)

    def forward(self, x: Tensor) -> Tensor:
        """[B, before, H, W] -> [B, after, H', W']."""
        return functional.relu(self.norm(self.conv(x)))


class Branches(nn.Module):
    """Several paths over one map, their channels put side by side."""

    def __init__(self, *paths: nn.Module) -> None:
        super().__init__()
        self.paths = nn.ModuleList(paths)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, sum of the paths' channels, H', W']."""
        return torch.cat([path(x) for path in self.paths], dim=1)


# A path is a row of (channels, (kernel height, kernel width)); a last entry without channels is a fork of two of them.
Step = tuple[int, tuple[int, int]]
ONE, THREE, FIVE = (1, 1), (3, 3), (5, 5)
WIDE, TALL = (1, 7), (7, 1)


class InceptionV3(nn.Module):
    """One channel in, a map of `channels` (2,048 at width 1) at about a 32nd of the size out."""

    def __init__(self, width: float = 1.0, inputs: int = 1) -> None:
        super().__init__()
        self.width = width
        w = self._wide
        blocks: list[nn.Module] = [
            Conv(inputs, w(32), THREE, 2, same=False),
            Conv(w(32), w(32), THREE, same=False),
            Conv(w(32), w(64), THREE),
            nn.MaxPool2d(3, 2),
            Conv(w(64), w(80), ONE),
            Conv(w(80), w(192), THREE, same=False),
            nn.MaxPool2d(3, 2),
        ]
        before = 192
        for pooled in (32, 64, 64):  # mixed 0-2, figure 5
            blocks.append(self._square(before, pooled))
            before = 224 + pooled
        blocks.append(self._first_reduction(before))  # mixed 3
        for inner in (128, 160, 160, 192):  # mixed 4-7, figure 6
            blocks.append(self._factored(inner))
        blocks.append(self._second_reduction())  # mixed 8
        blocks += [self._expanded(1280), self._expanded(2048)]  # mixed 9 and 10, figure 7
        self.blocks = nn.Sequential(*blocks)
        self.channels = w(320) + 4 * w(384) + w(192)

    def forward(self, x: Tensor) -> Tensor:
        """Film or crop [B, inputs, H, W], 107 px a side or more for a map of 2 x 2 -> [B, channels, h, w]."""
        result: Tensor = self.blocks(x)
        return result

    def _wide(self, channels: int) -> int:
        return channels if self.width == 1.0 else max(round(channels * self.width / 4.0), 1) * 4

    def _path(self, before: int, steps: Sequence[Step], down: bool = False) -> nn.Sequential:
        """Convolutions in a row; `before` is a count of channels already widened; down: the last has stride 2."""
        layers = []
        for index, (channels, kernel) in enumerate(steps):
            last = down and index == len(steps) - 1
            layers.append(Conv(before, self._wide(channels), kernel, 2 if last else 1, same=not last))
            before = self._wide(channels)
        return nn.Sequential(*layers)

    def _pool_path(self, before: int, channels: int) -> nn.Sequential:
        pool = nn.AvgPool2d(3, 1, 1, count_include_pad=False)
        return nn.Sequential(pool, Conv(before, self._wide(channels), ONE))

    def _square(self, before: int, pooled: int) -> Branches:
        inputs = self._wide(before) if before == 192 else 2 * self._wide(64) + self._wide(96) + self._wide(before - 224)
        return Branches(
            self._path(inputs, [(64, ONE)]),
            self._path(inputs, [(48, ONE), (64, FIVE)]),
            self._path(inputs, [(64, ONE), (96, THREE), (96, THREE)]),
            self._pool_path(inputs, pooled),
        )

    def _first_reduction(self, before: int) -> Branches:
        inputs = 2 * self._wide(64) + self._wide(96) + self._wide(before - 224)
        return Branches(
            self._path(inputs, [(384, THREE)], down=True),
            self._path(inputs, [(64, ONE), (96, THREE), (96, THREE)], down=True),
            nn.MaxPool2d(3, 2),
        )

    def _factored(self, inner: int) -> Branches:
        # the first of them stands on the reduction, the others on four branches of 192; both are 768 wide at width 1
        inputs = self._reduced() if inner == 128 else 4 * self._wide(192)
        return Branches(
            self._path(inputs, [(192, ONE)]),
            self._path(inputs, [(inner, ONE), (inner, WIDE), (192, TALL)]),
            self._path(inputs, [(inner, ONE), (inner, TALL), (inner, WIDE), (inner, TALL), (192, WIDE)]),
            self._pool_path(inputs, 192),
        )

    def _reduced(self) -> int:
        return self._wide(384) + self._wide(96) + 2 * self._wide(64) + self._wide(96) + self._wide(64)

    def _second_reduction(self) -> Branches:
        inputs = 4 * self._wide(192)
        return Branches(
            self._path(inputs, [(192, ONE), (320, THREE)], down=True),
            self._path(inputs, [(192, ONE), (192, WIDE), (192, TALL), (192, THREE)], down=True),
            nn.MaxPool2d(3, 2),
        )

    def _expanded(self, before: int) -> Branches:
        wide = self._wide
        first = before == 1280
        inputs = wide(320) + wide(192) + 4 * wide(192) if first else wide(320) + 4 * wide(384) + wide(192)
        return Branches(
            self._path(inputs, [(320, ONE)]),
            nn.Sequential(self._path(inputs, [(384, ONE)]), self._fork()),
            nn.Sequential(self._path(inputs, [(448, ONE), (384, THREE)]), self._fork()),
            self._pool_path(inputs, 192),
        )

    def _fork(self) -> Branches:
        channels = self._wide(384)
        return Branches(Conv(channels, channels, (1, 3)), Conv(channels, channels, (3, 1)))
