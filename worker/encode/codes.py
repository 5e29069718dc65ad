"""The coded concepts that our results use, and which finding each label of the detector is.

PS3.16 Annex B (context groups) and Annex D (DCM). Where a context group names a code for the finding it is used;
SNOMED CT (SCT) otherwise. Probability of a lesion is (111012, DCM, Certainty of Finding), never (111047, DCM,
Probability of cancer): the detector finds opacities and effusions, not cancer, and a viewer prints the concept's name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from pydicom.sr.coding import Code

LANGUAGE = Code("en-US", "RFC5646", "English (United States)")  # CID 5000
# CID 100 names no plain radiograph; of its codes that every edition of it has, this one is right.
DEVICE = Code("121007", "DCM", "Device")  # CID 270
PROCEDURE = Code("363679005", "SCT", "Imaging procedure")
REPORT = Code("126000", "DCM", "Imaging Measurement Report")  # CID 7021
PROCEDURE_REPORTED = Code("121058", "DCM", "Procedure reported")
IMAGE_LIBRARY = Code("111028", "DCM", "Image Library")
IMAGE_LIBRARY_GROUP = Code("126200", "DCM", "Image Library Group")
IMAGING_MEASUREMENTS = Code("126010", "DCM", "Imaging Measurements")
QUALITATIVE_EVALUATIONS = Code("C0034375", "UMLS", "Qualitative Evaluations")  # TID 1500
SOURCE_OF_MEASUREMENT = Code("121112", "DCM", "Source of Measurement")  # CID 7551
COMMENT = Code("121106", "DCM", "Comment")
PERCENT = Code("%", "UCUM", "Percent")
MILLIMETRE = Code("mm", "UCUM", "mm")
PIXELS = Code("{pixels}", "UCUM", "Pixels")
CERTAINTY = Code("111012", "DCM", "Certainty of Finding")
# What a film's own probability is the certainty of. Not "abnormal": a negative film must not carry that finding.
RADIOLOGIC_FINDING = Code("118247008", "SCT", "Radiologic finding")
BOUNDED_BY = Code("75958009", "SCT", "Bounded by")  # CID 219
ORIGINAL_SOURCE = Code("111040", "DCM", "Original Source")
COMPUTER_AIDED_DETECTION = Code("110004", "DCM", "Computer Aided Detection")
PROCESSING_EQUIPMENT = Code("109102", "DCM", "Processing Equipment")  # CID 7005

SUMMARY = Code("111017", "DCM", "CAD Processing and Findings Summary")
# CID 6047, by (every image analysed, something found)
SUMMARIES: Mapping[tuple[bool, bool], Code] = {
    (True, False): Code("111241", "DCM", "All algorithms succeeded; without findings"),
    (True, True): Code("111242", "DCM", "All algorithms succeeded; with findings"),
    (False, False): Code("111243", "DCM", "Not all algorithms succeeded; without findings"),
    (False, True): Code("111244", "DCM", "Not all algorithms succeeded; with findings"),
}
NOT_ANALYSED = Code("111245", "DCM", "No algorithms succeeded; without findings")  # CID 6047

# Image Library descriptors: PS3.16 TID 1602 and 1603
MODALITY = Code("121139", "DCM", "Modality")
MODALITIES: Mapping[str, Code] = {  # CID 29
    "CR": Code("CR", "DCM", "Computed Radiography"),
    "DX": Code("DX", "DCM", "Digital Radiography"),
    "RG": Code("RG", "DCM", "Radiographic imaging"),
}
IMAGE_VIEW = Code("111031", "DCM", "Image View")
VIEWS: Mapping[str, Code] = {  # CID 4010
    "PA": Code("272479007", "SCT", "postero-anterior"),
    "AP": Code("399348003", "SCT", "antero-posterior"),
}
PIXEL_ROWS = Code("110910", "DCM", "Pixel Data Rows")
PIXEL_COLUMNS = Code("110911", "DCM", "Pixel Data Columns")
ORIENTATION_ROW = Code("111044", "DCM", "Patient Orientation Row")
ORIENTATION_COLUMN = Code("111043", "DCM", "Patient Orientation Column")
HORIZONTAL_SPACING = Code("111026", "DCM", "Horizontal Pixel Spacing")
VERTICAL_SPACING = Code("111066", "DCM", "Vertical Pixel Spacing")

LUNG = Code("39607008", "SCT", "Lung")
HEART = Code("80891009", "SCT", "Heart")
PLEURA = Code("3120008", "SCT", "Pleura")
SIDES: Mapping[str, Code] = {"L": Code("7771000", "SCT", "Left"), "R": Code("24028007", "SCT", "Right")}  # CID 244


class Finding(NamedTuple):
    """What a label means, where it is, and how a mark names it."""

    code: Code
    site: Code
    name: str
    paired: bool = True  # whether the site has a left and a right


FINDINGS: Mapping[str, Finding] = {
    "Atelectasis": Finding(Code("46621007", "SCT", "Atelectasis"), LUNG, "atelectasis"),
    "Cardiomegaly": Finding(Code("8186001", "SCT", "Cardiomegaly"), HEART, "cardiomegaly", paired=False),
    "Effusion": Finding(Code("60046008", "SCT", "Pleural effusion"), PLEURA, "effusion"),
    "Infiltrate": Finding(Code("112121", "DCM", "Infiltrate"), LUNG, "infiltrate"),  # CID 6104
    "Mass": Finding(Code("4147007", "SCT", "Mass"), LUNG, "mass"),  # CID 6104
    "Nodule": Finding(Code("27925004", "SCT", "Nodule"), LUNG, "nodule"),  # CID 6104
    "Pneumonia": Finding(Code("233604007", "SCT", "Pneumonia"), LUNG, "pneumonia"),
    "Pneumothorax": Finding(Code("36118008", "SCT", "Pneumothorax"), PLEURA, "pneumothorax"),  # CID 6102
    "Lung Opacity": Finding(Code("112001", "DCM", "Opacity"), LUNG, "opacity"),  # CID 6104
}
_SYNONYMS: Mapping[str, str] = {"infiltration": "Infiltrate", "pleural effusion": "Effusion", "opacity": "Lung Opacity"}
_BY_LABEL: Mapping[str, Finding] = {label.lower(): finding for label, finding in FINDINGS.items()} | {
    other: FINDINGS[label] for other, label in _SYNONYMS.items()
}
_UNNAMED = Finding(Code("112033", "DCM", "Abnormal opacity"), LUNG, "lesion")  # CID 6101: the group's most general


def finding_of(label: str) -> Finding:
    """The finding that a label of the detector means; the most general one for a label that is not in the table."""
    return _BY_LABEL.get(label.strip().lower().replace("_", " "), _UNNAMED)
