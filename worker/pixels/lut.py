"""Lookup tables in a data set: LUT Descriptor and LUT Data, PS3.3 C.11.1.1.1 and C.11.2.1.1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from daemon.core.attributes import numbers, values

MAX_ENTRIES = 65536


@dataclass(frozen=True, slots=True)
class Table:
    """output[i] belongs to input value first + i; values outside take the nearest end."""

    first: int
    output: NDArray[np.float64]

    def through(self, inputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """The outputs of inputs."""
        index = np.clip(np.rint(inputs) - self.first, 0, len(self.output) - 1).astype(np.int64)
        return self.output[index]


def read_table(item: Dataset, *, negative_inputs: bool) -> Table | None:
    """The table of a Modality or VOI LUT Sequence item; None where it is broken.

    negative_inputs: whether values below 0 come in; then a first value written as US is a negative one.
    """
    descriptor = [int(number) for number in numbers(item, "LUTDescriptor")]
    if len(descriptor) != 3:
        return None
    entries, first = descriptor[0] & 0xFFFF or MAX_ENTRIES, descriptor[1]
    if negative_inputs and first >= 0x8000:
        first -= 0x10000
    if not negative_inputs and first < 0:
        first += 0x10000
    output = _entries(item, entries)
    if output is None or output.min() == output.max():
        return None
    return Table(first, output)


def _entries(item: Dataset, entries: int) -> NDArray[np.float64] | None:
    """LUT Data as OW bytes, as 8-bit entries packed in them, or as a list of numbers."""
    found = values(item, "LUTData")
    if len(found) == 1 and isinstance(found[0], bytes):
        wide = len(found[0]) >= 2 * entries
        if len(found[0]) < entries:
            return None
        return np.frombuffer(found[0], "<u2" if wide else "u1", entries).astype(np.float64)
    if len(found) < entries:
        return None
    try:
        return np.array(found[:entries], dtype=np.float64)
    except (TypeError, ValueError):
        return None
