"""The Celery tasks. Each only wakes: claim the job in the ledger, do it, record it.

Late acknowledgement and rejection on a lost worker bring the message back; the ledger's lease decides who works.
"""

from __future__ import annotations

from typing import Any

import structlog
from celery import Celery

from daemon.core.contract import TASKS
from daemon.core.errors import StoreUnavailable
from daemon.settings import Settings
from worker.analyse import analyse
from worker.context import Context, open_context
from worker.reject import reject
from worker.report import report

log = structlog.get_logger()


class _Process:
    """This process's context, opened on first use: after the fork, since neither torch nor a database survives one."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._context: Context | None = None

    def context(self) -> Context:
        if self._context is None:
            try:
                self._context = open_context(self._settings)
            except Exception as error:
                # Celery drops what is raised here, and jobs would wait without a word. No patient is in sight yet.
                log.error("worker.unfit", kind=type(error).__name__, why=str(error)[:200])
                raise
            log.info("worker.ready", owner=self._context.owner, model=str(self._context.detector.identity))
        return self._context


def declare(app: Celery, settings: Settings) -> _Process:
    """Register the tasks on `app`."""
    process = _Process(settings)
    limits: dict[str, Any] = {
        "acks_late": True,
        "reject_on_worker_lost": True,
        "soft_time_limit": settings.model.time_limit_s,
        "time_limit": settings.model.time_limit_s + 15,
    }

    @app.task(name=TASKS["analyse"], **limits)
    def analyse_task(job_id: int) -> None:
        _do(analyse, job_id, process)

    @app.task(name=TASKS["report"], **limits)
    def report_task(job_id: int) -> None:
        _do(report, job_id, process)

    @app.task(name=TASKS["reject"], **limits)
    def reject_task(job_id: int) -> None:
        _do(reject, job_id, process)

    return process


def _do(work: Any, job_id: int, process: _Process) -> None:
    try:
        work(job_id, process.context())
    except StoreUnavailable as error:
        log.error("store.unavailable", job=job_id, why=str(error))
