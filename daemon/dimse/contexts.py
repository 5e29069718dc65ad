"""What thoraxd takes and offers on an association. docs/conformance.md prints these tables; a test compares the two."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from pydicom.uid import (
    JPEG2000,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)
from pynetdicom.sop_class import (  # type: ignore[attr-defined]  # made at import by pynetdicom
    BasicTextSRStorage,
    ChestCADSRStorage,
    Comprehensive3DSRStorage,
    ComprehensiveSRStorage,
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
    GrayscaleSoftcopyPresentationStateStorage,
    KeyObjectSelectionDocumentStorage,
    ParametricMapStorage,
    SecondaryCaptureImageStorage,
    StorageCommitmentPushModel,
    Verification,
)


class Named(NamedTuple):
    """A UID and the name that PS3.6 Annex A gives it."""

    uid: str
    name: str


# As SCP: PS3.4 Annex A and B.
VERIFICATION = Named(Verification, "Verification")
STORAGE_SCP: tuple[Named, ...] = (
    Named(ComputedRadiographyImageStorage, "Computed Radiography Image Storage"),
    Named(DigitalXRayImageStorageForPresentation, "Digital X-Ray Image Storage - For Presentation"),
    Named(DigitalXRayImageStorageForProcessing, "Digital X-Ray Image Storage - For Processing"),
    Named(SecondaryCaptureImageStorage, "Secondary Capture Image Storage"),
)
# PS3.5 section 10 and Annex A. All that worker/pixels.py can decode.
TRANSFER_SYNTAXES_SCP: tuple[Named, ...] = (
    Named(ExplicitVRLittleEndian, "Explicit VR Little Endian"),
    Named(ImplicitVRLittleEndian, "Implicit VR Little Endian"),
    Named(DeflatedExplicitVRLittleEndian, "Deflated Explicit VR Little Endian"),
    Named(JPEGBaseline8Bit, "JPEG Baseline (Process 1)"),
    Named(JPEGLossless, "JPEG Lossless, Non-Hierarchical (Process 14)"),
    Named(JPEGLosslessSV1, "JPEG Lossless, Non-Hierarchical, First-Order Prediction"),
    Named(JPEGLSLossless, "JPEG-LS Lossless"),
    Named(JPEGLSNearLossless, "JPEG-LS Lossy (Near-Lossless)"),
    Named(JPEG2000Lossless, "JPEG 2000 (Lossless Only)"),
    Named(JPEG2000, "JPEG 2000"),
    Named(RLELossless, "RLE Lossless"),
)

# As SCU: one context per SOP class and transfer syntax, so that Explicit is used wherever it is accepted.
STORAGE_SCU: tuple[Named, ...] = (
    Named(Comprehensive3DSRStorage, "Comprehensive 3D SR Storage"),
    Named(ComprehensiveSRStorage, "Comprehensive SR Storage"),
    Named(GrayscaleSoftcopyPresentationStateStorage, "Grayscale Softcopy Presentation State Storage"),
    Named(SecondaryCaptureImageStorage, "Secondary Capture Image Storage"),
    Named(ChestCADSRStorage, "Chest CAD SR Storage"),
    Named(BasicTextSRStorage, "Basic Text SR Storage"),
    Named(KeyObjectSelectionDocumentStorage, "Key Object Selection Document Storage"),
    Named(ParametricMapStorage, "Parametric Map Storage"),
)
TRANSFER_SYNTAXES_SCU: tuple[Named, ...] = (
    Named(ExplicitVRLittleEndian, "Explicit VR Little Endian"),
    Named(ImplicitVRLittleEndian, "Implicit VR Little Endian"),
)

# In both roles: PS3.4 Annex J, in Explicit and Implicit VR Little Endian.
STORAGE_COMMITMENT = Named(StorageCommitmentPushModel, "Storage Commitment Push Model")

NAMES: Mapping[str, str] = {item.uid: item.name for item in (VERIFICATION, *STORAGE_SCP, *STORAGE_SCU)}
