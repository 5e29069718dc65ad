"""Which studies are still on the wire.

A study is complete when its last association is released and a quiet time has passed; DICOM has no other sign of a
study's end. This is the memory of open associations; it need not survive a restart, because associations do not.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

KEEP_S = 3600.0  # a release so long ago delays nothing any more


class Presence:
    """Studies by the associations that bring them."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._open: dict[int, set[str]] = {}
        self._released_at: dict[str, float] = {}

    def touched(self, association: int, study_uid: str) -> None:
        """`association` has brought an instance of the study."""
        with self._lock:
            self._open.setdefault(association, set()).add(study_uid)

    def closed(self, association: int) -> None:
        """`association` was released, aborted, or its connection was lost."""
        now = self._clock()
        with self._lock:
            brought = self._open.pop(association, set())
            if not brought:
                return
            # A study that was complete before (a repeated instance) is never asked for again: nobody forgets it.
            kept = {uid: at for uid, at in self._released_at.items() if now - at < KEEP_S}
            self._released_at = kept | dict.fromkeys(brought, now)

    def open_studies(self) -> frozenset[str]:
        """Studies that an open association has brought instances of."""
        with self._lock:
            return frozenset().union(*self._open.values())

    def released_at(self, study_uid: str) -> float:
        """When the last association that brought the study ended; 0.0 if that is not known."""
        with self._lock:
            return self._released_at.get(study_uid, 0.0)

    def forget(self, study_uid: str) -> None:
        """The study is complete."""
        with self._lock:
            self._released_at.pop(study_uid, None)
