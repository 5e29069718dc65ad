"""From stored values to grey in [0, 1], bright = dense: PS3.3 C.11.1, C.11.2, C.7.6.3.1.2, C.7.5.1.1.2.

Every step is a function of the stored value alone, so it is computed once for each possible value (at most 65,536)
and looked up; statistics come from the histogram. That makes an image bit-identical in any lossless transfer syntax,
and a MONOCHROME1 film bit-identical with its MONOCHROME2 twin, since each step is written symmetrically about 0.5.

Whether to apply the VOI transformation: yes, when it is usable. The films that the detector is trained on were
windowed by the headers' defaults before they were published (ChestX-ray8, section 3), and a reader sees them so.
But a window is a wish for display and is often wrong, and what it clips the detector cannot see. So a window that
hides or squeezes the film is dropped with a note, and the film's own range is used. A linear window that is kept
cannot change the detector's answer much: the detector standardises each film (zero mean, unit variance).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from daemon.core.attributes import items, numbers, word
from worker.pixels.decode import Stored
from worker.pixels.errors import MissingPixels
from worker.pixels.lut import read_table

# Share of the film's own grey levels that a window may clip. Pixels at the film's very ends (collimated borders,
# direct exposure) do not count: they are flat whatever the window.
MAX_CLIPPED = 0.25
# Share of the window that the film must fill; a narrower film would be a grey veil in everything drawn from it.
MIN_FILLED = 0.25
TAIL = 0.001  # of the pixels at either end left out of the film's own range: letters, markers, dead pixels


@dataclass(frozen=True, slots=True)
class Levels:
    """The modality value of each possible stored value, and how many pixels have it, padding not counted."""

    value: NDArray[np.float64]
    count: NDArray[np.int64]

    def quantile(self, share: float) -> float:
        """The value below which `share` of the pixels lie; symmetric, so no interpolation between values."""
        order = np.argsort(self.value, kind="stable")
        present = order[self.count[order] > 0]
        below = np.cumsum(self.count[present])
        if share <= 0.5:
            return float(self.value[present[np.searchsorted(below, share * below[-1], side="right")]])
        above = np.cumsum(self.count[present[::-1]])
        return float(self.value[present[::-1][np.searchsorted(above, (1 - share) * above[-1], side="right")]])


@dataclass(frozen=True, slots=True)
class Grey:
    """Grey in [0, 1] of each possible stored value, still in the photometric interpretation's own sense.

    modality_range: least and greatest modality value in the picture, padding not counted.
    """

    of_level: NDArray[np.float64]
    notes: tuple[str, ...] = ()
    modality_range: tuple[float, float] | None = None


def grey_image(ds: Dataset, stored: Stored) -> tuple[NDArray[np.float32], Grey]:
    """Image float32 [H, W] in [0, 1], bright = dense, by the data set's grey scale attributes; and its table."""
    grey = grey_table(ds, stored)
    return grey.of_level.astype(np.float32)[stored.level], grey


def grey_table(ds: Dataset, stored: Stored) -> Grey:
    """The table stored level -> grey in [0, 1], bright = dense; padding is 0, as the air around a body.

    Raises MissingPixels when all pixels are the same.
    """
    value, modality_notes = _modality_values(ds, stored)
    count = _histogram(stored)
    padding = _padding(ds, stored)
    notes = [*stored.notes, *modality_notes]
    if padding.any() and not count[~padding].any():
        padding[:] = False
        notes.append("Pixel Padding Value would cover the whole picture; ignored")
    levels = Levels(value, np.where(padding, 0, count))
    used = value[levels.count > 0]
    if used.min() == used.max():
        raise MissingPixels("there is no picture: every pixel has the same value")
    grey = _voi(ds, levels)
    inverse, polarity_notes = _polarity(ds)
    # 0.5 - x mirrors 0.5 + x exactly in floating point; 1 - y would not
    around = grey.of_level - 0.5
    table = 0.5 - around if inverse else 0.5 + around
    table[padding] = 0.0
    return Grey(table, (*notes, *grey.notes, *polarity_notes), (float(used.min()), float(used.max())))


def _histogram(stored: Stored) -> NDArray[np.int64]:
    """How many pixels have each level; in strips, since numpy counts on a copy of eight bytes a pixel."""
    count = np.zeros(stored.levels, dtype=np.int64)
    for top in range(0, len(stored.level), 256):
        count += np.bincount(stored.level[top : top + 256].ravel(), minlength=stored.levels)
    return count


def _modality_values(ds: Dataset, stored: Stored) -> tuple[NDArray[np.float64], list[str]]:
    """C.11.1: the Modality LUT Sequence, or else rescale slope and intercept."""
    value = np.arange(stored.levels, dtype=np.float64) + stored.lowest
    sequence = items(ds, "ModalityLUTSequence")
    if sequence:
        table = read_table(sequence[0], negative_inputs=stored.lowest < 0)
        if table is not None:
            return table.through(value), []
        return value, ["Modality LUT Sequence is broken; ignored"]
    slope, intercept = numbers(ds, "RescaleSlope"), numbers(ds, "RescaleIntercept")
    if slope and slope[0] == 0:
        return value, ["Rescale Slope is 0; ignored"]
    return value * (slope[0] if slope else 1.0) + (intercept[0] if intercept else 0.0), []


def _padding(ds: Dataset, stored: Stored) -> NDArray[np.bool_]:
    """Which stored levels are padding: Pixel Padding Value up to Range Limit, C.7.5.1.1.2; in stored values."""
    limits = [*numbers(ds, "PixelPaddingValue")[:1], *numbers(ds, "PixelPaddingRangeLimit")[:1]]
    padding = np.zeros(stored.levels, dtype=np.bool_)
    if not limits or not numbers(ds, "PixelPaddingValue"):
        return padding
    # a signed value that was written as US comes out above all levels
    wrap = 2**16 if stored.lowest < 0 else 0
    at = sorted(int(limit - wrap if limit >= stored.lowest + stored.levels else limit) for limit in limits)
    low, high = at[0] - stored.lowest, at[-1] - stored.lowest
    padding[max(low, 0) : max(high + 1, 0)] = True
    return padding


def _polarity(ds: Dataset) -> tuple[bool, list[str]]:
    """Whether low values are bright, and what contradicts it.

    Photometric Interpretation wins over Presentation LUT Shape. In an image the shape is fixed by it (IDENTITY for
    MONOCHROME2, INVERSE for MONOCHROME1; C.8.11.3.1.2), so a contradiction is an error of the sender; every viewer
    reads the former, most ignore the latter in an image, and so a wrong shape stays unnoticed where films are read,
    while a wrong interpretation would have been seen.
    """
    interpretation, shape = word(ds, "PhotometricInterpretation"), word(ds, "PresentationLUTShape")
    inverse = interpretation == "MONOCHROME1"
    wanted = "INVERSE" if inverse else "IDENTITY"
    if shape in ("INVERSE", "IDENTITY") and shape != wanted:
        return inverse, [f"Presentation LUT Shape {shape} contradicts {interpretation}, which wins"]
    return inverse, []


def _voi(ds: Dataset, levels: Levels) -> Grey:
    """C.11.2: the VOI LUT, or else the first usable window, or else the range of the values."""
    notes: list[str] = []
    for name, grey in _candidates(ds, levels):
        trouble = "is broken" if grey is None else _trouble(grey, levels)
        if grey is not None and not trouble:
            return replace(grey, notes=tuple(notes))
        notes.append(f"{name} {trouble}; not applied")
    whole = _linear(levels, float(levels.value.min()), float(levels.value.max()))
    if not _trouble(whole, levels):
        return replace(whole, notes=tuple(notes))
    low, high = levels.quantile(TAIL), levels.quantile(1 - TAIL)
    if low == high:
        used = levels.value[levels.count > 0]
        low, high = float(used.min()), float(used.max())
    return replace(_linear(levels, low, high), notes=tuple(notes))


def _candidates(ds: Dataset, levels: Levels) -> list[tuple[str, Grey | None]]:
    """What the header offers, the best first: a LUT is the maker's film curve, a window its straight line."""
    found: list[tuple[str, Grey | None]] = []
    for item in items(ds, "VOILUTSequence"):
        table = read_table(item, negative_inputs=bool(levels.value.min() < 0))
        found.append(("VOI LUT", None if table is None else _through(table.through(levels.value), table.output)))
    function = word(ds, "VOILUTFunction") or "LINEAR"
    centres, widths = numbers(ds, "WindowCenter"), numbers(ds, "WindowWidth")
    for centre, width in zip(centres, widths, strict=False):
        found.append((f"window {centre:g}/{width:g}", _window(levels, function, centre, width)))
    return found


def _through(output: NDArray[np.float64], table: NDArray[np.float64]) -> Grey:
    """LUT output in [0, 1] by the table's own ends: the bits that a descriptor promises are often not used."""
    low, high = table.min(), table.max()
    return Grey((output - (low + high) / 2) / (high - low) + 0.5)


def _window(levels: Levels, function: str, centre: float, width: float) -> Grey | None:
    """C.11.2.1.2 (LINEAR) and C.11.2.1.3 (SIGMOID, LINEAR_EXACT)."""
    if function == "LINEAR":
        centre, width = centre - 0.5, width - 1
    if width <= 0:
        return None
    if function == "SIGMOID":
        return Grey(0.5 + 0.5 * np.tanh(2 * (levels.value - centre) / width))  # = 1 / (1 + exp(-4 (x - c) / w))
    return Grey(np.clip((levels.value - centre) / width, -0.5, 0.5) + 0.5)


def _linear(levels: Levels, low: float, high: float) -> Grey:
    return Grey(np.clip((levels.value - (low + high) / 2) / (high - low), -0.5, 0.5) + 0.5)


def _trouble(grey: Grey, levels: Levels) -> str:
    """Why a transformation is not usable on these pixels, "" when it is."""
    used = levels.count > 0
    low, high = levels.value[used].min(), levels.value[used].max()
    inner = used & (levels.value > low) & (levels.value < high)
    inner = inner if inner.any() else used
    clipped = inner & ((grey.of_level <= 0.001) | (grey.of_level >= 0.999))
    share = levels.count[clipped].sum() / levels.count[inner].sum()
    if share > MAX_CLIPPED:
        return f"hides {share:.0%} of the film's grey levels"
    shown = grey.of_level[used]
    if (shown.max() - shown.min()) < MIN_FILLED or _spread(grey, levels) < MIN_FILLED:
        return "leaves the film nearly without contrast"
    return ""


def _spread(grey: Grey, levels: Levels) -> float:
    """Range of grey between the film's tails."""
    shown = Levels(grey.of_level, levels.count)
    return shown.quantile(1 - TAIL) - shown.quantile(TAIL)
