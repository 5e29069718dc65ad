"""Overlay planes: PS3.3 C.9.2 (Overlay Plane), C.11.7 (Overlay Activation), PS3.5 8.1.2 (one bit a pixel).

A presentation state shows an image's overlay only where it names a layer for it; a group that the state holds itself
takes the place of the image's (PS3.3 C.11.7).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.tag import Tag

GROUPS = range(0x6000, 0x6020, 2)
_ROWS, _COLUMNS, _ORIGIN, _LAYER, _DATA = 0x0010, 0x0011, 0x0050, 0x1001, 0x3000


def activated(
    state: Dataset, image: Dataset, shape: tuple[int, int], notes: list[str]
) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """(graphic layer, plane [Rows, Columns] of the image) of each overlay that the state shows."""
    for group in GROUPS:
        layer = str(_value(state, group, _LAYER) or "").strip().upper()
        if not layer:
            continue
        found = plane(state if Tag(group, _DATA) in state else image, group, shape)
        if found is None:
            notes.append(f"overlay {group:04X} is missing or broken: not drawn")
        else:
            yield layer, found


def plane(source: Dataset, group: int, shape: tuple[int, int]) -> NDArray[np.bool_] | None:
    """The overlay of a group in the frame of an image of this shape [Rows, Columns]; None where there is none."""
    data, rows, columns = (_value(source, group, element) for element in (_DATA, _ROWS, _COLUMNS))
    if not (isinstance(data, bytes) and isinstance(rows, int) and isinstance(columns, int)):
        return None
    if rows < 1 or columns < 1 or len(data) * 8 < rows * columns:
        return None
    bits = np.unpackbits(np.frombuffer(data, np.uint8), count=rows * columns, bitorder="little")
    origin = _value(source, group, _ORIGIN) or (1, 1)  # row and column of its first pixel, from 1
    try:
        top, left = (int(edge) - 1 for edge in origin)
    except (TypeError, ValueError):
        return None
    placed = np.zeros(shape, dtype=np.bool_)
    over = bits.reshape(rows, columns)[max(-top, 0) :, max(-left, 0) :]
    top, left = max(top, 0), max(left, 0)
    over = over[: max(shape[0] - top, 0), : max(shape[1] - left, 0)]
    placed[top : top + over.shape[0], left : left + over.shape[1]] = over
    return placed


def _value(source: Dataset, group: int, element: int) -> Any:
    """A value that may be absent, or that pydicom cannot convert."""
    try:
        return source[Tag(group, element)].value
    except Exception:  # noqa: BLE001  as in daemon.core.attributes: any failure means "no usable value"
        return None
