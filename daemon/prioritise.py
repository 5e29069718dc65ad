"""The priority loop: each study that waits for its place in the reading worklist gets it; what falls due is raised.

Facts from the ledger -> daemon/core/priority.py -> the study's work item (daemon/worklist.py).
"""

from __future__ import annotations

from collections.abc import Callable

import structlog

from daemon.core.errors import StoreUnavailable, UpsRefused
from daemon.core.priority import Policy, standing, urgency_now
from daemon.core.reading_item import ReadingItem
from daemon.store.ledger import Ledger
from daemon.store.reading import ToPlace
from daemon.worklist import Worklist

log = structlog.get_logger()

BATCH = 100
TURN_S = 0.2
DUE_EVERY_S = 5.0  # how often to look for what has fallen due


class Prioritise:
    """One turn places every study that waits for it."""

    def __init__(
        self, ledger: Ledger, worklist: Worklist, policy: Policy, keep_s: float, clock: Callable[[], float]
    ) -> None:
        self._pulls = ledger.pulls
        self._reading, self._worklist, self._policy, self._clock = ledger.reading, worklist, policy, clock
        self._keep_s = keep_s  # how long the worklist remembers what was read
        self._looked_at = 0.0  # all that fell due until then has been raised

    def turn(self) -> float:
        """Place them; seconds until the next turn."""
        now = self._clock()
        if now - self._looked_at >= DUE_EVERY_S:
            self._reading.reconsider_overdue(self._looked_at, now)
            self._looked_at = now
        waiting = self._reading.awaiting(BATCH)
        trouble: Exception | None = None
        for study_uid in waiting:
            try:
                subject = self._reading.to_place(study_uid)
                if subject is not None:
                    self._place(subject, now)
            except StoreUnavailable:
                raise
            except Exception as error:  # noqa: BLE001  one study's trouble must not keep the others off the list
                log.error("reading.not_placed", study=study_uid, kind=type(error).__name__)
                trouble = error
        if trouble is not None:
            raise trouble
        return 0.0 if len(waiting) == BATCH else TURN_S

    def _place(self, subject: ToPlace, now: float) -> None:
        stands = standing(subject.facts, self._policy)
        # A study older than the list's memory may have been read, and a late order must not put it back.
        to_read = subject.unread and not self._pulls.is_prior(subject.study_uid)
        if to_read and (subject.listed or now - subject.facts.arrived_at < self._keep_s):
            item = ReadingItem(
                study_uid=subject.study_uid,
                revision=subject.revision,
                priority=urgency_now(stands, now),
                due_at=stands.due_at,
                arrived_at=subject.facts.arrived_at,
                label=stands.label,
                probability=subject.facts.probability,
                inputs=subject.inputs,
                outputs=subject.outputs,
            )
            try:
                self._worklist.schedule_reading(item)
            except UpsRefused as error:  # somebody has just claimed or finished it: it needs no place any more
                log.warning("reading.not_scheduled", study=subject.study_uid, why=str(error))
        self._reading.placed(subject, stands.findings)
