"""From stored values to P-Values as a presentation state, or the image itself, says: PS3.4 N.2.1.

Modality LUT (PS3.3 C.11.1), VOI LUT (C.11.2, C.11.8), Presentation LUT (C.11.6). Every step is a function of the
stored value alone, so it is computed once for each possible value. What a presentation state does not state is the
identity, whatever the image says (N.2): the image's rescale, window and Photometric Interpretation do not enter.
Unlike `worker.pixels.grey`, which makes the detector's input, nothing here is judged or repaired.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from daemon.core.attributes import items, numbers, word
from worker.pixels.decode import Stored
from worker.pixels.lut import read_table
from worker.render.reference import for_image

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scaled:
    """The output of a step for each stored level, and the range that the step's output could have."""

    value: Values
    low: float
    high: float

    def unit(self) -> Values:
        """The values with that range as [0, 1]."""
        return np.clip((self.value - self.low) / max(self.high - self.low, 1e-12), 0.0, 1.0)


def state_p_values(state: Dataset, image: Dataset, stored: Stored, notes: list[str]) -> Values:
    """P-Value in [0, 1] of each stored level [levels] by a presentation state."""
    values = modality(state, stored, notes)
    chosen = for_image(items(state, "SoftcopyVOILUTSequence"), image)
    grey = voi(chosen[0], values, notes) if chosen else None
    return presentation(state, values.unit() if grey is None else grey, notes)


def own_p_values(image: Dataset, stored: Stored, notes: list[str]) -> Values:
    """P-Value in [0, 1] of each stored level [levels] by the image itself; its first VOI LUT, or its first window.

    An image without either is shown over the range of its own values.
    """
    values = modality(image, stored, notes)
    grey = voi(image, values, notes)
    if grey is None:
        used = values.value[np.unique(stored.level)]
        grey = Scaled(values.value, float(used.min()), float(used.max())).unit()
    return 1 - grey if word(image, "PhotometricInterpretation") == "MONOCHROME1" else grey


def modality(source: Dataset, stored: Stored, notes: list[str]) -> Scaled:
    """C.11.1: the Modality LUT, or rescale, or the stored values themselves; its output range by C.11.1.1."""
    level = np.arange(stored.levels, dtype=np.float64) + stored.lowest
    sequence = items(source, "ModalityLUTSequence")
    if sequence:
        found = _lut(sequence[0], level)
        if found is not None:
            return found
        notes.append("Modality LUT is broken: not applied")
        return Scaled(level, level[0], level[-1])
    slope, intercept = numbers(source, "RescaleSlope"), numbers(source, "RescaleIntercept")
    value = level * (slope[0] if slope else 1.0) + (intercept[0] if intercept else 0.0)
    return Scaled(value, float(value.min()), float(value.max()))


def voi(source: Dataset, values: Scaled, notes: list[str]) -> Values | None:
    """C.11.2: grey in [0, 1] by the first VOI LUT or the first window of `source`; None where it states none."""
    sequence = items(source, "VOILUTSequence")
    if sequence:
        found = _lut(sequence[0], values.value)
        if found is not None:
            return found.unit()
        notes.append("VOI LUT is broken: not applied")
    centre, width = numbers(source, "WindowCenter"), numbers(source, "WindowWidth")
    if not centre or not width:
        return None
    function = word(source, "VOILUTFunction") or "LINEAR"
    if function not in FUNCTIONS:
        notes.append("VOI LUT Function is not one of the standard's: taken as LINEAR")
        function = "LINEAR"
    if width[0] < 1 if function == "LINEAR" else width[0] <= 0:
        notes.append("Window Width is below what its function allows: not applied")
        return None
    return FUNCTIONS[function](values.value, centre[0], width[0])


def _linear(x: Values, centre: float, width: float) -> Values:
    """C.11.2.1.2.1; a width of 1 is a step at the centre."""
    if width == 1:
        return np.where(x <= centre - 0.5, 0.0, 1.0)
    return np.clip((x - (centre - 0.5)) / (width - 1) + 0.5, 0.0, 1.0)


def _linear_exact(x: Values, centre: float, width: float) -> Values:
    """C.11.2.1.3.2."""
    return np.clip((x - centre) / width + 0.5, 0.0, 1.0)


def _sigmoid(x: Values, centre: float, width: float) -> Values:
    """C.11.2.1.3.1, 1 / (1 + exp(-4 (x - c) / w)), written so that it cannot overflow."""
    return 0.5 + 0.5 * np.tanh(2 * (x - centre) / width)


FUNCTIONS: Mapping[str, Callable[[Values, float, float], Values]] = {
    "LINEAR": _linear,
    "LINEAR_EXACT": _linear_exact,
    "SIGMOID": _sigmoid,
}


def presentation(state: Dataset, grey: Values, notes: list[str]) -> Values:
    """C.11.6: the Presentation LUT, its input range that of its table (C.11.6.1), or its shape."""
    sequence = items(state, "PresentationLUTSequence")
    if sequence:
        entries = int((numbers(sequence[0], "LUTDescriptor") or (0,))[0]) & 0xFFFF or 65536
        found = _lut(sequence[0], grey * (entries - 1))
        if found is not None:
            return found.unit()
        notes.append("Presentation LUT is broken: not applied")
    return 1 - grey if word(state, "PresentationLUTShape") == "INVERSE" else grey


def _lut(item: Dataset, inputs: Values) -> Scaled | None:
    """Inputs through a LUT item; its output range is 0 to 2^n - 1, n the third value of its descriptor (C.11.1.1.1)."""
    table = read_table(item, negative_inputs=bool(inputs.min() < 0))
    if table is None:
        return None
    bits = int(numbers(item, "LUTDescriptor")[2])
    # some devices write 8 where the entries need 16, and the picture would be white
    bits = max(bits, int(table.output.max()).bit_length())
    return Scaled(table.through(inputs), 0.0, float(2**bits - 1))
