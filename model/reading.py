"""One pass of the network over one film, as plain numbers: logits and boxes, before any calibration.

Calibration, evaluation and the detector all start from a Reading, so that what is calibrated is what is shipped.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from model.ensemble import Network
from model.fusion import FusionRule, best_first, fuse
from model.network import BEST_WINDOWS, Scores, to_working
from model.windows import GRID, FloatArray, clip_to_film, grid_windows, shift_to

MOST_DELTA = 1.0  # a window's edges move by at most its own side (and its side by a factor e)


@dataclass(frozen=True, slots=True)
class Reading:
    """film [2]: logit of the image head, mean logit of the best windows. labels [labels]: logits of the image head.

    boxes [K, 4]: unit xyxy, the strongest first. lesions [K]: their logits. names [K, box labels]: logits of what
    they are.
    """

    film: FloatArray
    labels: FloatArray
    boxes: FloatArray
    lesions: FloatArray
    names: FloatArray


def both_sides(scores: Scores) -> Scores:
    """Scores of a film and of its mirror image, [2, ...] -> their mean in the film's frame, [...].

    The grid is symmetric: column k of the mirror image is column 15 - k of the film, and a shift in x changes its sign.
    """

    def unmirrored(values: Tensor) -> Tensor:
        return values.unflatten(0, (-1, GRID, GRID)).flip(2).flatten(0, 2)

    deltas = unmirrored(scores.deltas[1]) * scores.deltas.new_tensor([-1.0, 1.0, 1.0, 1.0])
    return Scores(
        image=(scores.image[0] + scores.image[1]) / 2,
        window=(scores.window[0] + unmirrored(scores.window[1])) / 2,
        deltas=(scores.deltas[0] + deltas) / 2,
    )


class Reader:
    """A network on a device. Films go through one at a time: the size of a batch must not change an answer."""

    def __init__(self, network: Network, device: torch.device, rule: FusionRule | None = None) -> None:
        self.network: Network = network.to(device).eval()
        self.device = device
        self.rule = rule or FusionRule()
        self.windows = grid_windows(network.config.scales)

    @torch.inference_mode()
    def read(self, film: npt.NDArray[np.float32]) -> Reading:
        """Film [H, W], any intensity scale, bright = dense -> Reading."""
        return self.reading(self.scores(film))

    @torch.inference_mode()
    def scores(self, film: npt.NDArray[np.float32]) -> Scores:
        """The network's answer to a film [H, W] and its mirror image, averaged: image [.], window and deltas [N, .]."""
        pixels = torch.from_numpy(np.ascontiguousarray(film)).to(self.device)
        working = to_working(pixels, self.network.config.side)[None, None]
        return both_sides(self.network(torch.cat([working, working.flip(-1)])))

    def candidates(self, scores: Scores) -> tuple[FloatArray, FloatArray]:
        """One film's best windows, best first: boxes [C, 4] where they say the lesion lies, logits [C, 1 + labels]."""
        window = scores.window.double().cpu().numpy()  # [N, 1 + box labels]
        best = best_first(window[:, 0], self.rule.candidates)
        deltas = np.clip(scores.deltas.double().cpu().numpy()[best], -MOST_DELTA, MOST_DELTA)
        return clip_to_film(shift_to(self.windows[best], deltas)), window[best]

    def reading(self, scores: Scores) -> Reading:
        """The lesions and logits of one film's scores."""
        image = scores.image.double().cpu().numpy()
        moved, logits = self.candidates(scores)
        boxes, kept = fuse(moved, logits[:, 0], self.rule)
        top = float(logits[:BEST_WINDOWS, 0].mean())
        return Reading(np.array([image[0], top]), image[1:], boxes, logits[kept, 0], logits[kept, 1:])
