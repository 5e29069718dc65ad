"""The SR of one study: Imaging Measurement Report, TID 1500, in the flavour of the destination.

PS3.3 A.35.3 (Comprehensive SR), A.35.13 (Comprehensive 3D SR); PS3.16 TID 1500.
"""

from __future__ import annotations

from highdicom.sr import (
    CodeContentItem,
    CodedConcept,
    ContainerContentItem,
    ContentSequence,
    LanguageOfContentItemAndDescendants,
    RelationshipTypeValues,
)
from highdicom.sr.value_types import ContentItem
from pydicom.dataset import Dataset

from worker.encode import codes, wording
from worker.encode.chest_cad.codes import CHEST_CAD_REPORT
from worker.encode.document import observer
from worker.encode.header import UNVERIFIED, Series
from worker.encode.identity import series_uid, sr_uid
from worker.encode.lesions import lesion_group
from worker.encode.library import image_library
from worker.encode.profiles import PROFILES, Profile
from worker.encode.request import CannotEncode, ReportRequest
from worker.encode.results import Film, as_evaluations, comment_item, results
from worker.encode.source import Source
from worker.encode.sr_document import films_of, sr_document


def structured_report(request: ReportRequest, name: str, marking: bool) -> Dataset:
    """The SR of the study in flavour `name`.

    Raises CannotEncode when no valid document can be made of the request.
    """
    if name not in PROFILES:
        raise CannotEncode(f"no SR profile {name!r}")
    profile, films = PROFILES[name], films_of(request)
    uid, series = sr_uid(request, films[0].source.study_uid, name, marking), _series(request, name, profile, marking)
    return sr_document(request, films, series, profile.sop_class_uid, uid, _tree(request, films, profile, marking))


def _series(request: ReportRequest, name: str, profile: Profile, marking: bool) -> Series:
    uid = series_uid(Source(request.images[0].header).study_uid, "sr", name, marking, request.identity)
    number = profile.series_number if marking else profile.series_number + 1
    shape = "result" if marking else "triage"
    return Series("SR", uid, number, f"{UNVERIFIED}: chest {shape} SR ({name})")


def _tree(request: ReportRequest, films: list[Film], profile: Profile, marking: bool) -> ContainerContentItem:
    """TID 1500: language, observer, procedure, Image Library, Imaging Measurements, Qualitative Evaluations.

    Where the flavour's viewer needs a measurement and there is none, the same without title, template and measurements.
    """
    contains, identity = RelationshipTypeValues.CONTAINS, request.identity
    groups: list[ContentItem] = []
    for film in films:
        shown = film.image.findings.shown if film.image.findings and marking else ()
        groups += [lesion_group(film, n, lesion, identity, profile) for n, lesion in enumerate(shown, start=1)]
    measurements = ContainerContentItem(codes.IMAGING_MEASUREMENTS, relationship_type=contains)
    if groups:
        measurements.ContentSequence = ContentSequence(groups)
    measured = bool(groups) or not profile.needs_measurements
    analysed = sum(film.image.findings is not None for film in films)
    root = (
        ContainerContentItem(codes.REPORT, template_id="1500") if measured else ContainerContentItem(CHEST_CAD_REPORT)
    )
    root.ContentSequence = ContentSequence(
        [
            *LanguageOfContentItemAndDescendants(CodedConcept.from_code(codes.LANGUAGE)),
            *observer(request),
            CodeContentItem(codes.PROCEDURE_REPORTED, codes.PROCEDURE, RelationshipTypeValues.HAS_CONCEPT_MOD),
            image_library([film.source for film in films]),
            *([measurements] if measured else []),
            as_evaluations(results(films, identity, marking), identity),
            comment_item(wording.document_line(analysed, len(films), request.set_aside)),
        ]
    )
    return root
