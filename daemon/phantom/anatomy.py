"""A standing adult's thorax in millimetres: tables of lofts, ellipsoids and tubes, varied by a seed.

Proportions after plain-film norms: cardiothoracic ratio below 0.5, right dome of the diaphragm one to two centimetres
above the left, dome at the tenth posterior rib, aortic knob and apex on the patient's left. No patient was its model.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from daemon.phantom.solids import Ellipsoid, Loft, Points, Tube

Row = tuple[float, float, float, float, float]

# y, x0, x1, z0, z1. Arms are abducted and leave the field at the shoulders.
BODY: tuple[Row, ...] = (
    (-5, -60, 60, -48, 122),
    (18, -70, 70, -52, 122),
    (38, -122, 122, -58, 122),
    (55, -190, 190, -66, 122),
    (80, -232, 232, -74, 122),
    (130, -240, 240, -94, 124),
    (168, -214, 214, -106, 126),
    (196, -184, 184, -114, 126),
    (230, -172, 172, -118, 126),
    (300, -167, 167, -118, 124),
    (440, -162, 162, -114, 120),
)
RIGHT_LUNG: tuple[Row, ...] = (
    (50, -54, -44, 4, 20),
    (54, -66, -34, -12, 44),
    (64, -82, -24, -32, 60),
    (80, -98, -15, -52, 74),
    (104, -115, -10, -70, 84),
    (150, -133, -8, -86, 90),
    (205, -145, -8, -92, 94),
    (265, -151, -8, -92, 94),
    (312, -153, -8, -78, 94),
    (338, -148, -20, 0, 90),
    (356, -116, -50, 50, 76),
)
MEDIASTINUM: tuple[Row, ...] = (
    (0, -34, 34, -40, 70),
    (55, -30, 29, -46, 70),
    (90, -24, 24, -52, 70),
    (125, -21, 23, -56, 70),
    (170, -24, 25, -62, 70),
    (215, -17, 20, -40, 74),
    (270, -8, 14, 20, 80),
    (440, -8, 14, 20, 80),
)
# Drop of ribs 1 to 12 from spine to cartilage (mm) and the angle about the chest at which their bone ends (degrees).
RIBS = (
    (38, -58),
    (68, -60),
    (90, -56),
    (102, -53),
    (110, -50),
    (116, -46),
    (118, -40),
    (116, -32),
    (110, -22),
    (102, -10),
    (70, 14),
    (40, 44),
)


@dataclass(frozen=True, slots=True)
class Anatomy:
    """One subject: soft solids by name, and the rods of bone and vessel."""

    body: Loft
    lungs: tuple[Loft, Loft]
    organs: tuple[Loft | Ellipsoid, ...]
    swellings: tuple[Ellipsoid, ...]
    airways: tuple[Tube, ...]
    gas: tuple[Ellipsoid, ...]
    bones: tuple[Tube, ...]
    solid_bones: tuple[Loft | Ellipsoid, ...]
    vessels: tuple[Tube, ...]


def subject(rng: np.random.Generator, arms_up: bool = False) -> Anatomy:
    """A subject drawn from `rng`: heart size, domes, rib slopes and the vascular trees differ.

    arms_up: as for a lateral view, the shoulders narrow and the arms and shoulder blades gone from the field.
    """
    heart, dome = float(rng.uniform(0.95, 1.06)), float(rng.normal(0, 5))
    body = tuple((y, max(x0, -172.0), min(x1, 172.0), z0, z1) for y, x0, x1, z0, z1 in BODY) if arms_up else BODY
    left = tuple((y, -x1, -x0, z0, z1) for y, x0, x1, z0, z1 in RIGHT_LUNG)
    return Anatomy(
        body=Loft(body, power=2.6),
        lungs=(Loft(RIGHT_LUNG, power=2.2), Loft(left, power=2.2)),
        organs=_organs(heart, dome),
        swellings=tuple(Ellipsoid((side * 84, 222, -114), (66, 72, 11), side * -24) for side in (-1, 1)),
        airways=_airways(),
        gas=(
            Ellipsoid((80, 322 + dome, -10), (29, 11, 26), 6),
            Ellipsoid((120, 352 + dome, -20), (17, 12, 12), -30),
        ),
        bones=(*_ribs(rng), *([] if arms_up else _shoulder_girdle())),
        solid_bones=(*_spine(), *(() if arms_up else _shoulder_blades())),
        vessels=(*_tree(rng, -1), *_tree(rng, 1)),
    )


def _organs(heart: float, dome: float) -> tuple[Loft | Ellipsoid, ...]:
    return (
        Loft(MEDIASTINUM, power=2.2),
        Ellipsoid((34, 252, -40), (67 * heart, 46 * heart, 52), 34),  # left ventricle
        Ellipsoid((10, 234, -34), (54 * heart, 56 * heart, 46), 20),  # right ventricle and outflow
        Ellipsoid((-10, 246, -26), (32 * heart, 46 * heart, 40), -8),  # right atrium
        Ellipsoid((22, 184, -24), (26, 40, 34), -16),  # pulmonary trunk and left atrial appendage
        Ellipsoid((23, 128, 10), (19, 20, 36)),  # aortic knob
        Ellipsoid((22, 106, 8), (13, 44, 20), -4),  # left subclavian artery
        Ellipsoid((-14, 156, -24), (18, 92, 20), 3),  # superior vena cava
        Ellipsoid((20, 300, 62), (12, 190, 12)),  # descending aorta
        Ellipsoid((-78, 372 + dome, -14), (96, 98, 112), 4),  # liver under the right dome
        Ellipsoid((82, 380 + dome, -14), (94, 94, 112), -4),  # stomach and spleen under the left one
    )


def rod(
    knots: list[tuple[float, float, float]], across: float, along: float, core: float = 0.0, taper: float = 1.0
) -> Tube:
    """A smooth tube through `knots` (Catmull-Rom), its section falling to the share `taper` at the end."""
    table = np.asarray([knots[0], *knots, knots[-1]], dtype=np.float64)
    pieces = []
    for a, b, c, d in zip(table[:-3], table[1:-2], table[2:-1], table[3:], strict=True):
        t = np.linspace(0, 1, 8, endpoint=False)[:, None]
        pieces.append(0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3))
    path = np.concatenate([*pieces, table[-1:]])
    width = np.linspace(1, taper, len(path))
    return Tube(path, across * width, along * width, core)


def _airways() -> tuple[Tube, ...]:
    return (
        rod([(0, -5, 10), (1, 60, 12), (-3, 120, 16), (-4, 156, 20)], 9.5, 11),
        rod([(-4, 156, 20), (-22, 174, 22), (-44, 194, 24)], 7, 9, taper=0.6),
        rod([(-4, 156, 20), (20, 176, 24), (46, 192, 28)], 6.5, 9, taper=0.6),
    )


def _ribs(rng: np.random.Generator) -> list[Tube]:
    wall = np.asarray(RIGHT_LUNG)
    slope, u = rng.normal(1, 0.04), np.linspace(0, 1, 44)
    ribs = []
    for number, (fall, angle) in enumerate(RIBS, start=1):
        height, drop = 44 + 22.5 * (number - 1), fall * slope
        reach = float(np.interp(height + 0.42 * drop, wall[:, 0], -wall[:, 1])) + 1
        phi = np.radians(np.linspace(80, angle, 44))
        for side in (-1, 1):
            wobble = rng.normal(0, 1.0) + np.sin(u * 5 + rng.uniform(0, 6)) * 0.8
            depth = np.where(phi > 0, 102.0, 106.0) * {1: 0.6, 2: 0.84}.get(number, 1.0)
            x = side * (reach * np.cos(phi) + 7 * np.exp(-u * 9))
            y = height + drop * u**1.5 - 5 * np.sin(np.pi * np.clip(u / 0.35, 0, 1)) + wobble
            path: Points = np.stack([x, y, depth * np.sin(phi)], axis=1)
            wide = (5.4 + 1.1 * u) if number < 11 else 4.4 - 1.6 * u
            ribs.append(Tube(path, wide, 3.4 - 1.7 * u, 0.74))
    return ribs


def _shoulder_girdle() -> list[Tube]:
    bones = []
    for s in (-1, 1):
        bones += [
            rod(
                [(s * 19, 86, -66), (s * 48, 76, -72), (s * 92, 62, -52), (s * 128, 52, -24), (s * 162, 50, -10)],
                6,
                5,
                0.62,
            ),
            rod(
                [(s * 182, 76, 0), (s * 190, 92, 2), (s * 212, 150, 4), (s * 236, 230, 6)], 17, 17, 0.8, taper=0.7
            ),  # humerus
            rod(
                [(s * 140, 74, 60), (s * 133, 100, 86), (s * 140, 144, 96), (s * 156, 206, 98)], 2.6, 3, 0.5
            ),  # medial border
            rod([(s * 157, 208, 98), (s * 170, 152, 84), (s * 166, 104, 54)], 3.8, 4, 0.6),  # lateral border
            rod([(s * 138, 94, 88), (s * 162, 62, 60), (s * 192, 50, 20)], 4.5, 4, 0.66),  # spine and acromion
        ]
    return bones


def _shoulder_blades() -> tuple[Ellipsoid, ...]:
    return tuple(Ellipsoid((side * 154, 142, 88), (15, 66, 4), side * -14) for side in (-1, 1))


def _spine() -> tuple[Loft | Ellipsoid, ...]:
    parts: list[Loft | Ellipsoid] = []
    waist = ((-11.5, 1.0), (-8.0, 0.94), (0.0, 0.86), (8.0, 0.94), (11.5, 1.0))
    for number in range(17):
        y, wide = -4 + 24.5 * number, 14 + 0.4 * number
        parts.append(Loft(tuple((y + dy, -wide * k, wide * k, 60, 90) for dy, k in waist), power=3.2))
        parts.append(Ellipsoid((0, y + 13, 112), (2.8, 8.0, 8)))  # spinous process
        for s in (-1, 1):
            parts.append(Ellipsoid((s * (wide - 5), y - 3, 96), (3.4, 5.5, 8)))  # pedicle
            parts.append(Ellipsoid((s * (wide + 10), y - 4, 100), (13, 4.2, 4.5), s * -10))  # transverse process
    return tuple(parts)


def _tree(rng: np.random.Generator, side: int) -> list[Tube]:
    """Pulmonary vessels of one lung: from the hilum outwards, halving in section at each fork (Murray's law)."""
    twigs: list[Tube] = []
    hilum = np.array([side * 31.0, 184.0 if side < 0 else 174.0, 10.0])
    for heading in (-78, -58, -34, -8, 16, 36, 54, 68, 80, 88):
        stack = [(hilum, float(heading + rng.normal(0, 6)), float(rng.normal(0, 25)), 7.4, 0)]
        while stack:
            start, angle, lift, radius, level = stack.pop()
            points, here = [start], start
            for _ in range(5):
                angle, lift = angle + rng.normal(0, 6), lift * 0.85 + rng.normal(0, 5)
                length = rng.uniform(4.5, 7.5) * (1.1 - 0.1 * level)
                a, b = np.radians(angle), np.radians(lift)
                here = here + length * np.array([side * np.cos(a) * np.cos(b), np.sin(a) * np.cos(b), np.sin(b)])
                points.append(here)
            width = radius * np.linspace(1, 0.84, len(points))
            twigs.append(Tube(np.asarray(points), width, width))
            if level < 5:
                for turn in (rng.uniform(12, 32), -rng.uniform(12, 32)):
                    thinner = radius * rng.uniform(0.62, 0.78)
                    stack.append((here, angle + turn, lift + rng.normal(0, 22), thinner, level + 1))
    return twigs
