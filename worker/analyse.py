"""One image: claim, pixels, picture check, detector, answer.

Whatever is wrong with an image ends as a reason in the ledger, never as an answer that says "normal".
"""

from __future__ import annotations

import time

import structlog
from billiard.exceptions import SoftTimeLimitExceeded

from daemon.core.contract import LEASE_S, MAX_ATTEMPTS
from daemon.core.errors import StoreUnavailable
from daemon.core.log import where
from daemon.core.records import Job
from daemon.core.states import JobState
from model.detector import LEAST_SIDE
from worker.answers import Answer
from worker.context import Context
from worker.lease import held
from worker.pixels import PixelsUnreadable, film

log = structlog.get_logger()


def analyse(job_id: int, context: Context) -> None:
    """Do the job if it is to be had. Raises StoreUnavailable: the lease then lapses and the job is sent again."""
    jobs = context.ledger.jobs
    job = jobs.claim(job_id, context.owner, time.time(), LEASE_S, MAX_ATTEMPTS)
    if job is None:
        return
    with held(jobs, job, context.owner):
        started = time.monotonic()
        state, reason, answer = _look_at(job, context)
        seconds = time.monotonic() - started
        jobs.finish_analysis(
            job,
            context.owner,
            state,
            time.time(),
            seconds=seconds,
            reason=reason,
            answer=answer.to_json() if answer else "",
            probability=answer.findings.probability if answer else None,
            positive=answer.findings.positive if answer else None,
        )
    log.info(
        "image.answered",
        study=job.study_uid,
        instance=job.subject,
        state=state,
        reason=reason,
        seconds=round(seconds, 3),
    )


def _look_at(job: Job, context: Context) -> tuple[JobState, str, Answer | None]:
    """(state, reason, answer): DONE with an answer, SET_ASIDE or FAILED with a reason."""
    key, eligibility = context.ledger.jobs.instance(job.subject)
    if context.picture_check is None and eligibility != "ELIGIBLE":
        return JobState.SET_ASIDE, "the header does not settle what it is, and model.picture_check is off", None
    try:
        with context.archive.local(key) as path:
            picture = film(path)
        if min(picture.image.shape) < LEAST_SIDE:
            return JobState.FAILED, f"the picture is less than {LEAST_SIDE} pixels wide or high", None
        if context.picture_check is not None:
            verdict = context.picture_check.judge(picture.image)
            if not verdict.accepted:
                return JobState.SET_ASIDE, f"picture check: {verdict.reason}", None
        findings = context.detector.detect(picture.image)
    except (PixelsUnreadable, SoftTimeLimitExceeded) as error:
        # Decoding maps whatever is raised in it to PixelsUnreadable, the time limit's signal too.
        if isinstance(error, SoftTimeLimitExceeded) or isinstance(error.__cause__, SoftTimeLimitExceeded):
            return JobState.FAILED, f"analysis took longer than {context.settings.model.time_limit_s:g} s", None
        return JobState.FAILED, str(error), None
    except StoreUnavailable:
        raise
    except Exception as error:  # noqa: BLE001  a worker must survive any one image; the text may hold patient data
        log.error("image.error", instance=job.subject, kind=type(error).__name__, at=where(error))
        return JobState.FAILED, f"unexpected {type(error).__name__} at {where(error)}", None
    answer = Answer(findings, context.detector.identity, picture.notes, picture.modality_range)
    return JobState.DONE, "", answer
