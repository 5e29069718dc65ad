"""Ledger and archive as the settings say."""

from __future__ import annotations

from daemon.settings import Settings
from daemon.store.archive import Archive
from daemon.store.database import Database
from daemon.store.ledger import Ledger


def open_store(settings: Settings) -> tuple[Ledger, Archive]:
    """Ledger and archive; nothing is contacted yet but a folder may be made."""
    settings.home.mkdir(parents=True, exist_ok=True)
    archive = Archive(settings.archive_url)
    return Ledger(Database(settings.database_url), archive.path), archive
