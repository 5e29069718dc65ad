"""The MLLP server (HL7 2.5.1 appendix C.4) in a thread of the daemon: many connections, each bounded.

A message must be whole `timeout_s` after its first byte, and no longer than `max_message_kb`. Between messages a
connection may be silent for as long as it likes, since senders keep theirs for days; where there are too many, the one
that was silent longest ends.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import structlog

from daemon.hl7.framing import Frames, NoFrame, framed
from daemon.sections import Hl7Settings

log = structlog.get_logger()

_CHUNK = 65_536
BACKLOG = 128


class OrderServer:
    """Listens from `start` to `stop`; nowhere, where the settings name no port.

    receive: the acknowledgement of a message, both without their frames. It is called for one message at a time.
    """

    def __init__(self, settings: Hl7Settings, receive: Callable[[bytes], bytes]) -> None:
        self._settings, self._receive = settings, receive
        self._writer = ThreadPoolExecutor(1, "hl7-orders")
        self._open: set[asyncio.StreamWriter] = set()
        self._silent_since: dict[asyncio.StreamWriter, float] = {}  # of those, the ones with no message at work
        self._ready = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Listen. Raises OSError when the address cannot be had."""
        host, port = self._settings.host, self._settings.port
        if not port:
            return
        try:
            family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
            listening = socket.create_server((host, port), family=family, backlog=BACKLOG)
        except OSError as error:
            raise OSError(error.errno, f"hl7: cannot listen on {host}:{port}: {error.strerror}") from error
        self._thread = threading.Thread(target=asyncio.run, args=(self._serve(listening),), name="hl7", daemon=True)
        self._thread.start()
        self._ready.wait()
        log.info("hl7.listening", host=host, port=port)

    def stop(self, grace_s: float) -> None:
        """Take no new message; the one that is being recorded is acknowledged."""
        if self._thread is None:
            return
        with suppress(RuntimeError):  # the loop has ended by itself
            self._loop.call_soon_threadsafe(self._ending.set)
        self._thread.join(grace_s)
        self._writer.shutdown(wait=False)
        self._thread = None

    async def _serve(self, listening: socket.socket) -> None:
        self._loop, self._ending = asyncio.get_running_loop(), asyncio.Event()
        self._ready.set()
        connections: set[asyncio.Task[None]] = set()

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            connections.add(task)
            try:
                await self._converse(reader, writer)
            finally:
                connections.discard(task)

        server = await asyncio.start_server(connected, sock=listening)
        async with server:
            await self._ending.wait()
            server.close()
            for writer in list(self._silent_since):
                writer.transport.abort()
            if connections:
                await asyncio.wait(connections)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the messages of one connection until either side ends it."""
        if not self._make_room():
            writer.transport.abort()
            return
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._open.add(writer)
        self._silent_since[writer] = time.monotonic()
        frames, until = Frames(self._settings.max_message_kb * 1000), 0.0
        try:
            while True:
                message = frames.take()
                if message is not None:
                    await self._answer(message, writer)
                    until = 0.0
                    continue
                if frames.begun and not until:
                    until = time.monotonic() + self._settings.timeout_s
                async with asyncio.timeout(until - time.monotonic() if frames.begun else None):
                    content = await reader.read(_CHUNK)
                if not content:
                    return
                frames.add(content)
        except NoFrame as error:
            log.warning("hl7.no_frame", why=str(error))
        except TimeoutError:
            log.warning("hl7.too_slow", timeout_s=self._settings.timeout_s)
        except OSError:
            pass  # it hung up
        finally:
            self._silent_since.pop(writer, None)
            self._open.discard(writer)
            writer.transport.abort() if frames.begun else writer.close()

    async def _answer(self, message: bytes, writer: asyncio.StreamWriter) -> None:
        self._silent_since.pop(writer, None)  # at work: not to be ended
        answer = await self._loop.run_in_executor(self._writer, self._receive, message)
        writer.write(framed(answer))
        async with asyncio.timeout(self._settings.timeout_s):
            await writer.drain()
        self._silent_since[writer] = time.monotonic()
        if self._ending.is_set():
            raise ConnectionAbortedError

    def _make_room(self) -> bool:
        """Whether one more connection has its place; one that is silent gives way, one at work does not."""
        if len(self._open) < self._settings.max_connections:
            return True
        log.warning("hl7.too_many_connections", limit=self._settings.max_connections)
        if not self._silent_since:
            return False
        oldest = min(self._silent_since, key=lambda writer: self._silent_since[writer])
        del self._silent_since[oldest]
        self._open.discard(oldest)
        oldest.transport.abort()
        return True
