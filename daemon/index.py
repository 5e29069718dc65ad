"""The index loop: what is archived and not in the catalogue is entered, a little at a time, from its own header.

Ledgers of before the catalogue have such instances and results. A file that is gone or damaged is passed over, and
tried again with the next pass; everything new is entered with its record and never waits here.
"""

from __future__ import annotations

import structlog

from daemon.core.catalogue import entry_of
from daemon.core.errors import NotArchived, UnreadableDataSet
from daemon.core.header import read_header
from daemon.store.archive import Archive
from daemon.store.catalogue import Catalogue, Missing

log = structlog.get_logger()

BATCH = 20
PAUSE_S = 0.1  # between batches: receiving comes first
PASS_S = 6 * 3600.0  # between passes: files come back when a mount does


class Index:
    """One turn enters one batch."""

    def __init__(self, catalogue: Catalogue, archive: Archive) -> None:
        self._catalogue, self._archive = catalogue, archive
        self._after, self._entered, self._unreadable = "", 0, 0

    def turn(self) -> float:
        """Enter some; seconds until the next turn. Raises StoreUnavailable."""
        batch = self._catalogue.missing(self._after, BATCH)
        for missing in batch:
            self._enter(missing)
            self._after = missing.sop_uid
        if batch:
            return PAUSE_S
        if self._entered or self._unreadable:
            log.info("catalogue.completed", entered=self._entered, unreadable=self._unreadable)
        self._after, self._entered, self._unreadable = "", 0, 0
        return PASS_S

    def _enter(self, missing: Missing) -> None:
        try:
            with self._archive.open(missing.key) as file:
                header = read_header(file)
                size = file.seek(0, 2)
        except (NotArchived, UnreadableDataSet) as error:
            self._unreadable += 1
            log.warning("catalogue.unreadable", instance=missing.sop_uid, kind=type(error).__name__)
            return
        syntax_uid = str(header.file_meta.TransferSyntaxUID)
        self._entered += self._catalogue.enter(missing, syntax_uid, size, entry_of(header))
