"""Server-sent events: that something has changed, to all pages that show it.

One look at the ledger a second serves all listeners to the same topic. An event says only that there is something new;
the page then asks for what it shows, so no patient is named here and nobody is told what their page does not show.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Hashable
from dataclasses import dataclass, field

import structlog
from starlette.concurrency import run_in_threadpool

from daemon.core.errors import StoreUnavailable

log = structlog.get_logger()

POLL_S = 1.0
KEEP_ALIVE_S = 15.0  # so often a page is told that we are here; neither it nor a proxy then takes the stream for dead
MOST_LISTENERS = 200
RETRY_MS = 2000  # how soon a browser that lost the stream comes back


class TooManyListeners(Exception):  # noqa: N818  named by what the caller must know
    """The bound is reached: the page must look again by itself."""


@dataclass(eq=False, slots=True)
class _Listener:
    topic: str
    news: asyncio.Queue[bool] = field(default_factory=lambda: asyncio.Queue(1))  # False: the server stops

    def tell(self, more: bool) -> None:
        if self.news.full():  # not fetched yet: one event says as much as two
            self.news.get_nowait()
        self.news.put_nowait(more)


class Feed:
    """Listeners by topic. look: a topic's present content as a value that differs when it changes; blocking.

    ending: set when the server stops, so that streams end by themselves.
    """

    def __init__(self, look: Callable[[str], Hashable], ending: threading.Event) -> None:
        self._look, self._ending = look, ending
        self._listeners: set[_Listener] = set()
        self._seen: dict[str, Hashable] = {}
        self._watching: asyncio.Task[None] | None = None

    def listen(self, topic: str) -> AsyncIterator[bytes]:
        """The stream of one page, as bytes of text/event-stream. Raises TooManyListeners."""
        if len(self._listeners) >= MOST_LISTENERS:
            raise TooManyListeners
        listener = _Listener(topic)
        self._listeners.add(listener)
        if self._watching is None or self._watching.done():
            self._watching = asyncio.get_running_loop().create_task(self._watch())
        return self._stream(listener)

    async def _stream(self, listener: _Listener) -> AsyncIterator[bytes]:
        try:
            here = f"event: here\ndata: {KEEP_ALIVE_S}\n\n".encode()
            yield f"retry: {RETRY_MS}\n".encode() + here
            more = True
            while more:
                try:
                    more = await asyncio.wait_for(listener.news.get(), KEEP_ALIVE_S)
                except TimeoutError:
                    yield here
                else:
                    yield b"event: changed\ndata:\n\n" if more else b"event: closing\ndata:\n\n"
        finally:
            self._listeners.discard(listener)

    async def _watch(self) -> None:
        """While anybody listens."""
        while self._listeners and not self._ending.is_set():
            for topic in {listener.topic for listener in self._listeners}:
                await self._compare(topic)
            await asyncio.sleep(POLL_S)
        for listener in self._listeners:
            listener.tell(False)
        self._seen.clear()

    async def _compare(self, topic: str) -> None:
        try:
            now = await run_in_threadpool(self._look, topic)
        except StoreUnavailable as error:
            log.warning("events.store_unavailable", why=str(error))
            return
        if self._seen.setdefault(topic, now) == now:
            return
        self._seen[topic] = now
        for listener in self._listeners:
            if listener.topic == topic:
                listener.tell(True)
