"""Films decoded once, at the working size, as one uint8 array on disk that is mapped, not read.

The resize is the detector's own (`network.to_working` before its z-score): training sees what the detector will see.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from rich.progress import track
from torch.nn import functional

from model.train.films import Film
from model.train.readers import FilmUnreadable, read_film
from model.train.tables import FolderRefused

__all__ = ["ByteArray", "cached", "read_film", "working_bytes"]

ByteArray = npt.NDArray[np.uint8]


def working_bytes(film: npt.NDArray[np.float32], side: int) -> ByteArray:
    """A film [H, W] of 0..255 -> uint8 [side, side], plain antialiased resize."""
    x = torch.from_numpy(film)[None, None]
    if x.shape[-2:] != (side, side):
        x = functional.interpolate(x, size=(side, side), mode="bilinear", antialias=True, align_corners=False)
    result: ByteArray = x[0, 0].round().clamp(0, 255).to(torch.uint8).numpy()
    return result


def _decoded(films: Sequence[Film], side: int, folder: Path) -> Path:
    """The .npy file of uint8 [N, side, side], row i is films[i]; made on the first call for these files.

    Raises FolderRefused with the name of every film that cannot be decoded: none is left out in silence.
    """
    path = folder / f"films-{side}-{_files_digest(films)}.npy"
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}.part")  # two runs may share the folder
    rows = np.lib.format.open_memmap(part, mode="w+", dtype=np.uint8, shape=(len(films), side, side))
    damaged = []
    for row, film in enumerate(track(films, f"decoding {len(films)} films", disable=len(films) < 100)):
        try:
            rows[row] = working_bytes(read_film(film.path), side)
        except FilmUnreadable as error:
            damaged.append(f"{error}; replace it or take its lines out of the tables")
    rows.flush()
    if damaged:
        part.unlink()
        raise FolderRefused(damaged)
    part.replace(path)
    return path


def cached(films: Sequence[Film], side: int, folder: Path) -> ByteArray:
    """uint8 [N, side, side] of the films, mapped; made on the first call for these files. Raises FolderRefused."""
    result: ByteArray = np.load(_decoded(films, side, folder), mmap_mode="r")
    return result


def _files_digest(films: Sequence[Film]) -> str:
    """Which files, by name, length and time: another content gets another array."""
    digest = hashlib.sha256()
    for film in films:
        about = film.path.stat()
        digest.update(f"{film.folder}/{film.path.name} {about.st_size} {about.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:12]
