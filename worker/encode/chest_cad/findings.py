"""What was found: the summary (PS3.16 TID 4101) and below it a Single Image Finding (TID 4104) for each lesion shown.

A lesion is on one film, so nothing is a Composite Feature (TID 4102), which wants two findings that belong together.
Without marking there is no Single Image Finding: TID 4104 demands a centre or an outline of each. TID 4101 leaves them
optional, so the summary stands alone and says that something was found, not where.
"""

from __future__ import annotations

from collections.abc import Iterator

from highdicom.sr import CodeContentItem, RelationshipTypeValues, UIDRefContentItem
from highdicom.sr.value_types import ContentItem

from model.findings import Lesion, ModelIdentity
from worker.encode import codes, wording
from worker.encode.chest_cad import codes as cad
from worker.encode.geometry import corners, side
from worker.encode.identity import lesion_tracking_uid
from worker.encode.items import (
    CONTAINS,
    HAS_CONCEPT_MOD,
    HAS_OBS_CONTEXT,
    HAS_PROPERTIES,
    INFERRED_FROM,
    code,
    graphic,
    number,
    text,
)
from worker.encode.results import Film


def findings_summary(films: list[Film], identity: ModelIdentity, marking: bool) -> CodeContentItem:
    """TID 4101. "With findings" is what is above the operating point or marked, of any film."""
    found = [film.image.findings for film in films if film.image.findings]
    positive = any(one.positive or (marking and one.shown) for one in found)
    value = codes.SUMMARIES[len(found) == len(films), positive] if found else codes.NOT_ANALYSED
    lesions: list[ContentItem] = []  # row 3
    for film in films:
        shown = film.image.findings.shown if film.image.findings and marking else ()
        lesions += [_single_image_finding(film, n, lesion, identity) for n, lesion in enumerate(shown, start=1)]
    return code(CONTAINS, codes.SUMMARY, value, *lesions)


def algorithm(related: RelationshipTypeValues, identity: ModelIdentity, *said: str) -> Iterator[ContentItem]:
    """TID 4019. said: more Algorithm Parameters."""
    yield text(related, cad.ALGORITHM_NAME, identity.name)  # row 1
    yield text(related, cad.ALGORITHM_VERSION, identity.version)  # row 2
    for words in (*said, f"Weights SHA-256: {identity.digest}"):  # row 3
        yield text(related, cad.ALGORITHM_PARAMETERS, words)


def _single_image_finding(film: Film, nth: int, lesion: Lesion, identity: ModelIdentity) -> CodeContentItem:
    """TID 4104, with the same tracking UID as in every other form."""
    found = cad.chest_finding(lesion.label)
    return code(INFERRED_FROM, cad.SINGLE_IMAGE_FINDING, found.kind, *_rows(film, nth, lesion, identity, found))


def _rows(
    film: Film, nth: int, lesion: Lesion, identity: ModelIdentity, found: cad.ChestFinding
) -> Iterator[ContentItem]:
    """The rows of TID 4104 below its first, in this order."""
    if found.modifier:
        yield code(HAS_CONCEPT_MOD, cad.FINDING_MODIFIER, found.modifier)  # row 2
    if found.component:
        yield code(HAS_CONCEPT_MOD, cad.CHEST_COMPONENT, found.component)  # row 4
    yield code(HAS_CONCEPT_MOD, cad.RENDERING_INTENT, cad.PRESENTATION_REQUIRED)  # row 6
    yield text(HAS_OBS_CONTEXT, cad.TRACKING_IDENTIFIER, f"{film.lesion_prefix}lesion {nth}")  # row 8, TID 4108
    uid = lesion_tracking_uid(film.image, identity, nth)
    yield UIDRefContentItem(cad.TRACKING_UID, uid, HAS_OBS_CONTEXT)
    yield from algorithm(HAS_OBS_CONTEXT, identity)  # row 11
    yield number(HAS_PROPERTIES, codes.CERTAINTY, wording.percentage(lesion.probability), codes.PERCENT)  # row 12
    yield from _geometry(film, lesion)  # row 14
    yield from _descriptors(film, lesion)  # row 18


def _geometry(film: Film, lesion: Lesion) -> Iterator[ContentItem]:
    """TID 4107: rows 1 and 2 the centre, rows 4 and 5 the outline, closed."""
    x0, y0, x1, y1 = lesion.box
    yield graphic(cad.CENTER, "POINT", [((x0 + x1) / 2, (y0 + y1) / 2)], film.source)
    yield graphic(cad.OUTLINE, "POLYLINE", corners(lesion.box).tolist(), film.source)


def _descriptors(film: Film, lesion: Lesion) -> Iterator[ContentItem]:
    """TID 4105 row 9, the patient's side, where the finding has one and the film tells which."""
    assert film.image.findings is not None
    paired = codes.finding_of(lesion.label).paired
    which = side(film.source, lesion.box, film.image.findings.width) if paired else ""
    if which:
        yield code(HAS_PROPERTIES, cad.LATERALITY, codes.SIDES[which])
