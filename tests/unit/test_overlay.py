from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from model.findings import Findings, Lesion
from worker.encode.capture import COLOURS
from worker.overlay import draw

BOX = (60.0, 80.0, 140.0, 160.0)


def film(height, width):
    y, x = np.mgrid[0:height, 0:width]
    return (0.3 + 0.1 * np.sin(x / 9) * np.cos(y / 7)).astype(np.float32)


def drawn(tmp_path, lesions=(), probability=0.9, height=300, width=240):
    path = tmp_path / "film.png"
    draw(film(height, width), Findings(width, height, probability, 0.5, tuple(lesions)), path)
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


def marked(picture):
    """Where the marks' colour is below the band, [H, W]."""
    on_film = (np.arange(len(picture)) > len(picture) // 9)[:, None]
    return (np.abs(picture - np.array(COLOURS.mark)).sum(axis=2) < 60) & on_film


def test_a_shown_lesions_box_runs_round_its_place_in_the_film(tmp_path):
    picture = marked(drawn(tmp_path, [Lesion(BOX, 0.87, "Mass", True)]))
    scale = 900 / 300
    band = picture.shape[0] - 900
    columns, rows = np.flatnonzero(picture.sum(axis=0) > 200), np.flatnonzero(picture.sum(axis=1) > 200)
    assert columns.min() == pytest.approx(BOX[0] * scale, abs=4)
    assert columns.max() == pytest.approx(BOX[2] * scale, abs=4)
    assert rows.min() == pytest.approx(BOX[1] * scale + band, abs=4)
    assert rows.max() == pytest.approx(BOX[3] * scale + band, abs=4)


def test_a_lesion_below_the_cut_is_not_drawn(tmp_path):
    assert not marked(drawn(tmp_path, [Lesion(BOX, 0.2, "Mass", False)])).any()


@pytest.mark.parametrize(("height", "width"), [(64, 64), (300, 90), (2500, 2048)])
def test_the_picture_has_a_legible_size_whatever_the_films(tmp_path, height, width):
    picture = drawn(tmp_path, [Lesion((5, 5, 40, 40), 0.5, "Nodule", True)], height=height, width=width)
    assert 900 <= max(picture.shape[:2]) <= 1800
    banner = picture[: picture.shape[0] // 12]
    assert (banner.min(axis=2) > 200).sum() > 100  # white letters


def test_the_banner_covers_none_of_the_film(tmp_path):
    shown = drawn(tmp_path, height=900, width=700)[-900:, :, 0]
    assert np.abs(shown - film(900, 700) * 255).max() <= 1


def test_a_film_of_one_grey_is_drawn(tmp_path):
    path = tmp_path / "flat.png"
    draw(np.zeros((100, 100), np.float32), Findings(100, 100, 0.1, 0.5, ()), path)
    assert path.stat().st_size > 0


def test_a_negative_film_says_so_in_another_colour_than_a_positive_one(tmp_path):
    positive, negative = drawn(tmp_path, probability=0.9), drawn(tmp_path, probability=0.1)
    band = positive.shape[0] - 900
    assert np.abs(positive[:band] - negative[:band]).sum() > 10_000
