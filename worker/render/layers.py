"""Graphic layers: in which order things are drawn and in which colour. PS3.3 C.10.7."""

from __future__ import annotations

from dataclasses import dataclass

from pydicom import Dataset

from daemon.core.attributes import integer, items, word
from worker.render.colours import AMBER, Colour, stated


@dataclass(frozen=True, slots=True)
class Layer:
    """One graphic layer; a lower order is drawn first, under the others."""

    name: str
    order: int
    colour: Colour


def layers_of(state: Dataset) -> list[Layer]:
    """The layers of a presentation state, the lowest first."""
    found = [
        Layer(
            word(item, "GraphicLayer"),
            integer(item, "GraphicLayerOrder", 0) or 0,
            stated(
                item,
                "GraphicLayerRecommendedDisplayCIELabValue",
                "GraphicLayerRecommendedDisplayGrayscaleValue",
                "GraphicLayerRecommendedDisplayRGBValue",
            )
            or AMBER,
        )
        for item in items(state, "GraphicLayerSequence")
    ]
    return sorted(found, key=lambda layer: layer.order)
