"""What a GSPS draws on the film: a box round each lesion, its label beside it, one line on the film.

PS3.3 C.10.5 Graphic Annotation, C.10.7 Graphic Layer. Boxes and labels are in image pixels; the line on the film is
in the units of the displayed area, so that it stays at the top whatever is shown.
"""

from __future__ import annotations

from collections.abc import Iterator

from highdicom.color import CIELabColor
from highdicom.pr import (
    AnnotationUnitsValues,
    GraphicAnnotation,
    GraphicLayer,
    GraphicObject,
    GraphicTypeValues,
    TextJustificationValues,
    TextObject,
)
from pydicom.dataset import Dataset

from model.findings import Box, Findings, ModelIdentity
from worker.encode import wording
from worker.encode.geometry import corners
from worker.encode.header import UNVERIFIED
from worker.encode.identity import lesion_tracking_uid
from worker.encode.request import SourceImage
from worker.encode.source import Source

_LINE = (0.02, 0.01, 0.98, 0.05)  # of the displayed area
_LINES_PER_IMAGE = 40  # a label is this share of the longer side high
_ASPECT = 0.6  # width of a letter over its height


def layer(order: int) -> GraphicLayer:
    """The layer that every mark is in: amber, white on a grey display."""
    made = GraphicLayer("AI_UNVERIFIED", order, UNVERIFIED, CIELabColor(80.0, 15.0, 75.0))
    made.GraphicLayerRecommendedDisplayGrayscaleValue = 0xFFFF
    return made


def annotation(image: SourceImage, found: Findings, identity: ModelIdentity, marking: bool) -> GraphicAnnotation:
    """The one Graphic Annotation item of the image."""
    shown = found.shown if marking else ()
    labels = [wording.lesion_label(lesion) for lesion in shown]
    places = place_labels([lesion.box for lesion in shown], labels, found.width, found.height)
    return GraphicAnnotation(
        referenced_images=[_reference(image, found)],
        graphic_layer=layer(1),
        referenced_frame_number=next(iter(Source(image.header).frames), None),
        graphic_objects=[
            GraphicObject(
                graphic_type=GraphicTypeValues.POLYLINE,
                graphic_data=corners(lesion.box),
                units=AnnotationUnitsValues.PIXEL,
                tracking_id=f"lesion {number}",
                tracking_uid=lesion_tracking_uid(image, identity, number),
            )
            for number, lesion in enumerate(shown, start=1)
        ]
        or None,
        text_objects=[
            _film_line(wording.film_line(found, marking)),
            *(_text(label, place) for label, place in zip(labels, places, strict=True)),
        ],
    )


def place_labels(boxes: list[Box], labels: list[str], width: int, height: int) -> list[Box]:
    """A rectangle for each label: above its box, below it or in it, inside the image, off the earlier labels."""
    placed: list[Box] = []
    for box, label in zip(boxes, labels, strict=True):
        tall = min(max(max(width, height) / _LINES_PER_IMAGE, 12.0), height / 4, width / (len(label) * _ASPECT))
        wide = tall * _ASPECT * len(label)
        left = max(min(box[0], width - wide), 0.0)
        right = min(left + wide, width)
        candidates = [(left, top, right, min(top + tall, height)) for top in _tops(box, tall, height)]
        free = [spot for spot in candidates if not any(_overlap(spot, other) for other in placed)]
        placed.append((free or candidates)[0])
    return placed


def _tops(box: Box, tall: float, height: int) -> Iterator[float]:
    """Where a label of height `tall` may start: above, below, inside at the top, inside at the bottom."""
    gap = tall / 4
    banner = height * _LINE[3]
    for top in (box[1] - gap - tall, box[3] + gap, box[1] + gap, box[3] - gap - tall):
        if banner <= top <= height - tall:
            yield top
    yield max(min(box[1], height - tall), 0.0)


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _text(words: str, place: Box) -> TextObject:
    return TextObject(
        text_value=words,
        units=AnnotationUnitsValues.PIXEL,
        bounding_box=place,
        text_justification=TextJustificationValues.LEFT,
    )


def _film_line(words: str) -> TextObject:
    return TextObject(
        text_value=words,
        units=AnnotationUnitsValues.DISPLAY,
        bounding_box=_LINE,
        text_justification=TextJustificationValues.LEFT,
    )


def _reference(image: SourceImage, found: Findings) -> Dataset:
    """As much of the image as highdicom asks for to refer to it."""
    source, ds = Source(image.header), Dataset()
    ds.SOPClassUID, ds.SOPInstanceUID = source.sop_class_uid, source.sop_instance_uid
    ds.SeriesInstanceUID = source.series_uid
    ds.Rows, ds.Columns = found.height, found.width
    if source.frames:
        ds.NumberOfFrames = 2  # highdicom asks only whether it is more than one
    return ds
