"""The rows of the seed's table: the judged runs of a work folder, the project's detector, and a fixed window."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import numpy as np

from model.detector import Detector
from model.metrics import location_prior
from model.seed.films import Folds, SeedFilm, folds, usable
from model.seed.judge import blank, readings, views_asked
from model.seed.modes import mode_of
from model.seed.network import TrunkName
from model.seed.run import AnyMode, settings_of
from model.seed.scales import TABLE_14
from model.seed.shipped import read_shipped
from model.seed.table import Entry
from model.seed.views import scale_views
from model.train.films import read_folder


def judged_entries(work: Path) -> list[Entry]:
    """One entry for each run in `work` that has readings, in the order of the modes."""
    entries = []
    for mode in get_args(AnyMode):
        for trunk in get_args(TrunkName):
            place = work / f"{mode}-{trunk}"
            found = readings(place / "readings.jsonl")
            if found:
                width = settings_of(place).width
                entries.append(Entry(mode, trunk if width == 1.0 else f"{trunk} x {width:g}", "crop", found))
    return entries


def film_folds(folders: Sequence[Path], fold: int) -> Folds:
    """The films that the seed's modes learn from and are judged on."""
    return folds(usable([film for folder in folders for film in read_folder(folder)]), fold)


def shipped_entry(tested: Sequence[SeedFilm], detector: Detector) -> Entry:
    """The detector on films, with the multi-scale mode's patches."""
    mode = mode_of("multiscale", 0, TABLE_14)
    asked = views_asked(mode, tested)
    found = [read_shipped(detector, mode, film, asked[index % len(asked)], seed=1) for index, film in enumerate(tested)]
    return Entry(str(detector.identity), "residual", "shared map", found)


def prior_entry(parted: Folds) -> Entry:
    """The one window that, laid on every film to learn from, meets most lesions at IoU 0.3: what a box must beat.

    It is chosen in the folder of the films to be judged.
    """
    windows = np.concatenate([view.windows() for view in scale_views(TABLE_14, 0)])
    judged = {film.film.folder for film in parted.test}
    taught = [film.lesions for film in parted.train if len(film.lesions) and film.film.folder in judged]
    (window,) = location_prior(windows, taught, 0.3, count=1)
    return Entry("one fixed window", "-", "-", [blank(film, 0.0, window) for film in parted.test])
