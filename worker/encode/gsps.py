"""The GSPS of each analysed image: its boxes and the film's probability over the picture as it was sent.

PS3.3 A.33.1, C.11.10 to C.11.12, C.10.4; PS3.4 Annex N. One object for one image, and nothing in it depends on the
study's other images, so a later revision of the study leaves it the same object.
"""

from __future__ import annotations

from highdicom.pr import GraphicLayer
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import GrayscaleSoftcopyPresentationStateStorage

from model.findings import Findings
from worker.encode import codes, wording
from worker.encode.appearance import OVERLAY_LAYER, activate_overlays, copy_shutter
from worker.encode.geometry import check_boxes, pixel_aspect
from worker.encode.header import UNVERIFIED, Series, coded, finish, moment, plain, referenced_sop, start
from worker.encode.identity import gsps_uid, series_uid
from worker.encode.luts import grey_pipeline
from worker.encode.marks import annotation, layer
from worker.encode.request import ReportRequest, SourceImage
from worker.encode.source import Source, in_order

_SERIES_NUMBER = 9200


def presentation_states(request: ReportRequest, marking: bool) -> list[tuple[str, Dataset]]:
    """(SOP Instance UID of the image, its GSPS), for every analysed image that a GSPS may refer to (grey ones)."""
    states = []
    for image in in_order(request):
        if image.findings and Source(image.header).monochrome:
            states.append((Source(image.header).sop_instance_uid, _state(request, image, image.findings, marking)))
    return states


def _state(request: ReportRequest, image: SourceImage, found: Findings, marking: bool) -> Dataset:
    check_boxes(found)
    source = Source(image.header)
    at = image.analysed_at or request.analysed_at
    uid = gsps_uid(request, image, marking)
    series = _series(request, source, marking)
    ds = start(request, source, series, GrayscaleSoftcopyPresentationStateStorage, uid, source.number, at)
    _identify(ds, found, marking)
    ds.PresentationCreationDate, ds.PresentationCreationTime = moment(source, at)
    reference = referenced_sop(source.sop_class_uid, source.sop_instance_uid)
    if source.frames:
        reference.ReferencedFrameNumber = list(source.frames)
    ds.BodyPartExamined = "CHEST"  # General Series: unpaired, so Laterality is not due (C.7.3.1.1.2)
    ds.ReferencedSeriesSequence = Sequence([_relation(source, reference)])
    ds.DisplayedAreaSelectionSequence = Sequence([_displayed_area(source, found, reference)])
    copy_shutter(ds, source)
    layers = [layer(1)]
    if activate_overlays(ds, source):
        layers.append(GraphicLayer(OVERLAY_LAYER, 2, "Overlays of the image"))
    ds.GraphicLayerSequence = Sequence(layers)
    ds.GraphicAnnotationSequence = Sequence([annotation(image, found, request.identity, marking)])
    grey_pipeline(ds, image, reference)
    return finish(ds)


def _relation(source: Source, reference: Dataset) -> Dataset:
    """C.11.11 Presentation State Relationship: the one image."""
    series = Dataset()
    series.ReferencedImageSequence = Sequence([reference])
    series.SeriesInstanceUID = source.series_uid
    return series


def _series(request: ReportRequest, source: Source, marking: bool) -> Series:
    uid = series_uid(source.study_uid, "gsps", "", marking, request.identity)
    shape = "marks" if marking else "triage"
    return Series("PR", uid, _SERIES_NUMBER + (not marking), f"{UNVERIFIED}: chest {shape} GSPS")


def _identify(ds: Dataset, found: Findings, marking: bool) -> None:
    """C.11.10 Presentation State Identification."""
    ds.ContentLabel = "AI_UNVERIFIED"
    ds.ContentDescription = plain(wording.film_line(found, marking), 64)
    ds.ContentCreatorName = ""
    ds.ConceptNameCodeSequence = coded(codes.COMPUTER_AIDED_DETECTION)


def _displayed_area(source: Source, found: Findings, reference: Dataset) -> Dataset:
    """C.10.4: the whole image, fitted, its pixels in their true proportion."""
    area = Dataset()
    area.ReferencedImageSequence = Sequence([reference])
    area.DisplayedAreaTopLeftHandCorner = [1, 1]
    area.DisplayedAreaBottomRightHandCorner = [found.width, found.height]
    area.PresentationSizeMode = "SCALE TO FIT"
    area.PresentationPixelAspectRatio = list(pixel_aspect(source))
    return area
