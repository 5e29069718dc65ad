"""The settle loop: when is a study complete, and when is it answered?"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

import structlog

from daemon.core.records import Wanted
from daemon.presence import Presence
from daemon.sections import StudySettings
from daemon.store.ledger import Ledger

log = structlog.get_logger()


def complete_now(
    receiving: Iterable[tuple[str, float]],
    open_studies: Collection[str],
    released_at: Callable[[str], float],
    now: float,
    settings: StudySettings,
) -> list[tuple[str, float]]:
    """Which of `receiving` (study, time of its last instance) are complete at `now`.

    No association brings the study any more and `quiet_s` have passed since the last one's release and the last
    instance; or an association does, but has been silent about the study for `idle_s` (some senders never release).
    """
    complete = []
    for study_uid, last_instance_at in receiving:
        if study_uid in open_studies:
            since, wait = last_instance_at, settings.idle_s
        else:
            since, wait = max(last_instance_at, released_at(study_uid)), settings.quiet_s
        if now - since >= wait:
            complete.append((study_uid, last_instance_at))
    return complete


class Settle:
    """One turn reads the ledger, decides, acts."""

    def __init__(
        self,
        ledger: Ledger,
        presence: Presence,
        settings: StudySettings,
        wanted: tuple[Wanted, ...],
        clock: Callable[[], float],
    ) -> None:
        self._ledger, self._presence, self._settings = ledger, presence, settings
        self._wanted, self._clock = wanted, clock

    def turn(self) -> float:
        """Move every study that can move; seconds until the next turn."""
        settling, now = self._ledger.settling, self._clock()
        decided = complete_now(
            settling.receiving(), self._presence.open_studies(), self._presence.released_at, now, self._settings
        )
        for study_uid in settling.complete(decided, now):
            self._presence.forget(study_uid)
            log.info("study.complete", study=study_uid)
        for study_uid in settling.close_answered(now):
            log.info("study.answered", study=study_uid)
        for study_uid in settling.queue_deliveries(self._wanted, now):
            log.info("study.delivering", study=study_uid)
        for study_uid in settling.finish_deliveries(now):
            log.info("study.settled", study=study_uid)
        for study_uid in settling.finish_commitments(now):
            log.info("study.proof_settled", study=study_uid)
        return 0.1
