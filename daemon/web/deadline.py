"""A time limit for each phase of a request: httpx and httpcore limit one read or write, and a server can drip.

When a phase is over its limit the connection under it is shut down, which ends the read or write that waits for it.
Phases and sockets are learnt from httpcore's trace extension, a public interface of httpx.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_CONNECTED = ("connection.connect_tcp.complete", "connection.start_tls.complete")
_SENDING = "http11.send_request_headers.started"
# The head includes any number of interim responses (RFC 9110 15.2).
_ANSWERING = ("http11.receive_response_headers.started", "http11.receive_response_body.started")

_MEGABYTE = 1_000_000


class Deadline:
    """Of the requests of one session, which come one after the other."""

    def __init__(self, limit_s: float) -> None:
        self.passed = False  # of the last request
        self._limit_s, self._sending_s = limit_s, limit_s
        self._socket: socket.socket | None = None
        self._timer: threading.Timer | None = None

    @contextmanager
    def request(self, size: int) -> Iterator[None]:
        """One request with a body of `size` bytes.

        Sending may take the limit, and as much again for each megabyte; the head of the answer the limit; so its body.
        """
        self.passed, self._sending_s = False, self._limit_s * (1 + size / _MEGABYTE)
        try:
            yield
        finally:
            self._set(None)

    def trace(self, event: str, told: dict[str, Any]) -> None:
        """For the extension "trace" of each request."""
        if event in _CONNECTED:
            self._socket = told["return_value"].get_extra_info("socket")
        elif event == _SENDING:
            self._set(self._sending_s)
        elif event in _ANSWERING:
            self._set(self._limit_s)

    def _set(self, seconds: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        if seconds is not None:
            self._timer = threading.Timer(seconds, self._cut)
            self._timer.daemon = True
            self._timer.start()

    def _cut(self) -> None:
        self.passed = True
        if self._socket is not None:
            try:
                # The base class: that of TLS would forget its keys, while another thread reads with them.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
            except OSError:
                pass  # it is closed already
