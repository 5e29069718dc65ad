"""The deliver loop, one a destination: checks and sends what is due, backs off, gives up with a reason.

One destination that is down delays no other: each has its own loop, in a thread of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO

import structlog
from pydicom import Dataset, dcmread

from daemon.conform import Expected, faults, message_faults
from daemon.core.errors import DestinationUnreachable, NotArchived, StoreUnavailable, UnreadableDataSet
from daemon.core.header import read_header
from daemon.core.hl7 import MESSAGES
from daemon.core.outcome import Answer, Outcome, Outgoing
from daemon.core.records import DueDelivery
from daemon.sections import RetrySettings
from daemon.store.archive import Archive
from daemon.store.ledger import Ledger

log = structlog.get_logger()

# Sends these objects, in order, with one outcome each; where the way breaks, those after the first may have none.
# Raises DestinationUnreachable, before any outcome, where nobody is there.
Send = Callable[[Sequence[Outgoing]], Iterator[Outcome]]

BATCH = 32  # objects an association
BATCH_BYTES = 32_000_000
IDLE_S = 0.1
UNREACHABLE_S = 2.0  # between two associations that nobody accepts, at most
FAULTS_TOLD = 5  # of a quarantined object


def next_try(
    outcome: Outcome, attempts: int, refusals: int, retry_since: float, now: float, retry: RetrySettings
) -> float | None:
    """When to try again after the `attempts`-th attempt failed, and the `refusals`-th was refused; None: give up.

    An object that was altered is there: sending it again would change nothing. An answer that refuses it seldom
    changes, so it ends after `refused_attempts` of them; a destination that is down or full does recover, so that ends
    by time alone.
    """
    if outcome.answer is Answer.ALTERED:
        return None
    if outcome.answer is Answer.REFUSED and refusals >= retry.refused_attempts:
        return None
    wait = retry.wait_s(attempts)
    return now + wait if now + wait - retry_since <= retry.give_up_s else None


class Deliver:
    """One turn sends one batch to one destination."""

    def __init__(
        self,
        destination: str,
        send: Send,
        timeout_s: float,
        ledger: Ledger,
        archive: Archive,
        retry: RetrySettings,
        clock: Callable[[], float],
    ) -> None:
        self.destination = destination
        self._send, self._timeout_s = send, timeout_s
        self._ledger, self._archive = ledger, archive
        self._retry, self._clock = retry, clock

    def turn(self) -> float:
        """Send what is due; seconds until the next turn."""
        lease_s = self._timeout_s * 2 + 10
        due = self._ledger.deliveries.due(self.destination, self._clock(), lease_s, BATCH)
        if not due:
            return IDLE_S
        objects, loaded = self._fit_to_send(due)
        self._ledger.deliveries.release([item.id for item in due[loaded:]], self._clock())
        rest = [item for item in due if item.id in objects]
        while rest:
            done = 0
            try:
                for item, outcome in zip(rest, self._send([objects[item.id] for item in rest]), strict=False):
                    self._record(item, outcome)
                    done += 1
            except DestinationUnreachable as error:
                return self._back_off(rest, error)
            # After a break the rest goes at once: only the object that was under way may be to blame.
            rest = rest[done:]
        return 0.0

    def _fit_to_send(self, due: Sequence[DueDelivery]) -> tuple[dict[int, Outgoing], int]:
        """Those of `due` that are as archived and without fault, and how many of `due` were looked at.

        The others are recorded as what they are. No more than BATCH_BYTES are held in memory.
        """
        objects: dict[int, Outgoing] = {}
        sources: dict[str, list[Dataset]] = {}
        size = 0
        for looked_at, item in enumerate(due):
            if size > BATCH_BYTES:
                return objects, looked_at
            try:
                content = self._archive.read(item.key).getvalue()
                if item.study_uid not in sources:
                    sources[item.study_uid] = self._headers(item.study_uid)
            except StoreUnavailable as error:
                self._record(item, Outcome(Answer.BROKEN, None, str(error)))
                continue
            fit = self._fit(item, content, sources[item.study_uid])
            if fit is not None:
                objects[item.id] = fit
                size += len(content)
        return objects, len(due)

    def _fit(self, item: DueDelivery, content: bytes, sources: Sequence[Dataset]) -> Outgoing | None:
        if hashlib.sha256(content).hexdigest() != item.digest:
            self._quarantine(item, f"archive: {item.key} is damaged")
            return None
        if item.kind in MESSAGES:
            ds, found = Dataset(), message_faults(content, sources, Expected(item.kind, "", item.marking))
        else:
            ds = dcmread(BytesIO(content))
            found = faults(ds, sources, Expected(item.kind, item.profile, item.marking))
        if found:
            told = "; ".join(map(str, found[:FAULTS_TOLD]))
            more = f"; and {len(found) - FAULTS_TOLD} more" if len(found) > FAULTS_TOLD else ""
            self._quarantine(item, f"check before sending: {told}{more}")
            return None
        return Outgoing(content, ds)

    def _headers(self, study_uid: str) -> list[Dataset]:
        """The headers of the study's images; none where one is lost or damaged: references then prove nothing."""
        keys = self._ledger.deliveries.image_keys(study_uid)
        try:
            return [read_header(self._archive.read(key)) for key in keys]
        except (NotArchived, UnreadableDataSet):
            return []

    def _quarantine(self, item: DueDelivery, reason: str) -> None:
        self._ledger.deliveries.quarantined(item.id, reason)
        log.error("object.quarantined", destination=self.destination, instance=item.sop_uid, why=reason)

    def _record(self, item: DueDelivery, outcome: Outcome, *, said: bool = True) -> None:
        now = self._clock()
        if outcome.accepted:
            self._ledger.deliveries.sent(item.id, outcome.status or 0, now, outcome.reason)
            log.info("object.sent", destination=self.destination, instance=item.sop_uid)
            return
        refused = outcome.answer is Answer.REFUSED
        refusals = item.refusals + refused
        again_at = next_try(outcome, item.attempts + 1, refusals, item.retry_since, now, self._retry)
        self._ledger.deliveries.failed(item.id, outcome.reason, outcome.status, again_at, refused=refused)
        if again_at is None or said:
            log.warning(
                "object.refused" if again_at is not None else "object.given_up",
                destination=self.destination,
                instance=item.sop_uid,
                why=outcome.reason,
                attempts=item.attempts + 1,
            )

    def _back_off(self, items: Sequence[DueDelivery], error: DestinationUnreachable) -> float:
        """Nobody there: these wait, each ever longer; the loop waits little, for what a replay makes due is due now."""
        for item in items:
            self._record(item, Outcome(Answer.BROKEN, None, str(error)), said=False)
        log.warning("destination.unreachable", destination=self.destination, objects=len(items), why=str(error))
        return max(min(self._retry.first_s, UNREACHABLE_S), error.retry_after_s)
