"""The heat map: it agrees with the marks, and lies where radiologists drew boxes."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from model.calibration import sigmoid
from model.detector import Detector, findings
from model.findings import Box, Findings, HeatMap
from model.fusion import FusionRule, best_first, fuse
from model.heat import CELLS, DECIMALS, heat_map
from model.judge.models import by_fold
from model.train.cache import read_film
from model.train.films import read_folder
from model.windows import to_source

DATA = Path(os.environ.get("THORAXD_TEST_DATA", Path(__file__).parents[3].parent / "shared" / "data"))
ROUNDING = 0.5 * 10**-DECIMALS + 1e-9


def cells(heat: HeatMap) -> np.ndarray:
    return np.array(heat.values).reshape(heat.rows, heat.columns)


def one_window(box: Box, chance: float) -> np.ndarray:
    return cells(heat_map(np.array([box]), np.array([chance])))


def hottest_in(heat: np.ndarray, box: Box, width: float = 1.0, height: float = 1.0) -> float:
    """The greatest value of the cells that the box meets."""
    x0, x1 = (edge / width * CELLS for edge in (box[0], box[2]))
    y0, y1 = (edge / height * CELLS for edge in (box[1], box[3]))
    return float(heat[int(y0) : int(np.ceil(y1)), int(x0) : int(np.ceil(x1))].max())


@pytest.fixture
def detector(tiny_weights: Path) -> Detector:
    return Detector.load(tiny_weights, "cpu")


def test_a_window_has_its_chance_in_the_middle_less_at_its_edges_and_none_outside():
    heat = one_window((0.25, 0.5, 0.5, 0.75), 0.8)

    assert heat.max() == heat[19, 11] == 0.8  # the cells that meet the middle, (0.375, 0.625)
    inside = np.zeros((CELLS, CELLS), bool)
    inside[16:24, 8:16] = True
    assert (heat[inside] > 0).all() and not heat[~inside].any()
    along = heat[19, 12:16]
    assert (np.diff(along) < 0).all() and heat[16, 8] < along[-1]
    assert heat == pytest.approx(heat[:, ::-1][:, np.r_[8:32, 0:8]], abs=2 * ROUNDING)  # symmetric about its middle


def test_where_windows_meet_the_greater_counts():
    first, second = (0.1, 0.1, 0.6, 0.6), (0.3, 0.2, 0.7, 0.9)

    both = cells(heat_map(np.array([first, second]), np.array([0.9, 0.4])))

    assert (both == np.maximum(one_window(first, 0.9), one_window(second, 0.4))).all()


def test_a_window_smaller_than_a_cell_is_not_lost():
    heat = one_window((0.501, 0.501, 0.502, 0.502), 0.6)

    assert heat[16, 16] == 0.6 and np.count_nonzero(heat) == 1


def test_without_windows_there_is_no_heat():
    assert not any(heat_map(np.zeros((0, 4)), np.zeros(0)).values)


def test_a_map_has_a_value_for_each_cell():
    with pytest.raises(ValueError, match="2 x 3"):
        HeatMap(2, 3, (0.0,) * 5)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 60))
def test_every_mark_is_as_hot_as_it_is_probable_and_the_first_is_the_hottest(seed: int, windows: int):
    """Whatever the windows say, and however they are fused."""
    rng = np.random.default_rng(seed)
    low = rng.uniform(0, 0.9, (windows, 2))
    boxes = np.concatenate([low, np.minimum(low + rng.uniform(0.02, 0.5, (windows, 2)), 1.0)], axis=1)
    logits = rng.normal(0, 2, windows)
    best = best_first(logits, windows)
    boxes, logits = boxes[best], logits[best]

    marked, kept = fuse(boxes, logits, FusionRule())
    heat = cells(heat_map(boxes, sigmoid(logits)))

    for mark, chance in zip(marked, sigmoid(logits[kept]), strict=True):
        assert hottest_in(heat, tuple(mark)) >= chance - ROUNDING
    assert hottest_in(heat, tuple(marked[0])) == heat.max() == pytest.approx(sigmoid(logits[0]), abs=ROUNDING)


def agrees(found: Findings) -> bool:
    """Whether the film's hottest cells are where its most probable lesion is, and as hot as that is probable."""
    assert found.heat is not None
    heat, top = cells(found.heat), max(found.lesions, key=lambda lesion: lesion.probability)
    hottest = hottest_in(heat, top.box, found.width, found.height)
    return bool(hottest == heat.max() and abs(hottest - top.probability) <= ROUNDING + 0.00005)


@pytest.mark.parametrize("shape", [(64, 64), (200, 140), (90, 333)])
def test_a_film_of_any_shape_has_a_map_that_agrees_with_its_marks(detector: Detector, shape: tuple[int, int]):
    assert agrees(detector.detect(np.random.default_rng(1).normal(size=shape).astype(np.float32)))


def test_a_mirrored_film_has_a_mirrored_map(detector: Detector, film: np.ndarray):
    plain, mirrored = detector.detect(film), detector.detect(np.ascontiguousarray(film[:, ::-1]))

    assert plain.heat and mirrored.heat
    apart = np.abs(cells(mirrored.heat)[:, ::-1] - cells(plain.heat))
    assert np.mean(apart < 0.005) > 0.99  # the last of the windows that count may be another one of two equals


def test_other_pixels_of_the_same_film_have_the_same_map(detector: Detector, film: np.ndarray):
    large = detector.detect(film.repeat(3, axis=0).repeat(2, axis=1))

    assert large.heat and cells(large.heat) == pytest.approx(cells(detector.detect(film).heat), abs=0.05)  # type: ignore[arg-type]


def test_judging_readings_makes_no_map(detector: Detector, film: np.ndarray):
    found = findings(detector.reader.read(film), detector.calibration, detector.config, 160, 160)

    assert found.heat is None
    assert found.lesions == detector.detect(film).lesions


@pytest.mark.skipif(not (DATA / "rsna").is_dir(), reason=f"no films of RSNA in {DATA}")
def test_on_films_that_the_network_has_not_seen_the_heat_lies_in_the_radiologists_boxes():
    fold, blind = min(by_fold([None]).items())
    films = [film for film in read_folder(DATA / "rsna") if film.fold == fold and len(film.boxes)][:20]
    detector = Detector(blind, torch.device("cpu"))
    lifts, hits = [], []
    for film in films:
        found = detector.detect(read_film(film.path))
        assert agrees(found) and found.heat
        heat = cells(found.heat)
        drawn = np.zeros((CELLS, CELLS), bool)
        for x0, y0, x1, y1 in np.rint(to_source(film.boxes, CELLS, CELLS)).astype(int):
            drawn[y0:y1, x0:x1] = True
        lifts.append(heat[drawn].sum() / heat.sum() / drawn.mean())
        hits.append(drawn.ravel()[heat.argmax()])
    assert np.mean(lifts) > 2.5  # times the share that as much area elsewhere would have
    assert np.mean(hits) > 0.6
