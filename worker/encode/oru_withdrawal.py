"""The ORU^R01 that withdraws one: every observation posted as wrong, the impression replaced by that and the reason.

HL7 2.5.1 tables 0085 (W: post original as wrong) and 0123. OBR-25 is C: of its codes for a withdrawal, X says that the
order is cancelled, and the order is not ours to cancel. Made of the archived message, so that the observations are told
by the same OBX-3 and OBX-4.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from daemon.core.hl7 import WITHDRAWAL, escaped, time_of
from worker.encode.header import UNVERIFIED, plain
from worker.encode.identity import FORM, derive
from worker.encode.oru import IMPRESSION, header, in_bytes
from worker.encode.rejection import REASONS
from worker.encode.request import CannotEncode, EncodedMessage

_CORRECTED, _WRONG, _NO_RESULT = "C", "W", "O"
_STATUS = 11  # OBX-11


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """One message that is withdrawn. content: as archived; uid: by which the ledger knows it."""

    content: bytes
    uid: str
    marking: bool


def withdrawal_message(
    withdrawn: Withdrawn, reason: str, comment: str, generation: int, at: datetime
) -> EncodedMessage:
    """The message; the same request gives the same bytes.

    reason: a key of REASONS. comment: for the reader. generation: which withdrawal of the study. at: timezone-aware.
    Raises CannotEncode for an unknown reason.
    """
    if reason not in REASONS:
        raise CannotEncode(f"no rejection reason {reason!r}")
    uid = derive(WITHDRAWAL, FORM, withdrawn.uid, str(generation), reason, comment)
    words = plain(f"{UNVERIFIED}. Result withdrawn: {REASONS[reason].meaning}. {comment}", 1024)
    first, *rest = withdrawn.content.decode().rstrip("\r").split("\r")
    assert first.startswith("MSH")
    return EncodedMessage(
        WITHDRAWAL,
        withdrawn.marking,
        uid,
        in_bytes([header(uid, at), *(_corrected(each, escaped(words), at) for each in rest)]),
    )


def _corrected(segment: str, words: str, at: datetime) -> str:
    fields = segment.split("|")
    if fields[0] == "OBR":
        fields[22], fields[25] = time_of(at), _CORRECTED
    elif fields[0] == "OBX" and fields[3].split("^")[0] == IMPRESSION.value:
        fields[5], fields[_STATUS], fields[14] = words, _CORRECTED, time_of(at)
    elif fields[0] == "OBX" and fields[_STATUS] != _NO_RESULT:
        fields[_STATUS] = _WRONG
    return "|".join(fields)
