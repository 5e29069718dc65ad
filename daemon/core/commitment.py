"""Storage commitment in plain values (PS3.4 Annex J): what is asked, what is answered, and what an answer means.

PS3.3 C.14 names what a request and a result hold; C.14.1.1 gives the Failure Reasons.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from daemon.core.states import DeliveryState

PROCESSING_FAILURE = 0x0110
NO_SUCH_OBJECT_INSTANCE = 0x0112
CLASS_INSTANCE_CONFLICT = 0x0119
CLASS_NOT_SUPPORTED = 0x0122

# PS3.3 C.14.1.1
FAILURE_REASONS: Mapping[int, str] = {
    PROCESSING_FAILURE: "processing failure",
    NO_SUCH_OBJECT_INSTANCE: "no such object instance",
    0x0213: "resource limitation",
    CLASS_NOT_SUPPORTED: "referenced SOP class not supported",
    CLASS_INSTANCE_CONFLICT: "class / instance conflict",
    0x0131: "duplicate transaction UID",
}

OUR_FAILURE_REASONS = frozenset(
    {PROCESSING_FAILURE, NO_SUCH_OBJECT_INSTANCE, CLASS_INSTANCE_CONFLICT, CLASS_NOT_SUPPORTED}
)


@dataclass(frozen=True, slots=True)
class Reference:
    """One instance that somebody is to keep (PS3.3 table 10-11)."""

    sop_class_uid: str
    sop_uid: str


@dataclass(frozen=True, slots=True)
class CommitmentRequest:
    """The Action Information of an N-ACTION: PS3.4 table J.3-1."""

    transaction_uid: str
    references: tuple[Reference, ...]


@dataclass(frozen=True, slots=True)
class CommitmentResult:
    """The Event Information of an N-EVENT-REPORT: PS3.4 table J.3-2. failed: with the Failure Reason of each."""

    transaction_uid: str
    committed: tuple[Reference, ...]
    failed: tuple[tuple[Reference, int], ...]

    def failures(self) -> dict[str, int | None]:
        """Failure Reason by SOP Instance UID, None for what is kept. What stands in both lists is not kept."""
        kept: dict[str, int | None] = dict.fromkeys(reference.sop_uid for reference in self.committed)
        return kept | {reference.sop_uid: reason for reference, reason in self.failed}


class Move(StrEnum):
    """What an answer about one object does to its delivery."""

    COMMIT = "commit"
    SEND_AGAIN = "send again"
    NOTHING = "nothing"


def move_of(
    state: DeliveryState, failure: int | None, *, asked_at: float, sent_at: float | None, withdrawn: bool
) -> Move:
    """What to do about a delivery when a result says `failure` of it (None: it is kept).

    Only what is SENT waits for an answer; a second result finds it elsewhere, and so does one for what was given up,
    replayed or withdrawn meanwhile. That the object is kept is good news however old the question. That it is not says
    nothing about an object that was sent again after the question, and nobody misses one that was withdrawn.
    """
    if state is not DeliveryState.SENT:
        return Move.NOTHING
    if failure is None:
        return Move.COMMIT
    stale = sent_at is not None and asked_at < sent_at
    return Move.NOTHING if stale or withdrawn else Move.SEND_AGAIN


def failure_text(reason: int) -> str:
    """A Failure Reason for a person: hexadecimal and, where the standard has one, its words."""
    name = FAILURE_REASONS.get(reason)
    return f"storage commitment failed: {reason:04X}" + (f" {name}" if name else "")


def record_failure(reference: Reference, recorded_class: str | None, supported: Collection[str]) -> int | None:
    """Why our records do not vouch for `reference`: a Failure Reason; None where they do.

    recorded_class: its SOP class as we have it, None where we have it not. supported: the SOP classes we take.
    """
    if recorded_class is None:
        return NO_SUCH_OBJECT_INSTANCE if reference.sop_class_uid in supported else CLASS_NOT_SUPPORTED
    return None if recorded_class == reference.sop_class_uid else CLASS_INSTANCE_CONFLICT
