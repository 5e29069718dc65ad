"""What thoraxd takes and offers on an association. docs/conformance.md prints these tables; a test compares the two."""

from __future__ import annotations

from collections.abc import Mapping

from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom.sop_class import (  # type: ignore[attr-defined]  # made at import by pynetdicom
    BasicTextSRStorage,
    ChestCADSRStorage,
    Comprehensive3DSRStorage,
    ComprehensiveSRStorage,
    GrayscaleSoftcopyPresentationStateStorage,
    KeyObjectSelectionDocumentStorage,
    ParametricMapStorage,
    PatientRootQueryRetrieveInformationModelFind,
    PatientRootQueryRetrieveInformationModelGet,
    PatientRootQueryRetrieveInformationModelMove,
    SecondaryCaptureImageStorage,
    StorageCommitmentPushModel,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
    UnifiedProcedureStepEvent,
    UnifiedProcedureStepPull,
    UnifiedProcedureStepPush,
    UnifiedProcedureStepQuery,
    UnifiedProcedureStepWatch,
    Verification,
)

from daemon.core.storage import STORAGE_SCP, TRANSFER_SYNTAXES_SCP, Named

__all__ = [
    "NAMES",
    "STORAGE_COMMITMENT",
    "STORAGE_SCP",
    "STORAGE_SCU",
    "TRANSFER_SYNTAXES_SCP",
    "TRANSFER_SYNTAXES_SCU",
    "UPS_EVENT",
    "UPS_FIND_SCP",
    "UPS_SCP",
    "VERIFICATION",
    "Named",
]

# As SCP: PS3.4 Annex A, and Annex B with the tables of daemon/core/storage.py.
VERIFICATION = Named(Verification, "Verification")

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

# In both roles: PS3.4 Annex C, in Explicit and Implicit VR Little Endian.
STUDY_ROOT_FIND = Named(
    StudyRootQueryRetrieveInformationModelFind, "Study Root Query/Retrieve Information Model - FIND"
)
STUDY_ROOT_MOVE = Named(
    StudyRootQueryRetrieveInformationModelMove, "Study Root Query/Retrieve Information Model - MOVE"
)
STUDY_ROOT_GET = Named(StudyRootQueryRetrieveInformationModelGet, "Study Root Query/Retrieve Information Model - GET")
QUERY_RETRIEVE_SCP: tuple[Named, ...] = (
    Named(PatientRootQueryRetrieveInformationModelFind, "Patient Root Query/Retrieve Information Model - FIND"),
    Named(PatientRootQueryRetrieveInformationModelMove, "Patient Root Query/Retrieve Information Model - MOVE"),
    Named(PatientRootQueryRetrieveInformationModelGet, "Patient Root Query/Retrieve Information Model - GET"),
    STUDY_ROOT_FIND,
    STUDY_ROOT_MOVE,
    STUDY_ROOT_GET,
)
QUERY_RETRIEVE_SCU: tuple[Named, ...] = (STUDY_ROOT_FIND, STUDY_ROOT_MOVE, STUDY_ROOT_GET)

# In both roles: PS3.4 Annex J, in Explicit and Implicit VR Little Endian.
STORAGE_COMMITMENT = Named(StorageCommitmentPushModel, "Storage Commitment Push Model")

# As SCP: PS3.4 Annex CC, in Explicit and Implicit VR Little Endian; Event on associations that we open.
UPS_EVENT = Named(UnifiedProcedureStepEvent, "Unified Procedure Step - Event")
UPS_FIND_SCP: tuple[Named, ...] = (
    Named(UnifiedProcedureStepWatch, "Unified Procedure Step - Watch"),
    Named(UnifiedProcedureStepPull, "Unified Procedure Step - Pull"),
    Named(UnifiedProcedureStepQuery, "Unified Procedure Step - Query"),
)
UPS_SCP: tuple[Named, ...] = (Named(UnifiedProcedureStepPush, "Unified Procedure Step - Push"), *UPS_FIND_SCP)

NAMES: Mapping[str, str] = {item.uid: item.name for item in (VERIFICATION, *STORAGE_SCP, *STORAGE_SCU)}
