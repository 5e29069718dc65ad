"""The query parameters of rendered resources: PS3.18 8.3.5.1 (8.3.5.1.1 annotation to 8.3.5.1.5 ICC profile).

A value that the standard's grammar does not allow is refused, never guessed. Limits of our own: a viewport of at most
8192 x 8192; a window without its function is linear, as many clients mean it.
"""

from __future__ import annotations

import math
import re
from typing import Literal, cast

from starlette.datastructures import QueryParams

from daemon.core.errors import ThoraxdError
from daemon.web.renderers import Look, Viewport, Window

MAX_SIDE = 8192
ANNOTATIONS = ("patient", "technique")
FUNCTIONS = {"linear": "LINEAR", "linear-exact": "LINEAR_EXACT", "sigmoid": "SIGMOID"}
_INTEGER = re.compile(r"[0-9]{1,6}")
_DECIMAL = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_FARTHEST = 1e9  # of a window or a region


class BadParameter(ThoraxdError):  # noqa: N818  named by what the caller must know
    """A query parameter has a value that the standard does not allow; 400."""


def look_of(query: QueryParams, image_format: Literal["jpeg", "png"]) -> Look:
    """How a rendered image is to look. Raises BadParameter."""
    return Look(
        format=image_format,
        window=_window(_one(query, "window")),
        viewport=_viewport(_one(query, "viewport")),
        annotation=_annotation(_one(query, "annotation")),
        quality=_quality(_one(query, "quality")),
    )


def thumbnail_size(query: QueryParams, default: int, largest: int) -> tuple[int, int]:
    """The bounds of a thumbnail, whose viewport has no region (10.4.1.1.4). Raises BadParameter."""
    viewport = _viewport(_one(query, "viewport"))
    if viewport is None:
        return default, default
    if viewport.region != Viewport(1, 1).region:
        raise BadParameter("viewport: of a thumbnail it has a width and a height only")
    return min(viewport.width, largest), min(viewport.height, largest)


def frame_list(text: str) -> list[int]:
    """Frame numbers, counted from 1: 10.4.1.1.1. Raises BadParameter."""
    parts = text.split(",")
    if not all(re.fullmatch(r"[0-9]{1,9}", part) and int(part) for part in parts) or len(set(parts)) != len(parts):
        raise BadParameter("frames: numbers from 1 on, each once, separated by commas")
    return [int(part) for part in parts]


def _one(query: QueryParams, name: str) -> str | None:
    values = query.getlist(name)
    if len(values) > 1:
        raise BadParameter(f"{name}: it stands twice")
    return values[0] if values else None


def _window(text: str | None) -> Window | None:
    """8.3.5.1.4."""
    if text is None:
        return None
    parts = text.split(",")
    if len(parts) not in (2, 3):
        raise BadParameter("window: center,width,function")
    center, width = (_decimal("window", part) for part in parts[:2])
    function = FUNCTIONS.get(parts[2].strip().lower() if len(parts) == 3 else "linear")
    if function is None:
        raise BadParameter("window: its function is linear, linear-exact or sigmoid")
    if width < 1 if function == "LINEAR" else width <= 0:  # PS3.3 C.11.2.1.2.1, C.11.2.1.3
        raise BadParameter("window: its width is at least 1 for linear, and above 0 for the other functions")
    return Window(center, width, cast(Literal["LINEAR", "LINEAR_EXACT", "SIGMOID"], function))


def _viewport(text: str | None) -> Viewport | None:
    """8.3.5.1.3: vw,vh,sx,sy,sw,sh; of the last four each may be empty or left out."""
    if text is None:
        return None
    parts = text.split(",")
    if not 2 <= len(parts) <= 6 or not all(_INTEGER.fullmatch(part) for part in parts[:2]):
        raise BadParameter("viewport: width,height in whole pixels, and then x,y,width,height of the source's region")
    width, height = int(parts[0]), int(parts[1])
    if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE):
        raise BadParameter(f"viewport: its width and height are 1 to {MAX_SIDE} pixels")
    x, y, wide, high = (_decimal("viewport", part) if part else None for part in (*parts[2:], "", "", "", "")[:4])
    if wide == 0 or high == 0:
        raise BadParameter("viewport: the region has no width or no height")
    return Viewport(width, height, (abs(x or 0.0), abs(y or 0.0), wide, high))


def _annotation(text: str | None) -> tuple[str, ...]:
    """8.3.5.1.1."""
    asked = [part.strip().lower() for part in text.split(",")] if text is not None else []
    if any(part not in ANNOTATIONS for part in asked):
        raise BadParameter("annotation: patient, technique or both")
    return tuple(dict.fromkeys(asked))


def _quality(text: str | None) -> int:
    """8.3.5.1.2."""
    if text is None:
        return Look().quality
    if not _INTEGER.fullmatch(text) or not 1 <= int(text) <= 100:
        raise BadParameter("quality: a whole number from 1 to 100")
    return int(text)


def _decimal(name: str, text: str) -> float:
    if not _DECIMAL.fullmatch(text.strip()) or not math.isfinite(float(text)) or abs(float(text)) > _FARTHEST:
        raise BadParameter(f"{name}: a value is no number, or too large")
    return float(text)
