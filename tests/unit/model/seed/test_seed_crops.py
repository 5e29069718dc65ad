"""Where crops are drawn, and what a view cuts."""

import numpy as np
import torch

from model.seed.batches import cut, varied
from model.seed.crops import MARGIN, away, draw_negatives, draw_positives, reachable, shows
from model.seed.modes import mode_of, tiles
from model.seed.scales import TABLE_14
from model.seed.views import grid_starts, scale_views, tile_view
from model.windows import NATIVE_SIDE, SEED_SCALES, grid_windows, iou, overlap

LESION = np.array([0.30, 0.40, 0.46, 0.55])  # 478 x 449 native: scale 5
LARGE = np.array([0.1, 0.1, 0.45, 0.9])  # 1,046 x 2,392


def view_of(lesion):
    width, height = (lesion[2:] - lesion[:2]) * NATIVE_SIDE
    return scale_views(TABLE_14, 0)[TABLE_14.nearest(width, height)]


def test_positives_exceed_iou_07_with_the_lesion_and_lie_inside_the_film():
    windows = draw_positives(view_of(LESION).unit, LESION, 16, np.random.default_rng(0))
    assert len(windows) == 16 and len(np.unique(windows[:, 0])) == 16
    assert (iou(windows, LESION[None]) > 0.7).all()
    assert windows.min() >= 0 and windows.max() <= 1


def test_a_nodule_smaller_than_any_scale_is_covered_by_its_positives():
    nodule = np.array([0.06, 0.5, 0.09, 0.53])  # 90 px
    view = view_of(nodule)
    assert not reachable(view.unit, nodule)
    windows = draw_positives(view.unit, nodule, 16, np.random.default_rng(0))
    centre = (windows[:, :2] + windows[:, 2:]) / 2
    assert len(windows) > 0
    assert ((centre >= nodule[:2]) & (centre <= nodule[2:])).all()
    assert (overlap(windows, nodule[None]) >= 0.7).all()


def test_a_nodule_nearer_to_the_edge_than_half_a_window_has_no_positive():
    nodule = np.array([0.02, 0.5, 0.05, 0.53])
    assert len(draw_positives(view_of(nodule).unit, nodule, 16, np.random.default_rng(0))) == 0


def test_a_lesion_larger_than_any_scale_holds_its_positives():
    view = view_of(LARGE)
    assert not reachable(view.unit, LARGE)
    windows = draw_positives(view.unit, LARGE, 8, np.random.default_rng(0))
    assert len(windows) == 8 and (overlap(windows, LARGE[None]) >= 0.7).all()


def test_negatives_keep_from_every_mark_and_50_px_from_the_edge():
    marks = np.stack([LESION, LARGE])
    windows = draw_negatives((0.1, 0.2), marks, 40, np.random.default_rng(0))
    assert len(windows) == 40 and (overlap(windows, marks) < 0.3).all()
    assert windows.min() >= MARGIN - 1e-12 and windows.max() <= 1 - MARGIN + 1e-12


def test_a_crop_that_is_neither_on_the_lesion_nor_away_from_it_teaches_nothing():
    size = view_of(LESION).unit
    shifted = LESION[:2] + np.array([0.55, 0.0]) * size
    window = np.concatenate([shifted, shifted + size])[None]
    assert not shows(window, LESION)[0] and not away(window, LESION[None])[0]


def test_without_room_there_are_no_negatives():
    assert len(draw_negatives((0.5, 0.5), np.array([[0.0, 0.0, 1.0, 1.0]]), 4, np.random.default_rng(0))) == 0


def test_the_test_grid_is_the_seeds_16_by_16():
    assert grid_starts(223)[:3] == (0, 184, 368) and grid_starts(223)[-1] == 2760
    for view, size in zip(scale_views(TABLE_14, 64), SEED_SCALES, strict=True):
        windows = view.windows()
        assert windows.shape == (256, 4)
        # the detector's grid reaches the edge; the seed's stops at most 14 px short
        ours = grid_windows([size])
        assert np.abs(windows - ours).max() * NATIVE_SIDE < 15


def test_all_scales_get_about_the_same_pixels_or_their_own():
    for view in scale_views(TABLE_14, 64):
        width, height = view.size_px
        assert abs(width * height / 64**2 - 1) < 0.03
    assert [view.size_px for view in scale_views(TABLE_14, 0)] == list(SEED_SCALES)


def test_the_local_mode_learns_from_10_by_10_tiles_and_is_tested_on_19_by_19():
    view = tile_view(64)
    assert tiles().shape == (100, 4) and tiles().max() == 1.0
    assert view.windows().shape == (361, 4) and view.size_px == (64, 64)
    assert np.isclose(view.windows()[1, 0] * NATIVE_SIDE, 149)


def test_a_cut_holds_the_pixels_of_its_window():
    view = tile_view(8)
    film = torch.arange(80.0 * 80).reshape(1, 1, 80, 80)
    crops = cut(film, view, tiles())
    assert crops.shape == (100, 1, 8, 8)
    assert torch.equal(crops[13, 0], film[0, 0, 8:16, 24:32])
    assert cut(film, view, tiles()[:0]).shape == (0, 1, 8, 8)


def test_variation_keeps_size_and_brightness_and_makes_each_copy_another():
    crops = torch.rand(1, 1, 32, 32).repeat(12, 1, 1, 1)
    changed = varied(crops, np.random.default_rng(0))
    assert changed.shape == crops.shape
    assert (changed.mean((1, 2, 3)) - crops.mean()).abs().max() < 0.05
    assert len({round(float(one), 5) for one in changed[:, 0, 16, 16]}) == 12


def test_global_and_local_share_the_lesions_at_a_tenth_of_the_film(make_seed_film):
    film = make_seed_film(0, [[100, 100, 1200, 1200], [2093, 2093, 2383, 2383]])  # 13.5 % and 0.9 % of the film
    assert mode_of("global", 512, TABLE_14).lessons(film) == [(0, 0)]
    assert mode_of("local", 299, TABLE_14).lessons(film) == [(1, 0)]
    assert len(mode_of("multiscale", 0, TABLE_14).lessons(film)) == 2


def test_marks_under_10_px_are_dropped_and_foreign_marks_only_keep_negatives_away(make_seed_film):
    film = make_seed_film(0, [[100, 100, 109, 300], [500, 500, 900, 900]])
    assert len(film.lesions) == 1 and len(film.marks) == 2
    foreign = make_seed_film(1, [[500, 500, 900, 900]], label="Cardiomegaly")
    assert len(foreign.lesions) == 0 and len(foreign.marks) == 1
