"""The Celery worker: `celery -A worker.app worker`. Settings come from THORAXD_CONFIG and the environment."""

from __future__ import annotations

import logging
import os
from typing import Any

import structlog
from celery import Celery
from celery.signals import setup_logging, worker_process_init

from daemon.core.contract import QUEUES, celery_config
from daemon.core.errors import SettingsError
from daemon.core.log import configure
from daemon.settings import Settings, load_from_environment
from worker.tasks import declare

log = structlog.get_logger()


class _Forward(logging.Handler):
    """What Celery says of the broker, as one of our events."""

    def emit(self, record: logging.LogRecord) -> None:
        """One line."""
        log.warning("celery", source=record.name, why=" ".join(record.getMessage().split())[:300])


def make_app(settings: Settings) -> Celery:
    """A Celery application that consumes both queues, one job at a time a process."""
    app = Celery("thoraxd-worker")
    app.conf.update(celery_config(settings.broker_url))
    app.conf.update(
        worker_concurrency=1,  # torch uses the cores; add workers (--concurrency, hosts) for more
        worker_prefetch_multiplier=1,
        worker_proc_alive_timeout=180.0,  # loading torch and the weights on a slow disk
        worker_send_task_events=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_redirect_stdouts=False,
    )
    app.amqp.queues.select(list(dict.fromkeys(QUEUES.values())))
    process = declare(app, settings)

    @worker_process_init.connect(weak=False)
    def open_early(**_: Any) -> None:
        process.context()  # the first study shall not wait for the weights

    @setup_logging.connect(weak=False)
    def our_logging(**_: Any) -> None:
        configure(settings.log.level, settings.log.format)
        # Nobody else prints these once setup_logging is taken: a lost broker would go unsaid. Not all of "celery": a
        # failed task is logged with its exception, which might name a patient.
        logging.getLogger("celery.worker.consumer").addHandler(_Forward(logging.WARNING))

    return app


os.umask(0o077)  # results name patients
try:
    app = make_app(load_from_environment())
except SettingsError as error:  # Celery would print the whole traceback
    raise SystemExit("\n".join(f"settings: {mistake}" for mistake in error.mistakes)) from None
