"""Reading attributes of real headers without trusting them.

Hospital headers hold empty, illegal and mis-encoded values, on which pydicom raises or warns when it converts them.
These readers work on the raw bytes where they are still raw (PS3.5 6.2) and answer "nothing" to nonsense.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from pydicom import config
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag, Tag

_FINEST, _COARSEST = 1e-6, 1e3  # mm: a pixel of another size is a mistake in the header


@contextmanager
def muted() -> Iterator[None]:
    """Within, pydicom neither warns of nor refuses values that came from a received header."""
    before = config.settings.reading_validation_mode, config.settings.writing_validation_mode
    config.settings.reading_validation_mode = config.IGNORE
    config.settings.writing_validation_mode = config.IGNORE
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        config.settings.reading_validation_mode, config.settings.writing_validation_mode = before


def tag_of(keyword: str) -> BaseTag:
    """The tag of an attribute of the standard."""
    number = tag_for_keyword(keyword)
    if number is None:
        raise KeyError(keyword)
    return Tag(number)


def element(header: Dataset, keyword: str) -> DataElement | RawDataElement | None:
    """The element as it lies in the header, not converted; None when absent."""
    tag = tag_of(keyword)
    return header.get_item(tag) if tag in header else None  # get_item leaves it raw


def texts(header: Dataset, keyword: str) -> tuple[str, ...]:
    """The values of a text attribute, trimmed; () when absent or empty. For codes, numbers and UIDs, not for names."""
    found = element(header, keyword)
    if found is None or (not found.value and found.value != 0):  # a zero that is already converted says zero
        return ()
    value = found.value
    if isinstance(value, bytes):
        parts = value.decode("latin-1").split("\\")
    elif isinstance(value, str) or not hasattr(value, "__iter__"):
        parts = str(value).split("\\")
    else:
        parts = [str(part) for part in value]
    trimmed = tuple(part.strip(" \0\t\r\n") for part in parts)
    return trimmed if any(trimmed) else ()


def text(header: Dataset, keyword: str) -> str:
    """The first value of a text attribute, trimmed, or ""."""
    return next(iter(texts(header, keyword)), "")


def decimals(header: Dataset, keyword: str) -> tuple[float, ...]:
    """The values of a DS or IS attribute; () unless every one is a finite number."""
    try:
        values = tuple(float(part) for part in texts(header, keyword))
    except ValueError:
        return ()
    return values if all(math.isfinite(value) for value in values) else ()


def spacing(header: Dataset, *keywords: str) -> tuple[float, float] | None:
    """(row, column) spacing in mm from the first of the attributes that states a usable one."""
    for keyword in keywords:
        values = decimals(header, keyword)
        if len(values) == 2 and min(values) >= _FINEST and max(values) <= _COARSEST:
            return values[0], values[1]
    return None


def unsigned(header: Dataset, keyword: str) -> int | None:
    """The value of a single US attribute, or None."""
    found = element(header, keyword)
    if found is None:
        return None
    value = found.value
    if isinstance(value, bytes):
        order = "little" if not isinstance(found, RawDataElement) or found.is_little_endian else "big"
        return int.from_bytes(value, order) if len(value) == 2 else None  # type: ignore[arg-type]
    return value if isinstance(value, int) else None


def items(header: Dataset, keyword: str) -> tuple[Dataset, ...]:
    """The items of a sequence, () when absent, empty or unreadable."""
    return items_at(header, tag_of(keyword))


def items_at(header: Dataset, tag: BaseTag) -> tuple[Dataset, ...]:
    """As `items`, by tag."""
    if tag not in header:
        return ()
    try:
        with muted():
            value = header[tag].value
    except Exception:  # noqa: BLE001 - pydicom raises many kinds on a broken sequence; each means "nothing usable"
        return ()
    return tuple(value) if isinstance(value, Sequence) else ()
