"""A Parametric Map over its film, in colour: PS3.3 A.75, C.8.32, C.7.6.16.2.11 (real world values), C.7.6.24 (floats).

A frame with a Plane Position would be placed by it; those of a projection radiograph have none and cover the whole of
the film that they are derived from, so the frame is spread over all of it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset

from daemon.core.attributes import integer, items, numbers, word
from worker.pixels.decode import MAX_PIXELS
from worker.pixels.errors import TruncatedPixels
from worker.render import panel, pen
from worker.render.errors import CannotRender
from worker.render.report import own_picture, title_of
from worker.render.stored import stored_of

OPACITY = 0.55  # of the hottest place; a cold one leaves the film as it is
_COLOURS = np.array([[0, 0, 120], [0, 90, 255], [0, 220, 220], [255, 230, 0], [255, 40, 0]])  # cold to hot


def mapped(parametric: Dataset) -> set[str]:
    """SOP Instance UIDs of the images that the map is derived from, wherever it names them."""
    return {str(element.value) for element in parametric.iterall() if element.keyword == "ReferencedSOPInstanceUID"}


def render_map(
    parametric: Dataset, image: Dataset, size: tuple[int, int] | None = None, notes: list[str] | None = None
) -> pen.Picture:
    """`image`, with pixels, under the first frame of the map, from its least value to its greatest: uint8 [H, W, 3].

    Raises CannotRender when the map is about other images; PixelsUnreadable when either's pixels cannot be read.
    """
    notes = [] if notes is None else notes
    if word(image, "SOPInstanceUID") not in mapped(parametric):
        raise CannotRender("the map is about other images")
    heat = frame(parametric)
    if (integer(parametric, "NumberOfFrames", 1) or 1) > 1:
        notes.append("frames after the first: not drawn")
    picture, view = own_picture(image, size, notes)
    low, high = float(heat.min()), float(heat.max())
    share = np.zeros_like(heat) if high == low else (heat - low) / (high - low)
    film = (int(image.Columns), int(image.Rows))
    spread = np.asarray(Image.fromarray(np.rint(share * 255).astype(np.uint8)).resize(film, Image.Resampling.BILINEAR))
    over = view.draw(spread).astype(np.float64) / 255
    hue, opacity = coloured(over, over)
    blended = picture + (hue - picture) * opacity[:, :, None]
    quantity = str(_mapping(parametric).get("LUTExplanation", "")).strip() or "value"
    said = [title_of(parametric), str(parametric.get("ContentDescription", "")).strip()]
    said.append(f"{quantity}: {low:.3g} (clear) to {high:.3g} (red)")
    return panel.above([line for line in said if line], np.rint(blended).astype(np.uint8))


def coloured(
    share: NDArray[np.float64], strength: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Colours [H, W, 3] in 0..255 of shares in [0, 1], cold to hot, and how opaque they are for their strength."""
    places = np.linspace(0, 1, len(_COLOURS))
    return np.stack([np.interp(share, places, channel) for channel in _COLOURS.T], axis=2), OPACITY * strength


def frame(parametric: Dataset) -> NDArray[np.float64]:
    """The first frame [Rows, Columns] in real world values, from integers, floats or doubles (C.7.6.3, C.7.6.24)."""
    mapping = _mapping(parametric)
    slope, intercept = numbers(mapping, "RealWorldValueSlope"), numbers(mapping, "RealWorldValueIntercept")
    values = _floats(parametric)
    if values is None:
        stored = stored_of(parametric)
        values = stored.level.astype(np.float64) + stored.lowest
    return values * (slope or (1.0,))[0] + (intercept or (0.0,))[0]


def _floats(parametric: Dataset) -> NDArray[np.float64] | None:
    """Float or Double Float Pixel Data, what is not finite as 0; None where the map has neither."""
    rows, columns = integer(parametric, "Rows", 0) or 0, integer(parametric, "Columns", 0) or 0
    for keyword, width in (("FloatPixelData", 4), ("DoubleFloatPixelData", 8)):
        data = parametric.get(keyword)
        if not isinstance(data, bytes):
            continue
        if not 0 < rows * columns <= MAX_PIXELS or len(data) < rows * columns * width:
            raise TruncatedPixels("the map holds less than Rows x Columns values")
        values = np.frombuffer(data, f"<f{width}", rows * columns).reshape(rows, columns).astype(np.float64)
        return np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    return None


def _mapping(parametric: Dataset) -> Dataset:
    """The first Real World Value Mapping; empty where there is none."""
    for group in items(parametric, "SharedFunctionalGroupsSequence"):
        for mapping in items(group, "RealWorldValueMappingSequence"):
            return mapping
    return Dataset()
