"""A connection to the HTTP server, bounded in the ways that uvicorn leaves to a proxy before it.

The daemon's processes have one table of open files. A client that opens connections and says nothing would take the
places in it of those who send studies: pynetdicom waits with select(2), which fails above 1024 of them, and then every
association does. And there are MOST places: who keeps one must send, or read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import h11
import structlog
from uvicorn.protocols.http.h11_impl import H11Protocol

log = structlog.get_logger()

MOST = 320  # at the same time, WebSockets and listeners to events among them; each may have a file of the archive open
GRACE_S = 5.0  # for who reads a body to say that it did not come in time, as STOW-RS does
_LOOK_S = 0.5
_MEGABYTE = 1_000_000


class Connection(H11Protocol):
    """Ends at once where there are MOST, and where the client takes too long.

    A request's head is whole within uvicorn's keep-alive time. For a body there is patience_s, and as much again for
    each megabyte that has come; what we leave unread is not waited for. Of an answer something is read in patience_s.
    """

    def __init__(self, *given: Any, patience_s: float, **named: Any) -> None:
        super().__init__(*given, **named)
        self._patience_s = patience_s
        self._timers: dict[str, asyncio.TimerHandle] = {}  # by what is waited for: "head", "body", "reader"
        self._waited_s, self._received = 0.0, 0  # for a body

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """One more, if there is room."""
        super().connection_made(transport)
        if len(self.connections) > MOST:
            log.warning("web.too_many_connections", limit=MOST)
            transport.abort()
        else:
            self._await("head", self.timeout_keep_alive, transport.abort)

    def data_received(self, data: bytes) -> None:
        """Any bytes, also those behind a request that is being answered."""
        self._received += len(data)
        super().data_received(data)

    def handle_events(self) -> None:
        """What has come, and, when an answer is over, what had come behind its request."""
        super().handle_events()
        state = self.conn.their_state if self.transport.get_protocol() is self else None  # None: a WebSocket now
        if state is h11.IDLE:
            self._await("head", self.timeout_keep_alive, self.transport.abort)
        else:
            self._is_here("head")
        if state is not h11.SEND_BODY:
            self._is_here("body")
        elif "body" not in self._timers:
            self._waited_s, self._received = 0.0, 0
            self._await("body", _LOOK_S, self._look)

    def pause_writing(self) -> None:
        """More is written than the client reads."""
        super().pause_writing()
        self._await("reader", self._patience_s, self.transport.abort)

    def resume_writing(self) -> None:
        """It has read most of that."""
        super().resume_writing()
        self._is_here("reader")

    def connection_lost(self, exc: Exception | None) -> None:
        """From either side."""
        for what in list(self._timers):
            self._is_here(what)
        super().connection_lost(exc)

    def _look(self) -> None:
        """Whether the body is late."""
        del self._timers["body"]
        self._waited_s += 0.0 if self.flow.read_paused else _LOOK_S
        if self._waited_s > self._patience_s * (1 + self._received / _MEGABYTE) + GRACE_S:
            self.transport.abort()
        else:
            self._await("body", _LOOK_S, self._look)

    def _await(self, what: str, seconds: float, then: Callable[[], None]) -> None:
        if what not in self._timers:
            self._timers[what] = self.loop.call_later(seconds, then)

    def _is_here(self, what: str) -> None:
        if what in self._timers:
            self._timers.pop(what).cancel()
