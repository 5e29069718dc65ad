"""The Image Library of the SR: which images were looked at, and what is known of each.

PS3.16 TID 1600, 1602, 1603. OHIF cannot open a TID 1500 report without one; highdicom's own raises on a radiograph
without Imager Pixel Spacing or Patient Orientation, so each descriptor here is written only where the header has it.
"""

from __future__ import annotations

from collections.abc import Iterator

from highdicom.sr import (
    CodeContentItem,
    ContainerContentItem,
    ContentSequence,
    ImageContentItem,
    NumContentItem,
    RelationshipTypeValues,
    TextContentItem,
)
from highdicom.sr.value_types import ContentItem
from pydicom.sr.coding import Code

from worker.encode import codes
from worker.encode.reading import spacing, text
from worker.encode.source import Source

_CONTAINS = RelationshipTypeValues.CONTAINS
_CONTEXT = RelationshipTypeValues.HAS_ACQ_CONTEXT


def image_library(sources: list[Source]) -> ContainerContentItem:
    """The Image Library container with one group that holds every image of the study's report."""
    library = ContainerContentItem(name=codes.IMAGE_LIBRARY, relationship_type=_CONTAINS, template_id="1600")
    group = ContainerContentItem(name=codes.IMAGE_LIBRARY_GROUP, relationship_type=_CONTAINS)
    group.ContentSequence = ContentSequence([_entry(source) for source in sources])
    library.ContentSequence = ContentSequence([group])
    return library


def _entry(source: Source) -> ImageContentItem:
    entry = ImageContentItem(
        name=codes.ORIGINAL_SOURCE,
        referenced_sop_class_uid=source.sop_class_uid,
        referenced_sop_instance_uid=source.sop_instance_uid,
        relationship_type=_CONTAINS,
    )
    descriptors = list(_descriptors(source))
    if descriptors:  # C.17.3: a Content Sequence has items
        entry.ContentSequence = ContentSequence(descriptors)
    return entry


def _descriptors(source: Source) -> Iterator[ContentItem]:
    """TID 1602 rows, then TID 1603 rows."""
    modality = codes.MODALITIES.get(text(source.header, "Modality"))
    if modality:
        yield _code(codes.MODALITY, modality)
    if source.rows and source.columns:
        yield _number(codes.PIXEL_ROWS, source.rows, codes.PIXELS)
        yield _number(codes.PIXEL_COLUMNS, source.columns, codes.PIXELS)
    view = codes.VIEWS.get(text(source.header, "ViewPosition"))
    if view:
        yield _code(codes.IMAGE_VIEW, view)
    row, column = source.orientation
    if row:
        yield TextContentItem(name=codes.ORIENTATION_ROW, value=row, relationship_type=_CONTEXT)
        yield TextContentItem(name=codes.ORIENTATION_COLUMN, value=column, relationship_type=_CONTEXT)
    pitch = spacing(source.header, "ImagerPixelSpacing", "PixelSpacing")
    if pitch:
        yield _number(codes.HORIZONTAL_SPACING, pitch[1], codes.MILLIMETRE)
        yield _number(codes.VERTICAL_SPACING, pitch[0], codes.MILLIMETRE)


def _code(name: Code, value: Code) -> CodeContentItem:
    return CodeContentItem(name=name, value=value, relationship_type=_CONTEXT)


def _number(name: Code, value: float, unit: Code) -> NumContentItem:
    return NumContentItem(name=name, value=value, unit=unit, relationship_type=_CONTEXT)
