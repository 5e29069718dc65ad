"""How long a film takes with one shared pass, and how long crop by crop: the same weights, machine and threads."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np
import torch

from model.crops import score_crops
from model.detector import Detector
from model.network import standardise
from model.windows import GRID

SAMPLED = 4  # crops timed of the 256 of each scale; the rest is scaled up


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds a film of side x side pixels. crops_* are extrapolated from `crops_timed` of `windows` crops."""

    side: int
    threads: int
    device: str
    windows: int
    detect_s: float
    shared_pass_s: float
    crops_timed: int
    crops_working_s: float
    crops_film_s: float

    def to_json(self) -> dict[str, object]:
        """The figures and the two ratios."""
        return asdict(self) | {
            "ratio_same_resolution": self.crops_working_s / self.shared_pass_s,
            "ratio_film_resolution": self.crops_film_s / self.shared_pass_s,
        }


def bench(detector: Detector, side: int = 1024, repeats: int = 10) -> Timing:
    """Time a synthetic film of side x side: detect() whole, the network's one pass, and crops at both resolutions."""
    rng = np.random.default_rng(0)
    film = rng.normal(size=(side, side)).astype(np.float32)
    reader, config = detector.reader, detector.config
    network, device = reader.network, reader.device
    working = standardise(torch.from_numpy(rng.normal(size=(1, 1, config.side, config.side)).astype(np.float32)))
    whole = torch.from_numpy(film)[None, None].to(device)
    working = working.to(device)

    @torch.inference_mode()
    def shared() -> None:
        network(working)

    def crops(pixels: torch.Tensor) -> float:
        seconds = 0.0
        for scale in range(len(config.scales)):
            rows = scale * GRID * GRID + np.linspace(0, GRID * GRID - 1, SAMPLED).astype(int)
            sample = partial(score_crops, network, pixels, reader.windows[rows], scale)
            seconds += _seconds(sample, 1, device)
        return seconds / SAMPLED * GRID * GRID

    crops(working)  # the first call of each shape prepares kernels
    return Timing(
        side=side,
        threads=torch.get_num_threads(),
        device=str(device),
        windows=len(reader.windows),
        detect_s=_seconds(lambda: detector.detect(film), repeats, device),
        shared_pass_s=_seconds(shared, repeats, device),
        crops_timed=SAMPLED * len(config.scales),
        crops_working_s=crops(working),
        crops_film_s=crops(whole),
    )


def _seconds(work: Callable[[], object], repeats: int, device: torch.device) -> float:
    """Median seconds of one call, after one call unmeasured where repeated."""
    if repeats > 1:
        work()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(time.perf_counter() - began)
    return float(np.median(times))
