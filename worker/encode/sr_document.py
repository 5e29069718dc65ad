"""The SR document around a content tree, alike for every kind of SR: PS3.3 C.17.2 (SR Document General), C.17.3.

The trees are made of highdicom's content items. Its document constructors draw UIDs, read the clock and refuse headers
that lack what real devices forget, so the document is written here.
"""

from __future__ import annotations

from highdicom.sr import ContainerContentItem
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import UID

from worker.encode.document import refer_to_order
from worker.encode.geometry import check_boxes
from worker.encode.header import UNVERIFIED, Series, by_study, finish, moment, start
from worker.encode.request import ReportRequest, SourceImage
from worker.encode.results import Film
from worker.encode.source import Source, in_order


def films_of(request: ReportRequest) -> list[Film]:
    """The request's images in reading order, each with its name in the report.

    Raises CannotEncode when they are not distinct images of one study, or do not fit their findings.
    """
    images = in_order(request)
    for image in images:
        if image.findings:
            check_boxes(image.findings)
    if len(images) == 1:
        return [Film(images[0], Source(images[0].header), "film 1", "film 1", "")]
    return [_film(image, f"film {number}") for number, image in enumerate(images, start=1)]


def _film(image: SourceImage, name: str) -> Film:
    """One of several, told by the numbers that its header has."""
    source = Source(image.header)
    numbers = (("series", source.series_number), ("image", source.instance_number))
    stated = ", ".join(f"{what} {number}" for what, number in numbers if number is not None)
    return Film(image, source, name, f"{name} ({stated})" if stated else name, f"{name} ")


def sr_document(
    request: ReportRequest,
    films: list[Film],
    series: Series,
    sop_class_uid: UID,
    uid: UID,
    root: ContainerContentItem,
    completion: str = UNVERIFIED,
) -> Dataset:
    """The finished object with the tree of `root`. completion: Completion Flag Description, at most 64 characters."""
    source = films[0].source
    ds = start(request, source, series, sop_class_uid, uid, request.revision, request.analysed_at)
    ds.ReferencedPerformedProcedureStepSequence = Sequence()
    ds.ContentDate, ds.ContentTime = moment(source, request.analysed_at)
    ds.CompletionFlag = "COMPLETE"
    ds.CompletionFlagDescription = completion
    ds.VerificationFlag = "UNVERIFIED"
    ds.PerformedProcedureCodeSequence = Sequence()
    ds.CurrentRequestedProcedureEvidenceSequence = by_study(film.source.reference for film in films)
    if request.predecessors:
        ds.PredecessorDocumentsSequence = by_study(request.predecessors)
    refer_to_order(ds, source)
    for element in root:
        ds[element.tag] = element
    return finish(ds)
