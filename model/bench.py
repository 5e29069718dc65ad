"""How long a film takes with one shared pass, and how long crop by crop: the same weights, machine and threads."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from model.crops import score_crops
from model.detector import Detector
from model.ensemble import members_of
from model.network import standardise
from model.picture import PictureCheck
from model.windows import GRID

SAMPLED = 16  # crops timed of the 256 of each scale, sent as one batch (the seed sends 8 to 64); the rest is scaled up
MATRIX = {"cuda": 8192, "cpu": 768}  # side of the matrices whose product measures what the device can do


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds a film of side x side pixels. crops_* are extrapolated from `crops_timed` of `windows` crops."""

    side: int
    working_side: int
    threads: int
    device: str
    dtype: str
    windows: int
    members: int
    detect_s: float
    shared_pass_s: float
    crops_timed: int
    crops_batch: int
    crops_working_s: float
    crops_film_s: float

    def to_json(self) -> dict[str, object]:
        """The figures and the two ratios."""
        return asdict(self) | {
            "ratio_same_resolution": self.crops_working_s / self.shared_pass_s,
            "ratio_film_resolution": self.crops_film_s / self.shared_pass_s,
        }


@dataclass(frozen=True, slots=True)
class Throughput:
    """One pass over batches of films at the working resolution, channels last.

    gflop_per_film: multiplications and additions counted by torch in convolutions and matrix products.
    bf16_matmul_tflops: what this device reached in this run on a product of two large square bf16 matrices.
    """

    dtype: str
    batch: int
    films_per_s: float
    gflop_per_film: float
    bf16_matmul_tflops: float

    def to_json(self) -> dict[str, object]:
        """The figures and the share of the matrix product's bf16 rate that the network reaches."""
        reached = self.films_per_s * self.gflop_per_film / 1000
        return asdict(self) | {"share_of_bf16_matmul_rate": reached / self.bf16_matmul_tflops}


@dataclass(frozen=True, slots=True)
class FileTiming:
    """Seconds from a film's file to its findings, the model loaded: reading, picture check, detector."""

    files: int
    p50_s: float
    p95_s: float
    longest_s: float
    read_p50_s: float


def bench(detector: Detector, side: int = 1024, repeats: int = 10, sampled: int = SAMPLED) -> Timing:
    """Time a synthetic film of side x side: detect() whole, the network's one pass, and crops at both resolutions."""
    rng = np.random.default_rng(0)
    reader, config = detector.reader, detector.config
    network, device = reader.network, reader.device
    film = rng.normal(size=(side, side)).astype(np.float32)
    working = _noise(1, config.side, device)

    @torch.inference_mode()
    def shared() -> None:
        network(working)

    def crops(pixels: Tensor) -> float:
        seconds = 0.0
        for scale in range(len(config.scales)):
            rows = scale * GRID * GRID + sample_of_grid(sampled)
            seconds += seconds_of(partial(score_crops, network, pixels, reader.windows[rows], scale), 2, device)
        return seconds / sampled * GRID * GRID

    return Timing(
        side=side,
        working_side=config.side,
        threads=torch.get_num_threads(),
        device=device_name(device),
        dtype="float32",
        windows=len(reader.windows),
        members=len(members_of(network)),
        detect_s=seconds_of(lambda: detector.detect(film), repeats, device),
        shared_pass_s=seconds_of(shared, repeats, device),
        crops_timed=sampled * len(config.scales),
        crops_batch=sampled,
        crops_working_s=crops(working),
        crops_film_s=crops(standardise(torch.from_numpy(film)[None, None].to(device))),
    )


def throughput(detector: Detector, dtype: torch.dtype, batch: int, repeats: int = 5) -> Throughput:
    """Films a second in batches of `batch`, one pass each, and the device's own rate of multiplying in `dtype`."""
    network, device, side = detector.reader.network, detector.reader.device, detector.config.side
    films = _noise(batch, side, device).contiguous(memory_format=torch.channels_last)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    cast = torch.autocast(device.type, dtype, enabled=dtype != torch.float32)

    @torch.inference_mode()
    def shared() -> None:
        with cast:
            network(films)

    try:
        with FlopCounterMode(display=False) as counter:
            shared()
        seconds = seconds_of(shared, repeats, device)
    finally:
        network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    return Throughput(
        dtype=str(dtype).removeprefix("torch."),
        batch=batch,
        films_per_s=batch / seconds,
        gflop_per_film=counter.get_total_flops() / batch / 1e9,
        bf16_matmul_tflops=matmul_tflops(device),
    )


def matmul_tflops(device: torch.device, repeats: int = 10) -> float:
    """10^12 multiplications and additions a second of a square bf16 matrix product here, the best of `repeats`."""
    side = MATRIX.get(device.type, 1024)
    left, right = (torch.randn(side, side, device=device, dtype=torch.bfloat16) for _ in range(2))
    left @ right  # the first call prepares kernels
    fastest = min(seconds_of(lambda: left @ right, 1, device) for _ in range(repeats))
    return 2 * side**3 / fastest / 1e12


def time_files(
    detector: Detector, files: Sequence[Path], read: Callable[[Path], npt.NDArray[np.float32]]
) -> FileTiming:
    """Seconds of each of `files`, one after another; the first is read once before, unmeasured."""
    check = PictureCheck.load()
    whole, reading = [], []
    for file in (files[0], *files):
        began = time.perf_counter()
        film = read(file)
        read_by = time.perf_counter()
        check.judge(film)
        detector.detect(film)
        whole.append(time.perf_counter() - began)
        reading.append(read_by - began)
    p50, p95 = np.percentile(whole[1:], [50, 95])
    return FileTiming(len(files), float(p50), float(p95), max(whole[1:]), float(np.median(reading[1:])))


def sample_of_grid(count: int) -> npt.NDArray[np.int64]:
    """`count` of the 256 windows of a scale, spread evenly."""
    return np.linspace(0, GRID * GRID - 1, count).round().astype(np.int64)


def device_name(device: torch.device) -> str:
    """The device in words: a card's own name, or "cpu"."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def seconds_of(work: Callable[[], object], repeats: int, device: torch.device) -> float:
    """Median seconds of one call, after one call unmeasured where repeated. A card is waited for."""

    def wait() -> None:
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    if repeats > 1:
        work()
    times = []
    for _ in range(repeats):
        wait()
        began = time.perf_counter()
        work()
        wait()
        times.append(time.perf_counter() - began)
    return float(np.median(times))


def _noise(films: int, side: int, device: torch.device) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return standardise(torch.randn(films, 1, side, side, generator=generator)).to(device)
