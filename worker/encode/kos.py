"""The KOS of a study above the operating point: its positive films, marked "Of Interest".

PS3.3 A.35.4 (Key Object Selection Document), C.17.6; PS3.16 TID 2010. Of the titles of CID 7010 it is the one that
claims least (the others name a purpose that only a person can have) and that IHE's Key Image Note (RAD TF-2 4.29) is
mostly given. It says nothing of places, so marking changes only the series it is in.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from highdicom.sr import (
    CodedConcept,
    ContainerContentItem,
    LanguageOfContentItemAndDescendants,
    RelationshipTypeValues,
    TextContentItem,
)
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.sr.coding import Code
from pydicom.uid import UID, KeyObjectSelectionDocumentStorage

from model.findings import Findings
from worker.encode import codes, wording
from worker.encode.document import observer, refer_to_order
from worker.encode.header import UNVERIFIED, Series, by_study, finish, moment, plain, referenced_sop, start
from worker.encode.identity import series_uid, study_object_uid
from worker.encode.request import Maker, Reference, ReportRequest
from worker.encode.source import Source, in_order

OF_INTEREST = Code("113000", "DCM", "Of Interest")  # CID 7010
_DESCRIPTION = Code("113012", "DCM", "Key Object Description")
_SERIES_NUMBER = 9400


def key_objects(request: ReportRequest, marking: bool) -> list[tuple[str, Dataset]]:
    """[("", the study's KOS)] with the most probable film first; [] when no film is positive."""
    images = in_order(request)
    found = [(image.findings, Source(image.header)) for image in images if image.findings and image.findings.positive]
    if not found:
        return []
    positive = sorted(found, key=lambda pair: -pair[0].probability)
    source = positive[0][1]
    uid = study_object_uid(request, "kos", source.study_uid, "", marking)
    ds = selection(request, source, _series(request, source, marking), uid, request.revision, request.analysed_at)
    select(
        ds,
        request,
        OF_INTEREST,
        _description(request, positive[0][0], len(positive), len(images)),
        [selected("IMAGE", source.reference, source.frames) for _, source in positive],
        [source.reference for _, source in positive],
    )
    return [("", finish(ds))]


def selection(maker: Maker, source: Source, series: Series, uid: UID, number: int, at: datetime) -> Dataset:
    """A Key Object Selection Document of the source's study with nothing selected yet (C.17.6.1, C.17.6.2)."""
    ds = start(maker, source, series, KeyObjectSelectionDocumentStorage, uid, number, at)
    ds.ReferencedPerformedProcedureStepSequence = Sequence()
    ds.ContentDate, ds.ContentTime = moment(source, at)
    refer_to_order(ds, source)
    return ds


def select(
    ds: Dataset,
    maker: Maker,
    title: Code,
    words: str,
    items: list[Dataset],
    objects: list[Reference],
    modifiers: Iterable[Dataset] = (),
) -> None:
    """TID 2010 with `title`, described by `words`: the content items `items`, which refer to `objects`.

    modifiers: of the title, rows 2 to 4.
    """
    ds.CurrentRequestedProcedureEvidenceSequence = by_study(objects)
    for element in ContainerContentItem(title, is_content_continuous=False, template_id="2010"):  # row 1
        ds[element.tag] = element
    ds.ContentSequence = Sequence(
        [
            *modifiers,
            *LanguageOfContentItemAndDescendants(CodedConcept.from_code(codes.LANGUAGE)),  # row 5
            *observer(maker),  # row 6
            TextContentItem(_DESCRIPTION, plain(words, 1024), RelationshipTypeValues.CONTAINS),  # row 7
            *items,
        ]
    )


def selected(value_type: str, reference: Reference, frames: tuple[int, ...] = ()) -> Dataset:
    """TID 2010 row 8 ("IMAGE") or 10 ("COMPOSITE"). highdicom wants a concept name, which the template forbids."""
    item = Dataset()
    item.RelationshipType, item.ValueType = "CONTAINS", value_type
    sop = referenced_sop(reference.sop_class_uid, reference.sop_instance_uid)
    if frames:
        sop.ReferencedFrameNumber = list(frames)
    item.ReferencedSOPSequence = Sequence([sop])
    return item


def _description(request: ReportRequest, top: Findings, positive: int, films: int) -> str:
    point = wording.operating_point(request.identity, top.operating_point)
    return f"{wording.film_line(top, False)}. {positive} of {films} film{'s' if films != 1 else ''} positive. {point}."


def _series(request: ReportRequest, source: Source, marking: bool) -> Series:
    uid = series_uid(source.study_uid, "kos", "", marking, request.identity)
    return Series("KO", uid, _SERIES_NUMBER + (not marking), f"{UNVERIFIED}: chest KOS")
