"""The other way of scoring: windows cut out and sent through the trunk by themselves, as the seed method does.

`pooled_scores` is spatial pyramid pooling and a linear layer in their textbook order, with the weights of the shared
form; on a whole map the two must agree to rounding. A crop alone sees nothing around it, so its score is another
detector's: do not mix them. `context` shows it so many of its own sides around it; only the window's part is pooled.
"""

from __future__ import annotations

from collections import defaultdict

import torch
from torch import Tensor

from model.ensemble import Network, members_of
from model.network import LesionNet
from model.pooling import LEVELS, WindowScores, pool
from model.windows import FloatArray, to_source

LEAST_CROP = 32  # pixels: the trunk halves five times
STRIDE = 8  # pixels a cell of the map under the windows
WHOLE = (0.0, 0.0, 1.0, 1.0)

Part = tuple[float, float, float, float]
Pixels = tuple[int, int, int, int]


def pooled_scores(head: WindowScores, features: Tensor, scale: int, part: Part = WHOLE) -> Tensor:
    """Features [B, C, h, w] of crops of one scale -> scores [B, outputs]: pool to 21 bins, then the linear layer.

    part: the window, xyxy in fractions of the map.
    """
    x0, y0, x1, y1 = part
    scores = head.bias[scale].expand(len(features), -1)
    for level in LEVELS:
        steps = torch.arange(level + 1, dtype=torch.float64) / level
        bins = pool(features.float(), y0 + steps * (y1 - y0), x0 + steps * (x1 - x0), head.pooling)
        scores = scores + torch.einsum("bcij,oijc->bo", bins, head.linear(level))
    return scores


@torch.inference_mode()
def score_crops(network: Network, film: Tensor, windows: FloatArray, scale: int, context: float = 0.0) -> Tensor:
    """Film [1, 1, H, W] (z-scored), windows [P, 4] (unit xyxy) of one scale -> scores [P, outputs], from crops alone.

    Crops of one shape go through the trunk together. An ensemble's score is the mean of its members'.
    """
    height, width = film.shape[-2:]
    alike: dict[tuple[int, int, Part], list[tuple[int, Pixels]]] = defaultdict(list)
    for row, (x0, y0, x1, y1) in enumerate(to_source(windows, width, height)):
        left, right, *across = _along(x0, x1, width, context)
        top, bottom, *down = _along(y0, y1, height, context)
        part = (across[0], down[0], across[1], down[1])
        alike[bottom - top, right - left, part].append((row, (left, top, right, bottom)))
    outputs = members_of(network)[0].windows.outputs
    scores = film.new_empty(len(windows), outputs)
    for (*_, part), crops in alike.items():
        stack = torch.cat([film[:, :, top:bottom, left:right] for _, (left, top, right, bottom) in crops])
        answers = [_scored(member, stack, scale, part) for member in members_of(network)]
        scores[[row for row, _ in crops]] = torch.stack(answers).mean(0)
    return scores


def _scored(network: LesionNet, crops: Tensor, scale: int, part: Part) -> Tensor:
    fine, _ = network.trunk(crops)
    return pooled_scores(network.windows, fine, scale, part)


def _along(low: float, high: float, side: int, context: float) -> tuple[int, int, float, float]:
    """(first pixel, past the last, window's start, window's end) of a crop along one axis, the latter two of its map.

    The window is as many whole pixels as its own side rounds to, wherever it lies, so that crops of a scale are alike.
    """
    length = min(max(round(high - low), 1), side)
    start = min(max(round(low), 0), side - length)
    around = round(context * length)
    first, last = max(start - around, 0), min(start + length + around, side)
    if last - first < LEAST_CROP:  # the least that the trunk can take, the window in its middle where there is room
        first = min(max(first - (LEAST_CROP - (last - first)) // 2, 0), max(side - LEAST_CROP, 0))
        last = min(first + LEAST_CROP, side)
    cells = -(-(last - first) // STRIDE) * STRIDE
    return first, last, (start - first) / cells, (start + length - first) / cells
