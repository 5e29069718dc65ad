"""The vouch loop, one a modality: checks what it asked us to keep, and tells it, until it has heard.

After our word the modality may delete its own copy, so a file counts only when its bytes have the digest under which
it was recorded: not on the record alone, and not by its size. That reads it once; a study has a few films, and nobody
waits but the modality that asked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection

import structlog

from daemon.core.commitment import (
    NO_SUCH_OBJECT_INSTANCE,
    PROCESSING_FAILURE,
    CommitmentRequest,
    CommitmentResult,
    Reference,
    record_failure,
)
from daemon.core.errors import DeliveryError, NotArchived
from daemon.dimse.contexts import STORAGE_SCP
from daemon.sections import RetrySettings
from daemon.store.archive import Archive
from daemon.store.ledger import Ledger
from daemon.store.promises import DuePromise, OnRecord

log = structlog.get_logger()

# Tells the modality of this AE title a result. Raises DeliveryError where it did not hear it.
Tell = Callable[[str, CommitmentResult], None]

IDLE_S = 0.5
LEASE_S = 60.0
_TAKEN = frozenset(str(sop_class.uid) for sop_class in STORAGE_SCP)


class Vouch:
    """One turn tells one result, to `calling_ae`, or, where that is None, to whoever is not among `others`."""

    def __init__(
        self,
        calling_ae: str | None,
        others: Collection[str],
        tell: Tell,
        ledger: Ledger,
        archive: Archive,
        retry: RetrySettings,
        clock: Callable[[], float],
    ) -> None:
        self._calling_ae, self._others, self._tell = calling_ae, others, tell
        self._ledger, self._archive = ledger, archive
        self._retry, self._clock = retry, clock

    def turn(self) -> float:
        """Check and tell what is due; seconds until the next turn."""
        promise = self._ledger.promises.due(self._calling_ae, self._others, self._clock(), LEASE_S)
        if promise is None:
            return IDLE_S
        result = self._judge(promise.request)
        try:
            self._tell(promise.calling_ae, result)
        except DeliveryError as error:
            self._put_off(promise, str(error))
            return 0.0
        self._ledger.promises.told(promise, self._clock())
        kept, lost = len(result.committed), len(result.failed)
        (log.warning if lost else log.info)("promise.told", calling_ae=promise.calling_ae, kept=kept, lost=lost)
        return 0.0

    def _judge(self, request: CommitmentRequest) -> CommitmentResult:
        found = self._ledger.promises.on_record([reference.sop_uid for reference in request.references])
        judged = [
            (reference, self._failure(reference, found.get(reference.sop_uid))) for reference in request.references
        ]
        return CommitmentResult(
            request.transaction_uid,
            tuple(reference for reference, failure in judged if failure is None),
            tuple((reference, failure) for reference, failure in judged if failure is not None),
        )

    def _failure(self, reference: Reference, recorded: OnRecord | None) -> int | None:
        """The Failure Reason; None for an instance that is here whole. Raises StoreUnavailable."""
        failure = record_failure(reference, recorded.sop_class_uid if recorded else None, _TAKEN)
        if failure is not None or recorded is None:
            return failure
        try:
            with self._archive.open(recorded.key) as file:
                whole = hashlib.file_digest(file, "sha256").hexdigest() == recorded.digest  # type: ignore[arg-type]
        except NotArchived:
            return NO_SUCH_OBJECT_INSTANCE
        except OSError:  # it is there, and cannot be read to its end
            return PROCESSING_FAILURE
        return None if whole else PROCESSING_FAILURE

    def _put_off(self, promise: DuePromise, why: str) -> None:
        again_at = self._clock() + self._retry.wait_s(promise.attempts + 1)
        in_time = again_at - promise.asked_at <= self._retry.give_up_s
        self._ledger.promises.untold(promise, why, again_at if in_time else None)
        if promise.attempts == 0 or not in_time:  # what repeats is told at its start and its end
            event = "promise.untold" if in_time else "promise.given_up"
            log.warning(event, calling_ae=promise.calling_ae, attempts=promise.attempts + 1, why=why)
