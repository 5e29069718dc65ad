"""`/login` and `/logout`."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from daemon.web.pages.site import Site, form
from daemon.web.signin import TooManyAttempts, address_of, too_many


def routes(site: Site) -> list[Route]:
    """GET /login, POST /login (csrf, name, password, next), POST /logout (csrf)."""

    async def show(request: Request) -> Response:
        if not site.users.required:
            return RedirectResponse("/", 303)
        return site.page(request, "login.html", next=_inside(request.query_params.get("next", "")), wrong=False)

    async def enter(request: Request) -> Response:
        fields = await form(request)
        name, onward = fields.get("name", ""), _inside(fields.get("next", ""))
        try:
            right = await run_in_threadpool(
                site.users.signed_in, name, fields.get("password", ""), address_of(request.scope)
            )
        except TooManyAttempts:
            return too_many()
        if not right:
            return site.page(request, "login.html", 403, next=onward, wrong=True)
        request.session.clear()
        request.session.update(user=name, mark=site.users.mark(name))
        return RedirectResponse(onward, 303)

    async def leave(request: Request) -> Response:
        await form(request)
        request.session.clear()
        return RedirectResponse("/login", 303)

    return [
        Route("/login", show, methods=["GET"]),
        Route("/login", enter, methods=["POST"]),
        Route("/logout", leave, methods=["POST"]),
    ]


def _inside(target: str) -> str:
    """A page of ours, and of nobody else's."""
    return target if target.startswith("/study/") or target == "/queue" else "/"
