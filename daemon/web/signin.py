"""Who may use the pages and DICOMweb: everyone on this machine, or, where users are named, those who sign in.

People sign in with a form and keep a signed cookie; programs send HTTP Basic (RFC 7617), to /dicom-web alone. What a
cookie says is held against the settings each time, so a user who is taken out of them, or whose password is changed,
is signed out. OpenID Connect, roles and an audit trail are not here.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from daemon.core.addresses import is_loopback
from daemon.core.passwords import matches
from daemon.settings import Settings

log = structlog.get_logger()

OPEN = ("/health", "/login", "/static/")
PROGRAMS = "/dicom-web"
ATTEMPTS, PER_S = 8, 300.0  # wrong passwords from one address
_ADDRESSES = 4096  # remembered; the one that tried longest ago is forgotten first
_PROVEN = 256  # passwords of programs that were right, so that each request does not cost a scrypt


class TooManyAttempts(Exception):  # noqa: N818  named by what the caller must know
    """This address has to wait."""


class Throttle:
    """Wrong passwords by address."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._wrong: OrderedDict[str, list[float]] = OrderedDict()

    def check(self, address: str) -> None:
        """Raises TooManyAttempts."""
        with self._lock:
            if len(self._recent(address)) >= ATTEMPTS:
                raise TooManyAttempts

    def wrong(self, address: str) -> None:
        """One more."""
        with self._lock:
            self._wrong[address] = [*self._recent(address), self._clock()][-ATTEMPTS:]
            self._wrong.move_to_end(address)
            while len(self._wrong) > _ADDRESSES:
                self._wrong.popitem(last=False)

    def _recent(self, address: str) -> list[float]:
        return [at for at in self._wrong.get(address, ()) if self._clock() - at < PER_S]


class Users:
    """Names and passwords of the settings."""

    def __init__(self, settings: Settings, secret: bytes, clock: Callable[[], float]) -> None:
        self._passwords = {user.name: user.password.get_secret_value() for user in settings.user}
        self.required = bool(self._passwords) or not is_loopback(settings.web.host)
        self._secret, self._throttle = secret, Throttle(clock)
        self._proven: OrderedDict[bytes, None] = OrderedDict()

    def signed_in(self, name: str, password: str, address: str) -> bool:
        """Whether the password is right; some 50 ms. Raises TooManyAttempts."""
        self._throttle.check(address)
        right = matches(password, self._passwords.get(name, "")) and name in self._passwords
        if not right:
            self._throttle.wrong(address)
            log.warning("web.sign_in_refused", address=address)
        return right

    def mark(self, name: str) -> str:
        """What stands in the cookie of `name` beside it: another one when the password changes."""
        return hmac.new(self._secret, f"{name}\n{self._passwords[name]}".encode(), hashlib.sha256).hexdigest()[:32]

    def of_session(self, session: Mapping[str, Any]) -> str | None:
        """Whose cookie this is."""
        name = session.get("user")
        if not isinstance(name, str) or name not in self._passwords:
            return None
        return name if hmac.compare_digest(str(session.get("mark", "")), self.mark(name)) else None

    def of_basic(self, header: str, address: str) -> str | None:
        """Whose credentials these are (RFC 7617 2). Raises TooManyAttempts."""
        scheme, _, coded = header.partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            name, colon, password = base64.b64decode(coded.strip(), validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        seen = hmac.new(self._secret, f"{name}\n{password}".encode(), hashlib.sha256).digest()
        if colon and (seen in self._proven or self.signed_in(name, password, address)):
            self._proven[seen] = None
            if len(self._proven) > _PROVEN:
                self._proven.popitem(last=False)
            return name
        return None


class SignIn:
    """ASGI middleware, inside the one that reads the cookie: scope["user_name"], or the way to the form."""

    def __init__(self, app: ASGIApp, users: Users) -> None:
        self._app, self._users = app, users

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request or WebSocket."""
        if scope["type"] not in ("http", "websocket"):
            return await self._app(scope, receive, send)
        path = scope["path"]
        if not self._users.required:
            scope["user_name"] = ""
            return await self._app(scope, receive, send)
        try:
            scope["user_name"] = await self._who(scope, path)
        except TooManyAttempts:
            return await too_many()(scope, receive, send)
        if scope["user_name"] is None and not path.startswith(OPEN):
            return await _refusal(scope, path)(scope, receive, send)
        return await self._app(scope, receive, send)

    async def _who(self, scope: Scope, path: str) -> str | None:
        name = self._users.of_session(scope["session"])
        credentials = Headers(scope=scope).get("authorization", "")
        if name is None and credentials and path.startswith(PROGRAMS):
            return await run_in_threadpool(self._users.of_basic, credentials, address_of(scope))
        return name


def address_of(scope: Scope) -> str:
    """Of the client, "" where there is none."""
    return (scope.get("client") or ("",))[0]


def too_many() -> Response:
    """429, with how long to wait."""
    return PlainTextResponse("too many wrong passwords: wait", 429, {"Retry-After": str(int(PER_S))})


def _refusal(scope: Scope, path: str) -> Response:
    if path.startswith(PROGRAMS):
        return PlainTextResponse("sign in", 401, {"WWW-Authenticate": 'Basic realm="thoraxd", charset="UTF-8"'})
    wants_page = "text/html" in Headers(scope=scope).get("accept", "")
    if scope["type"] == "http" and scope["method"] == "GET" and wants_page:
        return RedirectResponse(f"/login?next={quote(path)}", 303)
    return PlainTextResponse("sign in", 401)
