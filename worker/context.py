"""What one worker process has: settings, ledger, archive, detector, picture check. Opened once, after the fork."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path

import torch

from daemon.settings import Settings
from daemon.store.archive import Archive
from daemon.store.database import Database
from daemon.store.ledger import Ledger
from model.detector import Detector
from model.picture import PictureCheck


@dataclass(frozen=True, slots=True)
class Context:
    """One worker process's belongings. owner: its name in leases, different for every process ever started."""

    settings: Settings
    ledger: Ledger
    archive: Archive
    detector: Detector
    picture_check: PictureCheck | None
    owner: str


def open_context(settings: Settings) -> Context:
    """Open everything. Raises WeightsRefused, StoreUnavailable."""
    if settings.model.threads:
        torch.set_num_threads(settings.model.threads)
    return Context(
        settings=settings,
        ledger=Ledger(Database(settings.database_url)),
        archive=Archive(settings.archive_url),
        detector=Detector.load(Path(settings.model.weights) if settings.model.weights else None, settings.model.device),
        picture_check=PictureCheck.load() if settings.model.picture_check else None,
        owner=f"{socket.gethostname()}:{os.getpid()}:{os.urandom(4).hex()}",
    )
