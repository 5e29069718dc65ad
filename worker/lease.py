"""Holding a job while it is worked on; what the store's failure interrupts is given back without blame.

A thread renews the lease as long as this process lives. When the process is killed the lease lapses, and the job goes
to another worker. The thread works even while a decoder or torch is busy, since those release the interpreter lock.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import structlog

from daemon.core.contract import LEASE_S, RENEW_S
from daemon.core.errors import NotArchived, StoreUnavailable
from daemon.core.records import Job
from daemon.store.jobs import Jobs

log = structlog.get_logger()


@contextmanager
def held(jobs: Jobs, job: Job, owner: str) -> Iterator[None]:
    """Renew `owner`'s lease on `job` until the block ends."""
    done = threading.Event()

    def renew() -> None:
        while not done.wait(RENEW_S):
            try:
                if not jobs.renew(job.id, owner, time.time() + LEASE_S):
                    return
            except StoreUnavailable as error:
                log.warning("lease.not_renewed", job=job.id, why=str(error))

    thread = threading.Thread(target=renew, name=f"lease-{job.id}", daemon=True)
    thread.start()
    try:
        yield
    except StoreUnavailable as error:
        if not isinstance(error, NotArchived):  # that may be for good: its attempts are counted
            with suppress(StoreUnavailable):
                jobs.give_back(job.id, owner, time.time())
        raise
    finally:
        done.set()
        thread.join()
