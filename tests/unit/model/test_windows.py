"""Windows and frames: every change of coordinates has an inverse, and they cancel."""

from __future__ import annotations

import numpy as np
import pytest

from model.windows import (
    GRID,
    NATIVE_SIDE,
    SCALES,
    SEED_SCALES,
    grid_windows,
    iou,
    overlap,
    shift_from,
    shift_to,
    to_source,
    to_unit,
)


def boxes(count: int) -> np.ndarray:
    rng = np.random.default_rng(1)
    corner, size = rng.uniform(0, 0.6, (count, 2)), rng.uniform(0.05, 0.4, (count, 2))
    return np.concatenate([corner, corner + size], axis=1)


def test_the_seed_table_gives_3584_windows_inside_the_film():
    windows = grid_windows(SEED_SCALES)
    assert windows.shape == (3584, 4)
    assert windows.min() >= 0.0 and windows.max() <= 1.0 + 1e-12


def test_a_scale_keeps_its_native_size_and_reaches_both_edges():
    windows = grid_windows(SCALES).reshape(len(SCALES), GRID, GRID, 4) * NATIVE_SIDE
    for (width, height), of_scale in zip(SCALES, windows, strict=True):
        assert of_scale[..., 2] - of_scale[..., 0] == pytest.approx(width)
        assert of_scale[..., 3] - of_scale[..., 1] == pytest.approx(height)
        assert of_scale[0, 0, :2] == pytest.approx([0, 0])
        assert of_scale[-1, -1, 2:] == pytest.approx([NATIVE_SIDE, NATIVE_SIDE])


def test_rows_of_the_grid_run_down_and_columns_to_the_right():
    windows = grid_windows([(316, 316)]).reshape(GRID, GRID, 4)
    assert (np.diff(windows[:, 0, 1]) > 0).all() and (np.diff(windows[0, :, 0]) > 0).all()
    assert np.ptp(windows[0, :, 1]) == 0 and np.ptp(windows[:, 0, 0]) == 0


@pytest.mark.parametrize(("width", "height"), [(2500, 3056), (64, 4000), (256, 256)])
def test_film_to_unit_and_back_cancel(width: int, height: int):
    assert to_unit(to_source(boxes(50), width, height), width, height) == pytest.approx(boxes(50), abs=1e-12)


def test_moving_a_window_to_a_box_and_back_cancel():
    windows, lesions = grid_windows()[::41], boxes(len(grid_windows()[::41]))
    assert shift_to(windows, shift_from(windows, lesions)) == pytest.approx(lesions, abs=1e-12)


def test_iou_and_overlap_of_known_boxes():
    big, small = (
        np.array([[0.0, 0.0, 0.4, 0.4]]),
        np.array([[0.1, 0.1, 0.3, 0.3], [0.5, 0.5, 0.6, 0.6], [0.0, 0.0, 0.4, 0.8]]),
    )
    assert iou(big, small)[0] == pytest.approx([0.25, 0.0, 0.5])
    assert overlap(big, small)[0] == pytest.approx([1.0, 0.0, 1.0])
