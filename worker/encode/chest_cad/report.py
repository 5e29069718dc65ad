"""The Chest CAD SR of one study: PS3.3 A.35.6, PS3.16 TID 4100 (Chest CAD Document Root).

The template is not extensible and its order is significant, so every row is written by a function that cites it, and
each item that the template leaves optional is there because a reader or a CAD workstation needs it.
"""

from __future__ import annotations

from highdicom.sr import CodedConcept, ContainerContentItem, ContentSequence, LanguageOfContentItemAndDescendants
from pydicom.dataset import Dataset
from pydicom.uid import ChestCADSRStorage

from worker.encode import codes
from worker.encode.chest_cad.codes import CHEST_CAD_REPORT
from worker.encode.chest_cad.detections import summary_of_analyses, summary_of_detections
from worker.encode.chest_cad.findings import findings_summary
from worker.encode.chest_cad.library import image_library
from worker.encode.header import UNVERIFIED, Series, plain
from worker.encode.identity import series_uid, study_object_uid
from worker.encode.request import ReportRequest
from worker.encode.results import Film, results
from worker.encode.sr_document import films_of, sr_document

_KIND = "chest-cad-sr"
_SERIES_NUMBER = 9140  # of triage-only output the next


def chest_cad_report(request: ReportRequest, marking: bool) -> Dataset:
    """The Chest CAD SR of the study; without an analysed film it says that the detection failed, and why.

    Raises CannotEncode when no valid document can be made of the request.
    """
    films = films_of(request)
    study_uid = films[0].source.study_uid
    series = Series(
        "SR",
        series_uid(study_uid, _KIND, "", marking, request.identity),
        _SERIES_NUMBER + (not marking),
        f"{UNVERIFIED}: chest CAD {'result' if marking else 'triage'} SR",
    )
    uid = study_object_uid(request, _KIND, study_uid, "", marking)
    root = _root(request, films, marking)
    return sr_document(request, films, series, ChestCADSRStorage, uid, root, _headline(request, films, marking))


def _root(request: ReportRequest, films: list[Film], marking: bool) -> ContainerContentItem:
    """TID 4100."""
    root = ContainerContentItem(CHEST_CAD_REPORT, is_content_continuous=False, template_id="4100")  # row 1
    root.ContentSequence = ContentSequence(
        [
            *LanguageOfContentItemAndDescendants(CodedConcept.from_code(codes.LANGUAGE)),  # row 2
            image_library([film.source for film in films]),  # rows 3, 4
            findings_summary(films, request.identity, marking),  # row 5
            summary_of_detections(films, request.identity, marking),  # rows 6, 7
            summary_of_analyses(),  # row 8
        ]
    )
    return root


def _headline(request: ReportRequest, films: list[Film], marking: bool) -> str:
    """The study's result in one sentence. The tree has no row for it; viewers show it above the tree."""
    study = results(films, request.identity, marking)[0]
    if study.probability is None:
        return "AI: study not analysed, unverified"
    return plain(study.comment.partition(". ")[0], 64)
