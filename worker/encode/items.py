"""Content items as a template table reads: relationship, concept name, value, and below it the rows one level down."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from highdicom.sr import (
    CodeContentItem,
    ContainerContentItem,
    ContentSequence,
    ImageContentItem,
    NumContentItem,
    RelationshipTypeValues,
    ScoordContentItem,
    TextContentItem,
)
from highdicom.sr.value_types import ContentItem
from pydicom.sr.coding import Code

from worker.encode import codes
from worker.encode.header import plain
from worker.encode.source import Source

CONTAINS = RelationshipTypeValues.CONTAINS
HAS_ACQ_CONTEXT = RelationshipTypeValues.HAS_ACQ_CONTEXT
HAS_CONCEPT_MOD = RelationshipTypeValues.HAS_CONCEPT_MOD
HAS_OBS_CONTEXT = RelationshipTypeValues.HAS_OBS_CONTEXT
HAS_PROPERTIES = RelationshipTypeValues.HAS_PROPERTIES
INFERRED_FROM = RelationshipTypeValues.INFERRED_FROM
SELECTED_FROM = RelationshipTypeValues.SELECTED_FROM

Item = TypeVar("Item", bound=ContentItem)


def under(item: Item, *below: ContentItem) -> Item:
    """`item` with the content items `below` it, in this order."""
    if below:
        item.ContentSequence = ContentSequence(list(below))
    return item


def code(related: RelationshipTypeValues, name: Code, value: Code, *below: ContentItem) -> CodeContentItem:
    """A CODE item."""
    return under(CodeContentItem(name, value, related), *below)


def text(related: RelationshipTypeValues, name: Code, words: str) -> TextContentItem:
    """A TEXT item, in ASCII."""
    return TextContentItem(name, plain(words, 1024), related)


def number(
    related: RelationshipTypeValues, name: Code, value: float, unit: Code, *below: ContentItem
) -> NumContentItem:
    """A NUM item; an int is written without a decimal point, as rows that want an integer may be read."""
    item = NumContentItem(name, value, unit, relationship_type=related)
    if isinstance(value, int):
        item.MeasuredValueSequence[0].NumericValue = str(value)
    return under(item, *below)


def container(related: RelationshipTypeValues, name: Code, *below: ContentItem) -> ContainerContentItem:
    """A CONTAINER item of separate items, which a viewer does not run together into one sentence (C.17.3.2.2)."""
    return under(ContainerContentItem(name, is_content_continuous=False, relationship_type=related), *below)


def image(
    related: RelationshipTypeValues, source: Source, *below: ContentItem, name: Code = codes.ORIGINAL_SOURCE
) -> ImageContentItem:
    """An IMAGE item by value. Templates leave its concept name free; viewers are known to want one."""
    item = ImageContentItem(
        name,
        source.sop_class_uid,
        source.sop_instance_uid,
        referenced_frame_numbers=list(source.frames) or None,
        relationship_type=related,
    )
    return under(item, *below)


def graphic(name: Code, kind: str, points: Sequence[Sequence[float]], source: Source) -> ScoordContentItem:
    """A SCOORD item, HAS PROPERTIES, SELECTED FROM one image. points: [(x, y)] in pixels of that image."""
    item = ScoordContentItem(name, kind, np.asarray(points, dtype=np.float64), relationship_type=HAS_PROPERTIES)
    return under(item, image(SELECTED_FROM, source))
