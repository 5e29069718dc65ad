"""Films decoded once, at the working size, as one uint8 array on disk that is mapped, not read.

The resize is the detector's own (`network.to_working` before its z-score): training sees what the detector will see.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from rich.progress import track
from torch.nn import functional

from model.train.films import Film

ByteArray = npt.NDArray[np.uint8]


def read_film(path: Path) -> npt.NDArray[np.float32]:
    """An 8- or 16-bit picture file as float32 [H, W], grey, bright = dense as it lies."""
    with Image.open(path) as picture:
        grey = picture if picture.mode in ("L", "I", "I;16", "F") else picture.convert("L")
        return np.asarray(grey, dtype=np.float32)


def working_bytes(film: npt.NDArray[np.float32], side: int) -> ByteArray:
    """A film [H, W] of 0..255 -> uint8 [side, side], plain antialiased resize."""
    x = torch.from_numpy(film)[None, None]
    if x.shape[-2:] != (side, side):
        x = functional.interpolate(x, size=(side, side), mode="bilinear", antialias=True, align_corners=False)
    result: ByteArray = x[0, 0].round().clamp(0, 255).to(torch.uint8).numpy()
    return result


def cached(films: Sequence[Film], side: int, folder: Path) -> ByteArray:
    """uint8 [N, side, side], row i is films[i]; made on the first call for this list of films."""
    names = "\n".join(f"{film.folder}/{film.path.name}" for film in films)
    path = folder / f"films-{side}-{hashlib.sha256(names.encode()).hexdigest()[:12]}.npy"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        rows = np.lib.format.open_memmap(part, mode="w+", dtype=np.uint8, shape=(len(films), side, side))
        for row, film in enumerate(track(films, f"decoding {len(films)} films", disable=len(films) < 100)):
            rows[row] = working_bytes(read_film(film.path), side)
        rows.flush()
        part.rename(path)
    result: ByteArray = np.load(path, mmap_mode="r")
    return result
