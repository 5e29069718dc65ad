"""Chest radiographs made on the spot: CR, DX and Secondary Capture data sets for tests.

PS3.3 A.2 (CR), A.26 (DX), A.8.1 (SC); complete enough that dciodvfy finds no error in CR and DX.
Grey values are made from one picture in [0, 1] in which bright is dense, so that the same anatomy can be had
in any photometric interpretation, bit depth, sign and transfer syntax.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
    ExplicitVRLittleEndian,
    SecondaryCaptureImageStorage,
    generate_uid,
)

from tests.support.codecs import compress

__all__ = ["compress", "make_cxr", "make_thorax_pixels", "wrap_film", "write"]

SOP_CLASSES = {
    "CR": ComputedRadiographyImageStorage,
    "DX": DigitalXRayImageStorageForPresentation,
    "DX-PROCESSING": DigitalXRayImageStorageForProcessing,
    "SC": SecondaryCaptureImageStorage,
}
# rows run to the patient's left in a frontal film hung the usual way; PS3.3 C.7.6.1.1.1
ORIENTATIONS = {"PA": ["L", "F"], "AP": ["L", "F"], "LL": ["P", "F"], "RL": ["A", "F"]}
# PS3.16 CID 4010
VIEW_CODES = {
    "PA": ("272479007", "postero-anterior"),
    "AP": ("399348003", "antero-posterior"),
    "LL": ("399173006", "left lateral"),
    "RL": ("399198007", "right lateral"),
}


def make_thorax_pixels(rows: int = 512, columns: int = 400, seed: int = 0) -> NDArray[np.float64]:
    """A smooth thorax-like picture [rows, columns] in [0, 1], bright = dense: quick, not a physical phantom."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:rows, 0:columns]
    y, x = y / rows - 0.5, x / columns - 0.5
    body = 1 / (1 + np.exp(((x / 0.46) ** 4 + (y / 0.6) ** 6 - 1) * 12))
    picture = 0.55 * body
    for side in (-1, 1):
        lung = ((x - side * 0.21) / 0.15) ** 2 + ((y + 0.02) / 0.34) ** 2
        picture -= 0.33 / (1 + np.exp((lung - 1) * 8))
    picture += 0.3 * np.exp(-((x / 0.05) ** 2)) * body
    picture += 0.3 * np.exp(-(((x - 0.06) / 0.13) ** 2) - ((y - 0.18) / 0.14) ** 2)
    picture += 0.04 * np.sin(y * 70 + 6 * x**2 + rng.uniform(0, 6)) * body
    for _ in range(3):
        at_x, at_y = rng.uniform(-0.3, 0.3, 2)
        picture += 0.08 * np.exp(-(((x - at_x) / 0.04) ** 2) - ((y - at_y) / 0.03) ** 2)
    picture -= picture.min()
    return np.asarray(picture / picture.max(), dtype=np.float64)


def make_cxr(
    *,
    sop_class: str = "DX",
    rows: int = 512,
    columns: int = 400,
    photometric: str = "MONOCHROME2",
    bits_stored: int = 12,
    bits_allocated: int = 16,
    signed: bool = False,
    transfer_syntax: str = ExplicitVRLittleEndian,
    view: str = "PA",
    study_uid: str | None = None,
    series_uid: str | None = None,
    sop_uid: str | None = None,
    patient_name: str = "Test^Phantom",
    patient_id: str = "T-1",
    pixels: NDArray[Any] | None = None,
    pixel_spacing: tuple[float, float] | None = (0.143, 0.143),
    **attributes: Any,
) -> Dataset:
    """One chest radiograph, ready to be written or sent.

    pixels: a float picture in [0, 1], bright = dense, is turned into stored values for the photometric
    interpretation and depth asked for; an integer array is stored as it is. Without it a thorax of rows x columns.
    attributes: keywords of DICOM attributes, set last; None deletes the attribute.
    """
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = SOP_CLASSES[sop_class]
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = sop_uid or generate_uid()
    ds.StudyInstanceUID = study_uid or generate_uid()
    ds.SeriesInstanceUID = series_uid or generate_uid()
    ds.PatientName, ds.PatientID = patient_name, patient_id
    _describe(ds, view, spacing=pixel_spacing, film="SC" if sop_class == "SC" else sop_class[:2])
    if sop_class.startswith("DX"):
        _describe_dx(ds, photometric, processing=sop_class == "DX-PROCESSING", signed=signed)
    picture = make_thorax_pixels(rows, columns) if pixels is None else pixels
    _set_pixels(ds, picture, photometric, bits_stored, bits_allocated, signed)
    for keyword, value in attributes.items():
        if value is None:
            ds.pop(keyword, None)
        else:
            setattr(ds, keyword, value)
    if transfer_syntax != ExplicitVRLittleEndian:
        ds = compress(ds, transfer_syntax)
    return ds


def wrap_film(film: Path | str | NDArray[Any], **film_as: Any) -> Dataset:
    """An 8-bit radiograph (a JPEG or PNG file, or an array [H, W]), bright = dense, as a DICOM film.

    film_as: as for make_cxr. MONOCHROME1 is stored inverted, so that it shows the same anatomy.
    """
    if isinstance(film, np.ndarray):
        grey = film
    else:
        with Image.open(film) as opened:
            grey = np.asarray(opened.convert("L"))
    bits_stored = film_as.setdefault("bits_stored", 8)
    film_as.setdefault("bits_allocated", 8 if bits_stored <= 8 else 16)
    return make_cxr(pixels=np.asarray(grey, dtype=np.float64) / 255.0, **film_as)


def write(ds: Dataset, path: Path | str) -> Path:
    """Writes a PS3.10 file in the data set's own transfer syntax."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    ds.save_as(path, enforce_file_format=True)
    return path


def _describe(ds: Dataset, view: str, *, spacing: tuple[float, float] | None, film: str) -> None:
    """Patient, study, series, equipment and image attributes common to the three IODs."""
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.PatientBirthDate, ds.PatientSex, ds.PatientAge = "19600101", "O", "066Y"
    ds.StudyDate = ds.SeriesDate = ds.AcquisitionDate = ds.ContentDate = "20260102"
    ds.StudyTime = ds.SeriesTime = ds.AcquisitionTime = ds.ContentTime = "101112"
    ds.StudyID, ds.AccessionNumber, ds.SeriesNumber, ds.InstanceNumber = "1", "A1", 1, 1
    ds.ReferringPhysicianName = ""
    ds.StudyDescription, ds.SeriesDescription = "CHEST", f"CHEST {view}".strip()
    ds.Modality = "CR" if film == "SC" else film
    ds.Manufacturer, ds.ManufacturerModelName, ds.DeviceSerialNumber = "thoraxd", "tests", "0"
    ds.SoftwareVersions = "0"
    ds.ImageType = ["ORIGINAL", "PRIMARY"] if film != "SC" else ["DERIVED", "SECONDARY"]
    ds.BodyPartExamined, ds.ViewPosition = "CHEST", view
    ds.PatientOrientation = ORIENTATIONS.get(view, "")
    ds.BurnedInAnnotation, ds.LossyImageCompression = "NO", "00"
    ds.KVP, ds.Exposure = 120, 2
    if film == "SC":
        ds.ConversionType = "WSD"
    if spacing:
        ds.ImagerPixelSpacing = ds.PixelSpacing = list(spacing)
        ds.PixelSpacingCalibrationType = "GEOMETRY"
        ds.PixelSpacingCalibrationDescription = "none"
    if film == "SC" and spacing:
        ds.NominalScannedPixelSpacing = list(spacing)


def _code(value: str, meaning: str) -> list[Dataset]:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "SCT", meaning
    return [item]


def _describe_dx(ds: Dataset, photometric: str, *, processing: bool, signed: bool) -> None:
    """DX Series, Anatomy, Image, Detector, Positioning and Acquisition Context; PS3.3 C.8.11.1-5, C.7.6.14."""
    ds.PresentationIntentType = "FOR PROCESSING" if processing else "FOR PRESENTATION"
    ds.ImageType = ["ORIGINAL", "PRIMARY", ""]
    ds.ImageLaterality = "U"
    ds.AnatomicRegionSequence = _code("51185008", "Chest")
    ds.ViewCodeSequence = _code(*VIEW_CODES.get(ds.ViewPosition, VIEW_CODES["PA"]))
    ds.ViewCodeSequence[0].ViewModifierCodeSequence = []
    ds.PatientOrientation = ds.PatientOrientation or ["L", "F"]
    ds.PixelIntensityRelationship = "LOG"
    ds.PixelIntensityRelationshipSign = -1 if photometric == "MONOCHROME2" else 1
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = 0, 1, "US"
    ds.PresentationLUTShape = "IDENTITY" if photometric == "MONOCHROME2" else "INVERSE"
    ds.DetectorType, ds.DetectorConfiguration = "SCINTILLATOR", "AREA"
    ds.AcquisitionContextSequence = []
    ds.PositionerType = "NONE"


def _set_pixels(
    ds: Dataset, picture: NDArray[Any], photometric: str, bits_stored: int, bits_allocated: int, signed: bool
) -> None:
    """Image Pixel, rescale and window attributes and the native pixels of one picture; PS3.3 C.7.6.3, C.11."""
    top = 2**bits_stored - 1
    offset = 2 ** (bits_stored - 1) if signed else 0
    if np.issubdtype(picture.dtype, np.floating):
        levels = np.rint(picture * top).astype(np.int64)
        stored = (top - levels if photometric == "MONOCHROME1" else levels) - offset
    else:
        stored = picture.astype(np.int64)
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, photometric
    ds.Rows, ds.Columns = stored.shape
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = bits_allocated, bits_stored, bits_stored - 1
    ds.PixelRepresentation = int(signed)
    if signed:
        # the modality values are the same as those of the unsigned film, so that one window serves both
        ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = offset, 1, "US"
    if ds.SOPClassUID != DigitalXRayImageStorageForProcessing:
        ds.WindowCenter, ds.WindowWidth = (top + 1) / 2, top + 1
    raw = stored.astype("<i4").astype(f"<{'i' if signed else 'u'}{bits_allocated // 8}").tobytes()
    ds.PixelData = raw + b"\0" * (len(raw) % 2)
    ds["PixelData"].VR = "OW" if bits_allocated > 8 else "OB"
