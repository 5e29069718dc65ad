"""A DICOMweb origin server that answers as a test tells it to (PS3.18 10.5 Store, 10.6 Search for Instances).

A script is a function that is handed each Store request and does with it what a server may do: read it or not, keep
what is in it or not, answer or not. Without one, everything is kept and said to be.
"""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pydicom import dcmread

from tests.support.peers.programs import free_port

JSON = "application/dicom+json"


def module(
    stored: Iterable[str] = (), failed: Mapping[str, int] | None = None, warned: Mapping[str, int] | None = None
) -> bytes:
    """A Store Instances Response Module (PS3.18 I.1) of these SOP Instance UIDs and reasons."""
    warned = warned or {}
    references = [_item(uid, "00081196", warned.get(uid)) for uid in (*stored, *(u for u in warned if u not in stored))]
    failures = [_item(uid, "00081197", reason) for uid, reason in (failed or {}).items()]
    content: dict[str, Any] = {"00081190": {"vr": "UR", "Value": ["http://peer/studies/1"]}}
    if references:
        content["00081199"] = {"vr": "SQ", "Value": references}
    if failures:
        content["00081198"] = {"vr": "SQ", "Value": failures}
    return json.dumps(content).encode()


def _item(uid: str, tag: str, reason: int | None) -> dict[str, Any]:
    item: dict[str, Any] = {"00081155": {"vr": "UI", "Value": [uid]}}
    return item if reason is None else item | {tag: {"vr": "US", "Value": [reason]}}


def uid_of(file: bytes) -> str:
    """SOP Instance UID of a Part 10 file."""
    return str(dcmread(BytesIO(file), specific_tags=["SOPInstanceUID"]).SOPInstanceUID)


class Exchange:
    """One Store request, as a script sees it. number: counts from 1 over the server's life."""

    def __init__(self, handler: BaseHTTPRequestHandler, number: int) -> None:
        self._handler, self.number = handler, number
        self.path, self.headers = handler.path, handler.headers

    def read(self) -> dict[str, bytes]:
        """The Part 10 files in the body, by SOP Instance UID."""
        boundary = self.headers.get_param("boundary", header="Content-Type")
        body = self._handler.rfile.read(int(self.headers["Content-Length"]))
        parts = body.split(b"--" + str(boundary).encode())
        assert parts[0] == b"" and parts[-1] == b"--\r\n", "not multipart/related"
        files = [part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n") for part in parts[1:-1]]
        return {uid_of(file): file for file in files}

    def read_half(self) -> None:
        """Half of the body."""
        self._handler.rfile.read(int(self.headers["Content-Length"]) // 2)

    def answer(self, status: int, body: bytes = b"", media_type: str = JSON, *, cut: int = 0, **fields: str) -> None:
        """A response; `cut` leaves out so many of the bytes that it announces, and hangs up."""
        self._handler.send_response(status)
        for name, value in {"Content-Type": media_type, "Content-Length": str(len(body)), **fields}.items():
            self._handler.send_header(name.replace("_", "-"), value)
        self._handler.end_headers()
        self._handler.wfile.write(body[: len(body) - cut])
        if cut:
            self.hang_up()

    def hang_up(self) -> None:
        """No answer, or no more of it."""
        self._handler.close_connection = True
        self._handler.connection.shutdown(socket.SHUT_RDWR)


class StowServer:
    """held: Part 10 files by SOP Instance UID. requests: what each Store request brought, as far as it was read."""

    def __init__(
        self,
        script: Callable[[StowServer, Exchange], None] | None = None,
        *,
        port: int | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.port = port or free_port()
        self.held: dict[str, bytes] = {}
        self.hidden: set[str] = set()  # of `held`: not shown by a search
        self.stored: list[list[str]] = []  # the UIDs of each request that was kept
        self.searches = 0
        self.search_status = 200
        self.authorization: list[str | None] = []
        self._tls = tls
        self._script = script or StowServer.take
        self._server: ThreadingHTTPServer | None = None
        self._number = 0
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """For a destination."""
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self.port}/dicom-web"

    def destination(self, name: str = "web", **more: Any) -> dict[str, Any]:
        """A [[destination]] of thoraxd.toml that sends here."""
        return {"name": name, "kind": "stow", "url": self.url} | more

    def take(self, exchange: Exchange) -> None:
        """Keep everything, and say so."""
        exchange.answer(200, module(self.keep(exchange)))

    def keep(self, exchange: Exchange) -> list[str]:
        """Keep everything; the UIDs."""
        files = exchange.read()
        with self._lock:
            self.held |= files
            self.stored.append(list(files))
        return list(files)

    def start(self) -> None:
        """Listen."""
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # headers and body in one packet: Nagle would hold the second back

            def do_POST(self) -> None:
                with server._lock:
                    server._number += 1
                    number = server._number
                    server.authorization.append(self.headers["Authorization"])
                server._script(server, Exchange(self, number))

            def do_GET(self) -> None:
                server._search(Exchange(self, 0))

            def log_message(self, *_: object) -> None:
                """Nothing."""

        class Server(ThreadingHTTPServer):
            daemon_threads, request_queue_size = True, 64

            def handle_error(self, *_: object) -> None:
                """A client that hung up is what some tests are about."""

        self._server = Server(("127.0.0.1", self.port), Handler)
        if self._tls is not None:
            self._server.socket = self._tls.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        """Refuse connections from now on."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def _search(self, exchange: Exchange) -> None:
        with self._lock:
            self.searches += 1
        wanted = parse_qs(urlsplit(exchange.path).query).get("SOPInstanceUID", [])
        shown = [uid for uid in wanted if uid in self.held and uid not in self.hidden]
        found = [{"00080018": {"vr": "UI", "Value": [uid]}} for uid in shown]
        if self.search_status != 200 or found or not wanted:
            exchange.answer(self.search_status, json.dumps(found).encode())
        else:
            exchange.answer(204)


@contextmanager
def serving(server: StowServer) -> Iterator[StowServer]:
    """`server`, listening until the block ends."""
    server.start()
    try:
        yield server
    finally:
        server.stop()
