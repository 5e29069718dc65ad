"""Plain values that cross the line between the ledger and those who use it."""

from __future__ import annotations

from dataclasses import dataclass, field


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


@dataclass(frozen=True, slots=True)
class Job:
    """One claimed piece of work."""

    id: int
    kind: str  # analyse | report
    study_uid: str
    subject: str  # analyse: SOP Instance UID; report: the revision
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
    predecessors: dict[tuple[str, bool], OutputReference] = field(default_factory=dict)  # by (profile, marking)


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
    retry_since: float


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one destination wants of every study."""

    destination: str
    outputs: tuple[str, ...]
    profile: str
    marking: bool
