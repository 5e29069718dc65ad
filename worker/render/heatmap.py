"""A Parametric Map over its film, in colour: PS3.3 A.75, C.7.6.24 (Float Pixel Data), C.8.32.

A map's frame that states Plane Position and Pixel Spacing would be placed by them; ours, like those of other projection
radiographs, covers the whole of the film that it is derived from, so the frame is spread over all of it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset

from daemon.core.attributes import integer, items, word
from worker.pixels.decode import MAX_PIXELS
from worker.pixels.errors import TruncatedPixels, UnsupportedPixels
from worker.render import panel, pen
from worker.render.errors import CannotRender
from worker.render.report import own_picture, title_of

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
    hue = np.stack([np.interp(over, np.linspace(0, 1, len(_COLOURS)), channel) for channel in _COLOURS.T], axis=2)
    blended = picture + (hue - picture) * (OPACITY * over)[:, :, None]
    words = [title_of(parametric), f"{_quantity(parametric)}: {low:.3g} (clear) to {high:.3g} (red)"]
    return panel.above([line for line in words if line], np.rint(blended).astype(np.uint8))


def frame(parametric: Dataset) -> NDArray[np.float64]:
    """The first frame's real values [Rows, Columns] of a map in Float or Double Float Pixel Data."""
    rows, columns = integer(parametric, "Rows", 0) or 0, integer(parametric, "Columns", 0) or 0
    for keyword, width in (("FloatPixelData", 4), ("DoubleFloatPixelData", 8)):
        data = parametric.get(keyword)
        if not isinstance(data, bytes):
            continue
        if not 0 < rows * columns <= MAX_PIXELS or len(data) < rows * columns * width:
            raise TruncatedPixels("the map holds less than Rows x Columns values")
        values = np.frombuffer(data, f"<f{width}", rows * columns).reshape(rows, columns).astype(np.float64)
        return np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    raise UnsupportedPixels("the map has no Float Pixel Data")


def _quantity(parametric: Dataset) -> str:
    """What the values are, by the Real World Value Mapping (C.7.6.16.2.11)."""
    for group in items(parametric, "SharedFunctionalGroupsSequence"):
        for mapping in items(group, "RealWorldValueMappingSequence"):
            return str(mapping.get("LUTExplanation", "")).strip() or "value"
    return "value"
