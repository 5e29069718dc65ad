"""The tell loops: event reports of the worklist to the subscribers that are in the settings, one loop each.

An event counts as told as soon as its receiver has answered, whatever it answers (PS3.4 CC.2.4.3 wants no retry); one
that nobody answers is told again after a growing wait, and with it wait all that came after it, so that each receiver
hears of a work item in the order of its changes. Subscribers on a WebSocket are served by daemon/web/ups_events.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import structlog

from daemon.core.errors import DeliveryError
from daemon.sections import RetrySettings, WorklistSettings
from daemon.store.ledger import Ledger
from daemon.store.ups_events import DueEvent
from daemon.worklist import Worklist

log = structlog.get_logger()

# Tells events in order; the id and the answered status of each. Raises DeliveryError at the first that was not heard.
Report = Callable[[Sequence[DueEvent]], Iterator[tuple[int, int]]]

IDLE_S = 0.3
AT_ONCE = 50  # on one association
TIDY_S = 60.0
_DAY_S = 86400.0


class Tell:
    """One turn tells what is due to one receiver."""

    def __init__(
        self, ae_title: str, report: Report, ledger: Ledger, retry: RetrySettings, clock: Callable[[], float]
    ) -> None:
        self._ae_title, self._report, self._events = ae_title, report, ledger.ups_events
        self._retry, self._clock = retry, clock

    def turn(self) -> float:
        """Seconds until the next turn."""
        due = self._events.due(self._ae_title, self._clock(), AT_ONCE)
        if not due:
            return IDLE_S
        left = list(due)
        try:
            for event_id, status in self._report(due):
                self._events.told([event_id])
                told = left.pop(0)
                log.info("ups.event_told", receiver=self._ae_title, type=told.type, status=f"{status:04X}")
        except DeliveryError as error:
            first = left[0]
            self._events.untold(first.id, self._clock() + self._retry.wait_s(first.attempts + 1))
            if first.attempts == 0:  # what repeats is told at its start and its end
                log.warning("ups.event_untold", receiver=self._ae_title, waiting=len(left), why=str(error))
        return 0.0


class Tidy:
    """One turn deletes what is old, and gives up events that waited too long."""

    def __init__(self, worklist: Worklist, settings: WorklistSettings, give_up_s: float) -> None:
        self._worklist, self._give_up_s = worklist, give_up_s
        self._keep_s, self._unread_s = settings.keep_days * _DAY_S, settings.unread_days * _DAY_S

    def turn(self) -> float:
        """Seconds until the next turn."""
        self._worklist.tidy(self._keep_s, self._unread_s, self._give_up_s)
        return TIDY_S
