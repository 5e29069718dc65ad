"""The commit loop, one a destination: asks it to commit to what it has accepted, again and again, gives up in time.

Its answers come to daemon/dimse/commitment_scu.py, at any time. Nothing waits for this loop: what it asks about is
delivered already.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog

from daemon.core.commitment import CommitmentRequest
from daemon.core.errors import DeliveryError
from daemon.sections import Destination, RetrySettings
from daemon.store.ledger import Ledger

log = structlog.get_logger()

# Brings a request to the destination. Raises DeliveryError where that did not take it.
Ask = Callable[[CommitmentRequest], None]

BATCH = 100  # objects a transaction
QUIET_S = 2.0  # between the last acceptance and the question
IDLE_S = 0.5


class Commit:
    """One turn asks about one batch."""

    def __init__(
        self, destination: Destination, ask: Ask, ledger: Ledger, retry: RetrySettings, clock: Callable[[], float]
    ) -> None:
        self._name, self._ask = destination.name, ask
        self._wait_s, self._give_up_s = destination.commitment_wait_s, destination.commitment_give_up_s
        self._ledger, self._retry, self._clock = ledger, retry, clock
        self._failures = 0  # turns in a row

    def turn(self) -> float:
        """Ask what is due; seconds until the next turn."""
        commitments, now = self._ledger.commitments, self._clock()
        for instance in commitments.give_up(self._name, now, self._give_up_s):
            log.warning("commitment.given_up", destination=self._name, instance=instance)
        request = commitments.ask(self._name, now, quiet_s=QUIET_S, wait_s=self._wait_s, limit=BATCH)
        if request is None:
            return IDLE_S
        about = {"destination": self._name, "transaction": request.transaction_uid, "objects": len(request.references)}
        try:
            self._ask(request)
        except DeliveryError as error:
            self._failures += 1
            wait_s = self._retry.wait_s(self._failures)
            commitments.unasked(request.transaction_uid, str(error), self._clock() + wait_s)
            log.warning("commitment.refused", **about, why=str(error), failures=self._failures)
            return wait_s
        log.info("commitment.asked", **about)
        self._failures = 0
        return 0.0
