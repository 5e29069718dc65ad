"""Made pictures that are no frontal chest: limbs, joints, skulls, slices, patterns, scenes; 144 x 144, bright = dense.

Drawn from rods and ellipses with random sizes and places. They teach the picture check variety, not anatomy; films of
other parts of the body are too few and too restricted in licence to train with.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float64]
Rng = np.random.Generator
SIDE = 144
Y, X = np.mgrid[0:SIDE, 0:SIDE] / SIDE - 0.5


def rod(a: tuple[float, float], b: tuple[float, float], wide: float, narrow: float | None = None) -> Picture:
    """Thickness 0..1 of a round rod from `a` to `b` (x, y in -0.5..0.5), radius `wide` to `narrow`."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    t = np.clip(((X - a[0]) * dx + (Y - a[1]) * dy) / (dx * dx + dy * dy + 1e-9), 0, 1)
    radius = wide + t * ((wide if narrow is None else narrow) - wide)
    return np.sqrt(np.clip(1 - ((X - a[0] - t * dx) ** 2 + (Y - a[1] - t * dy) ** 2) / radius**2, 0, None))


def oval(x: float, y: float, a: float, b: float, turn: float = 0.0) -> Picture:
    """Thickness 0..1 of an ellipsoid."""
    cos, sin = np.cos(turn), np.sin(turn)
    u, v = ((X - x) * cos + (Y - y) * sin) / a, (-(X - x) * sin + (Y - y) * cos) / b
    return np.sqrt(np.clip(1 - u * u - v * v, 0, None))


def bone(a: tuple[float, float], b: tuple[float, float], wide: float, flare: float = 1.6) -> Picture:
    """A long bone: cortical shell, marrow, flared ends."""
    shaft = rod(a, b, wide) - 0.55 * rod(a, b, wide * 0.62)
    ends = np.maximum(rod(a, a, wide * flare), rod(b, b, wide * flare))
    return np.maximum(shaft, 0.75 * ends)


def bent(points: NDArray[np.float64], wide: float) -> Picture:
    """A rod through `points` [N, 2]."""
    picture = np.zeros((SIDE, SIDE))
    for a, b in pairwise(points):
        picture = np.maximum(picture, rod((a[0], a[1]), (b[0], b[1]), wide))
    return picture


def hand(rng: Rng) -> Picture:
    """A hand or a foot: five rays from a wrist."""
    flesh, bones = oval(0, 0.08, rng.uniform(0.14, 0.22), 0.2), np.zeros((SIDE, SIDE))
    fan = rng.uniform(0.2, 0.55)
    for k in range(5):
        angle = (k - 2) * fan / 2 + rng.normal(0, 0.05)
        here, length = np.array([0.075 * (k - 2), 0.1]), rng.uniform(0.13, 0.17) * (0.75 if k in (0, 4) else 1)
        for part in (1.0, 0.75, 0.5, 0.4):
            there = here + length * part * np.array([np.sin(angle), -np.cos(angle)])
            bones = np.maximum(bones, bone((here[0], here[1]), (there[0], there[1]), 0.014, 1.4))
            flesh = np.maximum(flesh, 0.6 * rod((here[0], here[1]), (there[0], there[1]), 0.034))
            here = there
    wrist = np.maximum(bone((-0.04, 0.25), (-0.05, 0.6), 0.03), bone((0.05, 0.25), (0.05, 0.6), 0.022))
    carpals = sum(oval(rng.uniform(-0.09, 0.09), rng.uniform(0.13, 0.23), 0.03, 0.028) for _ in range(7))
    return 0.45 * np.maximum(flesh, 0.8 * rod((0, 0.2), (0, 0.7), 0.12)) + 0.6 * bones + 0.6 * wrist + 0.3 * carpals


def limb(rng: Rng) -> Picture:
    """A leg or an arm, with or without a joint, one or two long bones."""
    lean, joint = rng.normal(0, 0.06), rng.uniform(-0.35, 0.35)
    girth = rng.uniform(0.12, 0.42)
    flesh = rod((-lean, -0.7), (lean, 0.7), girth, girth * rng.uniform(0.7, 1.0))
    upper = bone((-lean, -0.7), (0, joint - 0.015), girth * rng.uniform(0.2, 0.35))
    lower = bone((0, joint + 0.03), (lean, 0.7), girth * rng.uniform(0.18, 0.3))
    second = bone((girth * 0.5, joint + 0.06), (girth * 0.5 + lean, 0.7), girth * 0.13) * (rng.random() < 0.6)
    both = 0.7 * upper + 0.7 * lower + 0.5 * second
    if rng.random() < 0.3:
        return 0.6 * flesh + np.roll(both, int(rng.integers(-15, 15)), 1)
    if rng.random() < 0.25:  # both legs on one film
        small = (0.6 * flesh + both)[:, ::2]
        return np.concatenate([small, small[:, ::-1]], axis=1)
    return 0.6 * flesh + both


def pelvis(rng: Rng) -> Picture:
    """Both hips: iliac wings, ring, sacrum, femora."""
    body = 0.75 * oval(0, 0, rng.uniform(0.5, 0.75), 1.0)
    bones = np.zeros((SIDE, SIDE))
    for s in (-1, 1):
        bones += 0.45 * oval(s * 0.24, -0.2, 0.17, 0.2, s * rng.uniform(0.3, 0.7))
        bones += 0.35 * bent(np.array([[s * 0.1, -0.05], [s * 0.2, 0.08], [s * 0.13, 0.2], [s * 0.01, 0.16]]), 0.04)
        bones += 0.6 * bone((s * 0.25, 0.1), (s * 0.36, 0.2), 0.05, 1.3) + 0.6 * bone(
            (s * 0.36, 0.2), (s * 0.32, 0.8), 0.055
        )
    spine = sum(oval(0, -0.5 + 0.11 * k, 0.07, 0.05) for k in range(4))
    gas = sum(
        oval(rng.normal(0, 0.2), rng.uniform(-0.4, 0.0), rng.uniform(0.02, 0.07), 0.03, rng.uniform(0, 3))
        for _ in range(5)
    )
    return body + bones + 0.4 * spine + 0.4 * oval(0, -0.08, 0.1, 0.16) - 0.18 * gas


def hip(rng: Rng) -> Picture:
    """One hip: half a pelvis, the femoral head, neck and shaft."""
    whole = pelvis(rng)
    half = whole[int(rng.integers(20, 50)) :, : int(rng.integers(70, 95))]
    rows, columns = (np.linspace(0, n - 1, SIDE).astype(int) for n in half.shape)
    return half[rows][:, columns]


def skull(rng: Rng) -> Picture:
    """A head, from the front or the side."""
    a, b = rng.uniform(0.3, 0.42), rng.uniform(0.36, 0.46)
    x = rng.normal(0, 0.05)
    shell = oval(x, -0.06, a, b) - 0.75 * oval(x, -0.06, a * 0.94, b * 0.94)
    face = 0.5 * oval(x + rng.choice([0, 0.12, -0.12]), 0.22, 0.22, 0.24) + 0.3 * rod((x, 0.3), (x, 0.6), 0.1)
    holes = sum(oval(x + s * 0.12, 0.06, 0.07, 0.055) for s in (-1, 1)) + oval(x, 0.18, 0.04, 0.08)
    spine = sum(oval(x, 0.3 + 0.07 * k, 0.06, 0.03) for k in range(4))
    return 1.2 * shell + 0.5 * oval(x, -0.06, a, b) + face - 0.35 * holes + 0.3 * spine


def abdomen(rng: Rng) -> Picture:
    """A belly: column of vertebrae, psoas, gas, last ribs."""
    body = 0.9 * oval(0, 0, rng.uniform(0.55, 0.8), 1.2)
    spine = sum(oval(0, -0.55 + 0.14 * k, 0.075, 0.06) for k in range(9))
    gas = sum(
        oval(
            rng.normal(0, 0.22),
            rng.normal(0, 0.25),
            rng.uniform(0.03, 0.12),
            rng.uniform(0.02, 0.06),
            rng.uniform(0, 3),
        )
        for _ in range(int(rng.integers(3, 14)))
    )
    psoas = sum(rod((s * 0.06, -0.2), (s * 0.2, 0.4), 0.05, 0.09) for s in (-1, 1))
    ribs = sum(
        bent(np.array([[s * 0.08, y], [s * 0.25, y + 0.05], [s * 0.36, y + 0.16]]), 0.014)
        for s in (-1, 1)
        for y in (-0.5, -0.4)
    )
    return body + 0.3 * spine - rng.uniform(0.1, 0.35) * gas + 0.08 * psoas + 0.12 * ribs


def column(rng: Rng) -> Picture:
    """A spine from the side or front, or an animal's trunk lying along the film with slanting ribs."""
    flesh = 0.7 * oval(0, 0, 0.7, rng.uniform(0.25, 0.4)) - rng.uniform(0.1, 0.5) * oval(
        rng.uniform(-0.1, 0.2), 0.05, 0.28, 0.2, rng.normal(0, 0.3)
    )
    row = sum(oval(-0.55 + 0.075 * k, -0.2 + 0.1 * ((k - 7) / 7) ** 2, 0.03, 0.035) for k in range(15))
    ribs = sum(
        bent(np.array([[-0.3 + 0.06 * k, -0.18], [-0.27 + 0.06 * k, 0.05], [-0.33 + 0.07 * k, 0.25]]), 0.009)
        for k in range(10)
    )
    heart = oval(rng.uniform(-0.15, 0), 0.08, 0.12, 0.14)
    picture = flesh + 0.5 * row + 0.12 * ribs + 0.25 * heart
    return np.rot90(picture, int(rng.integers(0, 4)))


def slice_(rng: Rng) -> Picture:
    """An axial slice of chest, belly or head: a bright ring and organs on black."""
    a, b = rng.uniform(0.32, 0.48), rng.uniform(0.24, 0.4)
    inside = (oval(0, 0, a, b) > 0) * 0.55
    picture = inside + 0.2 * ((oval(0, 0, a, b) > 0) & (oval(0, 0, a * 0.93, b * 0.92) == 0))
    if rng.random() < 0.5:
        for s in (-1, 1):
            picture -= 0.5 * (oval(s * a * 0.5, -0.02, a * 0.36, b * 0.62, s * 0.15) > 0)
        picture += 0.35 * (oval(0.03, -0.08, 0.12, 0.1) > 0) * (picture < 0.4)
    for _ in range(int(rng.integers(2, 9))):
        spot = (
            oval(
                rng.normal(0, a / 2.5),
                rng.normal(0, b / 2.5),
                rng.uniform(0.02, 0.12),
                rng.uniform(0.02, 0.1),
                rng.uniform(0, 3),
            )
            > 0
        )
        picture += rng.uniform(-0.25, 0.3) * spot * inside
    return picture + 0.5 * (oval(0, b * 0.62, 0.06, 0.05) > 0) + 0.06 * (np.abs(Y - 0.45) < 0.01)


def fan(rng: Rng) -> Picture:
    """An ultrasound sector full of speckle."""
    radius, angle = np.hypot(X, Y + 0.5), np.arctan2(X, Y + 0.5)
    sector = (radius < rng.uniform(0.8, 0.98)) & (radius > 0.08) & (np.abs(angle) < rng.uniform(0.4, 0.9))
    layers = 0.4 + 0.3 * np.sin(radius * rng.uniform(15, 50) + angle * rng.normal(0, 3))
    return sector * layers * rng.exponential(1, (SIDE, SIDE)).clip(0, 3)


def breast(rng: Rng) -> Picture:
    """A mammogram: half an oval on one edge."""
    x, b = -0.5, rng.uniform(0.3, 0.48)
    flesh = oval(x, rng.normal(0, 0.05), rng.uniform(0.35, 0.7), b)
    glands = sum(
        oval(rng.uniform(-0.5, -0.1), rng.normal(0, 0.12), rng.uniform(0.03, 0.12), 0.06, rng.uniform(0, 3))
        for _ in range(8)
    )
    muscle = (X + 0.5 + (Y + 0.5) * 0.6 < 0.28) * 0.5
    picture = flesh * 0.6 + 0.2 * glands * (flesh > 0) + muscle
    return picture[:, ::-1] if rng.random() < 0.5 else picture


def pattern(rng: Rng) -> Picture:
    """A test pattern: gratings, steps, checks, rings, wedges, or several in tiles."""
    f, turn = rng.uniform(2, 30), rng.uniform(0, 3.2)
    wave = X * np.cos(turn) + Y * np.sin(turn)
    choices: list[Callable[[], Picture]] = [
        lambda: np.sin(2 * np.pi * f * wave),
        lambda: np.floor((wave + 0.7) * f / 2),
        lambda: ((X * f).astype(int) + (Y * f).astype(int)) % 2 * 1.0,
        lambda: np.sin(2 * np.pi * f * np.hypot(X, Y)),
        lambda: wave,
        lambda: np.hypot(X - rng.normal(0, 0.2), Y) * rng.choice([-1, 1]),
        lambda: (np.abs(X * f % 1 - 0.5) < 0.06) * 1.0 + (np.abs(Y * f % 1 - 0.5) < 0.06),
        lambda: rng.random((12, 12)).repeat(12, 0).repeat(12, 1),
    ]
    picture = choices[int(rng.integers(len(choices)))]()
    if rng.random() < 0.5:
        other = choices[int(rng.integers(len(choices)))]()
        picture = np.where(X * rng.normal() + Y * rng.normal() > 0, picture, other)
    for _ in range(int(rng.integers(0, 5))):
        box = (np.abs(X - rng.uniform(-0.4, 0.4)) < rng.uniform(0.02, 0.2)) & (
            np.abs(Y - rng.uniform(-0.4, 0.4)) < rng.uniform(0.02, 0.2)
        )
        picture = np.where(box, rng.uniform(-1, 1), picture)
    return picture


def cloud(rng: Rng) -> Picture:
    """Noise with a random power law, from white to cloud."""
    fy, fx = np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE)[None, :]
    spectrum = np.fft.rfft2(rng.standard_normal((SIDE, SIDE))) / (np.hypot(fy, fx) + 0.005) ** rng.uniform(0, 2.5)
    return np.fft.irfft2(spectrum, s=(SIDE, SIDE))


def scene(rng: Rng) -> Picture:
    """Dead leaves: occluding shapes with a power law of sizes, which have the statistics of photographs (Lee 2001)."""
    picture = np.full((SIDE, SIDE), rng.uniform(0, 1)) + rng.normal(0, 0.6) * Y
    for size in np.sort(0.03 / rng.uniform(0.03, 1, int(rng.integers(15, 70))))[::-1]:
        x, y, turn = rng.uniform(-0.5, 0.5), rng.uniform(-0.5, 0.5), rng.uniform(0, 3.2)
        if rng.random() < 0.6:
            shape = oval(x, y, size * 0.5, size * rng.uniform(0.15, 0.5), turn) > 0
        else:
            u, v = (X - x) * np.cos(turn) + (Y - y) * np.sin(turn), -(X - x) * np.sin(turn) + (Y - y) * np.cos(turn)
            shape = (np.abs(u) < size * 0.4) & (np.abs(v) < size * rng.uniform(0.05, 0.4))
        shade = rng.uniform(0, 1) + rng.normal(0, 0.5) * (X - x) + rng.normal(0, 0.5) * (Y - y)
        picture = np.where(shape, shade, picture)
    return picture + 0.1 * rng.random() * cloud(rng) / 3


def page(rng: Rng) -> Picture:
    """Lines of print, dark on light."""
    picture = np.ones((SIDE, SIDE))
    step = int(rng.integers(4, 11))
    for row in range(int(rng.integers(3, 20)), SIDE - 8, step):
        length = int(rng.integers(20, SIDE - 12))
        picture[row : row + step // 2, 6 : 6 + length] = rng.random((step // 2, length)) > 0.55
    return picture


FAMILIES: dict[str, Callable[[Rng], Picture]] = {
    "hand": hand,
    "limb": limb,
    "pelvis": pelvis,
    "hip": hip,
    "skull": skull,
    "abdomen": abdomen,
    "column": column,
    "slice": slice_,
    "ultrasound": fan,
    "breast": breast,
    "pattern": pattern,
    "noise": cloud,
    "scene": scene,
    "page": page,
}


def make(family: str, rng: Rng) -> NDArray[np.uint8]:
    """One picture of `family`, 144 x 144, its range stretched to 0..255, with the film's S-curve and some noise."""
    picture = FAMILIES[family](rng)
    low, high = np.percentile(picture, [1, 99])
    picture = np.clip((picture - low) / max(high - low, 1e-6), 0, 1.05) ** rng.uniform(0.6, 1.6)
    picture = picture + 0.02 * rng.random() * rng.standard_normal(picture.shape)
    return (np.clip(picture, 0, 1) * 255).astype(np.uint8)
