"""A study's pictures: its thumbnail, and each film's values and heat map, which the study page draws itself.

Values come as a body of little endian uint16, row by row, behind a table of one byte for each possible value, how the
film's own window shows it; the rest of `Raster`, and the table's length as "table", is JSON in the field Thoraxd-Film.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from daemon.store.screens import Film
from daemon.web.pages.site import Site

# Archive keys never change their content; a browser may keep a film, and asks each time whether it still may see it.
_KEPT = "private, no-cache"
_THUMBNAIL_PX = 96
_HEAT_SIDE_PX = 512


def routes(site: Site) -> list[Route]:
    """GET /study/{token}/thumbnail, /study/{token}/films/{n}/pixels[?side=N] and /study/{token}/films/{n}/heat."""

    async def thumbnail(request: Request) -> Response:
        key = await run_in_threadpool(site.context.ledger.screens.film_key, site.study_uid(request))
        if key is None:
            raise HTTPException(404)
        if (kept := _unchanged(request, key)) is not None:
            return kept
        picture = await site.context.renderers.thumbnail(key, _THUMBNAIL_PX, _THUMBNAIL_PX)
        return Response(picture, media_type="image/jpeg", headers=_headers(request, key))

    async def pixels(request: Request) -> Response:
        film, side = await _film(site, request), request.query_params.get("side", "")
        if (kept := _unchanged(request, film.key)) is not None:
            return kept
        raster = await site.context.renderers.pixels(film.key, int(side) if side in ("512", "1024") else None)
        said: dict[str, Any] = asdict(raster)
        said["table"] = len(raster.shown)
        body = said.pop("shown") + said.pop("levels")
        headers = _headers(request, film.key) | {"Thoraxd-Film": json.dumps(said)}
        return Response(body, media_type="application/octet-stream", headers=headers)

    async def heat(request: Request) -> Response:
        film = await _film(site, request)
        if film.heat is None or film.findings is None:
            raise HTTPException(404)
        shown = f"{film.key} {film.heat}"  # another answer about the film has another map
        if (kept := _unchanged(request, shown)) is not None:
            return kept
        wide, high = film.findings["width"], film.findings["height"]
        scale = _HEAT_SIDE_PX / max(wide, high)
        picture = await site.context.renderers.heat(film.heat, max(1, round(wide * scale)), max(1, round(high * scale)))
        return Response(picture, media_type="image/png", headers=_headers(request, shown))

    return [
        Route("/study/{token}/thumbnail", thumbnail),
        Route("/study/{token}/films/{number:int}/pixels", pixels),
        Route("/study/{token}/films/{number:int}/heat", heat),
    ]


async def _film(site: Site, request: Request) -> Film:
    """Films are counted from 1. Raises HTTPException 404."""
    films = await run_in_threadpool(site.context.ledger.screens.films, site.study_uid(request))
    number = request.path_params["number"]
    if not 1 <= number <= len(films):
        raise HTTPException(404)
    return films[number - 1]


def _headers(request: Request, shown: str) -> dict[str, str]:
    """shown: what never changes under its name, and names all that the picture is made of."""
    asked = f"{shown} {request.url.path} {request.url.query}"
    tag = hashlib.sha256(asked.encode()).hexdigest()[:24]
    return {"ETag": f'"{tag}"', "Cache-Control": _KEPT}


def _unchanged(request: Request, shown: str) -> Response | None:
    """304 where the browser has it already (RFC 9110 13.1.2)."""
    headers = _headers(request, shown)
    return Response(status_code=304, headers=headers) if headers["ETag"] in _tags(request) else None


def _tags(request: Request) -> list[str]:
    return [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
