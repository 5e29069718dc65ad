"""A Grayscale Softcopy Presentation State and its image as a picture: PS3.3 A.33.1, PS3.4 Annex N.

In the standard's order (PS3.4 N.2): grey values, shutter, spatial transformation, displayed area, and over it the
layers from the lowest to the highest. Nothing is taken from the image but its pixels and its overlays.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.uid import GrayscaleSoftcopyPresentationStateStorage

from daemon.core.attributes import items, word
from worker.pixels.decode import Stored
from worker.render import pen
from worker.render.annotations import annotate
from worker.render.errors import CannotRender
from worker.render.geometry import view_of
from worker.render.grey import Values, state_p_values
from worker.render.layers import layers_of
from worker.render.overlays import activated
from worker.render.reference import for_image, is_referenced
from worker.render.shutters import shut
from worker.render.stored import stored_of


def render_presentation_state(
    state: Dataset, image: Dataset, size: tuple[int, int] | None = None, notes: list[str] | None = None
) -> pen.Picture:
    """`image`, with pixels, as the presentation state shows it: uint8 [H, W, 3], sRGB with P-Values as its greys.

    size: (width, height) of the picture; None takes the displayed area's own proportion. notes: gets a line for each
    thing that is not drawn.
    Raises CannotRender when the state is of another kind or about other images, or when its geometry is broken;
    PixelsUnreadable when the image has no readable pixels.
    """
    notes = [] if notes is None else notes
    if word(state, "SOPClassUID") != GrayscaleSoftcopyPresentationStateStorage:
        raise CannotRender("not a Grayscale Softcopy Presentation State")
    if not is_referenced(state, image):
        raise CannotRender("the presentation state is about other images")
    if items(state, "MaskSubtractionSequence"):
        notes.append("mask subtraction: not done")
    stored = stored_of(image)
    view = view_of(state, image, size, notes)
    grey = as_grey(state_p_values(state, image, stored, notes), stored)
    picture = as_colour(view.draw(shut(state, grey, view.pixel_aspect, notes)))
    shown = list(activated(state, image, (grey.shape[0], grey.shape[1]), notes))
    annotations = for_image(items(state, "GraphicAnnotationSequence"), image)
    layers = layers_of(state)
    for layer in layers:
        for overlay in (over for name, over in shown if name == layer.name):
            pen.blend(picture, view.draw(overlay.astype(np.uint8) * 255), layer.colour)
        mine = [item for item in annotations if word(item, "GraphicLayer") == layer.name]
        annotate(picture, mine, layer.colour, view, notes)
    named = {layer.name for layer in layers}
    if any(name not in named for name in (*(word(item, "GraphicLayer") for item in annotations), *dict(shown))):
        notes.append("an annotation or overlay in a layer that is not declared: not drawn")
    return picture


def as_grey(p_values: Values, stored: Stored) -> NDArray[np.uint8]:
    """P-Values in [0, 1] of each level, as the 8-bit plane [Rows, Columns] of the image."""
    return np.rint(255 * p_values).astype(np.uint8)[stored.level]


def as_colour(grey: NDArray[np.uint8]) -> pen.Picture:
    """A grey plane [H, W] as uint8 [H, W, 3]."""
    return np.repeat(grey[:, :, None], 3, axis=2)
