"""The detector's heat map of each analysed image, as a Parametric Map of one frame that covers the whole film.

PS3.3 A.75, C.8.32, C.7.6.16; the functional groups are the rows of Table A.75-2. A heat map is a location, so a
destination without marking gets none.

16-bit integers with a Real World Value Mapping to percent, not Float Pixel Data: both are legal and highdicom reads
both, but Orthanc's previews and DCMTK draw the integers as the grey picture that they are, and floats not at all. OHIF
3.12 lays a map over a radiograph only when it is float, of the film's own size, and claims that the film is an axial
plane; that claim would be false, so OHIF lists the map and cannot show it.

Where the film lies in the patient is not known. For a derived frame it need not be said (C.7.6.16.2.3, C.7.6.16.2.4:
1C), so the items that say it are empty; the map belongs to its film by the reference, by Spatial Locations Preserved
and by covering it. One series for each film, since a series has one Frame of Reference (C.7.4.1). Modality is OT,
though C.8.32.1 allows the film's: no hanging protocol shall put a map where a film belongs.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.sr.coding import Code
from pydicom.uid import UID, ParametricMapStorage

from model.findings import Findings, HeatMap
from worker.encode import codes, wording
from worker.encode.geometry import pixel_aspect
from worker.encode.header import UNVERIFIED, Series, coded, finish, moment, plain, referenced_sop, start
from worker.encode.identity import derive, image_object_uid, series_uid
from worker.encode.reading import spacing, tag_of, text, texts
from worker.encode.request import ReportRequest, SourceImage
from worker.encode.source import Source, in_order

KIND = "parametric-map"
LONG_SIDE = 512  # pixels; the map's proportions are the film's
FULL = 10_000  # the stored value of 100 %

_SERIES_NUMBER = 9500
_CHEST = Code("816094009", "SCT", "Chest")  # CID 4031
_SOURCE_IMAGE = Code("121322", "DCM", "Source image for image processing operation")  # CID 7222
_RESAMPLING = Code("113085", "DCM", "Spatial resampling")  # CID 7203
_QUANTITY, _CLASS_ACTIVATION = Code("246205007", "SCT", "Quantity"), Code("130402", "DCM", "Class activation")
_FINDING, _LESION = Code("121071", "DCM", "Finding"), Code("52988006", "SCT", "Lesion")
_MEANING = (
    "AI, unverified. Chance in percent that a lesion lies here: the highest that a window of the detector states at "
    "this place, falling off from the window's middle to its edges"
)


def parametric_maps(request: ReportRequest, marking: bool) -> Iterator[tuple[str, Dataset]]:
    """(SOP Instance UID of the image, its map), for every analysed image that has a heat map; none without marking."""
    for image in in_order(request) if marking else ():
        if image.findings and image.findings.heat:
            yield Source(image.header).sop_instance_uid, _map(request, image, image.findings, image.findings.heat)


def stored_values(heat: HeatMap, rows: int, columns: int) -> NDArray[np.uint16]:
    """The map brought to rows x columns pixels: linear between the middles of its cells, in hundredths of a percent."""
    cells = np.array(heat.values).reshape(heat.rows, heat.columns)
    values = _stretched(_stretched(cells, rows).T, columns).T
    return np.rint(values * FULL).astype(np.uint16)


def _stretched(values: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """[cells, n] -> [count, n]."""
    last = len(values) - 1
    at = np.clip((np.arange(count) + 0.5) / count * (last + 1) - 0.5, 0, last)
    low = at.astype(int)
    part = (at - low)[:, None]
    stretched: NDArray[np.float64] = values[low] * (1 - part) + values[np.minimum(low + 1, last)] * part
    return stretched


def _map(request: ReportRequest, image: SourceImage, found: Findings, heat: HeatMap) -> Dataset:
    source = Source(image.header)
    at = image.analysed_at or request.analysed_at
    uid = image_object_uid(request, KIND, image, marking=True)
    own_series = series_uid(source.study_uid, KIND, source.sop_instance_uid, True, request.identity)
    series = Series("OT", own_series, _SERIES_NUMBER, f"{UNVERIFIED}: chest heat map")
    ds = start(request, source, series, ParametricMapStorage, uid, source.number, at)
    ds.ContentDate, ds.ContentTime = moment(source, at)
    ds.BodyPartExamined = "CHEST"
    _frame_of_reference(ds, source)
    _identify(ds, found, source)
    _picture(ds, found, heat, source)
    ds.NumberOfFrames = 1
    ds.SharedFunctionalGroupsSequence = Sequence([_shared_groups(ds, found, source)])
    # C.7.6.17: the one frame's place along the one dimension, what its values mean
    dimension = derive("dimension", uid)
    ds.DimensionOrganizationSequence = Sequence([_item(DimensionOrganizationUID=dimension)])
    ds.DimensionIndexSequence = Sequence([_dimension(dimension)])
    ds.PerFrameFunctionalGroupsSequence = Sequence([_item(FrameContentSequence=[_item(DimensionIndexValues=1)])])
    ds.AcquisitionContextSequence = Sequence([])
    film = referenced_sop(source.sop_class_uid, source.sop_instance_uid)
    ds.ReferencedSeriesSequence = [_item(SeriesInstanceUID=source.series_uid, ReferencedInstanceSequence=[film])]
    return finish(ds)


def _frame_of_reference(ds: Dataset, source: Source) -> None:
    """C.7.4.1: the film's own where it has one, for the map lies in it too; else one that both could have."""
    stated = UID(text(source.header, "FrameOfReferenceUID"))
    known = bool(stated) and stated.is_valid
    ds.FrameOfReferenceUID = stated if known else derive("frame", source.sop_instance_uid)
    # empty where it has no meaning (C.7.4.1.1.2)
    ds.PositionReferenceIndicator = plain(text(source.header, "PositionReferenceIndicator"), 64) if known else ""


def _identify(ds: Dataset, found: Findings, source: Source) -> None:
    """C.7.6.1 General Image and C.8.32.2 Parametric Map Image, as far as they are words."""
    ds.ImageType = ["DERIVED", "PRIMARY", "STATIC", "RESAMPLED"]
    ds.ContentLabel = "AI_UNVERIFIED"
    ds.ContentDescription = plain(wording.film_line(found, marking=True), 64)
    ds.ContentCreatorName = ""
    ds.ContentQualification = "RESEARCH"
    ds.PatientOrientation = list(source.orientation) if any(source.orientation) else ""
    ds.BurnedInAnnotation = ds.RecognizableVisualFeatures = "NO"
    # C.8.32.2: also "01" where it is derived from a lossy film; how lossy is said as far as the film says it
    ds.LossyImageCompression = "01" if text(source.header, "LossyImageCompression") == "01" else "00"
    if ds.LossyImageCompression == "01":
        for keyword in ("LossyImageCompressionRatio", "LossyImageCompressionMethod"):
            if stated := texts(source.header, keyword):
                setattr(ds, keyword, list(stated))


def _picture(ds: Dataset, found: Findings, heat: HeatMap, source: Source) -> None:
    """C.7.6.3 Image Pixel. Square pixels, for beside Pixel Measures no Pixel Aspect Ratio may stand."""
    high, wide = pixel_aspect(source)
    sides = found.height * high, found.width * wide
    ds.Rows, ds.Columns = (max(1, round(LONG_SIDE * side / max(sides))) for side in sides)
    ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PresentationLUTShape = 1, "MONOCHROME2", "IDENTITY"
    ds.PixelPresentation = "MONOCHROME"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 0
    ds.PixelData = stored_values(heat, ds.Rows, ds.Columns).astype("<u2").tobytes()
    ds["PixelData"].VR = "OW"


def _shared_groups(ds: Dataset, found: Findings, source: Source) -> Dataset:
    """The rows of Table A.75-2 that a projection radiograph's map has."""
    return _item(
        PixelMeasuresSequence=[_measures(ds, found, source)],
        PlanePositionSequence=[Dataset()],
        PlaneOrientationSequence=[Dataset()],
        DerivationImageSequence=[_derivation(source)],
        FrameAnatomySequence=[_item(AnatomicRegionSequence=coded(_CHEST), FrameLaterality="U")],
        PixelValueTransformationSequence=[_item(RescaleIntercept=0, RescaleSlope=1, RescaleType="US")],
        # C.11.2.1.2.1 LINEAR: 0 is black, FULL is white
        FrameVOILUTSequence=[
            _item(WindowCenter=(FULL + 1) / 2, WindowWidth=FULL + 1, WindowCenterWidthExplanation="0 to 100 %")
        ],
        RealWorldValueMappingSequence=[_real_world_values()],
        ParametricMapFrameTypeSequence=[_item(FrameType=ds.ImageType)],
    )


def _measures(ds: Dataset, found: Findings, source: Source) -> Dataset:
    """C.7.6.16.2.1: the film's spacing at the map's size; empty where the film states none."""
    pitch = spacing(source.header, "PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")
    if pitch is None:
        return Dataset()
    spread = pitch[0] * found.height / ds.Rows, pitch[1] * found.width / ds.Columns
    return _item(PixelSpacing=[f"{value:.10g}" for value in spread])


def _derivation(source: Source) -> Dataset:
    """C.7.6.16.2.6: from the one film, covering it."""
    film = referenced_sop(source.sop_class_uid, source.sop_instance_uid)
    if source.frames:
        film.ReferencedFrameNumber = list(source.frames)
    film.PurposeOfReferenceCodeSequence = coded(_SOURCE_IMAGE)
    film.SpatialLocationsPreserved = "YES"
    return _item(DerivationDescription=_MEANING, DerivationCodeSequence=coded(_RESAMPLING), SourceImageSequence=[film])


def _real_world_values() -> Dataset:
    """C.7.6.16.2.11: stored values to percent; codes of CID 9000, CID 7180 and CID 7181."""
    return _item(
        LUTLabel="AI_LESION",
        LUTExplanation="AI, unverified: chance of a lesion, percent",
        RealWorldValueFirstValueMapped=0,
        RealWorldValueLastValueMapped=FULL,
        RealWorldValueIntercept=0.0,
        RealWorldValueSlope=100 / FULL,
        MeasurementUnitsCodeSequence=coded(codes.PERCENT),
        QuantityDefinitionSequence=[
            _item(ValueType="CODE", ConceptNameCodeSequence=coded(name), ConceptCodeSequence=coded(value))
            for name, value in ((_QUANTITY, _CLASS_ACTIVATION), (_FINDING, _LESION))
        ],
    )


def _dimension(uid: str) -> Dataset:
    return _item(
        DimensionOrganizationUID=uid,
        DimensionIndexPointer=tag_of("LUTLabel"),
        FunctionalGroupPointer=tag_of("RealWorldValueMappingSequence"),
        DimensionDescriptionLabel="Quantity",
    )


def _item(**attributes: object) -> Dataset:
    item = Dataset()
    for keyword, value in attributes.items():
        setattr(item, keyword, value)
    return item
