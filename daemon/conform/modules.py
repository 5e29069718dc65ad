"""Which attributes an object of each form must hold, module by module (PS3.3 Annexes A and C).

A type is "1" (a value), "2" (present, may be empty) or "o", for what our encoders promise beyond the standard.
"""

from __future__ import annotations

from collections.abc import Mapping

Module = Mapping[str, str]

# C.7.1.1, C.7.2.1, C.12.1; what every object of ours says of itself besides
EVERY: Module = {
    **dict.fromkeys(("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "Modality", "SeriesInstanceUID"), "1"),
    **dict.fromkeys(("PatientName", "PatientID", "PatientBirthDate", "PatientSex"), "2"),
    **dict.fromkeys(("StudyDate", "StudyTime", "ReferringPhysicianName", "StudyID", "AccessionNumber"), "2"),
    **dict.fromkeys(("SeriesDescription", "InstanceCreationDate", "InstanceCreationTime"), "o"),
    "ContributingEquipmentSequence": "o",
    "Manufacturer": "2",
}
# C.7.5.2; where an IOD does not ask for it, a promise of ours
ENHANCED_EQUIPMENT: Module = dict.fromkeys(
    ("Manufacturer", "ManufacturerModelName", "DeviceSerialNumber", "SoftwareVersions"), "1"
)
PROMISED_EQUIPMENT: Module = dict.fromkeys(ENHANCED_EQUIPMENT, "o")

# C.17.1, C.17.2, C.17.3
SR_DOCUMENT: Module = {
    **dict.fromkeys(("SeriesNumber", "InstanceNumber", "ContentDate", "ContentTime"), "1"),
    **dict.fromkeys(("CompletionFlag", "VerificationFlag", "ValueType", "ConceptNameCodeSequence"), "1"),
    **dict.fromkeys(("ContinuityOfContent", "ContentSequence", "CurrentRequestedProcedureEvidenceSequence"), "1"),
    **dict.fromkeys(("ReferencedPerformedProcedureStepSequence", "PerformedProcedureCodeSequence"), "2"),
}
# C.17.6.1, C.17.6.2
KEY_OBJECTS: Module = {
    **dict.fromkeys(("SeriesNumber", "InstanceNumber", "ContentDate", "ContentTime", "ValueType"), "1"),
    **dict.fromkeys(("ConceptNameCodeSequence", "ContinuityOfContent", "ContentSequence"), "1"),
    "CurrentRequestedProcedureEvidenceSequence": "1",
    "ContentTemplateSequence": "1",
    "ReferencedPerformedProcedureStepSequence": "2",
}
# C.11.9, C.11.10, C.11.11, C.10.4, C.11.6
PRESENTATION_STATE: Module = {
    **dict.fromkeys(("InstanceNumber", "ContentLabel", "PresentationCreationDate", "PresentationCreationTime"), "1"),
    **dict.fromkeys(("ReferencedSeriesSequence", "DisplayedAreaSelectionSequence", "PresentationLUTShape"), "1"),
    **dict.fromkeys(("ContentDescription", "ContentCreatorName"), "2"),
    **dict.fromkeys(("SeriesNumber", "GraphicLayerSequence", "GraphicAnnotationSequence"), "o"),
    "ConceptNameCodeSequence": "o",
}
# C.7.3.1, C.7.6.1, C.7.6.3, C.8.6.1
SECONDARY_CAPTURE: Module = {
    **dict.fromkeys(("SeriesNumber", "InstanceNumber", "PatientOrientation"), "2"),
    **dict.fromkeys(("ConversionType", "SamplesPerPixel", "PhotometricInterpretation", "Rows", "Columns"), "1"),
    **dict.fromkeys(("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"), "1"),
    **dict.fromkeys(("ImageType", "BurnedInAnnotation", "SourceImageSequence"), "o"),
}
# C.7.6.16, C.8.23, C.7.6.24, C.8.32
PARAMETRIC_MAP: Module = {
    **dict.fromkeys(("SeriesNumber", "InstanceNumber", "ContentDate", "ContentTime", "NumberOfFrames"), "1"),
    **dict.fromkeys(("ImageType", "SamplesPerPixel", "PhotometricInterpretation", "Rows", "Columns"), "1"),
    **dict.fromkeys(("BitsAllocated", "ContentLabel", "LossyImageCompression", "BurnedInAnnotation"), "1"),
    **dict.fromkeys(("ContentQualification", "PresentationLUTShape", "RecognizableVisualFeatures"), "1"),
    **dict.fromkeys(("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"), "1"),
    **dict.fromkeys(("DimensionOrganizationSequence", "DimensionIndexSequence", "FrameOfReferenceUID"), "1"),
    **dict.fromkeys(("ContentDescription", "ContentCreatorName", "AcquisitionContextSequence"), "2"),
}
