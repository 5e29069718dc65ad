"""Storage statuses and what they mean for an object.

PS3.4 table B.2-1 and PS3.7 Annex C for C-STORE; PS3.18 I.2 gives the Warning and Failure Reasons of STOW-RS the same
values.
"""

from __future__ import annotations

from collections.abc import Mapping

from daemon.core.errors import (
    ArchiveFull,
    IdentityMismatch,
    IngestError,
    SOPClassNotTaken,
    StoreUnavailable,
    ThoraxdError,
    TransferSyntaxNotTaken,
    UnreadableDataSet,
)
from daemon.core.outcome import Answer, Outcome

SUCCESS = 0x0000
PROCESSING_FAILURE = 0x0110  # PS3.7 C.5.23
DUPLICATE = 0x0111  # PS3.7 C.5.6

_MEANINGS: Mapping[int, str] = {
    0xA700: "out of resources",
    0xA900: "data set does not match SOP class",
    0xB000: "warning: coercion of data elements",
    0xB006: "warning: elements discarded",
    0xB007: "warning: data set does not match SOP class",
    0xC000: "cannot understand",
    0xC122: "transfer syntax not supported",
    0x0110: "processing failure",
    0x0111: "duplicate SOP instance",
    0x0117: "invalid SOP instance",
    0x0122: "SOP class not supported",
    0x0124: "not authorized",
}


# What a sender is told of an error.
STATUS: Mapping[type[ThoraxdError], int] = {
    ArchiveFull: 0xA700,  # refused: out of resources
    StoreUnavailable: 0xA700,  # nothing is wrong with the instance: the sender shall try again
    IdentityMismatch: 0xA900,  # data set does not match SOP class
    UnreadableDataSet: 0xC000,  # cannot understand
    SOPClassNotTaken: 0x0122,
    TransferSyntaxNotTaken: 0xC122,
    IngestError: 0xC000,
}


def status_of(error: ThoraxdError) -> int:
    """The status that tells a sender of this error."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def outcome_of(status: int) -> Outcome:
    """What a status means for the object.

    Duplicate SOP Instance says that it is there already: under one of our UIDs there are never other bytes, and the
    answer to an earlier attempt may have been lost.
    """
    if status in (SUCCESS, DUPLICATE):
        return Outcome(Answer.ACCEPTED, status, "" if status == SUCCESS else meaning(status))
    if status & 0xF000 == 0xB000 or status == 0x0001:
        return Outcome(Answer.ALTERED, status, meaning(status))
    if status & 0xFF00 == 0xA700:
        return Outcome(Answer.BUSY, status, meaning(status))
    return Outcome(Answer.REFUSED, status, meaning(status))


def meaning(status: int) -> str:
    """A status for a person: hexadecimal and, where the standard has one, its words."""
    text = _MEANINGS.get(status) or _MEANINGS.get(status & 0xFF00) or _MEANINGS.get(status & 0xF000)
    return f"{status:04X}" + (f" {text}" if text else "")
