"""WADO-RS: frames of an image, and all of its pixels: PS3.18 10.4.1.1.6, 10.4.1.1.7."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from daemon.core.catalogue import CatalogueInstance
from daemon.web import negotiation
from daemon.web.addresses import INSTANCE, retrieve_url, service_url
from daemon.web.context import WebContext
from daemon.web.multipart import Part, alone, in_parts
from daemon.web.resources import accepted, found, validators, without_body
from daemon.web.wado import at_once, has_pixels

MAX_FRAMES = 10_000  # numbers in one URL


def routes(context: WebContext) -> list[Route]:
    """GET frames/{list}, GET pixeldata."""

    async def some(request: Request) -> Response:
        (instance,) = await found(request, context.ledger.catalogue)
        return await answer(request, instance, _numbers(request.path_params["list"], instance))

    async def all_of_them(request: Request) -> Response:
        (instance,) = await found(request, context.ledger.catalogue)
        return await answer(request, instance, range(1, (instance.frames or 1) + 1))

    async def answer(request: Request, instance: CatalogueInstance, numbers: Sequence[int]) -> Response:
        if not has_pixels(instance):
            raise HTTPException(404, "the instance has no pixels")
        stored = negotiation.Stored(instance.transfer_syntax_uid, pixels=True)
        choice = negotiation.frames(accepted(request), stored, len(numbers))
        if choice is None:
            raise HTTPException(406, "frames are given native or lossless, or as they are stored")
        headers = validators([instance], choice.syntax, *map(str, numbers))
        if (known := without_body(request, headers)) is not None:
            return known
        parts = _parts(context, instance, numbers, choice, service_url(request))
        if choice.multipart:
            return await in_parts(choice.media_type, parts, headers)
        return await alone(await anext(parts), headers)

    return [
        Route(f"{INSTANCE}/frames/{{list}}", some, methods=["GET"]),
        Route(f"{INSTANCE}/pixeldata", all_of_them, methods=["GET"]),
    ]


async def _parts(
    context: WebContext,
    instance: CatalogueInstance,
    numbers: Sequence[int],
    choice: negotiation.Choice,
    service: str,
) -> AsyncIterator[Part]:
    """One frame after the other: all of a film series at once would not fit into memory."""
    url = retrieve_url(service, instance.study_uid, instance.series_uid, instance.sop_uid)
    for number in numbers:
        (frame,) = await context.renderers.frames(instance.key, [number], choice.syntax)
        kind = f"{choice.media_type}; transfer-syntax={choice.syntax}"
        yield Part(kind, len(frame), at_once(frame), f"{url}/frames/{number}")


def _numbers(text: str, instance: CatalogueInstance) -> list[int]:
    """Raises HTTPException: 400 for what is no list of frame numbers, 404 for a frame that is not there."""
    words = text.split(",")
    if len(words) > MAX_FRAMES or not all(word.isascii() and word.isdigit() and len(word) < 10 for word in words):
        raise HTTPException(400, "frames are numbers, separated by commas")
    numbers = [int(word) for word in words]
    if not all(1 <= number <= (instance.frames or 1) for number in numbers):
        raise HTTPException(404, "the instance has no such frame")
    return numbers
