"""C-STORE response statuses of the SCP: PS3.4 table B.2-1, PS3.7 Annex C."""

from __future__ import annotations

from collections.abc import Mapping

from pydicom import Dataset

from daemon.core.errors import (
    ArchiveFull,
    IdentityMismatch,
    IngestError,
    StoreUnavailable,
    ThoraxdError,
    UnreadableDataSet,
)
from daemon.core.statuses import DUPLICATE, PROCESSING_FAILURE, SUCCESS, meaning, outcome_of

__all__ = [
    "DUPLICATE",
    "PROCESSING_FAILURE",
    "STATUS",
    "SUCCESS",
    "failure",
    "meaning",
    "outcome_of",
    "status_of",
]

STATUS: Mapping[type[ThoraxdError], int] = {
    ArchiveFull: 0xA700,  # refused: out of resources
    StoreUnavailable: 0xA700,  # nothing is wrong with the instance: the sender shall try again
    IdentityMismatch: 0xA900,  # data set does not match SOP class
    UnreadableDataSet: 0xC000,  # cannot understand
    IngestError: 0xC000,
}


def status_of(error: ThoraxdError) -> int:
    """The status that tells a sender of this error."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def failure(status: int, comment: str) -> Dataset:
    """A response with an Error Comment (0000,0902), LO, at most 64 characters."""
    response = Dataset()
    response.Status = status
    response.ErrorComment = comment[:64]
    return response
