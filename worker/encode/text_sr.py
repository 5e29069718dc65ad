"""The Basic Text SR of one study: the result in plain sentences, for viewers that show no other SR.

PS3.3 A.35.1, with headings and names of PS3.16 CID 7001 and 7002. It claims no template: the title of TID 2000 is to be
of CID 7000, all of which name what a radiologist signs, and a PACS that files by title would take this for it. Basic
Text knows no numbers and no coordinates, so a place is told in words, and without marking it is not told.
"""

from __future__ import annotations

from highdicom.sr import CodedConcept, ContainerContentItem, ContentSequence, LanguageOfContentItemAndDescendants
from highdicom.sr.value_types import ContentItem
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code
from pydicom.uid import BasicTextSRStorage

from model.findings import Lesion, ModelIdentity
from worker.encode import codes, wording
from worker.encode.chest_cad.codes import CHEST_CAD_REPORT
from worker.encode.document import observer
from worker.encode.geometry import side
from worker.encode.header import UNVERIFIED, Series
from worker.encode.identity import series_uid, study_object_uid
from worker.encode.items import CONTAINS, INFERRED_FROM, container, image, text, under
from worker.encode.request import ReportRequest
from worker.encode.results import Film, results
from worker.encode.sr_document import films_of, sr_document

_KIND = "text-sr"
_SERIES_NUMBER = 9150  # of triage-only output the next
_SUMMARY = Code("55112-7", "LN", "Summary")  # CID 7001
_FINDINGS = Code("59776-5", "LN", "Findings")
_CONCLUSION = Code("121077", "DCM", "Conclusion")  # CID 7002
_FINDING = Code("121071", "DCM", "Finding")


def text_report(request: ReportRequest, marking: bool) -> Dataset:
    """The Basic Text SR of the study; without an analysed film it says that and why.

    Raises CannotEncode when no valid document can be made of the request.
    """
    films = films_of(request)
    study_uid = films[0].source.study_uid
    series = Series(
        "SR",
        series_uid(study_uid, _KIND, "", marking, request.identity),
        _SERIES_NUMBER + (not marking),
        f"{UNVERIFIED}: chest {'result' if marking else 'triage'} text SR",
    )
    uid = study_object_uid(request, _KIND, study_uid, "", marking)
    return sr_document(request, films, series, BasicTextSRStorage, uid, _root(request, films, marking))


def _root(request: ReportRequest, films: list[Film], marking: bool) -> ContainerContentItem:
    """The study's result and what the document is, then each film's result."""
    analysed = sum(film.image.findings is not None for film in films)
    study = results(films, request.identity, marking)[0]
    about = f"{wording.document_line(analysed, len(films), request.set_aside)} {_made_by(request.identity)}"
    root = ContainerContentItem(CHEST_CAD_REPORT, is_content_continuous=False)
    root.ContentSequence = ContentSequence(
        [
            *LanguageOfContentItemAndDescendants(CodedConcept.from_code(codes.LANGUAGE)),
            *observer(request),
            container(CONTAINS, _SUMMARY, *(text(CONTAINS, _CONCLUSION, words) for words in (study.comment, about))),
            container(CONTAINS, _FINDINGS, *(item for film in films for item in _on_film(film, marking))),
        ]
    )
    return root


def _on_film(film: Film, marking: bool) -> list[ContentItem]:
    """The film's result, INFERRED FROM the film, and its lesions."""
    found = film.image.findings
    line = wording.film_line(found, marking) if found else wording.not_analysed_line(film.image.not_analysed)
    result = text(CONTAINS, _FINDING, f"{film.title}: {line}")
    shown = found.shown if found and marking else ()
    return [
        under(result, image(INFERRED_FROM, film.source, name=codes.SOURCE_OF_MEASUREMENT)),
        *(text(CONTAINS, _FINDING, lesion_line(film, n, lesion)) for n, lesion in enumerate(shown, start=1)),
    ]


def lesion_line(film: Film, number: int, lesion: Lesion) -> str:
    """One lesion in words; its place in pixels of the film, from the top left corner."""
    assert film.image.findings is not None
    found, finding = film.image.findings, codes.finding_of(lesion.label)
    which = side(film.source, lesion.box, found.width) if finding.paired else ""
    where = {"L": ", patient's left", "R": ", patient's right"}.get(which, "")
    x0, y0, x1, y1 = (round(edge) for edge in lesion.box)
    return (
        f"{film.name} lesion {number}: AI: {finding.name}, {wording.percent(lesion.probability)}{where}, "
        f"columns {x0} to {x1} of {found.width}, rows {y0} to {y1} of {found.height}, unverified"
    )


def _made_by(identity: ModelIdentity) -> str:
    return f"Made by {identity.name} {identity.version}, weights SHA-256 {identity.digest}."
