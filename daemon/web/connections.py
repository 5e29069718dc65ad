"""A connection to the HTTP server, bounded in the ways that uvicorn leaves to a proxy before it.

The daemon's processes have one table of open files. A client that opens connections and says nothing would take the
places in it of those who send studies: pynetdicom waits with select(2), which fails above 1024 of them, and then every
association does.
"""

from __future__ import annotations

import asyncio

import h11
import structlog
from uvicorn.protocols.http.h11_impl import H11Protocol

log = structlog.get_logger()

MOST = 320  # at the same time, WebSockets and listeners to events among them; each may have a file of the archive open


class Connection(H11Protocol):
    """Ends at once where there are MOST, and when a request's head is not whole within uvicorn's keep-alive time."""

    _heard: asyncio.TimerHandle | None = None  # runs while a head is awaited that is not whole

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """One more, if there is room."""
        super().connection_made(transport)
        if len(self.connections) > MOST:
            log.warning("web.too_many_connections", limit=MOST)
            transport.abort()
        else:
            self._await_head()

    def data_received(self, data: bytes) -> None:
        """Any bytes, also those behind a request that is being answered."""
        super().data_received(data)
        if self.conn.their_state is h11.IDLE:
            self._await_head()
        else:
            self._head_is_here()

    def connection_lost(self, exc: Exception | None) -> None:
        """From either side."""
        self._head_is_here()
        super().connection_lost(exc)

    def _await_head(self) -> None:
        if self._heard is None:
            self._heard = self.loop.call_later(self.timeout_keep_alive, self.transport.abort)

    def _head_is_here(self) -> None:
        if self._heard is not None:
            self._heard.cancel()
            self._heard = None
