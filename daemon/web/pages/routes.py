"""All pages."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from daemon.web.context import WebContext
from daemon.web.events import Feed, TooManyListeners
from daemon.web.pages import film, login, queue, reads, study, verdicts, worklist
from daemon.web.pages.site import HERE, Site, environment
from daemon.web.pages.tokens import Tokens
from daemon.web.signin import Users


def routes(context: WebContext, users: Users, secret: bytes, ending: threading.Event) -> list[BaseRoute]:
    """Every route of the pages. ending: set when the server stops."""
    tokens = Tokens(secret)
    site = Site(context, users, tokens, Feed(_look(context, tokens), ending), environment())
    pages = [part for module in (worklist, study, film, verdicts, reads, queue, login) for part in module.routes(site)]
    static = Mount("/static", _Static(directory=HERE / "static"), name="static")
    return [*pages, *_events(site), static]


class _Static(StaticFiles):
    """Scripts and styles; asked for again each time (304), so that a page never meets those of another release."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """With leave to keep the file, not to use it unasked."""
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "no-cache"
        return response


def _look(context: WebContext, tokens: Tokens) -> Callable[[str], Hashable]:
    screens = context.ledger.screens

    def look(topic: str) -> Hashable:
        if topic == "worklist":
            return screens.worklist_mark()
        if topic == "queue":
            backlogs = (screens.backlog(destination.name) for destination in context.settings.destination)
            return (*screens.study_counts().items(), *screens.jobs_open().items(), *backlogs)
        study_uid = tokens.study_uid(topic)
        return screens.study_mark(study_uid) if study_uid else None

    return look


def _events(site: Site) -> list[Route]:
    """GET /events?of=worklist, of=queue, or of=TOKEN of a study."""

    async def events(request: Request) -> Response:
        topic = request.query_params.get("of", "")
        if topic not in ("worklist", "queue") and site.tokens.study_uid(topic) is None:
            return PlainTextResponse("events of what?", 404)
        try:
            stream = site.feed.listen(topic)
        except TooManyListeners:
            return PlainTextResponse("too many pages listen", 503, {"Retry-After": "60"})
        return StreamingResponse(stream, media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    return [Route("/events", events)]
