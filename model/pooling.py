"""Spatial pyramid pooling (He et al., 2015; levels 1, 2, 4) and a linear layer, for all windows of a film at once.

*Average.* Pooling followed by a linear layer equals, exactly, 21 position-sensitive score maps of which each window
sums the means of its 21 bins: the order of two linear maps is exchanged. A bin mean is a product with one row of
weights in y and one in x, so every window of every scale costs two small matrix products a level, and is
differentiable. A feature cell is treated as a constant square; a bin that cuts a cell takes its share.

*Maximum.* The form of the method this project builds on: bin edges rounded to whole cells, the largest value of each
channel in each bin, then the linear layer. A maximum cannot be exchanged with a linear map, but a rectangle's is the
maximum over its rows of the maximum over its columns, and that of an interval the larger of two overlapping intervals
of 2^p cells (a sparse table; Bender and Farach-Colton, 2000). No window is pooled by itself.

Both have the same parameters in the same layout.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from model.windows import GRID, NATIVE_SIDE

LEVELS = (1, 2, 4)
POOLINGS = ("average", "maximum")
BINS = sum(level * level for level in LEVELS)


def bin_edges(sides: Sequence[float], level: int, grid: int = GRID) -> Tensor:
    """Edges of the bins of each window along one axis, fractions of the film: [S, grid, level + 1], float64."""
    length = torch.tensor(sides, dtype=torch.float64) / NATIVE_SIDE  # [S]
    start = torch.stack([torch.linspace(0.0, 1.0 - float(one), grid, dtype=torch.float64) for one in length])
    steps = torch.arange(level + 1, dtype=torch.float64) / level
    return start[..., None] + steps * length[:, None, None]


def bin_weights(sides: Sequence[float], cells: int, level: int, grid: int = GRID) -> Tensor:
    """Averaging weights [S, grid, level, cells]: the share of each feature cell in bin `level` of window k of a scale.

    Each row sums to one. sides: the windows' side in the native frame, one a scale.
    """
    edges = torch.arange(cells + 1, dtype=torch.float64) / cells
    rows = []
    for side in sides:
        length = side / NATIVE_SIDE
        start = torch.linspace(0.0, 1.0 - length, grid, dtype=torch.float64)[:, None]  # [grid, 1]
        low = start + torch.arange(level, dtype=torch.float64) * length / level  # [grid, level]
        high = low + length / level
        shared = torch.minimum(high[..., None], edges[1:]) - torch.maximum(low[..., None], edges[:-1])
        rows.append(shared.clamp_min(0.0) * (level / length))
    return torch.stack(rows).float()  # [S, grid, level, cells]


def whole_cells(edges: Tensor, cells: int) -> tuple[Tensor, Tensor]:
    """Edges [..., level + 1], fractions of a map -> first and past-the-last cell of each bin, int64 [..., level] each.

    Rounded half up; a bin that rounds to nothing takes the one cell at its edge.
    """
    rounded = (edges * cells + (0.5 + 1e-9)).floor().long()  # a hair up: 1/15 * 15 must not fall on either side
    low = rounded[..., :-1].clamp(0, cells - 1)
    return low, torch.maximum(rounded[..., 1:].clamp(max=cells), low + 1)


class WindowScores(nn.Module):
    """SPP + linear over every window of every scale. pooling: one of POOLINGS."""

    def __init__(
        self,
        channels: int,
        outputs: int,
        scales: Sequence[tuple[float, float]],
        cells: int,
        pooling: str = "average",
    ) -> None:
        super().__init__()
        if pooling not in POOLINGS:
            raise ValueError(f"pooling is one of {', '.join(POOLINGS)}, not {pooling!r}")
        self.outputs = outputs
        self.pooling = pooling
        self.maps = nn.Conv2d(channels, outputs * BINS, 1, bias=False)
        self.bias = nn.Parameter(torch.zeros(len(scales), outputs))  # a scale's own prior
        self.scales = tuple(scales)
        self.cells = 0
        self._fit(cells)

    def _fit(self, cells: int) -> None:
        """Weights or places of the bins on a map of cells x cells: training may see films at several sizes."""
        self.cells = cells
        device = self.bias.device
        for level in LEVELS:
            for name, side in (("y", 1), ("x", 0)):
                sides = [scale[side] for scale in self.scales]
                if self.pooling == "average":
                    rows = bin_weights(sides, cells, level)
                else:
                    rows = _lookups(*whole_cells(bin_edges(sides, level), cells), cells)
                self.register_buffer(f"{name}{level}", rows.to(device), persistent=False)

    def linear(self, level: int) -> Tensor:
        """The linear layer's weights of one level's bins: [outputs, level (y), level (x), channels]."""
        first = self.outputs * sum(lower * lower for lower in LEVELS if lower < level)
        rows = self.maps.weight[first : first + self.outputs * level * level, :, 0, 0]
        return rows.reshape(self.outputs, level, level, -1)

    def forward(self, features: Tensor) -> Tensor:
        """Features [B, C, cells, cells] -> scores [B, S * grid * grid, outputs], float32."""
        cells = features.shape[-1]
        if cells != self.cells:
            self._fit(cells)
        return self._average(features) if self.pooling == "average" else self._maximum(features)

    def _average(self, features: Tensor) -> Tensor:
        batch, _, cells, _ = features.shape
        maps = self.maps(features).float()
        scores, first = [], 0
        for level in LEVELS:
            y, x = getattr(self, f"y{level}"), getattr(self, f"x{level}")
            scales, grid = y.shape[:2]
            bins = maps[:, first : first + self.outputs * level * level]
            first += self.outputs * level * level
            s = bins.reshape(batch, self.outputs, level, level, cells, cells)  # B O i j h w
            s = s.permute(0, 1, 3, 2, 4, 5).reshape(batch * self.outputs, level, level * cells, cells)  # BO j (i h) w
            t = y.reshape(scales * grid, level * cells) @ s  # [BO, j, S * grid, w]
            t = t.reshape(-1, level, scales, grid, cells).permute(2, 0, 3, 1, 4)  # [S, BO, grid, j, w]
            t = t.reshape(scales, -1, level * cells) @ x.reshape(scales, grid, level * cells).transpose(1, 2)
            scores.append(t.reshape(scales, batch, self.outputs, grid, grid))
        total = torch.stack(scores).sum(0) + self.bias[:, None, :, None, None]
        return total.permute(1, 0, 3, 4, 2).reshape(batch, -1, self.outputs)  # [B, S * grid * grid, O]

    def _maximum(self, features: Tensor) -> Tensor:
        batch, channels = features.shape[:2]
        columns = _maxima(features.transpose(2, 3))  # [B, C, w, P * h]: along y first
        scores = []
        for scale in range(len(self.scales)):  # a scale at a time: the pooled values of all would fill the memory
            total = self.bias[scale]
            for level in LEVELS:
                y, x = getattr(self, f"y{level}")[scale], getattr(self, f"x{level}")[scale]  # [2, grid, level]
                rows = _longest(columns, y)  # [B, C, w, grid * level]
                bins = _longest(_maxima(rows.transpose(2, 3)), x)  # [B, C, grid * level, grid * level]
                bins = bins.reshape(batch, channels, GRID, level, GRID, level).permute(0, 2, 4, 3, 5, 1)
                weights = self.linear(level).reshape(self.outputs, -1)  # [O, level * level * C]
                total = total + functional.linear(bins.reshape(batch, GRID * GRID, -1), weights).float()
            scores.append(total)
        return torch.cat(scores, dim=1)  # [B, S * grid * grid, O]


def _maxima(values: Tensor) -> Tensor:
    """Values [..., cells] -> [..., P * cells]: row p holds, at k, the largest of cells k .. k + 2^p - 1."""
    cells = values.shape[-1]
    table = [values]
    for power in range(cells.bit_length() - 1):
        last = table[-1]
        step = 1 << power
        # past the end the row repeats what it has: such places are never looked up
        table.append(torch.cat([torch.maximum(last[..., :-step], last[..., step:]), last[..., -step:]], dim=-1))
    return torch.cat(table, dim=-1)


def _lookups(low: Tensor, high: Tensor, cells: int) -> Tensor:
    """Bins [S, grid, level] of cells low .. high - 1 -> the two places in `_maxima` that cover each: [S, 2, ...]."""
    power = (high - low).double().log2().floor().long()
    return torch.stack([power * cells + low, power * cells + high - (1 << power)], dim=1)


def _longest(table: Tensor, places: Tensor) -> Tensor:
    """Table [..., P * cells] and places [2, grid, level] -> the maximum of each bin [..., grid * level]."""
    first, second = places.flatten(1)
    return torch.maximum(table.index_select(-1, first), table.index_select(-1, second))


def pool(features: Tensor, edges_y: Tensor, edges_x: Tensor, pooling: str) -> Tensor:
    """Explicit pooling of one window: features [B, C, h, w] -> bins [B, C, level, level].

    edges_y, edges_x: [level + 1], fractions of the map, of the bins along y and x. The textbook form, for one window
    at a time: what the forms above are tested against, and what a crop is scored with.
    """
    height, width = features.shape[-2:]
    if pooling == "average":
        y, x = _shares(edges_y, height).to(features), _shares(edges_x, width).to(features)
        return torch.einsum("bchw,ih,jw->bcij", features, y, x)
    rows, columns = whole_cells(edges_y, height), whole_cells(edges_x, width)
    tops, bottoms = (side.tolist() for side in rows)
    lefts, rights = (side.tolist() for side in columns)
    bins = [
        features[:, :, top:bottom, left:right].amax((2, 3))
        for top, bottom in zip(tops, bottoms, strict=True)
        for left, right in zip(lefts, rights, strict=True)
    ]
    level = math.isqrt(len(bins))
    return torch.stack(bins, dim=-1).unflatten(-1, (level, level))


def _shares(edges: Tensor, cells: int) -> Tensor:
    """Edges [level + 1], fractions of a map -> averaging weights [level, cells]; each row sums to one."""
    cell = torch.arange(cells + 1, dtype=torch.float64) / cells
    shared = torch.minimum(edges[1:, None], cell[1:]) - torch.maximum(edges[:-1, None], cell[:-1])
    shared = shared.clamp_min(0.0)
    return shared / shared.sum(1, keepdim=True)
