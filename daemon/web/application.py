"""All that the daemon serves over HTTP, as one ASGI application.

Each part gives its routes; what is wrong with a request is answered by the part, what is wrong with us is answered
here, without a traceback and without the request's text, which may name a patient.
"""

from __future__ import annotations

import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from daemon.core.errors import StoreUnavailable
from daemon.core.log import where
from daemon.web import health
from daemon.web.context import WebContext

log = structlog.get_logger()

RETRY_AFTER_S = 5


def application(context: WebContext) -> Starlette:
    """The application; nothing is opened before its first request."""
    routes: list[BaseRoute] = [
        *health.routes(context),
    ]
    return Starlette(
        routes=routes,
        exception_handlers={StoreUnavailable: _unavailable, Exception: _failed},
    )


def _unavailable(_: Request, error: Exception) -> Response:
    log.error("web.unavailable", why=str(error))
    message = {"error": "database or archive cannot be reached; nothing was lost, try again"}
    return JSONResponse(message, 503, {"Retry-After": str(RETRY_AFTER_S)})


def _failed(_: Request, error: Exception) -> Response:
    log.error("web.error", kind=type(error).__name__, at=where(error))
    return JSONResponse({"error": "internal error; the log says where"}, 500)
