"""A rendered image: PS3.18 8.3.5.1 (annotation, quality, viewport, window), 8.7.4 (rendered media types).

The grey values are the image's own VOI and photometric interpretation (`grey`), or the window asked for; or all that a
presentation state says (PS3.4 N.2). A region is cut before it is scaled; the picture keeps the proportion of the
region on the display and touches the viewport on one pair of sides, without bars.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset

from daemon.core.attributes import integer, items, values, word
from worker.pixels.decode import Stored
from worker.pixels.errors import UnsupportedPixels
from worker.render import frames, pen
from worker.render.draw import draw
from worker.render.geometry import plain_view, view_of
from worker.render.grey import FUNCTIONS, Values, modality, own_p_values
from worker.render.panel import letter_size
from worker.render.presentation import as_grey, render_presentation_state
from worker.render.reference import for_image
from worker.render.shutters import shut
from worker.render.stored import stored_of

Region = tuple[float, float, float | None, float | None]
Plane = NDArray[np.uint8]  # [H, W] or [H, W, 3]
Size = tuple[int, int]  # width, height

MAX_SIDE = 16_000  # of a picture; JPEG ends at 65,535
_WHOLE: Region = (0.0, 0.0, None, None)
_PNG_EFFORT = 1  # of 9: a film in a quarter of the time, a tenth larger
_INK = (255, 255, 255)


@dataclass(frozen=True, slots=True)
class Look:
    """As daemon.web.renderers.Look, which it comes from. bounds: width and height of the viewport."""

    format: str
    quality: int
    window: tuple[float, float, str] | None
    bounds: Size | None
    region: Region
    annotation: tuple[str, ...]

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Look:
        """From the daemon's JSON."""
        window, viewport = said["window"], said["viewport"]
        return cls(
            said["format"],
            said["quality"],
            (window["center"], window["width"], window["function"]) if window else None,
            (viewport["width"], viewport["height"]) if viewport else None,
            tuple(viewport["region"]) if viewport else _WHOLE,
            tuple(said["annotation"]),
        )


def image_picture(image: Dataset, number: int, look: Look) -> bytes:
    """A frame, counted from 1, of an image. Raises PixelsUnreadable."""
    if integer(image, "SamplesPerPixel", 1) == 1:
        stored = stored_of(frames.single(image, number))
        aspect = plain_view(image, None).pixel_aspect
        plane: Plane = shut(image, as_grey(_p_values(image, stored, look.window), stored), aspect, [])
    else:
        plane, aspect = _colour(image, number), 1.0
    return _file(image, _placed(plane, aspect, look), look)


def state_picture(state: Dataset, image: Dataset, look: Look) -> bytes:
    """`image` as the presentation state shows it. Raises CannotRender, PixelsUnreadable."""
    selection = for_image(items(state, "DisplayedAreaSelectionSequence"), image)
    own_size = bool(selection) and word(selection[0], "PresentationSizeMode") in ("TRUE SIZE", "MAGNIFY")
    natural = view_of(state, image, None, [])
    size = natural.canvas_size
    if not own_size:  # as many pixels as the displayed area has, or as the viewport takes
        across, down = (natural.area[axis + 2] - natural.area[axis] for axis in (0, 1))
        across, down = (down, across) if natural.turn % 2 else (across, down)
        size = _fitted(size, look.bounds) if look.bounds else _grown(size, max(across / size[0], down / size[1]))
    picture = render_presentation_state(state, image, None if own_size else _checked(size))
    return _file(image, _shrunk(picture, look), look)


def result_picture(result: Dataset, images: list[Dataset], look: Look) -> bytes:
    """A report, a map or a Key Object Selection, over the first of the images that it is about, or as a page of text.

    Raises CannotRender, PixelsUnreadable.
    """
    return _file(result, _shrunk(draw(result, images)[0].picture, look), look)


def _colour(image: Dataset, number: int) -> Plane:
    plane = frames.samples(image, number)
    if plane.ndim != 3 or plane.shape[2] != 3 or plane.dtype != np.uint8:
        raise UnsupportedPixels("a colour image of another kind than 8 bits by three")
    return plane


def _p_values(image: Dataset, stored: Stored, window: tuple[float, float, str] | None) -> Values:
    if window is None:
        return own_p_values(image, stored, [])
    center, width, function = window
    grey = FUNCTIONS[function](modality(image, stored, []).value, center, width)
    return 1 - grey if word(image, "PhotometricInterpretation") == "MONOCHROME1" else grey


def _placed(plane: Plane, aspect: float, look: Look) -> Plane:
    """The region that is asked for, turned over as asked, scaled. aspect: width of a pixel over its height."""
    rows, columns = plane.shape[:2]
    x, y, wide, high = look.region
    x1 = columns if wide is None else min(x + abs(wide), columns)
    y1 = rows if high is None else min(y + abs(high), rows)
    if x1 - x < 1 or y1 - y < 1:
        raise UnsupportedPixels(f"the region is outside the image's {columns} x {rows} pixels")
    plane = plane[:, :: -1 if wide is not None and wide < 0 else 1]
    plane = plane[:: -1 if high is not None and high < 0 else 1]
    box = (
        *((columns - x1, columns - x) if wide is not None and wide < 0 else (x, x1)),
        *((rows - y1, rows - y) if high is not None and high < 0 else (y, y1)),
    )
    shown = ((x1 - x) * max(aspect, 1.0), (y1 - y) / min(aspect, 1.0))
    size = _checked(_fitted(shown, look.bounds) if look.bounds else (round(shown[0]), round(shown[1])))
    if size == (columns, rows) and box == (0, columns, 0, rows):
        return plane
    left, right, top, bottom = box
    picture = Image.fromarray(np.ascontiguousarray(plane))
    return np.asarray(picture.resize(size, Image.Resampling.BILINEAR, box=(left, top, right, bottom)))


def _shrunk(picture: Plane, look: Look) -> Plane:
    """A drawn picture within the viewport; what is smaller stays."""
    size = picture.shape[1], picture.shape[0]
    if look.bounds is None or (size[0] <= look.bounds[0] and size[1] <= look.bounds[1]):
        return picture
    return np.asarray(Image.fromarray(picture).resize(_fitted(size, look.bounds), Image.Resampling.BILINEAR))


def _fitted(size: tuple[float, float], bounds: Size) -> Size:
    """The largest size of the same proportion within the bounds."""
    scale = min(bounds[0] / size[0], bounds[1] / size[1])
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _grown(size: Size, scale: float) -> Size:
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _checked(size: Size) -> Size:
    if max(size) > MAX_SIDE:
        raise UnsupportedPixels(f"the picture would be {size[0]} x {size[1]} pixels; ask for a viewport")
    return size


def _file(about: Dataset, picture: Plane, look: Look) -> bytes:
    """The picture as a file, with the annotation that is asked for."""
    lines = [line for kind in look.annotation for line in _LINES[kind](about)]
    if lines:
        grey = picture.ndim == 2
        picture = np.repeat(picture[:, :, None], 3, axis=2) if grey else picture.copy()
        size = letter_size(picture)
        pen.text(picture, "\n".join(lines), (size / 2, size / 2), size, _INK)
        picture = np.ascontiguousarray(picture[:, :, 0]) if grey else picture
    file, drawn = BytesIO(), Image.fromarray(np.ascontiguousarray(picture))
    if look.format == "png":
        drawn.save(file, "PNG", compress_level=_PNG_EFFORT)
    else:
        drawn.save(file, "JPEG", quality=look.quality, subsampling=0)  # thin coloured lines stay as they are
    return file.getvalue()


def _patient(ds: Dataset) -> list[str]:
    """8.3.5.1.1: for someone who must know whose picture it is."""
    name = " ".join(part for part in str(ds.get("PatientName", "")).split("=")[0].split("^") if part)
    return [line for line in (name, _said(ds, "PatientID"), _said(ds, "PatientBirthDate", "PatientSex")) if line]


def _technique(ds: Dataset) -> list[str]:
    when = _said(ds, "AcquisitionDate") or _said(ds, "ContentDate") or _said(ds, "StudyDate")
    view = _said(ds, "Modality", "BodyPartExamined", "ViewPosition")
    exposure = [f"{_said(ds, keyword)} {unit}" for keyword, unit in _EXPOSURE if _said(ds, keyword)]
    return [line for line in (view, when, "  ".join(exposure)) if line]


def _said(ds: Dataset, *keywords: str) -> str:
    return "  ".join(str(found[0]).strip() for keyword in keywords if (found := values(ds, keyword)))


_EXPOSURE = (("KVP", "kV"), ("Exposure", "mAs"), ("DistanceSourceToDetector", "mm"))
_LINES = {"patient": _patient, "technique": _technique}
