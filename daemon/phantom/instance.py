"""A phantom as a Digital X-Ray Image - For Presentation instance (PS3.3 A.26), a complete Part 10 file.

It says that it is synthetic in the patient's name, the descriptions, the comments and in letters in the picture.
UIDs are 2.25 ones drawn from the seed (PS3.5 B.2), so the same arguments give the same bytes.
"""

from __future__ import annotations

from io import BytesIO
from uuid import UUID

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

from daemon.phantom.film import Opacity, Phantom, thorax
from daemon.phantom.lettering import burn, width
from daemon.phantom.solids import View

IMPLEMENTATION = UID("2.25.159018563120377183270526731437190286403")
MAKER = "thoraxd phantom"


def phantom_dicom(
    seed: int = 1, rows: int = 1200, columns: int = 1200, view: View = "PA", opacity: Opacity | None = Opacity()
) -> bytes:
    """The Part 10 bytes of subject `seed`'s film, with `opacity` planted (None: a film without finding)."""
    phantom = thorax(seed, rows, columns, view, opacity)
    buffer = BytesIO()
    instance(phantom, seed).save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def instance(phantom: Phantom, seed: int) -> Dataset:
    """The DX data set of `phantom`, with its file meta information."""
    ds = Dataset()
    _patient_and_study(ds, phantom, seed)
    _series_and_equipment(ds, phantom)
    _positioning(ds, phantom)
    _picture(ds, phantom)
    ds.file_meta = FileMetaDataset()
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.ImplementationClassUID = IMPLEMENTATION
    ds.file_meta.ImplementationVersionName = "THORAXD_PHANTOM"
    return ds


def _patient_and_study(ds: Dataset, phantom: Phantom, seed: int) -> None:
    content = phantom.pixels.tobytes()
    rng = np.random.default_rng([seed, int(np.frombuffer(content, "<u2").astype(np.uint64).sum()), len(content)])
    study, series, image = (f"2.25.{UUID(bytes=rng.bytes(16), version=4).int}" for _ in range(3))
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.PatientName = "PHANTOM^SYNTHETIC"
    ds.PatientID = f"PHANTOM-{seed}"
    ds.PatientBirthDate = ""
    ds.PatientSex = "O"
    ds.PatientComments = "Synthetic: computed from an analytic thorax. No patient."
    ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.SOPInstanceUID = study, series, image
    ds.SOPClassUID = DigitalXRayImageStorageForPresentation
    ds.StudyID = str(seed)
    ds.StudyDescription = "SYNTHETIC PHANTOM chest"
    ds.StudyDate = ds.SeriesDate = ds.AcquisitionDate = ds.ContentDate = "20260101"
    ds.StudyTime = ds.SeriesTime = ds.AcquisitionTime = ds.ContentTime = "120000"
    ds.AccessionNumber = f"PH{seed}"
    ds.ReferringPhysicianName = ""


def _series_and_equipment(ds: Dataset, phantom: Phantom) -> None:
    ds.Modality = "DX"
    ds.PresentationIntentType = "FOR PRESENTATION"
    ds.SeriesNumber = ds.InstanceNumber = 1
    ds.SeriesDescription = f"SYNTHETIC PHANTOM {phantom.view}, not a patient"
    ds.Manufacturer = MAKER
    ds.ManufacturerModelName = "analytic thorax"
    ds.DeviceSerialNumber = "0"
    ds.SoftwareVersions = "1"


def _positioning(ds: Dataset, phantom: Phantom) -> None:
    """DX Anatomy Imaged, DX Positioning and DX Detector modules, PS3.3 C.8.11.2, C.8.11.5, C.8.11.4."""
    ds.BodyPartExamined = "CHEST"
    ds.AnatomicRegionSequence = Sequence([_code("51185008", "SCT", "Chest")])
    ds.ImageLaterality = "U"
    ds.ViewPosition = phantom.view
    coded = ("399348003", "postero-anterior") if phantom.view == "PA" else ("399173006", "left lateral")
    projection = _code(coded[0], "SCT", coded[1])
    projection.ViewModifierCodeSequence = Sequence([])
    ds.ViewCodeSequence = Sequence([projection])
    ds.PatientOrientation = ["L", "F"] if phantom.view == "PA" else ["P", "F"]
    ds.PatientOrientationCodeSequence = Sequence([_code("10904000", "SCT", "erect")])
    ds.DetectorType = "DIRECT"
    ds.DetectorConfiguration = "AREA"
    ds.ImagerPixelSpacing = ds.PixelSpacing = [f"{phantom.spacing_mm:.6f}"] * 2
    ds.PixelSpacingCalibrationType = "GEOMETRY"
    ds.PixelSpacingCalibrationDescription = "Parallel beam: no magnification"
    ds.PositionerType = "NONE"


def _picture(ds: Dataset, phantom: Phantom) -> None:
    """DX Image and VOI LUT modules, PS3.3 C.8.11.3 and C.11.2."""
    pixels = phantom.pixels.copy()
    rows, columns = pixels.shape
    dot = max(rows // 360, 1)
    burn(pixels, "SYNTHETIC PHANTOM", (4 * dot, 4 * dot), dot, 3600)
    burn(pixels, "L", (12 * dot, columns - 4 * dot - width("L", 3 * dot)), 3 * dot, 3600)
    ds.ImageType = ["DERIVED", "PRIMARY", ""]
    ds.DerivationDescription = "Computed projection of an analytic phantom"
    ds.ImageComments = "SYNTHETIC PHANTOM: not a patient, not for diagnosis"
    ds.BurnedInAnnotation = "NO"  # the letters identify no patient, which is what the attribute asks
    ds.LossyImageCompression = "00"
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.PresentationLUTShape = "IDENTITY"
    ds.PixelIntensityRelationship = "LOG"
    ds.PixelIntensityRelationshipSign = -1
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "0", "1", "US"
    ds.WindowCenter, ds.WindowWidth = "2048", "4096"
    ds.WindowCenterWidthExplanation = "NORMAL"
    ds.Rows, ds.Columns = rows, columns
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.AcquisitionContextSequence = Sequence([])
    ds.PixelData = pixels.astype("<u2").tobytes()
    ds["PixelData"].VR = "OW"


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item
