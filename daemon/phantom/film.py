"""From anatomy to film: Beer-Lambert, scatter, quantum noise, and the presentation curve.

I = exp(-sum(mu_i * length_i)) per ray; scatter is a blurred share of the primary (grid in place); counts are noisy;
the film is their logarithm with detail raised and an S-curve, as consoles send "for presentation".
Attenuation at about 70 keV effective (NIST XCOM): soft tissue 0.019 /mm, lung a quarter of it, cortical bone 0.052 /mm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from daemon.phantom.anatomy import Anatomy, subject
from daemon.phantom.solids import Chord, Ellipsoid, Grid, Map, Tube, View, covered

SOFT_PER_MM = 0.0185
LUNG_SHARE = 0.26
BONE_PER_MM = 0.036  # cortical bone above soft tissue
MARROW_PER_MM = 0.0046  # cancellous bone above soft tissue
MOTION_MM = 0.9  # the heart's and the diaphragm's, as a Gaussian
PHOTONS = 9000.0  # per pixel in the open field; about speed class 400
FILM_MM = 392.0  # collimated to the chest
TOP_MM = 0.0  # the film's top edge in the thorax frame


@dataclass(frozen=True, slots=True)
class Opacity:
    """A planted consolidation-like mass: centre in mm of the thorax frame, diameter in mm, soft-tissue share 0..1."""

    centre_mm: tuple[float, float, float] = (-86.0, 206.0, 10.0)
    diameter_mm: float = 50.0
    density: float = 1.0


@dataclass(frozen=True, slots=True)
class Phantom:
    """A film and its truth: 12-bit pixels [H, W], bright = dense, and the opacity's box (x0, y0, x1, y1) in pixels."""

    pixels: NDArray[np.uint16]
    box_px: tuple[float, float, float, float] | None
    spacing_mm: float
    view: View


def thorax(seed: int, rows: int, columns: int, view: View = "PA", opacity: Opacity | None = None) -> Phantom:
    """A chest film of subject `seed`; the same arguments give the same pixels."""
    # Streams of their own, so that neither the film's size nor the opacity changes the subject.
    body, tissue, tumour, quanta = np.random.default_rng(seed).spawn(4)
    anatomy = subject(body, arms_up=view == "LL")
    spacing = FILM_MM / rows
    grid = Grid.of(rows, columns, spacing, view, TOP_MM)
    coarse = Grid.of((rows + 1) // 2, (columns + 1) // 2, spacing * 2, view, TOP_MM)
    blurred = [blur(part, MOTION_MM / coarse.spacing_mm) for part in _soft_mm(anatomy, coarse)]
    soft, aerated = (_finer(part, grid.shape) for part in blurred)
    inside: Map = np.clip(aerated / 30, 0, 1).astype(np.float32)
    soft = soft + inside * (1 - LUNG_SHARE) * _tubes_mm(anatomy.vessels, grid)
    soft = soft - np.minimum(_tubes_mm(anatomy.airways, grid), soft)
    soft = soft * (1 + 0.016 * _mottle(grid.shape, spacing, tissue))
    box = None
    if opacity is not None:
        mass, box = _mass_mm(opacity, coarse, tumour)
        soft = soft + inside * (1 - LUNG_SHARE) * _finer(mass, grid.shape)
    attenuation = SOFT_PER_MM * soft + _bone(anatomy, grid, coarse)
    pixels = _present(_expose(attenuation, spacing, quanta), spacing)
    return Phantom(pixels, None if box is None else _to_pixels(box, grid, spacing), spacing, view)


def _soft_mm(anatomy: Anatomy, grid: Grid) -> tuple[Map, Map]:
    """Water-equivalent soft tissue per ray, and how much of the ray is aerated lung, both mm [H, W]."""
    organs = [organ.chord(grid) for organ in anatomy.organs]
    body = anatomy.body.chord(grid)
    aerated = np.zeros(grid.shape, dtype=np.float32)
    for lung in anatomy.lungs:
        chord = lung.chord(grid)
        aerated += chord.length - covered(chord, organs)
    aerated = np.minimum(aerated, body.length)
    soft = body.length - (1 - LUNG_SHARE) * aerated - sum(gas.chord(grid).length for gas in anatomy.gas)
    for swelling in anatomy.swellings:
        chord = swelling.chord(grid)
        soft = soft + blur(chord.length - covered(chord, [body]), 7 / grid.spacing_mm)
    return np.maximum(soft, 0), aerated


def _bone(anatomy: Anatomy, grid: Grid, coarse: Grid) -> Map:
    """What bone adds to the attenuation of the soft tissue in its place, [H, W]."""
    added = np.zeros(grid.shape, dtype=np.float32)
    for bone in anatomy.bones:
        added += BONE_PER_MM * bone.length(grid)
    solid = np.zeros(coarse.shape, dtype=np.float32)
    for part in anatomy.solid_bones:
        solid += part.chord(coarse).length
    return added + MARROW_PER_MM * _finer(solid, grid.shape)


def _tubes_mm(tubes: tuple[Tube, ...], grid: Grid) -> Map:
    layer = np.zeros(grid.shape, dtype=np.float32)
    for tube in tubes:
        tube.draw(grid, layer)
    return layer


def _mass_mm(opacity: Opacity, grid: Grid, rng: np.random.Generator) -> tuple[Map, tuple[float, float, float, float]]:
    """A lobulated mass of overlapping ellipsoids with a soft rim, and its box in mm on the film."""
    across, down, _ = grid.order
    radius = opacity.diameter_mm / 2
    lobes: list[Chord] = []
    spans: list[tuple[float, float, float, float]] = []
    for _ in range(7):
        shift = rng.normal(0, 0.27 * radius, 3).clip(-0.4 * radius, 0.4 * radius)
        axes = radius * rng.uniform(0.42, 0.62, 3) * (1, 1, 1.8)  # longest from front to back: plain to see
        centre = np.asarray(opacity.centre_mm) + shift
        lobe = Ellipsoid(
            (float(centre[0]), float(centre[1]), float(centre[2])), (float(axes[0]), float(axes[1]), float(axes[2]))
        )
        lobes.append(lobe.chord(grid))
        spans.append(
            (
                centre[across] - axes[across],
                centre[down] - axes[down],
                centre[across] + axes[across],
                centre[down] + axes[down],
            )
        )
    body = Chord(np.full(grid.shape, -1e3, np.float32), np.full(grid.shape, 1e3, np.float32))
    solid = blur(covered(body, lobes), 1.8 / grid.spacing_mm)
    edges = np.asarray(spans)
    box = (*edges[:, :2].min(axis=0), *edges[:, 2:].max(axis=0))
    return opacity.density * solid, (float(box[0]), float(box[1]), float(box[2]), float(box[3]))


def _expose(attenuation: Map, spacing: float, rng: np.random.Generator) -> Map:
    """Counts per pixel behind the patient: primary, scatter, focal blur, quantum noise."""
    primary = np.exp(-attenuation)
    mean = PHOTONS * (blur(primary, 0.25 / spacing) + 0.22 * blur(primary, 28 / spacing) + 0.003)
    # Normal instead of Poisson: at these counts the same, and one draw a pixel, so that an opacity leaves the noise
    # of all other pixels as it was.
    counts: Map = np.maximum(mean + np.sqrt(mean) * rng.standard_normal(mean.shape, dtype=np.float32), 0)
    return counts


def _present(counts: Map, spacing: float) -> NDArray[np.uint16]:
    """12-bit presentation values, bright = dense: coarse contrast compressed, detail raised, then the S-curve."""
    density = -np.log((counts + 1) / PHOTONS)
    coarse, middle = blur(density, 30 / spacing), blur(density, 3 / spacing)
    density = density - 0.30 * coarse + 1.2 * (middle - blur(density, 12 / spacing)) + 0.5 * (density - middle)
    low, high = np.percentile(density[::7, ::7], [6, 99.5])
    level = (density - low) / (high - low)
    curve = 1 / (1 + np.exp(-4.6 * (level - 0.52)))
    curve = (curve - 0.06) / 0.87
    return np.clip(curve * 4095, 0, 4095).round().astype(np.uint16)


def _mottle(shape: tuple[int, int], spacing: float, rng: np.random.Generator) -> Map:
    """Unevenness of muscle and fat: Gaussian field of unit variance with a 1/f amplitude, [H, W]."""
    fy, fx = np.fft.fftfreq(shape[0], spacing)[:, None], np.fft.rfftfreq(shape[1], spacing)[None, :]
    field = np.fft.irfft2(np.fft.rfft2(rng.standard_normal(shape)) / (np.hypot(fy, fx) + 0.01) ** 1.5, s=shape)
    return (field / field.std()).astype(np.float32)


def blur(image: Map, sigma_px: float) -> Map:
    """Gaussian blur by FFT with mirrored edges, [H, W] -> [H, W]."""
    pad = min(int(3 * sigma_px) + 1, min(image.shape) - 1)
    wide = np.pad(image, pad, mode="reflect")
    fy, fx = np.fft.fftfreq(wide.shape[0])[:, None], np.fft.rfftfreq(wide.shape[1])[None, :]
    kernel = np.exp(-2 * (np.pi * sigma_px) ** 2 * (fy * fy + fx * fx))
    soft = np.fft.irfft2(np.fft.rfft2(wide) * kernel, s=wide.shape)
    return soft[pad : pad + image.shape[0], pad : pad + image.shape[1]].astype(np.float32)


def _finer(image: Map, shape: tuple[int, int]) -> Map:
    """Bilinear, half resolution to `shape`, pixel centres aligned."""
    for axis, size in enumerate(shape):
        at = np.clip((np.arange(size) + 0.5) / 2 - 0.5, 0, image.shape[axis] - 1)
        first = np.minimum(at.astype(int), image.shape[axis] - 2)
        share = (at - first).astype(np.float32)
        share = share[:, None] if axis == 0 else share[None, :]
        image = np.take(image, first, axis) * (1 - share) + np.take(image, first + 1, axis) * share
    return image


def _to_pixels(box: tuple[float, float, float, float], grid: Grid, spacing: float) -> tuple[float, float, float, float]:
    """mm on the film -> pixels, (0, 0) the outer corner of the top-left pixel, clipped to the film."""
    left, top = float(grid.h[0]) - spacing / 2, float(grid.y[0]) - spacing / 2
    rows, columns = grid.shape
    x0, x1 = (float(np.clip((value - left) / spacing, 0, columns)) for value in (box[0], box[2]))
    y0, y1 = (float(np.clip((value - top) / spacing, 0, rows)) for value in (box[1], box[3]))
    return x0, y0, x1, y1
