"""The deliver loop, one a destination: sends what is due, backs off, gives up with a reason.

One destination that is down delays no other: each has its own loop, in a thread of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import structlog
from pydicom import Dataset, dcmread

from daemon.core.errors import DestinationUnreachable, StoreUnavailable
from daemon.core.records import DueDelivery
from daemon.dimse.scu import Outcome, send
from daemon.dimse.status import is_warning
from daemon.settings import Destination, RetrySettings
from daemon.store.archive import Archive
from daemon.store.ledger import Ledger

log = structlog.get_logger()

BATCH = 32  # objects an association
IDLE_S = 0.1


def next_try(outcome: Outcome, attempts: int, retry_since: float, now: float, retry: RetrySettings) -> float | None:
    """When to try again after the `attempts`-th attempt failed with `outcome`; None: give up.

    A warning (Bxxx) means that the object is there, altered: sending it again would change nothing. An answer that
    refuses the object (Axxx but A7xx, Cxxx, or no presentation context) seldom changes, so it ends after
    `refused_attempts`; a destination that is down or full does recover, so that ends by time alone.
    """
    if outcome.status is not None and is_warning(outcome.status):
        return None
    may_recover = outcome.status is not None and outcome.status & 0xFF00 == 0xA700
    unreachable = outcome.status is None and not outcome.reason.startswith("no presentation context")
    if attempts >= retry.refused_attempts and not (may_recover or unreachable):
        return None
    wait = min(retry.longest_s, retry.first_s * retry.factor ** min(attempts - 1, 64))
    return now + wait if now + wait - retry_since <= retry.give_up_s else None


class Deliver:
    """One turn sends one batch to one destination."""

    def __init__(
        self,
        destination: Destination,
        calling_ae: str,
        ledger: Ledger,
        archive: Archive,
        retry: RetrySettings,
        clock: Callable[[], float],
    ) -> None:
        self.destination = destination
        self._calling_ae, self._ledger, self._archive = calling_ae, ledger, archive
        self._retry, self._clock = retry, clock
        self._unreachable = 0  # turns in a row

    def turn(self) -> float:
        """Send what is due; seconds until the next turn."""
        lease_s = self.destination.timeout_s * 2 + 10
        due = self._ledger.deliveries.due(self.destination.name, self._clock(), lease_s, BATCH)
        if not due:
            return IDLE_S
        objects = self._load(due)
        pending = [item for item in due if item.id in objects]
        outcomes = send(self.destination, self._calling_ae, [objects[item.id] for item in pending])
        done = 0
        try:
            for item, outcome in zip(pending, outcomes, strict=False):
                self._record(item, outcome)
                done += 1
        except DestinationUnreachable as error:
            return self._back_off(pending, str(error))
        # After a break the rest is due at once: only the object that was under way may be to blame.
        self._ledger.deliveries.release([item.id for item in pending[done:]], self._clock())
        self._unreachable = 0
        return 0.0

    def _load(self, due: Sequence[DueDelivery]) -> dict[int, Dataset]:
        objects: dict[int, Dataset] = {}
        for item in due:
            try:
                content = self._archive.read(item.key)
            except StoreUnavailable as error:
                self._record(item, Outcome(None, str(error)))
                continue
            if hashlib.sha256(content.getbuffer()).hexdigest() != item.digest:
                self._record(item, Outcome(None, f"archive: {item.key} is damaged"))
                continue
            objects[item.id] = dcmread(content)
        return objects

    def _record(self, item: DueDelivery, outcome: Outcome) -> None:
        now = self._clock()
        if outcome.accepted:
            self._ledger.deliveries.sent(item.id, outcome.status or 0, now)
            log.info("object.sent", destination=self.destination.name, instance=item.sop_uid)
            return
        again_at = next_try(outcome, item.attempts + 1, item.retry_since, now, self._retry)
        self._ledger.deliveries.failed(item.id, outcome.reason, outcome.status, again_at)
        log.warning(
            "object.refused" if again_at is not None else "object.given_up",
            destination=self.destination.name,
            instance=item.sop_uid,
            why=outcome.reason,
            attempts=item.attempts + 1,
        )

    def _back_off(self, items: Sequence[DueDelivery], reason: str) -> float:
        """Nobody there: these wait, and so does the loop, ever longer, up to the longest wait."""
        self._unreachable += 1
        for item in items:
            self._record(item, Outcome(None, reason))
        return min(self._retry.longest_s, self._retry.first_s * self._retry.factor ** min(self._unreachable - 1, 64))
