"""Rendered resources and thumbnails: PS3.18 10.4.1.1.3, 10.4.1.1.4, 8.7.4; the pictures are made by the renderers.

A study or a series is its images; where it has none, its presentation states and reports. A presentation state is the
picture of each image that it is about, under it; a report, a map or a Key Object Selection likewise, or its text alone.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal, cast

from pydicom.uid import (
    BasicTextSRStorage,
    ChestCADSRStorage,
    Comprehensive3DSRStorage,
    ComprehensiveSRStorage,
    EnhancedSRStorage,
    GrayscaleSoftcopyPresentationStateStorage,
    KeyObjectSelectionDocumentStorage,
    ParametricMapStorage,
)
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from daemon.core.catalogue import CatalogueInstance
from daemon.web.addresses import INSTANCE, SERIES, STUDY, retrieve_url, service_url
from daemon.web.context import WebContext
from daemon.web.media_types import MULTIPART
from daemon.web.multipart import Part, in_parts
from daemon.web.rendered_query import BadParameter, frame_list, look_of, thumbnail_size
from daemon.web.renderers import Look, NotRenderable, Renderers, Viewport
from daemon.web.resources import accepted, found, validators, without_body
from daemon.web.wado import at_once

IMAGES = ("image/jpeg", "image/png")
HTML = "text/html"
REPORTS = frozenset(
    {
        BasicTextSRStorage,
        ChestCADSRStorage,
        Comprehensive3DSRStorage,
        ComprehensiveSRStorage,
        EnhancedSRStorage,
        KeyObjectSelectionDocumentStorage,
    }
)
OVER_IMAGES = REPORTS | {GrayscaleSoftcopyPresentationStateStorage, ParametricMapStorage}
LEVELS = (STUDY, SERIES, INSTANCE, f"{INSTANCE}/frames/{{frames}}")
THUMBNAIL, LARGEST_THUMBNAIL = 128, 1024  # pixels of the longer side
MOST_BYTES = 64 * 2**20  # of one answer's pictures, which are all made before it begins
MOST_PICTURES = 1000
_TOO_MUCH = "the pictures of this resource are too many for one answer: ask for a series, an instance or a frame"
_OFFERED = "rendered as image/jpeg or image/png, each also in multipart/related; a report also as text/html"

Answer = Callable[[WebContext, Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Picture:
    """One rendered picture: of `instance`, frame `frame`, over `image` where it is drawn over one."""

    instance: CatalogueInstance
    frame: int = 1
    image: CatalogueInstance | None = None

    def url(self, service: str) -> str:
        """Where it is by itself."""
        one = self.instance
        frame = f"/frames/{self.frame}" if (one.frames or 1) > 1 else ""
        return f"{retrieve_url(service, one.study_uid, one.series_uid, one.sop_uid)}{frame}/rendered"


def routes(context: WebContext) -> list[Route]:
    """GET …/rendered and …/thumbnail of studies, series, instances and frames."""

    def answered_by(answer: Answer) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            try:
                return await answer(context, request)
            except BadParameter as error:
                raise HTTPException(400, str(error)) from error

        return endpoint

    parts = (("rendered", answered_by(_rendered)), ("thumbnail", answered_by(_thumbnail)))
    return [Route(f"{level}/{name}", endpoint, methods=["GET"]) for level in LEVELS for name, endpoint in parts]


async def _rendered(context: WebContext, request: Request) -> Response:
    look = look_of(request.query_params, "jpeg")
    instances = await found(request, context.ledger.catalogue)
    if "instance" in request.path_params and accepted(request).best(_offers(instances[0], 1)) == HTML:
        return Response(await context.renderers.page(instances[0].key), media_type=f"{HTML}; charset=utf-8")
    pictures = await _pictures(context, instances, _frames(request, instances[0]))
    if not all(_is_image(picture.instance) for picture in pictures):
        _check_drawn(look)
    offer = accepted(request).best(_offers(None, len(pictures)))
    if offer is None:
        raise HTTPException(406, f"{_OFFERED}; of {len(pictures)} pictures" if len(pictures) > 1 else _OFFERED)
    kind = "png" if "png" in offer else "jpeg"
    shown = [each for picture in pictures for each in (picture.instance, picture.image) if each is not None]
    headers = validators(shown, offer, request.url.path, request.url.query)
    if (known := without_body(request, headers)) is not None:
        return known
    look = look_of(request.query_params, cast(Literal["jpeg", "png"], kind))
    made = await _made(context.renderers, pictures, look)
    if not offer.startswith(MULTIPART):
        return Response(made[0][1], headers=headers, media_type=f"image/{kind}")
    answer = await in_parts(f"image/{kind}", _parts(made, kind, service_url(request)), headers)
    answer.status_code = 200 if len(made) == len(pictures) else 206  # table 10.4.3-1
    return answer


async def _thumbnail(context: WebContext, request: Request) -> Response:
    if accepted(request).best(IMAGES[:1]) is None:
        raise HTTPException(406, "a thumbnail is image/jpeg")
    width, height = thumbnail_size(request.query_params, THUMBNAIL, LARGEST_THUMBNAIL)
    instances = await found(request, context.ledger.catalogue)
    # What was received stands for a study, before what we made of it; the first of each
    instance = min(instances, key=lambda one: (not _is_image(one), one.result))
    headers = validators([instance], request.url.path, request.url.query)
    if (known := without_body(request, headers)) is not None:
        return known
    picture = (await _pictures(context, [instance], _frames(request, instance)[:1]))[0]
    if _is_image(instance) and picture.frame == 1:
        content = await context.renderers.thumbnail(instance.key, width, height)
    else:
        content = await _render(context.renderers, picture, Look(viewport=Viewport(width, height), quality=80))
    return Response(content, headers=headers, media_type="image/jpeg")


def _check_drawn(look: Look) -> None:
    """A presentation state or a report says itself what is shown, and with which window; 8.3.5.1.3, 8.3.5.1.4."""
    if look.window is not None:
        raise BadParameter("window: a presentation state or a report has none but its own")
    if look.viewport is not None and look.viewport.region != Viewport(1, 1).region:
        raise BadParameter("viewport: of a presentation state or a report it has a width and a height only")


def _frames(request: Request, instance: CatalogueInstance) -> list[int]:
    """Those that are asked for, or all of an instance; of each instance of a series or a study the first.

    Raises BadParameter; HTTPException for a frame that is not there, and for too many.
    """
    count = instance.frames or 1
    if "frames" in request.path_params:
        asked = frame_list(request.path_params["frames"])
        if max(asked) > count:
            raise HTTPException(404, "the instance has no such frame")
        return asked
    if "instance" not in request.path_params or request.url.path.endswith("/thumbnail"):
        return [1]
    if count > MOST_PICTURES:
        raise HTTPException(413, _TOO_MUCH)
    return list(range(1, count + 1))


async def _pictures(
    context: WebContext, instances: Sequence[CatalogueInstance], frames: Sequence[int]
) -> list[Picture]:
    """Which pictures the resource is, at least one. Raises NotRenderable, HTTPException 413."""
    if images := [one for one in instances if _is_image(one)]:
        if len(images) * len(frames) > MOST_PICTURES:
            raise HTTPException(413, _TOO_MUCH)
        return [Picture(one, frame) for one in images for frame in frames]
    drawn = []
    for one in (one for one in instances if one.sop_class_uid in OVER_IMAGES):
        images = await _referenced(context, one)
        drawn += [Picture(one, 1, image) for image in images]
        if not images and one.sop_class_uid in REPORTS:
            drawn.append(Picture(one))
    if not drawn:
        raise NotRenderable("it is no image, and no presentation state or report of an image that is here")
    return drawn


async def _referenced(context: WebContext, one: CatalogueInstance) -> list[CatalogueInstance]:
    """The images of the same study that an object refers to."""
    uids = set(await context.renderers.references(one.key))
    here = await run_in_threadpool(context.ledger.catalogue.instances, one.study_uid)
    return [image for image in here if image.sop_uid in uids and _is_image(image)]


async def _made(renderers: Renderers, pictures: Sequence[Picture], look: Look) -> list[tuple[Picture, bytes]]:
    """The pictures that can be made, at least one. Raises NotRenderable where none can, HTTPException 413."""
    made: list[tuple[Picture, bytes]] = []
    refused: list[NotRenderable] = []
    size = 0
    for picture in pictures:
        try:
            made.append((picture, await _render(renderers, picture, look)))
        except NotRenderable as error:
            refused.append(error)
            continue
        size += len(made[-1][1])
        if size > MOST_BYTES:
            raise HTTPException(413, _TOO_MUCH)
    if not made:
        raise refused[0]
    return made


async def _render(renderers: Renderers, picture: Picture, look: Look) -> bytes:
    one = picture.instance
    if _is_image(one):
        return await renderers.rendered(one.key, look, frame=picture.frame)
    if one.sop_class_uid == GrayscaleSoftcopyPresentationStateStorage and picture.image is not None:
        return await renderers.rendered(picture.image.key, look, presentation_state_key=one.key)
    return await renderers.report(one.key, picture.image.key if picture.image else "", look)


def _is_image(one: CatalogueInstance) -> bool:
    return bool(one.rows and one.columns) and one.sop_class_uid not in OVER_IMAGES


def _offers(report: CatalogueInstance | None, count: int) -> list[str]:
    """What can be given, the default first: 8.7.4."""
    multipart = [f'{MULTIPART}; type="{image}"' for image in IMAGES]
    text = [HTML] if report is not None and report.sop_class_uid in REPORTS else []
    return [*IMAGES, *multipart, *text] if count == 1 else multipart


async def _parts(made: Sequence[tuple[Picture, bytes]], kind: str, service: str) -> AsyncIterator[Part]:
    for picture, content in made:
        yield Part(f"image/{kind}", len(content), at_once(content), picture.url(service))
