"""Whether windows scored from the shared map and windows scored as crops say the same, on real films.

They need not: a shared map has seen the whole film, a crop only itself and the context it is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from scipy.stats import rankdata

from model.bench import sample_of_grid
from model.crops import score_crops
from model.detector import Detector
from model.network import to_working
from model.windows import GRID, FloatArray, iou

SAME_PLACE = 0.5  # IoU at which two windows are one place


@dataclass(frozen=True, slots=True)
class Agreement:
    """Lesion logits of the same sampled windows, shared against cropped with `context` window sides around.

    window_r: Pearson, all windows of all films. within_film_rank_r: Spearman over a film's windows, median film.
    film_max_r: Pearson over the films of their greatest window. same_top: share of films whose greatest windows meet at
    IoU >= 0.5. nan where there are too few films.
    """

    context: float
    films: int
    windows_per_film: int
    window_r: float
    within_film_rank_r: float
    film_max_r: float
    same_top: float


@torch.inference_mode()
def agreement(
    detector: Detector, films: Sequence[npt.NDArray[np.float32]], context: float, sampled: int = 16
) -> Agreement:
    """Compare on `films` [H, W], at the working resolution, `sampled` of the 256 windows of each scale."""
    reader, scales = detector.reader, len(detector.config.scales)
    rows = np.concatenate([scale * GRID * GRID + sample_of_grid(sampled) for scale in range(scales)])
    windows = reader.windows[rows]
    shared, cropped = [], []
    for film in films:
        pixels = torch.from_numpy(np.ascontiguousarray(film)).to(reader.device)
        working = to_working(pixels, detector.config.side)[None, None]
        shared.append(reader.network(working).window[0, rows, 0].double().cpu().numpy())
        crops = [
            score_crops(reader.network, working, windows[scale * sampled : (scale + 1) * sampled], scale, context)
            for scale in range(scales)
        ]
        cropped.append(torch.cat(crops)[:, 0].double().cpu().numpy())
    return _compared(np.array(shared), np.array(cropped), windows, context)


def _compared(shared: FloatArray, cropped: FloatArray, windows: FloatArray, context: float) -> Agreement:
    """Logits [films, windows] of both ways."""
    ranks = [pearson(rankdata(one), rankdata(other)) for one, other in zip(shared, cropped, strict=True)]
    tops = [
        float(iou(windows[[one.argmax()]], windows[[other.argmax()]])[0, 0] >= SAME_PLACE)
        for one, other in zip(shared, cropped, strict=True)
    ]
    return Agreement(
        context=context,
        films=len(shared),
        windows_per_film=len(windows),
        window_r=pearson(shared.ravel(), cropped.ravel()),
        within_film_rank_r=float(np.median(ranks)),
        film_max_r=pearson(shared.max(1), cropped.max(1)),
        same_top=float(np.mean(tops)),
    )


def pearson(a: FloatArray, b: FloatArray) -> float:
    """Correlation of a [N] and b [N]; nan below three values or without spread."""
    if len(a) < 3 or a.std() == 0 or b.std() == 0:
        return float("nan")
    return float(np.corrcoef(a, b)[0, 1])


def change_in_bf16(detector: Detector, films: Sequence[npt.NDArray[np.float32]]) -> FloatArray:
    """|dP(abnormal)| of each film [N] when the network runs under bf16 autocast instead of float32."""
    changes = []
    for film in films:
        exact = detector.detect(film).probability
        with torch.autocast(detector.reader.device.type, torch.bfloat16):
            changes.append(abs(detector.detect(film).probability - exact))
    return np.array(changes)
