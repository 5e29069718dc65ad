"""What every web route may use, made once by the composition root."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from daemon.ingest import Ingest
from daemon.presence import Presence
from daemon.settings import Settings
from daemon.store.archive import Archive
from daemon.store.ledger import Ledger
from daemon.web.renderers import Renderers
from daemon.worklist import Worklist


@dataclass(frozen=True, slots=True)
class WebContext:
    """Blocking calls (ledger, archive, ingest) belong into starlette.concurrency.run_in_threadpool."""

    settings: Settings
    ledger: Ledger
    archive: Archive
    ingest: Ingest
    presence: Presence
    clock: Callable[[], float]  # seconds since the epoch, UTC
    renderers: Renderers
    worklist: Worklist
