"""Which picture an object becomes, by its SOP class: PS3.4 B.5 (Standard SOP Classes)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from pydicom import Dataset
from pydicom.uid import (
    UID,
    BasicTextSRStorage,
    ChestCADSRStorage,
    Comprehensive3DSRStorage,
    ComprehensiveSRStorage,
    EnhancedSRStorage,
    GrayscaleSoftcopyPresentationStateStorage,
    KeyObjectSelectionDocumentStorage,
    ParametricMapStorage,
)

from daemon.core.attributes import word
from daemon.core.uids import is_uid
from worker.pixels.errors import PixelsUnreadable
from worker.render import panel, pen
from worker.render.capture import render_image
from worker.render.errors import CannotRender
from worker.render.heatmap import mapped, render_map
from worker.render.presentation import render_presentation_state
from worker.render.reference import is_referenced
from worker.render.regions import mentions
from worker.render.report import render_report, render_text

Render = Callable[[Dataset, Dataset, tuple[int, int] | None, list[str]], pen.Picture]


class _Over(NamedTuple):
    """A form that is drawn over images: how, and whether it is about one."""

    render: Render
    is_about: Callable[[Dataset, Dataset], bool]


def _mentioned(report: Dataset, image: Dataset) -> bool:
    return word(image, "SOPInstanceUID") in mentions(report)


def _mapped(parametric: Dataset, image: Dataset) -> bool:
    return word(image, "SOPInstanceUID") in mapped(parametric)


_OVER: Mapping[str, _Over] = {
    GrayscaleSoftcopyPresentationStateStorage: _Over(render_presentation_state, is_referenced),
    ParametricMapStorage: _Over(render_map, _mapped),
    EnhancedSRStorage: _Over(render_report, _mentioned),
    ComprehensiveSRStorage: _Over(render_report, _mentioned),
    Comprehensive3DSRStorage: _Over(render_report, _mentioned),
    ChestCADSRStorage: _Over(render_report, _mentioned),
}
_TEXTS = frozenset({BasicTextSRStorage, KeyObjectSelectionDocumentStorage})


@dataclass(frozen=True, slots=True)
class Drawn:
    """One picture, uint8 [H, W, 3]; image_uid: the image under it, "" where there is none."""

    picture: pen.Picture
    image_uid: str
    notes: tuple[str, ...]


def draw(thing: Dataset, images: list[Dataset], size: tuple[int, int] | None = None) -> list[Drawn]:
    """A picture of the object over each image that it is about; one without an image where it is about none of them.

    The picture's last line says which object it is drawn from.
    Raises CannotRender or PixelsUnreadable, and nothing else: an object is broken, of another kind, or about no image
    that is here.
    """
    try:
        return _draw(thing, images, size)
    except (CannotRender, PixelsUnreadable):
        raise
    except MemoryError as error:
        raise CannotRender("the picture is too large for this machine") from error
    except Exception as error:  # pydicom has no closed set of errors for broken values
        raise CannotRender(f"the object or its image is broken ({type(error).__name__})") from error


def _draw(thing: Dataset, images: list[Dataset], size: tuple[int, int] | None) -> list[Drawn]:
    kind = word(thing, "SOPClassUID")
    if not is_uid(kind):
        raise CannotRender("the object states no SOP class")
    over = _OVER.get(kind)
    mine = [image for image in images if over and over.is_about(thing, image)]
    notes: list[str] = []
    if kind in _TEXTS or (over and over.render is render_report and not mine):
        return [_captioned(thing, None, render_text(thing), notes)]
    if over is None and "PixelData" in thing:
        return [_captioned(thing, None, render_image(thing, size, notes), notes)]
    if over is None:
        raise CannotRender(f"objects of SOP class {kind} are not drawn")
    if not mine:
        raise CannotRender("none of the images given is one that the object is about")
    pictures = []
    for image in mine:
        said: list[str] = []
        pictures.append(_captioned(thing, image, over.render(thing, image, size, said), said))
    return pictures


def _captioned(thing: Dataset, image: Dataset | None, picture: pen.Picture, notes: list[str]) -> Drawn:
    uid = "" if image is None else word(image, "SOPInstanceUID")
    name = UID(word(thing, "SOPClassUID")).name.removesuffix(" Storage")
    caption = f"drawn from {name} {word(thing, 'SOPInstanceUID')}" + (f" over image {uid}" if uid else "")
    return Drawn(panel.below(picture, caption), uid, tuple(dict.fromkeys(notes)))
