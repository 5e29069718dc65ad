"""All that the daemon serves over HTTP, as one ASGI application.

Each part gives its routes; what is wrong with a request is answered by the part, what is wrong with us is answered
here, without a traceback and without the request's text, which may name a patient.
"""

from __future__ import annotations

import threading

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute

from daemon.core.errors import StoreUnavailable
from daemon.core.log import where
from daemon.web import capabilities, frames, health, metadata, qido, rendered, stow, ups_events, ups_rs, wado
from daemon.web.addresses import ROOT
from daemon.web.context import WebContext
from daemon.web.guard import Guard
from daemon.web.pages import routes as pages
from daemon.web.renderers import NoRenderer, NotRenderable
from daemon.web.secret import web_secret
from daemon.web.signin import SignIn, Users

log = structlog.get_logger()

RETRY_AFTER_S = 5
SESSION_S = 12 * 3600  # a shift


def application(context: WebContext) -> Starlette:
    """The application; nothing is opened before its first request. Raises SettingsError."""
    secret = web_secret(context.settings.home)
    users = Users(context.settings, secret, context.clock)
    ending = threading.Event()  # set by the server when it stops: what never ends by itself, ends then
    routes: list[BaseRoute] = [
        *health.routes(context),
        *stow.routes(context),
        *wado.routes(context),
        *metadata.routes(context),
        *frames.routes(context),
        *qido.routes(context),
        *rendered.routes(context),
        *ups_rs.routes(context),
        *ups_events.routes(context),
        *pages.routes(context, users, secret, ending),
    ]
    app = Starlette(
        routes=[*routes, *capabilities.routes(routes)],
        middleware=[
            Middleware(Guard, settings=context.settings.web),
            Middleware(
                SessionMiddleware,
                secret_key=secret.hex(),
                session_cookie=f"thoraxd-{context.settings.web.port}",  # one host's ports share their cookies
                max_age=SESSION_S,
                same_site="strict",
            ),
            Middleware(SignIn, users=users),
        ],
        exception_handlers={
            StoreUnavailable: _unavailable,
            NotRenderable: _not_renderable,
            NoRenderer: _no_renderer,
            HTTPException: _refused,
            ClientDisconnect: _gone,
            Exception: _failed,
        },
    )
    app.state.ending = ending
    return app


def _refused(request: Request, error: Exception) -> Response:
    """What a part refused: for DICOMweb as JSON, as all its refusals are; of the pages as text."""
    assert isinstance(error, HTTPException)
    if request.url.path.startswith(ROOT):
        return JSONResponse({"error": error.detail}, error.status_code, error.headers)
    return PlainTextResponse(error.detail, error.status_code, error.headers)


def _gone(_: Request, _error: Exception) -> Response:
    return Response(status_code=400)  # which nobody reads


def _unavailable(_: Request, error: Exception) -> Response:
    log.error("web.unavailable", why=str(error))
    message = {"error": "database or archive cannot be reached; nothing was lost, try again"}
    return JSONResponse(message, 503, {"Retry-After": str(RETRY_AFTER_S)})


def _not_renderable(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 406)  # no acceptable representation can be made of it; PS3.18 8.7


def _no_renderer(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 503, {"Retry-After": str(RETRY_AFTER_S)})


def _failed(_: Request, error: Exception) -> Response:
    log.error("web.error", kind=type(error).__name__, at=where(error))
    return JSONResponse({"error": "internal error; the log says where"}, 500)
