from __future__ import annotations

import shutil
import subprocess
from io import BytesIO

import numpy as np
import pytest
from pydicom import dcmread

from daemon.phantom import Opacity, phantom_dicom, thorax
from daemon.phantom.lettering import burn
from daemon.phantom.solids import Chord, Ellipsoid, Grid, Loft, Tube, covered

SMALL = 240


@pytest.fixture(scope="module")
def film():
    return thorax(1, SMALL, SMALL, "PA", Opacity())


@pytest.fixture(scope="module")
def file():
    return phantom_dicom(seed=1, rows=300, columns=260)


def sampled_length(inside, grid, depths):
    """The chord by brute force: share of depth samples inside, times the depth's range."""
    h, y, d = np.meshgrid(grid.h, grid.y, depths, indexing="xy")
    return inside(h, y, d).mean(axis=2) * (depths[-1] - depths[0])


def test_the_chord_of_a_tilted_ellipsoid_is_its_line_integral_in_both_views():
    body = Ellipsoid((10, 60, -5), (40, 20, 30), tilt_deg=25)
    cos, sin = np.cos(np.radians(25)), np.sin(np.radians(25))

    def inside(x, y, z):
        u, v = (x - 10) * cos + (y - 60) * sin, -(x - 10) * sin + (y - 60) * cos
        return (u / 40) ** 2 + (v / 20) ** 2 + ((z + 5) / 30) ** 2 < 1

    depths = np.linspace(-80, 80, 1601)
    frontal, lateral = Grid.of(30, 30, 4, "PA"), Grid.of(30, 30, 4, "LL")
    assert np.abs(body.chord(frontal).length - sampled_length(inside, frontal, depths)).max() < 0.3
    crosswise = sampled_length(lambda z, y, x: inside(x, y, z), lateral, depths)
    assert np.abs(body.chord(lateral).length - crosswise).max() < 0.3


def test_a_loft_holds_the_same_volume_in_both_views():
    loft = Loft(((10, -30, 20, -10, 40), (60, -50, 60, -30, 30), (110, -20, 20, -5, 5)), power=2.4)
    frontal, lateral = (loft.chord(Grid.of(120, 160, 1, view)).length.sum() for view in ("PA", "LL"))
    assert frontal == pytest.approx(lateral, rel=0.01)


def test_a_hollow_straight_rod_is_thickest_in_its_walls():
    grid = Grid.of(100, 100, 1, "PA")
    path = np.array([[0.0, 10, 0], [0.0, 90, 0]])
    wall = Tube(path, np.full(2, 20.0), np.full(2, 20.0), core=0.7).length(grid)[50]
    solid = Tube(path, np.full(2, 20.0), np.full(2, 20.0)).length(grid)[50]
    assert solid[50] == pytest.approx(40, abs=0.1)
    assert wall[50] == pytest.approx(40 * 0.3, abs=0.1)
    assert wall[50 + 15] > 1.8 * wall[50]


def test_what_several_solids_cover_is_counted_once():
    def chord(entry, leave):
        return Chord(np.full((1, 1), entry, np.float32), np.full((1, 1), leave, np.float32))

    lung = chord(0, 100)
    assert covered(lung, [chord(-20, 10), chord(5, 30), chord(60, 200), chord(70, 80)])[0, 0] == pytest.approx(70)


def test_the_same_seed_gives_the_same_film_and_another_seed_another(film):
    assert np.array_equal(film.pixels, thorax(1, SMALL, SMALL, "PA", Opacity()).pixels)
    assert not np.array_equal(film.pixels, thorax(2, SMALL, SMALL, "PA", Opacity()).pixels)


def test_the_film_looks_like_a_chest_in_its_greys(film):
    at = film.pixels.astype(float) / 4095
    assert film.pixels.dtype == np.uint16
    assert film.pixels.max() <= 4095
    lung_right, lung_left = at[95:120, 50:75].mean(), at[95:120, 175:195].mean()
    spine, belly, air = at[150:170, 112:128].mean(), at[205:230, 60:90].mean(), at[200:230, 0:8].mean()
    assert air < 0.1 < lung_right < 0.6 > lung_left > 0.1
    assert min(spine, belly) > lung_right + 0.3
    # The heart reaches farther to the viewer's right of the middle than to the left.
    row = at[150] > 0.65
    left, right = 120 - np.flatnonzero(~row[:120]).max(), np.flatnonzero(~row[120:]).min()
    assert right > 1.3 * left


@pytest.mark.parametrize(("rows", "columns"), [(240, 240), (301, 251)])
def test_the_planted_opacity_changes_its_box_and_nothing_else(rows, columns):
    seen, clear = thorax(3, rows, columns, "PA", Opacity()), thorax(3, rows, columns)
    assert clear.box_px is None
    change = seen.pixels.astype(float) - clear.pixels
    x0, y0, x1, y1 = (round(value) for value in seen.box_px)
    assert change[y0:y1, x0:x1].mean() > 300  # a reader sees it: a twelfth of the grey scale
    outside = np.abs(change)
    outside[y0 - 8 : y1 + 8, x0 - 8 : x1 + 8] = 0
    assert np.abs(outside).mean() < 25


def test_the_box_is_at_the_same_place_of_the_body_at_any_size(film):
    large = thorax(1, 2 * SMALL, 2 * SMALL, "PA", Opacity())
    assert np.allclose(np.array(large.box_px) / 2, film.box_px, atol=0.01)


def test_size_and_density_make_the_opacity_larger_and_denser(film):
    wide = thorax(1, SMALL, SMALL, "PA", Opacity(diameter_mm=80)).box_px
    assert wide[2] - wide[0] > 1.4 * (film.box_px[2] - film.box_px[0])
    thin = thorax(1, SMALL, SMALL, "PA", Opacity(density=0.3)).pixels
    x0, y0, x1, y1 = (round(value) for value in film.box_px)
    assert thin[y0:y1, x0:x1].mean() < film.pixels[y0:y1, x0:x1].mean() - 100


def test_a_lateral_film_has_the_back_on_the_viewers_right():
    side = thorax(1, SMALL, SMALL, "LL")
    spine, front = side.pixels[100:140, 175:185].mean(), side.pixels[100:140, 5:15].mean()
    assert side.view == "LL"
    assert spine > front + 1000


def test_the_instance_says_in_header_and_picture_that_it_is_synthetic(file):
    ds = dcmread(BytesIO(file))
    assert ds.PatientName == "PHANTOM^SYNTHETIC"
    assert all("SYNTHETIC" in text for text in (ds.StudyDescription, ds.SeriesDescription, ds.ImageComments))
    assert (ds.BitsStored, ds.PhotometricInterpretation, ds.Modality, ds.ViewPosition) == (
        12,
        "MONOCHROME2",
        "DX",
        "PA",
    )
    letters = np.zeros((300, 260), np.uint16)
    burn(letters, "SYNTHETIC PHANTOM", (4, 4), 1, 3600)
    assert (ds.pixel_array[letters > 0] == 3600).all()


def test_the_instances_bytes_depend_on_the_arguments_alone(file):
    assert phantom_dicom(seed=1, rows=300, columns=260) == file
    other = dcmread(BytesIO(phantom_dicom(seed=2, rows=300, columns=260)))
    mine = dcmread(BytesIO(file))
    assert other.SOPInstanceUID != mine.SOPInstanceUID
    assert other.StudyInstanceUID != mine.StudyInstanceUID


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy (dicom3tools) is not installed")
@pytest.mark.parametrize("view", ["PA", "LL"])
def test_dciodvfy_finds_no_error(tmp_path, view):
    path = tmp_path / "phantom.dcm"
    path.write_bytes(phantom_dicom(seed=5, rows=200, columns=220, view=view))
    told = subprocess.run(["dciodvfy", path], capture_output=True, text=True, check=False)
    assert "DXImageForPresentation" in told.stderr + told.stdout
    assert not [line for line in (told.stderr + told.stdout).splitlines() if line.startswith(("Error", "Warning"))]
