"""What became of one attempt to send one object: by C-STORE (PS3.4 B.2.3), STOW-RS (PS3.18 10.5) or HL7 v2."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pydicom import Dataset


class Answer(StrEnum):
    """What a destination's answer means for the object."""

    ACCEPTED = "accepted"  # it is there
    ALTERED = "altered"  # it is there, changed (Bxxx): sending it again would change nothing
    REFUSED = "refused"  # it will hardly ever be taken
    BUSY = "busy"  # not now (A7xx, 503): time alone helps
    BROKEN = "broken"  # no answer: the association or the request broke under it


@dataclass(frozen=True, slots=True)
class Outcome:
    """One object's answer. status: PS3.7 Annex C, None where there was none. reason: "" only where accepted plainly."""

    answer: Answer
    status: int | None
    reason: str

    @property
    def accepted(self) -> bool:
        """Whether the object is there as it was sent."""
        return self.answer is Answer.ACCEPTED


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One object about to be sent. content: the archived file (PS3.10); dataset: the same, parsed.

    Of an HL7 message the content is the message, and the data set is empty.
    """

    content: bytes
    dataset: Dataset
