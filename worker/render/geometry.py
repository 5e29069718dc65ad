"""From the image to the canvas: spatial transformation, displayed area, presentation size.

PS3.3 C.10.6 (rotation clockwise, then horizontal flip), C.10.4 (which pixels are shown, in what proportion and size).
Frames, all (x, y) with y down: the image frame has (0, 0) at the outer corner of the first pixel and (Columns, Rows)
at that of the last (PIXEL units); the area frame has (0, 0) and (1, 1) at the corners of the displayed area as it
stands on the display (DISPLAY units); the canvas frame counts pixels of the picture from its corner.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset

from daemon.core.attributes import items, numbers, word
from worker.render.errors import CannotRender
from worker.render.reference import for_image

Points = NDArray[np.float64]  # [N, 2] (x, y)

LONG_SIDE = (900.0, 1600.0)  # of a picture whose size nobody asked for, so that lines and letters are legible
MAX_SIDE = 8000  # of a picture in TRUE SIZE or MAGNIFY
FAR = 20_000.0  # canvas pixels: what is farther out is off every canvas, and Pillow's arithmetic is not endless
_ENDLESS = 1e9  # what a broken object says in earnest can be far more
DISPLAY_PITCH_MM = 0.25  # of the display that TRUE SIZE is meant for: 101.6 pixels an inch, an ordinary screen
_QUARTERS = np.array([[[1, 0], [0, 1]], [[0, -1], [1, 0]], [[-1, 0], [0, -1]], [[0, 1], [-1, 0]]])  # clockwise
_MIRROR = np.array([[-1, 0], [0, 1]])


@dataclass(frozen=True, slots=True)
class View:
    """How one image lies on one canvas.

    area: the displayed area (x0, y0, x1, y1) in the image frame. turn: quarter turns clockwise, before `mirrored`.
    place: where the displayed area lies on the canvas (x0, y0, x1, y1), in whole canvas pixels. pixel_aspect: width of
    an image pixel over its height.
    """

    image_size: tuple[int, int]
    area: tuple[int, int, int, int]
    turn: int
    mirrored: bool
    place: tuple[int, int, int, int]
    canvas_size: tuple[int, int]
    pixel_aspect: float

    @property
    def linear(self) -> NDArray[np.int64]:
        """The turn and the flip as a matrix [2, 2] on (x, y)."""
        return (_MIRROR if self.mirrored else _QUARTERS[0]) @ _QUARTERS[self.turn]

    def to_canvas(self, points: Points) -> Points:
        """Points of the image frame [N, 2] -> canvas frame [N, 2]."""
        return self._on_canvas(_within(points @ self.linear.T, self._turned_area()))

    def to_image(self, points: Points) -> Points:
        """The inverse of `to_canvas`."""
        x0, y0, x1, y1 = self._turned_area()
        px0, py0, px1, py1 = self.place
        fraction = (points - [px0, py0]) / [px1 - px0, py1 - py0]
        return np.asarray((fraction * [x1 - x0, y1 - y0] + [x0, y0]) @ self.linear)

    def by_units(self, points: Points, units: str) -> Points:
        """Points in the units of an annotation, PIXEL or DISPLAY -> canvas frame [N, 2], none farther out than FAR.

        Raises ValueError for other units.
        """
        if units not in ("PIXEL", "DISPLAY"):
            raise ValueError("its units are neither PIXEL nor DISPLAY")
        near = np.clip(points, -_ENDLESS, _ENDLESS)
        return np.clip(self.to_canvas(near) if units == "PIXEL" else self._on_canvas(near), -FAR, FAR)

    def draw(self, plane: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """A plane [Rows, Columns] of the image as it lies on the canvas [H, W]; 0 where there is no image."""
        turned = np.rot90(plane, -self.turn)
        turned = turned[:, ::-1] if self.mirrored else turned
        canvas = np.zeros((self.canvas_size[1], self.canvas_size[0]), dtype=np.uint8)
        across, down = (self._span(axis, turned.shape[1 - axis]) for axis in (0, 1))
        if across is None or down is None:
            return canvas
        (left, right, x0, x1), (top, bottom, y0, y1) = across, down
        fitted = Image.fromarray(np.ascontiguousarray(turned)).resize(
            (right - left, bottom - top), Image.Resampling.BILINEAR, box=(x0, y0, x1, y1)
        )
        canvas[top:bottom, left:right] = np.asarray(fitted)
        return canvas

    def _span(self, axis: int, length: int) -> tuple[int, int, float, float] | None:
        """Along one axis: the canvas pixels that show the turned plane, and which stretch of the plane they show."""
        area, place = self._turned_area(), self.place
        start = area[axis] - self._turned_image()[axis]
        scale = (place[axis + 2] - place[axis]) / (area[axis + 2] - area[axis])
        first = place[axis] + max(-start, 0) * scale
        last = place[axis] + min(length - start, area[axis + 2] - area[axis]) * scale
        first, last = np.ceil(max(first, 0) - 1e-6), np.floor(min(last, self.canvas_size[axis]) + 1e-6)
        if last - first < 1:
            return None
        edges = [min(max((edge - place[axis]) / scale + start, 0.0), float(length)) for edge in (first, last)]
        return int(first), int(last), edges[0], edges[1]

    def _turned_area(self) -> tuple[int, int, int, int]:
        return _turned(self.area, self.linear)

    def _turned_image(self) -> tuple[int, int, int, int]:
        return _turned((0, 0, *self.image_size), self.linear)

    def _on_canvas(self, fraction: Points) -> Points:
        x0, y0, x1, y1 = self.place
        return np.asarray(fraction * [x1 - x0, y1 - y0] + [x0, y0], dtype=np.float64)


def view_of(state: Dataset, image: Dataset, size: tuple[int, int] | None, notes: list[str]) -> View:
    """The view that a presentation state describes; size: (width, height) of the canvas, None to have one chosen."""
    turn = _turn(state)
    mirrored = word(state, "ImageHorizontalFlip") == "Y"
    found = for_image(items(state, "DisplayedAreaSelectionSequence"), image)
    if not found:
        notes.append("no Displayed Area for this image: all of it is shown")
        return _laid(image, (0, 0, *_size(image)), turn, mirrored, _own_pixel(image), None, size)
    selection = found[0]
    area = _selected(selection, image)
    pixel = _pixel_size(selection, "PresentationPixelSpacing", "PresentationPixelAspectRatio") or (1.0, 1.0)
    factor = _factor(selection, pixel, notes)
    return _laid(image, area, turn, mirrored, pixel, factor, size)


def plain_view(image: Dataset, size: tuple[int, int] | None) -> View:
    """The whole image, upright, its pixels in their true proportion (PS3.3 C.7.6.3.1.7)."""
    return _laid(image, (0, 0, *_size(image)), 0, False, _own_pixel(image), None, size)


def _laid(
    image: Dataset,
    area: tuple[int, int, int, int],
    turn: int,
    mirrored: bool,
    pixel: tuple[float, float],
    factor: float | None,
    size: tuple[int, int] | None,
) -> View:
    """Put the area on a canvas. pixel: (width, height) of a pixel. factor: canvas pixels a pixel width, None to fit."""
    wide, high = (area[2] - area[0]) * pixel[0] / min(pixel), (area[3] - area[1]) * pixel[1] / min(pixel)
    wide, high = (high, wide) if turn % 2 else (wide, high)
    if factor is not None:
        scale = min(factor * min(pixel) / pixel[0], MAX_SIDE / max(wide, high))
    elif size is not None:
        scale = min(size[0] / wide, size[1] / high)
    else:
        scale = min(max(max(wide, high), LONG_SIDE[0]), LONG_SIDE[1]) / max(wide, high)
    width, height = max(1, round(wide * scale)), max(1, round(high * scale))
    canvas = size or (width, height)
    left, top = (canvas[0] - width) // 2, (canvas[1] - height) // 2
    return View(
        _size(image), area, turn, mirrored, (left, top, left + width, top + height), canvas, pixel[0] / pixel[1]
    )


def _turn(state: Dataset) -> int:
    rotation = (numbers(state, "ImageRotation") or (0.0,))[0]
    if rotation not in (0, 90, 180, 270):
        raise CannotRender("Image Rotation is not 0, 90, 180 or 270")
    return int(rotation) // 90


def _selected(selection: Dataset, image: Dataset) -> tuple[int, int, int, int]:
    """Top left and bottom right are so after the transformation, so before it either may be the smaller (C.10.4)."""
    corners = (
        numbers(selection, "DisplayedAreaTopLeftHandCorner"),
        numbers(selection, "DisplayedAreaBottomRightHandCorner"),
    )
    if any(len(corner) != 2 for corner in corners):
        raise CannotRender("the Displayed Area has no two corners")
    (c0, r0), (c1, r1) = corners
    return int(min(c0, c1)) - 1, int(min(r0, r1)) - 1, int(max(c0, c1)), int(max(r0, r1))


def _factor(selection: Dataset, pixel: tuple[float, float], notes: list[str]) -> float | None:
    """Canvas pixels for the width of an image pixel; None where the area is to fit (C.10.4)."""
    mode = word(selection, "PresentationSizeMode")
    magnification = numbers(selection, "PresentationPixelMagnificationRatio")
    if mode == "MAGNIFY" and magnification and magnification[0] > 0:
        return magnification[0]
    if mode == "TRUE SIZE" and numbers(selection, "PresentationPixelSpacing"):
        return pixel[0] / DISPLAY_PITCH_MM
    if mode != "SCALE TO FIT":
        notes.append("Presentation Size Mode is missing, unknown or incomplete: the area is made to fit")
    return None


def _own_pixel(image: Dataset) -> tuple[float, float]:
    """Pixel Aspect Ratio is for images without a spacing (PS3.3 C.7.6.3.1.7)."""
    spacing = _pixel_size(image, "PixelSpacing", "ImagerPixelSpacing")
    return spacing or _pixel_size(image, "PixelAspectRatio") or (1.0, 1.0)


def _pixel_size(source: Dataset, *keywords: str) -> tuple[float, float] | None:
    """(width, height) of a pixel by the first usable of these spacings in mm or aspect ratios, each vertical first."""
    for keyword in keywords:
        stated = numbers(source, keyword)
        if len(stated) == 2 and min(stated) > 0 and max(stated) / min(stated) < 100:
            return stated[1], stated[0]
    return None


def _size(image: Dataset) -> tuple[int, int]:
    return int(image.Columns), int(image.Rows)


def _turned(area: tuple[int, int, int, int], linear: NDArray[np.int64]) -> tuple[int, int, int, int]:
    """The rectangle of the image frame after turn and flip about the origin."""
    corners = np.array([area[:2], area[2:]]) @ linear.T
    (x0, y0), (x1, y1) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    return x0, y0, x1, y1


def _within(points: Points, area: tuple[int, int, int, int]) -> Points:
    """Points as fractions of a rectangle in the same frame."""
    x0, y0, x1, y1 = area
    return np.asarray((points - [x0, y0]) / [x1 - x0, y1 - y0], dtype=np.float64)
