"""The prove loop, one a STOW-RS destination that is to prove what it keeps: a QIDO-RS search for each object sent.

A loop of its own, so that searching never delays sending. Servers index what they took a while later, so an object that
is not found is looked for again, at growing intervals, before it is sent again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import structlog

from daemon.core.errors import DestinationUnreachable
from daemon.core.records import SentObject
from daemon.sections import Destination
from daemon.store.ledger import Ledger
from daemon.web.client import OriginServer, RequestBroke, Session
from daemon.web.qido_scu import finds

log = structlog.get_logger()

BATCH = 32  # objects a turn
IDLE_S = 0.2
SOONEST_S, LATEST_S = 1.0, 300.0  # between two looks for the same object

NOT_FOUND = "called stored, but QIDO-RS does not find it"
NO_ANSWER = "called stored, but QIDO-RS does not answer: "


class Step(StrEnum):
    """What to do with an object that the search did not show."""

    LOOK_AGAIN = "look again"
    SEND_AGAIN = "send again"
    GIVE_UP = "give up"


@dataclass(frozen=True, slots=True)
class Patience:
    """After a sending: not found for wait_s: sent again, so often as `resendings`; unproven for give_up_s: given up."""

    wait_s: float
    give_up_s: float
    resendings: int


def next_step(sent: SentObject, answered: bool, now: float, patience: Patience) -> tuple[Step, float]:
    """What to do with an object that is not proven, and when.

    answered: whether the search had an answer; where it had none, nothing says that the object is not there.
    """
    waited = now - sent.sent_at
    if waited >= patience.give_up_s:
        return Step.GIVE_UP, now
    if answered and waited >= patience.wait_s and sent.refusals < patience.resendings:
        return Step.SEND_AGAIN, now
    at = now + min(max(waited, SOONEST_S), LATEST_S)
    return Step.LOOK_AGAIN, min(at, sent.sent_at + patience.wait_s) if waited < patience.wait_s else at


class Prove:
    """One turn looks for one batch of objects at one destination."""

    def __init__(
        self,
        destination: Destination,
        server: OriginServer,
        refused_attempts: int,
        ledger: Ledger,
        clock: Callable[[], float],
    ) -> None:
        self._destination, self._server, self._ledger, self._clock = destination.name, server, ledger, clock
        self._patience = Patience(destination.commitment_wait_s, destination.commitment_give_up_s, refused_attempts)

    def turn(self) -> float:
        """Look for what is due; seconds until the next turn."""
        due = self._ledger.proofs.due(self._destination, self._clock(), BATCH)
        if not due:
            return IDLE_S
        with self._server.session() as session:
            for number, sent in enumerate(due):
                try:
                    self._look(session, sent)
                except DestinationUnreachable as error:
                    for unseen in due[number:]:
                        self._not_proven(unseen, str(error))
                    return max(SOONEST_S, error.retry_after_s)
        return 0.0

    def _look(self, session: Session, sent: SentObject) -> None:
        try:
            found = finds(session, sent.study_uid, sent.series_uid, sent.sop_uid)
        except RequestBroke as error:
            self._not_proven(sent, str(error))
            return
        if found:
            self._ledger.proofs.proven(sent.id, self._clock())
            log.info("object.committed", destination=self._destination, instance=sent.sop_uid)
        else:
            self._not_proven(sent, None)

    def _not_proven(self, sent: SentObject, silence: str | None) -> None:
        """silence: why there was no answer; None: the answer was that it is not there."""
        now, reason = self._clock(), NOT_FOUND if silence is None else NO_ANSWER + silence
        step, at = next_step(sent, silence is None, now, self._patience)
        if step is Step.LOOK_AGAIN:
            self._ledger.proofs.look_again(sent.id, at, reason)
            return
        if step is Step.SEND_AGAIN:
            self._ledger.proofs.send_again(sent, now, reason)
        else:
            self._ledger.proofs.given_up(sent.id, reason)
        log.warning("object.unproven", destination=self._destination, instance=sent.sop_uid, why=reason, then=step)
