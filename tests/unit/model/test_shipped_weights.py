"""The weights that ship with the package, on real films that one of their networks has not seen: better than chance."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from model.checkpoint import PACKAGED
from model.detector import Detector
from model.judge.models import by_fold
from model.metrics import auc, hit
from model.train.cache import read_film
from model.train.films import read_folder
from model.windows import to_unit

DATA = Path(os.environ.get("THORAXD_TEST_DATA", Path(__file__).parents[3].parent / "shared" / "data"))


def test_the_shipped_weights_are_small_enough_to_ship():
    assert PACKAGED.stat().st_size < 25_000_000


@pytest.mark.skipif(not (DATA / "rsna").is_dir(), reason=f"no films of RSNA in {DATA}")
def test_the_shipped_weights_find_opacities_on_films_they_have_not_seen():
    fold, blind = min(by_fold([None]).items())
    films = [film for film in read_folder(DATA / "rsna") if film.fold == fold]
    chosen = [film for film in films if film.normal][:30] + [film for film in films if len(film.boxes)][:30]
    detector = Detector(blind, torch.device("cpu"))
    found = [detector.detect(read_film(film.path)) for film in chosen]
    truth = np.array([not film.normal for film in chosen])
    assert auc(np.array([one.probability for one in found]), truth) > 0.85
    marked = [
        hit(to_unit(np.array([lesion.box for lesion in one.lesions]), one.width, one.height), film.boxes, 0.3, 3)
        for one, film in zip(found, chosen, strict=True)
        if len(film.boxes)
    ]
    assert np.mean(marked) > 0.55
