"""The HTTP server (uvicorn) in a thread of the daemon."""

from __future__ import annotations

import socket
import threading
from functools import partial

import structlog
import uvicorn
from starlette.applications import Starlette

from daemon.sections import WebSettings
from daemon.web.connections import Connection

log = structlog.get_logger()

BACKLOG = 512
KEEP_ALIVE_S = 30


class WebServer:
    """Listens from `start` to `stop`."""

    def __init__(self, settings: WebSettings, application: Starlette) -> None:
        self._settings, self._application = settings, application
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Listen. Raises OSError when the address cannot be had."""
        host, port = self._settings.host, self._settings.port
        try:
            family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
            listening = socket.create_server((host, port), family=family, backlog=BACKLOG)
            # asyncio sets it only where a socket was made with this very protocol; connections inherit it. Without it
            # an answer's body waits some 40 ms for the acknowledgement of its head.
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            raise OSError(error.errno, f"web: cannot listen on {host}:{port}: {error.strerror}") from error
        config = uvicorn.Config(
            self._application,
            log_config=None,
            access_log=False,  # a query names patients
            server_header=False,
            proxy_headers=bool(self._settings.names),  # else any process here could say that it is another client
            timeout_keep_alive=KEEP_ALIVE_S,
            http=partial(Connection, patience_s=self._settings.timeout_s),  # type: ignore[arg-type]  # it is called, no more
            ws="websockets-sansio",
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([listening],), name="web", daemon=True)
        self._thread.start()
        log.info("web.listening", host=host, port=port)

    def stop(self, grace_s: float) -> None:
        """Take no new request, give those that run `grace_s` seconds to end, then drop them."""
        if self._server is None or self._thread is None:
            return
        self._application.state.ending.set()
        self._server.config.timeout_graceful_shutdown = max(1, int(grace_s))
        self._server.should_exit = True
        self._thread.join(grace_s + 2)
        self._server = self._thread = None
