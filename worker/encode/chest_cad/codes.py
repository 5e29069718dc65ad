"""The coded concepts that only the Chest CAD SR uses: names of PS3.16 TID 4015-4107, values of its context groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from pydicom.sr.coding import Code

from worker.encode import codes

# TID 4100
CHEST_CAD_REPORT = Code("112000", "DCM", "Chest CAD Report")
SUMMARY_OF_DETECTIONS = Code("111064", "DCM", "Summary of Detections")
SUMMARY_OF_ANALYSES = Code("111065", "DCM", "Summary of Analyses")
SUCCEEDED = Code("111222", "DCM", "Succeeded")  # CID 6042
PARTIALLY_SUCCEEDED = Code("111223", "DCM", "Partially Succeeded")
FAILED = Code("111224", "DCM", "Failed")
NOT_ATTEMPTED = Code("111225", "DCM", "Not Attempted")

# TID 4020
IMAGE_LATERALITY = Code("111027", "DCM", "Image Laterality")
# CID 244, by Image Laterality (0020,0062); the group has no code for "U", unpaired.
LATERALITIES: Mapping[str, Code] = {**codes.SIDES, "B": Code("51440002", "SCT", "Bilateral")}
IMAGE_VIEW_MODIFIER = Code("111032", "DCM", "Image View Modifier")
STUDY_DATE = Code("111060", "DCM", "Study Date")
STUDY_TIME = Code("111061", "DCM", "Study Time")
CONTENT_DATE = Code("111018", "DCM", "Content Date")
CONTENT_TIME = Code("111019", "DCM", "Content Time")

# TID 4015, 4017, 4019, 4023
SUCCESSFUL_DETECTIONS = Code("111063", "DCM", "Successful Detections")
FAILED_DETECTIONS = Code("111025", "DCM", "Failed Detections")
DETECTION_PERFORMED = Code("111022", "DCM", "Detection Performed")
ALGORITHM_NAME = Code("111001", "DCM", "Algorithm Name")
ALGORITHM_VERSION = Code("111003", "DCM", "Algorithm Version")
ALGORITHM_PARAMETERS = Code("111002", "DCM", "Algorithm Parameters")
MAXIMUM_OPERATING_POINT = Code("111072", "DCM", "Maximum CAD Operating Point")
RECOMMENDED_OPERATING_POINT = Code("111092", "DCM", "Recommended CAD Operating Point")
OPERATING_POINT_TABLE = Code("111093", "DCM", "CAD Operating Point Table")
OPERATING_POINT = Code("111071", "DCM", "CAD Operating Point")
OPERATING_POINT_DESCRIPTION = Code("111081", "DCM", "CAD Operating Point Description")
X_CONCEPT = Code("122698", "DCM", "X-Concept")
Y_CONCEPT = Code("122699", "DCM", "Y-Concept")
CASE_SENSITIVITY = Code("111088", "DCM", "Case Sensitivity")  # CID 6048
ARBITRARY_UNIT = Code("[arb'U]", "UCUM", "arbitrary unit")
FROM_0_TO_0 = Code("{0:0}", "UCUM", "range: 0:0")

# TID 4104, 4105, 4107
SINGLE_IMAGE_FINDING = Code("111059", "DCM", "Single Image Finding")
FINDING_MODIFIER = Code("112024", "DCM", "Single Image Finding Modifier")
CHEST_COMPONENT = Code("112003", "DCM", "Associated Chest Component")
RENDERING_INTENT = Code("111056", "DCM", "Rendering Intent")
PRESENTATION_REQUIRED = Code(  # CID 6034
    "111150", "DCM", "Presentation Required: Rendering device is expected to present"
)
TRACKING_IDENTIFIER = Code("112039", "DCM", "Tracking Identifier")
TRACKING_UID = Code("112040", "DCM", "Tracking Unique Identifier")
CENTER = Code("111010", "DCM", "Center")
OUTLINE = Code("111041", "DCM", "Outline")
LATERALITY = Code("272741003", "SCT", "Laterality")

_OPACITY = Code("112033", "DCM", "Abnormal opacity")
_LUCENCY = Code("112062", "DCM", "Abnormal lucency")
_ANATOMY = Code("112005", "DCM", "Radiographic anatomy")


class ChestFinding(NamedTuple):
    """A finding as the template wants it.

    kind: CID 6101. component: CID 6100, of radiographic anatomy only. modifier: what it is, of CID 6102 where that
    names it; the group is extensible, and SNOMED CT names the others.
    """

    kind: Code
    component: Code | None
    modifier: Code | None


# By the detector's label; a finding that is not here is an abnormal opacity, the most general of CID 6101.
_KINDS: Mapping[str, tuple[Code, Code | None]] = {
    "Pneumothorax": (_LUCENCY, None),  # CID 6105
    "Cardiomegaly": (_ANATOMY, codes.HEART),
}


def chest_finding(label: str) -> ChestFinding:
    """What a label of the detector is in CID 6101 and CID 6102."""
    finding = codes.finding_of(label).code
    name = next((name for name, known in codes.FINDINGS.items() if known.code == finding), "")
    kind, component = _KINDS.get(name, (_OPACITY, None))
    return ChestFinding(kind, component, None if finding == kind else finding)
