"""`/queue`: what waits, what failed, and whether the parts of thoraxd work; for whoever looks after it."""

from __future__ import annotations

import platform
import shutil
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import redis
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from daemon.core.contract import redis_url
from daemon.core.states import StudyState
from daemon.web.pages import words
from daemon.web.pages.site import Site

_PATIENCE_S = 1.0  # for a broker that may be down
_FAILURES = 10


@dataclass(frozen=True, slots=True)
class Part:
    """One part of thoraxd and how it is."""

    name: str
    well: bool
    words: str


def routes(site: Site) -> list[Route]:
    """GET /queue; with X-Fragment, only what changes."""

    async def queue(request: Request) -> Response:
        values = await run_in_threadpool(_shown, site)
        return site.page(request, "queue_panel.html" if "x-fragment" in request.headers else "queue.html", **values)

    return [Route("/queue", queue)]


def _shown(site: Site) -> dict[str, Any]:
    settings, screens, now = site.context.settings, site.context.ledger.screens, site.context.clock()
    counts, model = screens.study_counts(), screens.last_model()
    return {
        "counts": [(state, *words.STATES[state], counts.get(state, 0)) for state in StudyState],
        "jobs": screens.jobs_open(),
        "destinations": [(d.name, d.kind, screens.backlog(d.name)) for d in settings.destination],
        "parts": [_workers(site, now), *_broker(site), *_places(site)],
        "failures": [(site.tokens.of(uid), reason, at) for uid, reason, at in screens.failures(_FAILURES)],
        "versions": [
            ("thoraxd", _version()),
            ("Python", platform.python_version()),
            ("model", f"{model['name']} {model['version']}" if model else "no answer yet"),
            ("weights, SHA-256", model.get("digest", "")),
            ("operating point", model.get("operating_point", "")),
        ],
    }


def _version() -> str:
    try:
        return version("thoraxd")
    except PackageNotFoundError:
        return "run from its source"


def _workers(site: Site, now: float) -> Part:
    busy = site.context.ledger.screens.busy_workers(now)
    try:
        idle = sum(client.get("cmd") == "brpop" for client in _redis(site).client_list())
    except redis.RedisError:
        return Part("workers", busy > 0, f"{busy} at work; the broker does not say how many wait for work")
    return Part("workers", busy + idle > 0, f"{busy} at work, {idle} waiting for work" if busy + idle else "none")


def _broker(site: Site) -> list[Part]:
    try:
        _redis(site).ping()
    except redis.RedisError as error:
        return [Part("broker", False, f"Redis does not answer ({type(error).__name__}); wake-ups are sent again later")]
    return [Part("broker", True, "Redis answers")]


def _redis(site: Site) -> redis.Redis:
    url = redis_url(site.context.settings.broker_url)
    return redis.Redis.from_url(url, socket_timeout=_PATIENCE_S, socket_connect_timeout=_PATIENCE_S)


def _places(site: Site) -> list[Part]:
    settings, dialect = site.context.settings, site.context.ledger.database.engine.dialect.name
    free, reserve = shutil.disk_usage(settings.home).free, settings.archive.reserve_mb * 1_000_000
    return [
        Part("database", True, dialect),  # this page is made from it
        Part("disk", free > reserve, f"{free / 1e9:.1f} GB free at home, {reserve / 1e9:.1f} GB are held in reserve"),
        Part("renderers", True, f"{settings.web.renderers} at most, started when they are needed"),
    ]
