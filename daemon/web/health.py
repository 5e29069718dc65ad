"""/health: whether this daemon can do its work, for a load balancer or a person with curl."""

from __future__ import annotations

from sqlalchemy import text
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from daemon.core.errors import StoreUnavailable
from daemon.web.context import WebContext


def routes(context: WebContext) -> list[Route]:
    """GET /health -> 200 {"status": "ok"}, or 503 with what is wrong."""

    def database() -> None:
        with context.ledger.database.read() as session:
            session.execute(text("select 1"))

    async def health(_: Request) -> Response:
        try:
            await run_in_threadpool(database)
        except StoreUnavailable as error:
            return JSONResponse({"status": "failing", "database": str(error)}, 503)
        return JSONResponse({"status": "ok"})

    return [Route("/health", health)]
