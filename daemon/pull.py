"""The pull loop, one a source: looks for new studies on a schedule, fetches what is queued, compares, tries again.

A study is done when every instance that is wanted of it is on record here, whatever the source said of the retrieval.
The ledger's row is the order, so a kill in the middle costs no more than what was on the wire.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

import structlog

from daemon.core.errors import DeliveryError, DestinationUnreachable
from daemon.core.pulls import Choice, FoundInstance, FoundStudy, PullState, Search, Why, priors_of, to_fetch
from daemon.dimse.contexts import STORAGE_SCP
from daemon.dimse.query_scu import DimseSource
from daemon.dimse.reception import Reception
from daemon.ingest import Ingest
from daemon.presence import Presence
from daemon.sections import RetrySettings, Source
from daemon.settings import Settings
from daemon.store.ledger import Ledger
from daemon.store.pulls import DuePull, Wish
from daemon.web.wado_scu import WebSource

log = structlog.get_logger()

IDLE_S = 0.5
LEASE_S = 60.0  # there is one loop a source: this only slows down what an error of ours repeats
LONGEST_DOWN_S = 30.0  # between two tries of a source that is down
_TAKEN = frozenset(str(sop_class.uid) for sop_class in STORAGE_SCP)


class Remote(Protocol):
    """Another archive. Each call raises DestinationUnreachable where nobody serves us, or another DeliveryError."""

    def check(self) -> str:
        """What can be tried without a study, in words."""

    def studies(self, search: Search) -> list[FoundStudy]:
        """The studies that match."""

    def instances(self, study_uid: str) -> list[FoundInstance]:
        """All instances of a study, series by series."""

    def fetch(self, study_uid: str, missing: Sequence[FoundInstance], whole_series: frozenset[str]) -> str:
        """Have `missing` come, by series where nothing of one is here or unwanted; "" or why not all will."""


def remote_of(source: Source, settings: Settings, into: tuple[Ingest, Presence] | None = None) -> Remote:
    """How to ask `source`, and, with `into`, to fetch from it. Raises SettingsError where its ca_file is of no use."""
    if source.kind == "dicomweb":
        ingest, presence = into or (None, None)
        return WebSource(source, ingest, presence, settings.incoming)
    return DimseSource(source, settings.scp.ae_title, Reception(*into) if into else None)


def choice_of(source: Source) -> Choice:
    """What the settings want of its studies."""
    return Choice(source.modalities, source.body_parts, source.descriptions)


def chosen(remote: Remote, source: Source, days: str) -> list[FoundStudy]:
    """The studies of these days that the source's settings want, each once."""
    choice = choice_of(source)
    found = {
        study.study_uid: study
        for modality in source.modalities
        for study in remote.studies(Search(days=days, modality=modality))
        if choice.wants_study(study)
    }
    return list(found.values())


def priors(remote: Remote, source: Source, study: FoundStudy, most: int) -> list[FoundStudy]:
    """The newest `most` earlier studies of the same patient that the source's settings want."""
    if not study.patient_id or most <= 0:
        return []
    return priors_of(study, remote.studies(Search(patient_id=study.patient_id)), choice_of(source), most)


def wishes(studies: Iterable[FoundStudy], why: Why, source: Source) -> list[Wish]:
    """To be queued."""
    analyse = why is not Why.PRIOR or source.analyse_priors
    return [Wish(study.study_uid, why, analyse, study.instances, source.sender) for study in studies]


class Pull:
    """One turn looks for new studies, or fetches one."""

    def __init__(
        self, source: Source, remote: Remote, ledger: Ledger, retry: RetrySettings, clock: Callable[[], float]
    ) -> None:
        self._source, self._remote, self._ledger = source, remote, ledger
        self._retry, self._clock = retry, clock
        self._looked_at = 0.0
        self._failures, self._down_since = 0, 0.0  # to reach the source, in a row, and when the first of them was
        self._down = ""  # why it is down, as last logged

    def turn(self) -> float:
        """Do what is due; seconds until the next turn."""
        try:
            if self._source.every_s and self._clock() - self._looked_at >= self._source.every_s:
                self._look()
                self._is_up()
            pull = self._ledger.pulls.due(self._source.name, self._clock(), LEASE_S)
            if pull is None:
                return IDLE_S
            self._fetch(pull)
            self._is_up()
        except DestinationUnreachable as error:
            return self._is_down(error)
        except DeliveryError as error:  # of a look; that of a study is recorded with it
            log.warning("pull.look_failed", source=self._source.name, why=str(error))
            self._looked_at = self._clock()
        return 0.0

    def _look(self) -> None:
        now = self._clock()
        since = datetime.fromtimestamp(now, UTC) - timedelta(hours=self._source.look_back_h)
        # The PACS' day may be another than ours by a time zone.
        found = chosen(self._remote, self._source, f"{since - timedelta(days=1):%Y%m%d}-")
        new = set(self._ledger.pulls.unseen(self._source.name, {item.study_uid: item.instances for item in found}))
        queued = [item for item in found if item.study_uid in new]
        self._ledger.pulls.queue(self._source.name, wishes(queued, Why.CHOSEN, self._source), now)
        self._looked_at = now
        if queued:
            log.info("pull.found", source=self._source.name, found=len(found), new=len(queued))

    def _fetch(self, pull: DuePull) -> None:
        """One attempt at one study. Raises DestinationUnreachable, which is none."""
        try:
            choice = None if pull.why is Why.ASKED else choice_of(self._source)
            listed = self._remote.instances(pull.study_uid)
            wanted = to_fetch(listed, _TAKEN, choice)
            missing = self._missing(wanted)
            said = self._remote.fetch(pull.study_uid, missing, _whole_series(listed, missing)) if missing else ""
            left = self._missing(wanted)
            if pull.why is not Why.PRIOR and self._source.priors:
                self._queue_priors(pull.study_uid)
        except DestinationUnreachable as error:
            self._ledger.pulls.again(pull, self._clock(), str(error), counted=False)
            raise
        except DeliveryError as error:
            self._put_off(pull, str(error), None)
            return
        counts = len(wanted), len(wanted) - len(left)
        if left:
            self._put_off(pull, f"{len(left)} of {len(wanted)} instances did not come" + (said and f": {said}"), counts)
            return
        reason = "" if wanted else "nothing of it is wanted" if listed else "the source has no such study"
        state = PullState.DONE if listed else PullState.FAILED
        self._ledger.pulls.ended(pull, state, counts, self._clock(), reason)
        log.info("pull.ended", source=self._source.name, study=pull.study_uid, state=state, fetched=len(missing))

    def _missing(self, wanted: Sequence[FoundInstance]) -> list[FoundInstance]:
        here = self._ledger.pulls.here([item.sop_uid for item in wanted])
        return [item for item in wanted if item.sop_uid not in here]

    def _queue_priors(self, study_uid: str) -> None:
        for study in self._remote.studies(Search(study_uid=study_uid))[:1]:
            older = priors(self._remote, self._source, study, self._source.priors)
            queued = self._ledger.pulls.queue(self._source.name, wishes(older, Why.PRIOR, self._source), self._clock())
            if queued:
                log.info("pull.priors", source=self._source.name, study=study_uid, queued=len(queued))

    def _put_off(self, pull: DuePull, why: str, counts: tuple[int, int] | None) -> None:
        attempts, now = pull.attempts + 1, self._clock()
        log.warning("pull.incomplete", source=self._source.name, study=pull.study_uid, attempts=attempts, why=why)
        if attempts >= self._retry.refused_attempts:
            self._ledger.pulls.ended(pull, PullState.FAILED, counts, now, why)
        else:
            self._ledger.pulls.again(pull, now + self._retry.wait_s(attempts), why, counts)

    def _is_down(self, error: DestinationUnreachable) -> float:
        """Logged when it changes, not at each try."""
        self._failures += 1
        now, why = self._clock(), str(error)
        if why != self._down:
            log.warning("pull.source_down", source=self._source.name, why=why)
            self._down = why
        self._down_since = now if self._failures == 1 else self._down_since
        before = now - self._retry.give_up_s
        long = self._down_since <= before  # else what has waited in the queue were lost to one bad moment
        given_up = self._ledger.pulls.give_up_unreachable(self._source.name, before, why, now) if long else 0
        if given_up:
            log.error("pull.given_up", source=self._source.name, studies=given_up, why=why)
        return max(min(self._retry.wait_s(self._failures), LONGEST_DOWN_S), error.retry_after_s)

    def _is_up(self) -> None:
        if self._down:
            log.info("pull.source_up", source=self._source.name)
        self._failures, self._down = 0, ""


def _whole_series(listed: Iterable[FoundInstance], missing: Iterable[FoundInstance]) -> frozenset[str]:
    """Series of which everything is to come."""
    fetched = {item.sop_uid for item in missing}
    partly = {item.series_uid for item in listed if item.sop_uid not in fetched}
    return frozenset(item.series_uid for item in missing if item.series_uid not in partly)
