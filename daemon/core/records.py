"""Plain values that cross the line between the ledger and those who use it."""

from __future__ import annotations

from dataclasses import dataclass, field

from daemon.core.catalogue import CatalogueEntry, empty_entry


@dataclass(frozen=True, slots=True)
class ReceivedInstance:
    """One instance, archived and about to be recorded."""

    study_uid: str
    series_uid: str
    sop_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    key: str  # archive key
    digest: str  # SHA-256, hex
    size: int  # bytes
    calling_ae: str
    eligibility: str  # ELIGIBLE | SET_ASIDE | ASK_PICTURE
    reason: str
    entry: CatalogueEntry = field(default_factory=empty_entry)


@dataclass(frozen=True, slots=True)
class Job:
    """One claimed piece of work."""

    id: int
    kind: str  # analyse | report | reject
    study_uid: str
    subject: str  # analyse: SOP Instance UID; report: the revision; reject: which withdrawal of the study
    attempts: int


@dataclass(frozen=True, slots=True)
class AnsweredImage:
    """One eligible image of a study and what the worker said of it."""

    sop_uid: str
    key: str
    digest: str
    state: str  # DONE | FAILED
    answer: str  # JSON of findings and model identity; "" unless DONE
    reason: str  # why there is no answer
    finished_at: float  # when it was answered, seconds since the epoch, UTC


@dataclass(frozen=True, slots=True)
class OutputReference:
    """One archived result object, as another object refers to it."""

    sop_class_uid: str
    sop_uid: str
    series_uid: str
    study_uid: str


@dataclass(frozen=True, slots=True)
class ReportInputs:
    """All that the encoders need of one study's revision."""

    study_uid: str
    revision: int
    analysed_at: float  # seconds since the epoch, UTC
    images: tuple[AnsweredImage, ...]
    set_aside: tuple[str, ...]  # why each other image was not looked at
    generation: int  # how often results of the study were withdrawn
    predecessors: dict[tuple[str, str, bool], OutputReference] = field(default_factory=dict)  # (kind, profile, marking)


@dataclass(frozen=True, slots=True)
class ArchivedMessage:
    """One HL7 message of ours, and where its bytes are."""

    uid: str  # by which the ledger knows it
    key: str
    marking: bool


@dataclass(frozen=True, slots=True)
class RejectionInputs:
    """All that the rejection note of one study, and the message that says the same, need."""

    study_uid: str
    generation: int  # which withdrawal: 1, 2, …
    rejected_at: float  # seconds since the epoch, UTC
    reason: str  # a key of REJECTION_REASONS
    comment: str
    header_keys: tuple[str, ...]  # archive keys of images, then of results: the first readable gives patient and study
    withdrawn: tuple[OutputReference, ...]
    messages: tuple[ArchivedMessage, ...] = ()  # HL7 messages to withdraw: of each kind of destination the last


@dataclass(frozen=True, slots=True)
class NewOutput:
    """One result object, archived and about to be recorded."""

    sop_uid: str
    series_uid: str
    sop_class_uid: str
    kind: str
    profile: str
    marking: bool
    source_sop_uid: str
    key: str
    digest: str
    transfer_syntax_uid: str = ""
    size: int = 0  # bytes
    entry: CatalogueEntry | None = field(default_factory=empty_entry)  # None: an HL7 message, which is not searched for


@dataclass(frozen=True, slots=True)
class DueDelivery:
    """One object to be sent now."""

    id: int
    sop_uid: str
    sop_class_uid: str
    study_uid: str
    key: str
    digest: str  # SHA-256 of the archived bytes, hex
    attempts: int  # before this one
    refusals: int  # of these
    retry_since: float
    kind: str
    profile: str
    marking: bool


@dataclass(frozen=True, slots=True)
class SentObject:
    """One object that a destination has accepted and has yet to prove that it keeps."""

    id: int  # of the delivery
    study_uid: str
    series_uid: str
    sop_uid: str
    refusals: int
    sent_at: float


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one destination wants of every study."""

    destination: str
    outputs: tuple[str, ...]
    profile: str
    marking: bool
    commitment: bool = False


# Why results are withdrawn: CID 7011, Rejected for Quality Reasons and the like (IHE RAD TF-3 4.66.4.1.3.1.1).
REJECTION_REASONS = ("quality", "safety", "worklist", "retention")
