"""Which instances thoraxd takes, by C-STORE and by STOW-RS alike: PS3.4 Annex B, PS3.18 10.5.

docs/conformance.md prints these tables; a test compares the two.
"""

from __future__ import annotations

from typing import NamedTuple

from pydicom.uid import (
    JPEG2000,
    ComputedRadiographyImageStorage,
    DeflatedExplicitVRLittleEndian,
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
    SecondaryCaptureImageStorage,
)


class Named(NamedTuple):
    """A UID and the name that PS3.6 Annex A gives it."""

    uid: str
    name: str


STORAGE_SCP: tuple[Named, ...] = (
    Named(ComputedRadiographyImageStorage, "Computed Radiography Image Storage"),
    Named(DigitalXRayImageStorageForPresentation, "Digital X-Ray Image Storage - For Presentation"),
    Named(DigitalXRayImageStorageForProcessing, "Digital X-Ray Image Storage - For Processing"),
    Named(SecondaryCaptureImageStorage, "Secondary Capture Image Storage"),
)
# PS3.5 section 10 and Annex A. All that worker/pixels can decode.
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
