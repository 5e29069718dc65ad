"""Builders for the seed's tests: films with boxes that need no file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from model.seed.films import SeedFilm, seed_film
from model.train.films import Film
from model.windows import NATIVE_SIDE


def made(row: int, boxes: Sequence[Sequence[float]] = (), label: str = "Mass", view: str = "PA") -> SeedFilm:
    """A film whose boxes are x0, y0, x1, y1 in native pixels; without boxes it is normal."""
    unit = np.array(boxes, dtype=float).reshape(-1, 4) / NATIVE_SIDE
    labels = frozenset({label}) if len(unit) else frozenset()
    film = Film(
        Path(f"{row}.png"), "rsna", "ikteng", view, f"patient:{row}", 1, not labels, labels, unit, (label,) * len(unit)
    )
    return seed_film(film, row)


@pytest.fixture
def make_seed_film() -> Callable[..., SeedFilm]:
    """`made`."""
    return made
