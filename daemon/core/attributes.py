"""Attribute values as numbers or words, whatever the sender wrote; PS3.5 6.2 is what it should have written.

pydicom converts a value when it is touched, and raises then: any of its errors means that the attribute says nothing.
"""

from __future__ import annotations

import math
from typing import Any

from pydicom import Dataset
from pydicom.multival import MultiValue


def values(ds: Dataset, keyword: str) -> tuple[Any, ...]:
    """All values of an attribute; () where it is absent, empty or cannot be converted."""
    try:
        value = ds.get(keyword)
    except Exception:  # noqa: BLE001  pydicom's converters raise anything; each means "no usable value"
        return ()
    if value is None or value == "":
        return ()
    return tuple(value) if isinstance(value, (MultiValue, list, tuple)) else (value,)


def numbers(ds: Dataset, keyword: str) -> tuple[float, ...]:
    """The finite numbers among the values."""
    found = []
    for value in values(ds, keyword):
        try:
            number = float(value)
        except (TypeError, ValueError, OverflowError):
            continue
        if math.isfinite(number):
            found.append(number)
    return tuple(found)


def integer(ds: Dataset, keyword: str, default: int | None = None) -> int | None:
    """The one whole number that an attribute holds."""
    found = numbers(ds, keyword)
    return int(found[0]) if len(found) == 1 and found[0].is_integer() else default


def word(ds: Dataset, keyword: str) -> str:
    """The first value as an upper-case word, "" where there is none."""
    found = values(ds, keyword)
    return str(found[0]).strip().upper() if found else ""


def items(ds: Dataset, keyword: str) -> tuple[Dataset, ...]:
    """The items of a sequence."""
    try:
        return tuple(item for item in ds.get(keyword) or () if isinstance(item, Dataset))
    except Exception:  # noqa: BLE001  a sequence that does not parse has no items
        return ()
