"""The seed's way of scoring: every window cut out and sent through the trunk by itself; for comparison of speed.

`pooled_scores` is average SPP and a linear layer in their textbook order, with the weights of the score maps; on a
whole map it must agree with `WindowScores` to rounding. A crop alone sees nothing around it, so its score is another
detector's: do not mix them.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from model.network import LEVELS, LesionNet, WindowScores
from model.windows import FloatArray, to_source

LEAST_CROP = 32  # pixels: the trunk halves five times


def pooled_scores(head: WindowScores, features: Tensor, scale: int) -> Tensor:
    """Features [B, C, h, w] of crops of one scale -> scores [B, outputs]: pool to 21 bins, then the linear layer."""
    weights = head.maps.weight[:, :, 0, 0]  # [outputs * 21, C]
    scores, first = head.bias[scale].expand(len(features), -1), 0
    for level in LEVELS:
        bins = functional.adaptive_avg_pool2d(features.float(), level).flatten(2)  # [B, C, level * level]
        linear = weights[first : first + head.outputs * level * level].reshape(head.outputs, level * level, -1)
        scores = scores + torch.einsum("bcn,onc->bo", bins, linear)
        first += head.outputs * level * level
    return scores


@torch.inference_mode()
def score_crops(network: LesionNet, film: Tensor, windows: FloatArray, scale: int) -> Tensor:
    """Film [1, 1, H, W] (z-scored) and windows [P, 4] (unit xyxy) of one scale -> scores [P, outputs], crop by crop."""
    height, width = film.shape[-2:]
    scores = []
    for x0, y0, x1, y1 in to_source(windows, width, height).round().astype(int):
        x1, y1 = max(x1, x0 + LEAST_CROP), max(y1, y0 + LEAST_CROP)
        fine, _ = network.trunk(film[:, :, y0:y1, x0:x1])
        scores.append(pooled_scores(network.windows, fine, scale))
    return torch.cat(scores)
