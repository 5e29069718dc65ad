"""Where on a film the detector sees something: a grid of chances, made from the windows that the lesions are made from.

Each of a film's best windows (`FusionRule.candidates`), moved to where it says the lesion lies, stands for its
calibrated chance of a lesion at its centre and for less towards its edges; a cell has the most of what the windows
say there. So the map agrees with the marks: a lesion's window reaches its whole chance in a cell that the lesion's box
meets, and no cell of the film is above the most probable lesion.

Other forms were compared on 160 films with boxes (70 of RSNA, 50 of ChestX-Det, 40 of NIH). Of each source: the share
of the heat above half of its maximum that lies in the boxes, and the share of films whose hottest cell lies in a box.
Of all: the share of films whose hottest cell lies in the most probable lesion.
  the maximum over these windows:              0.64 0.65 0.28   0.83 0.82 0.55   1.00
  the mean over all windows of a cell, weighted by their chances:
                                               0.54 0.48 0.22   0.81 0.78 0.60   0.91
  the maximum over the windows where they stood, not moved:
                                               0.49 0.54 0.23   0.83 0.82 0.53   1.00
Without the fall towards the edges the hottest place is a whole box, and its first cell lies in the most probable lesion
on 0.80 of the films. All windows instead of the best show the same places under a haze over the whole film.
"""

from __future__ import annotations

import numpy as np

from model.findings import HeatMap
from model.windows import FloatArray

# The cells of the map that the windows are scored from (256 px at stride 8): a finer grid would show nothing more.
CELLS = 32
DECIMALS = 3  # a tenth of a percent; the sums differ with the number of threads from the sixth decimal on


def heat_map(boxes: FloatArray, chances: FloatArray) -> HeatMap:
    """Windows [N, 4] (unit xyxy) and their calibrated chances [N] -> the film's heat."""
    down = _nearness(boxes[:, 1], boxes[:, 3]) * chances[:, None]  # [N, rows]
    across = _nearness(boxes[:, 0], boxes[:, 2])  # [N, columns]
    heat = (down[:, :, None] * across[:, None, :]).max(0, initial=0.0)  # [rows, columns]
    return HeatMap(CELLS, CELLS, tuple(heat.round(DECIMALS).ravel().tolist()))


def _nearness(low: FloatArray, high: FloatArray) -> FloatArray:
    """Spans [N] along one axis -> [N, cells]: 1 in the cell that holds the middle, 1 - t^2 beside it, 0 outside.

    t: the way from the middle to the nearest point of the cell, in half spans.
    """
    cells = (np.arange(CELLS) + 0.5) / CELLS
    way = np.abs(cells - ((low + high) / 2)[:, None]) - 0.5 / CELLS
    t = np.maximum(way, 0.0) / np.maximum((high - low) / 2, 1e-9)[:, None]
    result: FloatArray = np.maximum(1.0 - t**2, 0.0)
    return result
