"""What every answer says to a browser, and which requests a browser may not be made to send.

Without sign-in, being on this machine is what protects the patients' data. A web site elsewhere can reach that machine
through its user's browser, so requests are looked at twice: the Host must be a name of ours (a site may point its own
name at 127.0.0.1: DNS rebinding), and what changes something must not come from a page of another origin (RFC 6454).
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from daemon.core.addresses import is_loopback
from daemon.sections import WebSettings

_CONTENT_SECURITY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "Content-Security-Policy": _CONTENT_SECURITY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # with "no-referrer" a form of ours would come from the origin "null"
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})  # RFC 9110 9.2.1


class Guard:
    """ASGI middleware: 421 for a name that is not ours, 403 for another origin, and headers on whatever is answered."""

    def __init__(self, app: ASGIApp, settings: WebSettings) -> None:
        self._app = app
        self._names = frozenset(name.lower() for name in settings.names)
        self._any_name = not is_loopback(settings.host) and not self._names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request or WebSocket."""
        if scope["type"] not in ("http", "websocket"):
            return await self._app(scope, receive, send)
        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        changes = scope["type"] == "websocket" or scope["method"] not in _SAFE

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                answered = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    answered.setdefault(name, value)
            await send(message)

        if not self._ours(host):
            refusal = "not a name of this server: see [web] names in its settings"
            return await PlainTextResponse(refusal, 421)(scope, receive, with_headers)
        if changes and origin is not None and _place(origin) != host.lower():
            return await PlainTextResponse("a page of another origin may not do this", 403)(
                scope, receive, with_headers
            )
        return await self._app(scope, receive, with_headers)

    def _ours(self, host: str) -> bool:
        try:
            name = (urlsplit(f"//{host}").hostname or "").lower()
        except ValueError:
            return False
        return self._any_name or is_loopback(name) or name in self._names


def _place(origin: str) -> str | None:
    """Host and port of an origin; None where it is no URL."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return None
