"""What the priority loop says of one study that is to be read, for its work item (PS3.4 Annex CC)."""

from __future__ import annotations

from dataclasses import dataclass

from daemon.core.priority import Priority


@dataclass(frozen=True, slots=True)
class ReadingReference:
    """One instance that a reading uses or has at hand: an image of the study, or a result object of ours."""

    study_uid: str
    series_uid: str
    sop_class_uid: str
    sop_uid: str


@dataclass(frozen=True, slots=True)
class ReadingItem:
    """The reading of one revision of one study. Times: seconds since the epoch, UTC."""

    study_uid: str
    revision: int
    priority: Priority
    due_at: float  # by when it is to be read: the order of the list
    arrived_at: float  # since when it waits
    label: str  # Worklist Label (0074,1202)
    probability: float | None  # triage probability 0..1; None: not analysed
    inputs: tuple[ReadingReference, ...]  # the study's images
    outputs: tuple[ReadingReference, ...] = ()  # our result objects, which the reader may look at too
