"""A film's values for a page that does window and level itself, and a heat map to lay over it.

The page multiplies; what is irregular (a Modality LUT, a VOI LUT, a sigmoid, MONOCHROME1) is a table for each level.
"""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset

from daemon.core.attributes import items, numbers, word
from worker.pixels.errors import UnsupportedPixels
from worker.render import frames
from worker.render.geometry import plain_view
from worker.render.grey import modality, own_p_values
from worker.render.heatmap import coloured
from worker.render.stored import stored_of

MAX_HEAT = 4096  # cells along an axis, and pixels along one of the picture
OPAQUE_FROM = 0.5  # the chance from which on the map is as strong as it gets


def raster(image: Dataset, max_side: int | None) -> tuple[dict[str, Any], list[bytes]]:
    """Values and parts of daemon.web.renderers.Raster. Raises PixelsUnreadable."""
    stored = stored_of(frames.single(image, 1))
    values = modality(image, stored, []).value
    if items(image, "ModalityLUTSequence"):
        # no straight line, so the page gets the LUT's outputs as its levels
        lut = np.clip(np.rint(values), 0, 65535).astype(np.uint16)
        level, slope, intercept = lut[stored.level], 1.0, 0.0
        outputs, first = np.unique(lut, return_index=True)
        # a mean of pixels may lie between two of the LUT's outputs
        shown = np.interp(np.arange(65536), outputs, own_p_values(image, stored, [])[first])
    else:
        level, shown = stored.level, own_p_values(image, stored, [])
        slope = float(values[1] - values[0])
        intercept = float(values[0])
    rows, columns = level.shape
    step = 1 if max_side is None else max(1, -(-max(rows, columns) // max_side))
    reduced = _reduced(level, step)
    view = plain_view(image, None)
    said = {
        "rows": reduced.shape[0],
        "columns": reduced.shape[1],
        "source_rows": rows,
        "source_columns": columns,
        "step": step,
        "slope": slope,
        "intercept": intercept,
        "inverted": word(image, "PhotometricInterpretation") == "MONOCHROME1",
        "windows": _windows(image),
        "spacing": _spacing(image, view.pixel_aspect),
    }
    return said, [reduced.astype("<u2").tobytes(), np.rint(255 * shown).astype(np.uint8).tobytes()]


def heat_picture(heat: Mapping[str, Any], width: int, height: int) -> bytes:
    """Chances in equal cells of a film, as an RGBA PNG of width x height: clear at 0, red at 1, smooth between.

    The colour stands for the chance itself, not for its share of the film's greatest: a film without a finding stays
    clear.
    """
    rows, columns, values = int(heat["rows"]), int(heat["columns"]), heat["values"]
    if not (0 < rows <= MAX_HEAT and 0 < columns <= MAX_HEAT and len(values) == rows * columns):
        raise UnsupportedPixels("the heat map's values are not rows x columns")
    if not (0 < width <= MAX_HEAT and 0 < height <= MAX_HEAT):
        raise UnsupportedPixels(f"a heat map is drawn up to {MAX_HEAT} pixels wide and high")
    cells = np.clip(np.array(values, dtype=np.float64), 0, 1).reshape(rows, columns)
    level = Image.fromarray(np.rint(cells * 255).astype(np.uint8))
    chance = np.asarray(level.resize((width, height), Image.Resampling.BILINEAR), dtype=np.float64) / 255
    colour, opacity = coloured(chance, np.minimum(1.0, chance / OPAQUE_FROM))
    picture = np.dstack([colour, 255 * opacity])
    file = BytesIO()
    Image.fromarray(np.rint(picture).astype(np.uint8), "RGBA").save(file, "PNG", compress_level=1)
    return file.getvalue()


def _reduced(level: NDArray[np.uint16], step: int) -> NDArray[np.uint16]:
    """The means of squares of step x step pixels; the last ones repeat the image's edge."""
    if step == 1:
        return level
    rows, columns = (-(-side // step) * step for side in level.shape)
    padded = np.pad(level, ((0, rows - level.shape[0]), (0, columns - level.shape[1])), mode="edge")
    total = np.zeros((rows // step, columns // step), dtype=np.uint32)
    for down in range(step):
        for across in range(step):
            total += padded[down::step, across::step]
    return ((total + step * step // 2) // (step * step)).astype(np.uint16)


def _windows(image: Dataset) -> list[tuple[float, float, str]]:
    function = word(image, "VOILUTFunction")
    function = function if function in ("LINEAR_EXACT", "SIGMOID") else "LINEAR"
    pairs = zip(numbers(image, "WindowCenter"), numbers(image, "WindowWidth"), strict=False)
    return [(center, width, function) for center, width in pairs if width >= 1]


def _spacing(image: Dataset, aspect: float) -> tuple[float, float] | None:
    for keyword in ("PixelSpacing", "ImagerPixelSpacing"):
        stated = numbers(image, keyword)
        if len(stated) == 2 and min(stated) > 0 and abs(stated[1] / stated[0] - aspect) < 1e-9:
            return stated[0], stated[1]
    return None
