"""Every film read once by one set of weights, kept on disk so that a second look costs no reading.

Films go in chunks; a chunk is one .npz whose name is a digest of its films and what is kept of them, in a folder named
by the digest of the weights. A killed run goes on at the first chunk that is missing; what another code or rule of
reading left there is not used.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

import model.fusion
import model.reading
from model.judge.cues import cues
from model.judge.sampler import Kinds, Sampler
from model.reading import Reader, Reading
from model.train.cache import working_bytes
from model.train.films import Film
from model.train.readers import read_film
from model.windows import FloatArray

CHUNK = 100
FORMAT = "reading-1"


@dataclass(frozen=True, slots=True)
class FilmReading:
    """What is kept of one film of width x height pixels.

    patch_logits, patch_kinds [P]: the windows of `sampler.Sampler`. cues [F]: `cues.cues`.
    """

    reading: Reading
    width: int
    height: int
    patch_logits: FloatArray
    patch_kinds: Kinds
    cues: FloatArray


def read_one(film: Film, reader: Reader, sampler: Sampler) -> FilmReading:
    """Decode and read one film. Raises model.train.readers.FilmUnreadable."""
    pixels = read_film(film.path)
    scores = reader.scores(pixels)
    chosen, kinds = sampler.choose(film)
    logits = scores.window[:, 0].double().cpu().numpy()[chosen]
    height, width = pixels.shape
    statistics = cues(working_bytes(pixels, reader.network.config.side))
    return FilmReading(reader.reading(scores), width, height, logits, kinds, statistics)


def read_all(
    films: Sequence[Film], reader: Reader, sampler: Sampler, store: Path, threads: int, done: Callable[[int], None]
) -> list[FilmReading]:
    """The readings of films, in order, from `store` where they lie there; `done` is told how many films more.

    Several threads share the network, which is only read; torch should have one thread of its own then.
    """
    store.mkdir(parents=True, exist_ok=True)
    chunks = [films[start : start + CHUNK] for start in range(0, len(films), CHUNK)]

    def one(chunk: Sequence[Film]) -> list[FilmReading]:
        path = store / f"{_chunk_digest(chunk, sampler, reader)}.npz"
        if not path.exists():
            _write(path, [read_one(film, reader, sampler) for film in chunk])
        done(len(chunk))
        return _load(path)  # also what was just read: a second call gives the same numbers

    with ThreadPoolExecutor(max(threads, 1)) as pool:
        return [reading for part in pool.map(one, chunks) for reading in part]


def _chunk_digest(films: Sequence[Film], sampler: Sampler, reader: Reader) -> str:
    """Which films, which of their windows, by which rule of fusion and by which code: stale readings would lie."""
    digest = hashlib.sha256(f"{FORMAT} {reader.rule}".encode())
    for module in (model.reading, model.fusion):
        digest.update(Path(str(module.__file__)).read_bytes())
    for film in films:
        about = film.path.stat()
        digest.update(f"{film.folder}/{film.path.name} {about.st_size} {about.st_mtime_ns} {film.normal}\n".encode())
        digest.update(film.boxes.tobytes())
    for folder in sorted({film.folder for film in films} & set(sampler.common)):
        digest.update(sampler.common[folder].tobytes())
    return digest.hexdigest()[:24]


def _write(path: Path, readings: Sequence[FilmReading]) -> None:
    """One array a field, those of varying length end to end with the lengths beside them."""
    kept = [one.reading for one in readings]
    names = kept[0].names.shape[1]
    arrays = {
        "film": np.array([one.film for one in kept]),
        "labels": np.array([one.labels for one in kept], np.float32),
        "size": np.array([(one.width, one.height) for one in readings], np.int32),
        "cues": np.array([one.cues for one in readings], np.float32),
        "lesion_count": np.array([len(one.lesions) for one in kept], np.int32),
        "boxes": np.concatenate([one.boxes.reshape(-1, 4) for one in kept]),
        "lesions": np.concatenate([one.lesions for one in kept]),
        "names": np.concatenate([one.names.reshape(-1, names) for one in kept]).astype(np.float32),
        "patch_count": np.array([len(one.patch_kinds) for one in readings], np.int32),
        "patch_logits": np.concatenate([one.patch_logits for one in readings]).astype(np.float32),
        "patch_kinds": np.concatenate([one.patch_kinds for one in readings]),
    }
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
    part.replace(path)


def _load(path: Path) -> list[FilmReading]:
    with np.load(path) as stored:
        arrays: dict[str, npt.NDArray[np.float64]] = {
            name: stored[name].astype(np.float64) if stored[name].dtype == np.float32 else stored[name]
            for name in stored.files
        }
    lesions = _spans(arrays["lesion_count"])
    patches = _spans(arrays["patch_count"])
    return [
        FilmReading(
            Reading(arrays["film"][row], arrays["labels"][row], arrays["boxes"][a:b], arrays["lesions"][a:b],
                    arrays["names"][a:b]),
            int(arrays["size"][row, 0]), int(arrays["size"][row, 1]),
            arrays["patch_logits"][c:d], arrays["patch_kinds"][c:d].astype(np.int8), arrays["cues"][row],
        )
        for row, ((a, b), (c, d)) in enumerate(zip(lesions, patches, strict=True))
    ]  # fmt: skip


def _spans(counts: npt.NDArray[np.float64]) -> list[tuple[int, int]]:
    return list(pairwise(int(end) for end in np.concatenate([[0], np.cumsum(counts)])))
