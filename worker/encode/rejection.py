"""The rejection note that withdraws our results of one study: a KOS whose title is the reason.

IHE RAD TF-1 33 (Imaging Object Change Management), RAD TF-3 4.66 (Rejection Note Stored); PS3.3 A.35.4, PS3.16 TID
2010. An archive that knows the profile hides or deletes what the note refers to and never takes it again under the
same UID; any other one stores the note beside the results, and a reader sees its title.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from pydicom.dataset import Dataset
from pydicom.sr.coding import Code
from pydicom.uid import ParametricMapStorage, SecondaryCaptureImageStorage

from model.findings import ModelIdentity
from worker.encode.header import UNVERIFIED, Series, finish
from worker.encode.identity import FORM, derive
from worker.encode.items import HAS_CONCEPT_MOD, code
from worker.encode.kos import select, selected, selection
from worker.encode.request import CannotEncode, Reference
from worker.encode.source import Source

# RAD TF-3 4.66.4.1.3, of CID 7010. Without a Coding Scheme Version: dcm4chee took no note that had one.
REASONS: Mapping[str, Code] = {
    "quality": Code("113001", "DCM", "Rejected for Quality Reasons"),
    "safety": Code("113037", "DCM", "Rejected for Patient Safety Reasons"),
    "worklist": Code("113038", "DCM", "Incorrect Modality Worklist Entry"),
    "retention": Code("113039", "DCM", "Data Retention Policy Expired"),
}
# TID 2010 row 3, CID 7011: why the quality is poor. The others of the group blame the film, its exposure or a device;
# "Software failure" would claim a cause that a withdrawal does not know.
_MODIFIER, _OTHER = Code("113011", "DCM", "Document Title Modifier"), Code("111220", "DCM", "Other failure")
_IMAGES = frozenset({SecondaryCaptureImageStorage, ParametricMapStorage})  # of our forms, those that are images
_SERIES_NUMBER = 9410


@dataclass(frozen=True, slots=True)
class RejectionRequest:
    """What is withdrawn, and why.

    header: of one of the study's images, as received. withdrawn: our objects of this study, of any SOP class.
    reason: a key of REASONS. comment: for the reader. rejected_at: timezone-aware, from the ledger.
    generation: which withdrawal of the study: 1, 2, …. identity: the weights now in use. station: our AE title.
    """

    header: Dataset
    withdrawn: tuple[Reference, ...]
    reason: str
    comment: str
    rejected_at: datetime
    generation: int
    identity: ModelIdentity
    station: str


def rejection_note(request: RejectionRequest) -> Dataset:
    """The note; the same request gives the same bytes.

    Raises CannotEncode when there is nothing to withdraw, or the request is not of one study and a known reason.
    """
    source = Source(request.header)
    if request.reason not in REASONS:
        raise CannotEncode(f"no rejection reason {request.reason!r}")
    if not request.withdrawn:
        raise CannotEncode("there is no result to withdraw")
    if {reference.study_uid for reference in request.withdrawn} != {source.study_uid}:
        raise CannotEncode("the results are of another study than the image")
    if request.rejected_at.tzinfo is None:
        raise CannotEncode("the time of rejection has no time zone")
    withdrawn = sorted(set(request.withdrawn), key=lambda reference: reference.sop_instance_uid)
    uids = [reference.sop_instance_uid for reference in withdrawn]
    said = (request.reason, request.comment, request.station, request.identity.digest)
    uid = derive("rejection", FORM, source.study_uid, str(request.generation), *said, *uids)
    ds = selection(request, source, _series(request, source), uid, request.generation, request.rejected_at)
    items = [
        selected("IMAGE" if reference.sop_class_uid in _IMAGES else "COMPOSITE", reference) for reference in withdrawn
    ]
    title = REASONS[request.reason]
    modifiers = [code(HAS_CONCEPT_MOD, _MODIFIER, _OTHER)] if request.reason == "quality" else []
    select(ds, request, title, _description(request, len(items)), items, withdrawn, modifiers)
    return finish(ds)


def _description(request: RejectionRequest, objects: int) -> str:
    words = f"{UNVERIFIED}: {objects} result object{'s' if objects != 1 else ''} withdrawn"
    return f"{words}. {request.comment}" if request.comment else f"{words}."


def _series(request: RejectionRequest, source: Source) -> Series:
    uid = derive("series", source.study_uid, "rejection", request.identity.digest, request.station)
    return Series("KO", uid, _SERIES_NUMBER, f"{UNVERIFIED}: results withdrawn")
