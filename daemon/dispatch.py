"""The dispatch loop: wakes a worker for each job; what a broker loses is sent again."""

from __future__ import annotations

from collections.abc import Callable, Collection

import redis
import structlog
from celery import Celery
from kombu import pools
from kombu.exceptions import OperationalError

from daemon.core.contract import QUEUES, TASKS, celery_config, redis_url
from daemon.store.ledger import Ledger

log = structlog.get_logger()

RESEND_S = 20.0  # a job that no worker has taken up after this long is sent again
WINDOW = 64  # jobs out at a time
CROWDED = 4 * WINDOW  # messages in a queue of the broker
BROKER_DOWN_S = 1.0


class Dispatch:
    """One turn sends every job that is due."""

    def __init__(self, ledger: Ledger, broker_url: str, clock: Callable[[], float]) -> None:
        self._ledger, self._clock = ledger, clock
        self._broker_url = broker_url
        self._celery = self._application()
        self._redis = redis.Redis.from_url(redis_url(broker_url), socket_timeout=5, socket_connect_timeout=5)

    def _application(self) -> Celery:
        app = Celery("thoraxd")
        app.conf.update(celery_config(self._broker_url))
        return app

    def turn(self) -> float:
        """Send what is due; seconds until the next turn."""
        try:
            # Where nobody works, more and more messages for the same jobs would only be in the way later.
            kinds = [kind for kind, queue in QUEUES.items() if self._redis.llen(queue) < CROWDED]
        except (redis.RedisError, OSError) as error:
            self._not_taken([], error)
            return BROKER_DOWN_S
        jobs = self._ledger.jobs.take_unsent(self._clock(), RESEND_S, WINDOW, kinds)
        for position, (job_id, kind) in enumerate(jobs):
            try:
                self._celery.send_task(TASKS[kind], args=[job_id], queue=QUEUES[kind], retry=False)
            except (OperationalError, OSError) as error:
                self._not_taken([unsent for unsent, _ in jobs[position:]], error)
                return BROKER_DOWN_S
        return 0.1

    def _not_taken(self, job_ids: Collection[int], error: Exception) -> None:
        log.warning("broker.unreachable", kind=type(error).__name__, jobs=len(job_ids))
        self._ledger.jobs.unsend(list(job_ids))
        # Begin anew: kombu keeps broken connections in its pools, and a pool that was closed stays closed.
        pools.reset()
        self._celery.close()
        self._celery = self._application()
