"""The Secondary Capture of each film, for a PACS that shows nothing else: the picture with the result burned in.

PS3.3 A.8.1, C.8.6.1 (SC Equipment), C.8.6.2 (SC Image), C.7.6.1 (General Image), C.7.6.3 (Image Pixel), C.12.1.1.
Also a film that was not analysed gets one: that there is no result must be seen by whoever sees no other form.
The film's pixels are 1:1 unless it is tiny or enormous, which is then said; pixels that are not square are made so,
since viewers differ in whether they honour Pixel Aspect Ratio, and a distorted heart looks enlarged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.sr.coding import Code
from pydicom.uid import JPEGBaseline8Bit, JPEGExtended12Bit, SecondaryCaptureImageStorage
from pydicom.valuerep import DSfloat

from model.findings import Findings
from worker.encode import wording
from worker.encode.capture import GREY, Fit, Line, Mark, compose, fit, grey_film
from worker.encode.geometry import check_boxes, pixel_aspect
from worker.encode.header import UNVERIFIED, Series, coded, finish, moment, plain, referenced_sop, start
from worker.encode.identity import image_object_uid, series_uid
from worker.encode.reading import decimals, spacing, text, texts
from worker.encode.request import CannotEncode, ReportRequest, SourceImage
from worker.encode.source import Source, in_order

_SOURCE_IMAGE = Code("121322", "DCM", "Source image for image processing operation")  # CID 7202
_RESAMPLING = Code("113085", "DCM", "Spatial resampling")  # CID 7203
_SERIES_NUMBER = 9300
_ODDEST = 4.0  # a pixel that is said to be longer than this in one direction is a mistake in the header
# C.7.6.1.1.5.1: the method of a transfer syntax that is lossy whatever the header says of it
_LOSSY: Mapping[str, str] = {JPEGBaseline8Bit: "ISO_10918_1", JPEGExtended12Bit: "ISO_10918_1"}

Picture = NDArray[np.float32]


def secondary_captures(request: ReportRequest, marking: bool) -> Iterator[tuple[str, Dataset]]:
    """(SOP Instance UID of the image, its Secondary Capture), for every image.

    Raises CannotEncode when the pixels are of another size than the findings.
    """
    for image in in_order(request):
        yield Source(image.header).sop_instance_uid, _capture(request, image, marking)


def _capture(request: ReportRequest, image: SourceImage, marking: bool) -> Dataset:
    source, at, film = Source(image.header), image.analysed_at or request.analysed_at, image.picture()
    fitted = _fit(source, image.findings, film)
    # What is drawn follows from what enters the UID, but for whether the pixels could be had this time.
    uid = image_object_uid(request, "sc" if film is not None else "sc without pixels", image, marking)
    ds = start(request, source, _series(request, source, marking), SecondaryCaptureImageStorage, uid, source.number, at)
    lines = list(_lines(request, image, fitted, marking, at))
    shown = image.findings.shown if image.findings and marking else ()
    marks = [Mark(lesion.box, wording.lesion_label(lesion)) for lesion in shown]
    _describe(ds, source, at, lines[1].words)
    if film is None or fitted is None:
        _store(ds, compose(None, lines, (), GREY))
    else:
        _derive(ds, source, fitted)
        _store(ds, compose((grey_film(film, fitted), fitted), lines, marks, GREY))
    return finish(ds)


def _fit(source: Source, found: Findings | None, film: Picture | None) -> Fit | None:
    if found:
        check_boxes(found)
    if film is None:
        return None
    rows, columns = film.shape
    if found and (found.height, found.width) != (rows, columns):
        raise CannotEncode("the film's pixels are of another size than its findings")
    return fit(columns, rows, _aspect(source))


def _aspect(source: Source) -> float:
    vertical, horizontal = pixel_aspect(source)
    return vertical / horizontal if 1 / _ODDEST <= vertical / horizontal <= _ODDEST else 1.0


def _lines(
    request: ReportRequest, image: SourceImage, fitted: Fit | None, marking: bool, at: datetime
) -> Iterator[Line]:
    """What stands above the film; nothing of the patient. fitted: None where there is no film to be seen."""
    found, identity = image.findings, request.identity
    yield Line("AI, unverified. Not a diagnosis: to be read by a radiologist.")
    if found:
        yield Line(wording.film_line(found, marking and fitted is not None), 1.25, found.positive)
        yield Line(plain(wording.operating_point(identity, found.operating_point), 1024), 0.7)
    else:
        yield Line(plain(wording.not_analysed_line(image.not_analysed), 1024), 1.25, True)
    made = plain(f"{identity.name} {identity.version}", 128)
    yield Line(f"{made}, {at.astimezone(UTC):%Y-%m-%d %H:%M} UTC", 0.7)
    remark = _resized(fitted) if fitted else "The film's pixels could not be read for this picture"
    if remark:
        yield Line(f"{remark}.", 0.7)


def _resized(fitted: Fit) -> str:
    """In words how the film was brought to size; "" for 1:1."""
    scale = min(fitted.x, fitted.y)
    size = f"Film drawn at {100 * scale:.0f} %" if scale != 1 else ""
    square = "" if fitted.x == fitted.y else "pixels made square"
    detail = ", for detail see the film itself" if scale < 1 else ""
    return (", ".join(part for part in (size, square) if part) + detail).capitalize()


def _series(request: ReportRequest, source: Source, marking: bool) -> Series:
    uid = series_uid(source.study_uid, "sc", "", marking, request.identity)
    shape = "marks" if marking else "triage"
    return Series("OT", uid, _SERIES_NUMBER + (not marking), f"{UNVERIFIED}: chest {shape} SC")


def _describe(ds: Dataset, source: Source, at: datetime, result: str) -> None:
    """C.8.6.1, C.8.6.2, C.7.6.1: what kind of picture it is, of which image, and its result for a list of images."""
    ds.ConversionType = "WSD"
    ds.BodyPartExamined = "CHEST"
    ds.ContentDate, ds.ContentTime = ds.DateOfSecondaryCapture, ds.TimeOfSecondaryCapture = moment(source, at)
    ds.ImageType = ["DERIVED", "SECONDARY", "CAD"]  # by the last, eligibility sets it aside should a PACS send it to us
    ds.PatientOrientation = None
    ds.BurnedInAnnotation = "YES"
    ds.ImageComments = result
    ds.DerivationDescription = f"{UNVERIFIED}: result written, there are no pixels of the film"
    reference = referenced_sop(source.sop_class_uid, source.sop_instance_uid)
    if source.frames:
        reference.ReferencedFrameNumber = list(source.frames)
    reference.PurposeOfReferenceCodeSequence = coded(_SOURCE_IMAGE)
    ds.SourceImageSequence = Sequence([reference])


def _derive(ds: Dataset, source: Source, fitted: Fit) -> None:
    """What holds of the film's pixels in the picture as it held of them in the source image."""
    resized = _resized(fitted)
    how = f" {resized}." if resized else ""
    ds.DerivationDescription = f"{UNVERIFIED}: film in its grey scale as 8 bits, result burned in and above it.{how}"
    if resized:
        ds.DerivationCodeSequence = coded(_RESAMPLING)
    if all(source.orientation):
        ds.PatientOrientation = list(source.orientation)
    features = text(source.header, "RecognizableVisualFeatures")
    if features in ("YES", "NO"):
        ds.RecognizableVisualFeatures = features
    _state_spacing(ds, source, fitted)
    _state_compression(ds, source)


def _state_spacing(ds: Dataset, source: Source, fitted: Fit) -> None:
    """10.7.1: Pixel Spacing with its calibration, and that of a scanned film.

    Imager Pixel Spacing alone is left out: it holds at the detector, and an SC has no attribute that says so.
    """
    for keyword in ("PixelSpacing", "NominalScannedPixelSpacing"):
        stated = spacing(source.header, keyword)
        if stated and abs(stated[0] / fitted.y / (stated[1] / fitted.x) - 1) < 0.005:  # square by this very statement
            setattr(ds, keyword, [DSfloat(stated[1] / fitted.x, auto_format=True)] * 2)
    calibration = text(source.header, "PixelSpacingCalibrationType")
    if "PixelSpacing" in ds and calibration in ("GEOMETRY", "FIDUCIAL"):
        ds.PixelSpacingCalibrationType = calibration
        words = plain(text(source.header, "PixelSpacingCalibrationDescription"), 64)
        ds.PixelSpacingCalibrationDescription = words or "as in the source image"


def _state_compression(ds: Dataset, source: Source) -> None:
    """C.7.6.1.1.5: once lossy, always lossy; our own picture is not compressed."""
    header = source.header
    method = _LOSSY.get(text(getattr(header, "file_meta", Dataset()), "TransferSyntaxUID"), "")
    stated = text(header, "LossyImageCompression")
    if stated == "01" or method:
        ds.LossyImageCompression = "01"
        methods = texts(header, "LossyImageCompressionMethod") or ((method,) if method else ())
        if methods:
            ds.LossyImageCompressionMethod = list(methods)
        ratios = decimals(header, "LossyImageCompressionRatio")
        if ratios:
            ds.LossyImageCompressionRatio = [DSfloat(ratio, auto_format=True) for ratio in ratios]
    elif stated == "00":
        ds.LossyImageCompression = "00"


def _store(ds: Dataset, picture: Image) -> None:
    """C.7.6.3, C.11.2: 8-bit grey, shown as it is."""
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows, ds.Columns = picture.height, picture.width
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 8, 8, 7, 0
    ds.WindowCenter, ds.WindowWidth = "128", "256"  # the identity on 0..255 (C.11.2.1.2.1)
    pixels = picture.tobytes()
    ds.PixelData = pixels + b"\0" * (len(pixels) % 2)
    ds["PixelData"].VR = "OB"
