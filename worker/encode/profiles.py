"""The SR flavours: one tree, written so that a given kind of viewer shows it.

air    Comprehensive 3D SR, as the IHE AI Results profile (AIR Rev 1.3) asks for: nothing added, nothing bent.
stone  Comprehensive SR, the only class whose regions Orthanc Stone draws (DicomStructuredReport.cpp), and each region's
       image named (111040, DCM, Original Source), which it insists on. Stone prints a number beside a box only for
       (111047, DCM, Probability of cancer); ours is no such thing, so the box is drawn without its number.
ohif   Comprehensive SR with the region repeated under the lesion's NUM, where @cornerstonejs/adapters looks for it when
       a reader makes the marks editable; the copy is INFERRED FROM, which TID 300 allows. A report without a lesion is
       no measurement report: OHIF 3.12 opens one with an error (_getViewportReferencedDisplaySetData reads the first
       measurement of none), but shows the text of an SR with any other title. So it is titled Chest CAD Report there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydicom.sr.coding import Code
from pydicom.uid import UID, Comprehensive3DSRStorage, ComprehensiveSRStorage

from worker.encode import codes

SOURCE = Code("260753009", "SCT", "Source")  # TID 1410 as published


@dataclass(frozen=True, slots=True)
class Profile:
    """What differs between the flavours.

    needs_measurements: a report without measurements must not be titled as one of measurements. series_number: the SR
    series' number; triage-only series have the next.
    """

    sop_class_uid: UID
    region_source: Code
    region_under_measurement: bool
    needs_measurements: bool
    series_number: int


PROFILES: Mapping[str, Profile] = {
    "air": Profile(Comprehensive3DSRStorage, SOURCE, False, False, 9110),
    "stone": Profile(ComprehensiveSRStorage, codes.ORIGINAL_SOURCE, False, False, 9120),
    "ohif": Profile(ComprehensiveSRStorage, SOURCE, True, True, 9130),
}
