"""Solids with closed-form chords: what a ray crosses of an ellipsoid, a loft, a tube.

Frame: millimetres; x to the patient's left (a viewer's right), y down from the film's top edge, z to the back. Rays
are parallel, along z for a frontal view and along x for a lateral one (Siddon-free: every chord is a root of a
quadratic or of a superellipse, so a film needs no voxels; compare the analytic phantoms of Zhu 1996 and Segars 2010).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

View = Literal["PA", "LL"]
Map = NDArray[np.float32]
Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Grid:
    """The film's pixel centres: `h` [W] (x for PA, z for LL) and `y` [H], both mm."""

    h: Map
    y: Map
    view: View

    @classmethod
    def of(cls, rows: int, columns: int, spacing_mm: float, view: View, top_mm: float = 0.0) -> Grid:
        """A film of `rows` x `columns` pixels, centred on the patient, its top edge at y = `top_mm`."""
        h = (np.arange(columns) + 0.5 - columns / 2) * spacing_mm
        y = top_mm + (np.arange(rows) + 0.5) * spacing_mm
        return cls(h.astype(np.float32), y.astype(np.float32), view)

    @property
    def order(self) -> tuple[int, int, int]:
        """Which of (x, y, z) runs across the film, down it, and along the ray."""
        return (0, 1, 2) if self.view == "PA" else (2, 1, 0)

    @property
    def spacing_mm(self) -> float:
        """Distance of pixel centres, both ways."""
        return float(self.y[1] - self.y[0])

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return len(self.y), len(self.h)


@dataclass(frozen=True, slots=True)
class Chord:
    """Entry and exit depth of every ray, [H, W] mm; where a ray misses, exit equals entry."""

    entry: Map
    exit: Map

    @property
    def length(self) -> Map:
        """Millimetres inside the solid, [H, W]."""
        return self.exit - self.entry


@dataclass(frozen=True, slots=True)
class Ellipsoid:
    """Half-axes `axes` (mm) about `centre`, turned by `tilt_deg` in the x-y plane (clockwise as the viewer sees it)."""

    centre: tuple[float, float, float]
    axes: tuple[float, float, float]
    tilt_deg: float = 0.0

    def chord(self, grid: Grid) -> Chord:
        """Roots of the quadratic form along each ray."""
        cos, sin = np.cos(np.radians(self.tilt_deg)), np.sin(np.radians(self.tilt_deg))
        turn = np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]])
        form = turn.T @ np.diag(1 / np.square(self.axes)) @ turn
        across, down, along = grid.order
        h = grid.h[None, :] - np.float32(self.centre[across])
        y = grid.y[:, None] - np.float32(self.centre[down])
        a = float(form[along, along])
        half_b = form[along, across] * h + form[along, down] * y
        c = form[across, across] * h * h + 2 * form[across, down] * h * y + form[down, down] * y * y - 1
        half = np.sqrt(np.clip(half_b * half_b - a * c, 0, None)) / a
        middle = self.centre[along] - half_b / a
        return Chord((middle - half).astype(np.float32), (middle + half).astype(np.float32))


@dataclass(frozen=True, slots=True)
class Loft:
    """A stack of superellipses: at each height y of `profile` the ranges x0..x1 and z0..z1.

    profile: rows (y, x0, x1, z0, z1), y increasing, interpolated monotonically smooth enough by cosine steps.
    power: the superellipse's exponent; 2 is an ellipse, more is boxier.
    """

    profile: tuple[tuple[float, float, float, float, float], ...]
    power: float = 2.0

    def chord(self, grid: Grid) -> Chord:
        """Chord of the superellipse at each row's height; nothing above the first and below the last height."""
        table = np.asarray(self.profile, dtype=np.float64)
        x0, x1, z0, z1 = (smooth(grid.y, table[:, 0], table[:, k])[:, None] for k in (1, 2, 3, 4))
        inside = ((grid.y >= table[0, 0]) & (grid.y <= table[-1, 0]))[:, None]
        (h0, h1), (d0, d1) = ((x0, x1), (z0, z1)) if grid.view == "PA" else ((z0, z1), (x0, x1))
        half_h = np.maximum((h1 - h0) / 2, 1e-3)
        u = np.minimum(np.abs((grid.h[None, :] - (h0 + h1) / 2) / half_h), 1)
        half = np.where(inside, (d1 - d0) / 2 * (1 - u**self.power) ** (1 / self.power), 0)
        middle = np.broadcast_to((d0 + d1) / 2, half.shape)
        return Chord((middle - half).astype(np.float32), (middle + half).astype(np.float32))


def smooth(at: Map, knots: Points, values: Points) -> NDArray[np.float64]:
    """Monotone cubic (Fritsch-Carlson 1980) through (knots, values), held constant outside."""
    step = np.diff(knots)
    slope = np.diff(values) / step
    tangent = np.concatenate(
        [slope[:1], np.where(slope[1:] * slope[:-1] > 0, (slope[1:] + slope[:-1]) / 2, 0), slope[-1:]]
    )
    limit = 3 * np.minimum(np.abs(np.append(slope, slope[-1])), np.abs(np.insert(slope, 0, slope[0])))
    tangent = np.clip(tangent, -limit, limit)
    where = np.clip(at.astype(np.float64), knots[0], knots[-1])
    k = np.clip(np.searchsorted(knots, where, side="right") - 1, 0, len(step) - 1)
    t = (where - knots[k]) / step[k]
    basis = (2 * t**3 - 3 * t**2 + 1, (t**3 - 2 * t**2 + t) * step[k], 3 * t**2 - 2 * t**3, (t**3 - t**2) * step[k])
    result: NDArray[np.float64] = (
        basis[0] * values[k] + basis[1] * tangent[k] + basis[2] * values[k + 1] + basis[3] * tangent[k + 1]
    )
    return result


def covered(inside: Chord, by: list[Chord]) -> Map:
    """Millimetres of `inside` that lie in the union of the chords `by`, [H, W]."""
    entries = np.stack([np.clip(chord.entry, inside.entry, inside.exit) for chord in by])
    exits = np.stack([np.clip(chord.exit, inside.entry, inside.exit) for chord in by])
    order = np.argsort(entries, axis=0)
    entries, exits = np.take_along_axis(entries, order, 0), np.take_along_axis(exits, order, 0)
    total, reached = np.zeros_like(entries[0]), np.full_like(entries[0], -np.inf)
    for entry, leave in zip(entries, exits, strict=True):
        total += np.maximum(leave - np.maximum(entry, reached), 0)
        reached = np.maximum(reached, leave)
    return total


@dataclass(frozen=True, slots=True)
class Tube:
    """A bent rod: `path` [N, 3] mm, half-width `across` and half-thickness `along` the ray [N] mm, hollow by `core`.

    core: size of the inner hollow (marrow) as a share of the outer section; what is drawn is the shell only.
    """

    path: Points
    across: Points
    along: Points
    core: float = 0.0

    def length(self, grid: Grid) -> Map:
        """Chord of the shell, [H, W] mm; where parts of one tube overlap on the film the longest counts."""
        outer = np.zeros(grid.shape, dtype=np.float32)
        self.draw(grid, outer)
        if self.core > 0:
            inner = np.zeros(grid.shape, dtype=np.float32)
            Tube(self.path, self.across * self.core, self.along * self.core).draw(grid, inner)
            outer -= inner
        return outer

    def draw(self, grid: Grid, onto: Map) -> None:
        """Raise `onto` [H, W] to the chord (mm) of the solid rod, hollow or not."""
        h, y, depth = (self.path[:, axis] for axis in grid.order)
        for k in range(len(h) - 1):
            step = np.array([h[k + 1] - h[k], y[k + 1] - y[k], depth[k + 1] - depth[k]])
            plane = max(float(np.hypot(step[0], step[1])), 1e-3)
            # A rod that runs along the ray is longer in it; a bent one leaves the ray after a few thicknesses.
            stretch = min(float(np.linalg.norm(step)) / plane, 3.0)
            reach = max(self.across[k], self.across[k + 1])
            rows, columns = _window(grid.y, y[k : k + 2], reach), _window(grid.h, h[k : k + 2], reach)
            if rows.start >= rows.stop or columns.start >= columns.stop:
                continue
            dh, dy = grid.h[None, columns] - np.float32(h[k]), grid.y[rows, None] - np.float32(y[k])
            t = np.clip((dh * step[0] + dy * step[1]) / plane**2, 0, 1)
            wide = self.across[k] + t * (self.across[k + 1] - self.across[k])
            thick = 2 * stretch * (self.along[k] + t * (self.along[k + 1] - self.along[k]))
            off = ((dh - t * step[0]) ** 2 + (dy - t * step[1]) ** 2) / wide**2
            chord = (thick * np.sqrt(np.clip(1 - off, 0, None))).astype(np.float32)
            np.maximum(onto[rows, columns], chord, out=onto[rows, columns])


def _window(axis: Map, ends: Points, reach: float) -> slice:
    """The pixels of `axis` within `reach` of the span of `ends`."""
    first = int(np.searchsorted(axis, min(ends) - reach))
    last = int(np.searchsorted(axis, max(ends) + reach))
    return slice(first, last)
