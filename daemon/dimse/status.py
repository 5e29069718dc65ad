"""C-STORE response statuses of the SCP: PS3.4 table B.2-1, PS3.7 Annex C."""

from __future__ import annotations

from pydicom import Dataset

from daemon.core.statuses import (
    DUPLICATE,
    PROCESSING_FAILURE,
    STATUS,
    SUCCESS,
    meaning,
    outcome_of,
    status_of,
)

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


def failure(status: int, comment: str) -> Dataset:
    """A response with an Error Comment (0000,0902), LO, at most 64 characters."""
    response = Dataset()
    response.Status = status
    response.ErrorComment = comment[:64]
    return response
