"""The Image Library of the Chest CAD SR: each film with what is known of it, PS3.16 TID 4020.

Its rows are required "if the attribute is in the image". A real header holds illegal values too; those are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from highdicom.sr import ContainerContentItem, DateContentItem, TimeContentItem
from highdicom.sr.value_types import ContentItem
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from worker.encode import codes
from worker.encode.chest_cad import codes as cad
from worker.encode.header import plain
from worker.encode.items import CONTAINS, HAS_ACQ_CONTEXT, HAS_CONCEPT_MOD, code, container, image, number
from worker.encode.items import text as text_item
from worker.encode.reading import items, spacing, text
from worker.encode.source import Source

# Image View, CID 4010, by what a View Code Sequence holds: SNOMED CT, or the SNOMED-RT of older devices.
_VIEW_CODES = {"272479007": "PA", "R-10214": "PA", "399348003": "AP", "R-10206": "AP"}
_SCHEMES = ("SCT", "SRT", "SNM3", "DCM")
# Rows 7 to 10
_MOMENTS = (
    ("StudyDate", cad.STUDY_DATE, "StudyTime", cad.STUDY_TIME),
    ("ContentDate", cad.CONTENT_DATE, "ContentTime", cad.CONTENT_TIME),
)
_TM = re.compile(r"([01]\d|2[0-3])([0-5]\d([0-5]\d(\.\d{1,6})?)?)?")


def image_library(sources: list[Source]) -> ContainerContentItem:
    """TID 4100 rows 3 and 4."""
    return container(CONTAINS, codes.IMAGE_LIBRARY, *(image(CONTAINS, source, *_context(source)) for source in sources))


def _context(source: Source) -> Iterator[ContentItem]:
    """TID 4020 rows 2 to 12, 27 and 28, in this order."""
    header = source.header
    laterality = cad.LATERALITIES.get(text(header, "ImageLaterality"))
    if laterality:
        yield code(HAS_ACQ_CONTEXT, cad.IMAGE_LATERALITY, laterality)
    view = next(iter(items(header, "ViewCodeSequence")), Dataset())
    coded = codes.VIEWS.get(_VIEW_CODES.get(text(view, "CodeValue")) or text(header, "ViewPosition"))
    if coded:
        yield code(HAS_ACQ_CONTEXT, codes.IMAGE_VIEW, coded, *_view_modifiers(view))
    row, column = source.orientation
    if row:
        yield text_item(HAS_ACQ_CONTEXT, codes.ORIENTATION_ROW, row)
        yield text_item(HAS_ACQ_CONTEXT, codes.ORIENTATION_COLUMN, column)
    yield from _moments(header)
    pitch = spacing(header, "ImagerPixelSpacing", "PixelSpacing")
    if pitch:
        yield number(HAS_ACQ_CONTEXT, codes.HORIZONTAL_SPACING, pitch[1], codes.MILLIMETRE)
        yield number(HAS_ACQ_CONTEXT, codes.VERTICAL_SPACING, pitch[0], codes.MILLIMETRE)
    if source.rows and source.columns:
        yield number(HAS_ACQ_CONTEXT, codes.PIXEL_ROWS, source.rows, codes.PIXELS)
        yield number(HAS_ACQ_CONTEXT, codes.PIXEL_COLUMNS, source.columns, codes.PIXELS)


def _view_modifiers(view: Dataset) -> Iterator[ContentItem]:
    """Row 4, CID 4011: the image's own codes, where they are of a public scheme."""
    for item in items(view, "ViewModifierCodeSequence"):
        value, scheme = plain(text(item, "CodeValue"), 16), text(item, "CodingSchemeDesignator")
        meaning = plain(text(item, "CodeMeaning"), 64)
        if value and meaning and scheme in _SCHEMES:
            yield code(HAS_CONCEPT_MOD, cad.IMAGE_VIEW_MODIFIER, Code(value, scheme, meaning))


def _moments(header: Dataset) -> Iterator[ContentItem]:
    for day, day_name, time, time_name in _MOMENTS:
        if _is_a_day(text(header, day)):
            yield DateContentItem(day_name, text(header, day), HAS_ACQ_CONTEXT)
        if _TM.fullmatch(text(header, time)):
            yield TimeContentItem(time_name, text(header, time), HAS_ACQ_CONTEXT)


def _is_a_day(words: str) -> bool:
    """Whether a DA value is eight digits that name a day."""
    try:
        return len(words) == 8 and words.isascii() and words.isdigit() and bool(date.fromisoformat(words))
    except ValueError:
        return False
