"""Rendered resources and thumbnails: PS3.18 10.4.1.1.3, 10.4.1.1.4, 8.7.4; the pictures are made by the renderers.

A study or a series is its images; where it has none, its presentation states and reports. A presentation state is the
picture of each image that it is about, under it; a report, a map or a Key Object Selection likewise, or its text alone.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
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
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from daemon.core.catalogue import CatalogueInstance
from daemon.core.errors import ThoraxdError
from daemon.web.context import WebContext
from daemon.web.media_types import MULTIPART, Accepted
from daemon.web.rendered_query import BadParameter, frame_list, look_of, thumbnail_size
from daemon.web.renderers import Look, NotRenderable, Renderers, Viewport

STUDY = "/dicom-web/studies/{study}"
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
THUMBNAIL, LARGEST_THUMBNAIL = 128, 1024  # pixels of the longer side
MOST_BYTES = 256 * 2**20  # of one answer's pictures
MOST_PICTURES = 1000
_TOO_MUCH = "the pictures of this resource are too many for one answer: ask for a series, an instance or a frame"


class TooMuch(ThoraxdError):  # noqa: N818  named by what the caller must know
    """The pictures of this resource are more than one answer holds; 413."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One rendered picture: of `instance`, frame `frame`, over `image` where it is drawn over one."""

    instance: CatalogueInstance
    frame: int = 1
    image: CatalogueInstance | None = None

    @property
    def place(self) -> str:
        """Content-Location, without the server's name."""
        one = self.instance
        frame = f"/frames/{self.frame}" if (one.frames or 1) > 1 else ""
        return f"/dicom-web/studies/{one.study_uid}/series/{one.series_uid}/instances/{one.sop_uid}{frame}/rendered"


def routes(context: WebContext) -> list[Route]:
    """GET …/rendered and …/thumbnail of studies, series, instances and frames."""

    async def rendered(request: Request) -> Response:
        try:
            return await _rendered(context, request)
        except BadParameter as error:
            return JSONResponse({"error": str(error)}, 400)
        except TooMuch as error:
            return JSONResponse({"error": str(error)}, 413)

    async def thumbnail(request: Request) -> Response:
        try:
            return await _thumbnail(context, request)
        except BadParameter as error:
            return JSONResponse({"error": str(error)}, 400)

    instance = f"{STUDY}/series/{{series}}/instances/{{instance}}"
    levels = (STUDY, f"{STUDY}/series/{{series}}", instance, f"{instance}/frames/{{frames}}")
    return [
        *(Route(f"{level}/rendered", rendered) for level in levels),
        *(Route(f"{level}/thumbnail", thumbnail) for level in levels),
    ]


async def _rendered(context: WebContext, request: Request) -> Response:
    accepted = Accepted.parse(request.headers.get("accept"), request.query_params.getlist("accept"))
    look = look_of(request.query_params, "jpeg")
    instances = await _instances(context, request)
    if not instances:
        return _nothing()
    if "instance" in request.path_params and accepted.best(_offers(instances[0], 1)) == HTML:
        return Response(await context.renderers.page(instances[0].key), 200, media_type="text/html; charset=utf-8")
    pictures = await _pictures(context.renderers, context, instances, _frames(request, instances[0]))
    if pictures is None:
        return _nothing()
    offer = accepted.best(_offers(None, len(pictures)))
    if offer is None:
        several = f'; there are {len(pictures)} pictures: accept multipart/related; type="image/jpeg"'
        why = "rendered as image/jpeg or image/png, a report also as text/html"
        return JSONResponse({"error": why + several * (len(pictures) > 1)}, 406)
    if not all(_is_image(picture.instance) for picture in pictures):
        _check_drawn(look)
    kind = "png" if "png" in offer else "jpeg"
    look = look_of(request.query_params, cast(Literal["jpeg", "png"], kind))
    made, missing = await _made(context.renderers, pictures, look)
    if not offer.startswith(MULTIPART):
        return Response(made[0][1], 200, media_type=f"image/{kind}")
    boundary = secrets.token_hex(16)
    content = f'{MULTIPART}; type="image/{kind}"; boundary={boundary}'
    return Response(b"".join(_parts(made, kind, boundary)), 206 if missing else 200, media_type=content)


async def _thumbnail(context: WebContext, request: Request) -> Response:
    accepted = Accepted.parse(request.headers.get("accept"), request.query_params.getlist("accept"))
    if accepted.best(IMAGES[:1]) is None:
        return JSONResponse({"error": "a thumbnail is image/jpeg"}, 406)
    width, height = thumbnail_size(request.query_params, THUMBNAIL, LARGEST_THUMBNAIL)
    instances = await _instances(context, request)
    if not instances:
        return _nothing()
    # What was received stands for a study, before what we made of it; the first of each
    instance = min(instances, key=lambda one: (not _is_image(one), one.result))
    frames = _frames(request, instance)
    pictures = await _pictures(context.renderers, context, [instance], frames)
    if not pictures:
        return _nothing()
    if _is_image(instance) and pictures[0].frame == 1:
        picture = await context.renderers.thumbnail(instance.key, width, height)
    else:
        picture = await _render(context.renderers, pictures[0], Look(viewport=Viewport(width, height), quality=80))
    return Response(picture, 200, media_type="image/jpeg")


def _check_drawn(look: Look) -> None:
    """A presentation state or a report says itself what is shown, and with which window; 8.3.5.1.3, 8.3.5.1.4."""
    if look.window is not None:
        raise BadParameter("window: a presentation state or a report has none but its own")
    if look.viewport is not None and look.viewport.region != Viewport(1, 1).region:
        raise BadParameter("viewport: of a presentation state or a report it has a width and a height only")


async def _instances(context: WebContext, request: Request) -> list[CatalogueInstance]:
    path = request.path_params
    find = context.ledger.catalogue.instances
    return await run_in_threadpool(find, path["study"], path.get("series"), path.get("instance"))


def _frames(request: Request, instance: CatalogueInstance) -> list[int] | None:
    """Those that are asked for; all of them where none are named, None where there are fewer.

    Raises BadParameter, TooMuch.
    """
    count = instance.frames or 1
    if "frames" in request.path_params:
        asked = frame_list(request.path_params["frames"])
        return asked if max(asked) <= count else None
    if "instance" not in request.path_params or request.url.path.endswith("/thumbnail"):
        return [1]
    if count > MOST_PICTURES:
        raise TooMuch(_TOO_MUCH)
    return list(range(1, count + 1))


async def _pictures(
    renderers: Renderers, context: WebContext, instances: Sequence[CatalogueInstance], frames: list[int] | None
) -> list[Picture] | None:
    """Which pictures the resource is; None where it is not there."""
    if frames is None:
        return None
    if images := [one for one in instances if _is_image(one)]:
        if len(images) * len(frames) > MOST_PICTURES:
            raise TooMuch(_TOO_MUCH)
        return [Picture(one, frame) for one in images for frame in frames]
    found = []
    for one in (one for one in instances if one.sop_class_uid in OVER_IMAGES):
        images = await _referenced(renderers, context, one)
        found += [Picture(one, 1, image) for image in images]
        if not images and one.sop_class_uid in REPORTS:
            found.append(Picture(one))
    if not found:
        raise NotRenderable("it is no image, and no presentation state or report of an image that is here")
    return found


async def _referenced(renderers: Renderers, context: WebContext, one: CatalogueInstance) -> list[CatalogueInstance]:
    """The images of the same study that an object refers to."""
    uids = await renderers.references(one.key)
    here = await run_in_threadpool(context.ledger.catalogue.instances, one.study_uid)
    return [image for image in here if image.sop_uid in set(uids) and _is_image(image)]


async def _made(
    renderers: Renderers, pictures: Sequence[Picture], look: Look
) -> tuple[list[tuple[Picture, bytes]], int]:
    """The pictures that can be made, and how many cannot. Raises NotRenderable where none can, TooMuch."""
    made: list[tuple[Picture, bytes]] = []
    refused: list[NotRenderable] = []
    for picture in pictures:
        try:
            made.append((picture, await _render(renderers, picture, look)))
        except NotRenderable as error:
            refused.append(error)
        if sum(len(each) for _, each in made) > MOST_BYTES:
            raise TooMuch(_TOO_MUCH)
    if not made:
        raise refused[0]
    return made, len(refused)


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


def _parts(made: Sequence[tuple[Picture, bytes]], kind: str, boundary: str) -> Iterator[bytes]:
    for picture, content in made:
        head = f"--{boundary}\r\nContent-Type: image/{kind}\r\nContent-Location: {picture.place}\r\n\r\n"
        yield from (head.encode(), content, b"\r\n")
    yield f"--{boundary}--\r\n".encode()


def _nothing() -> Response:
    return JSONResponse({"error": "there is no such study, series, instance or frame"}, 404)
