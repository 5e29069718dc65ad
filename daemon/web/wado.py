"""WADO-RS: retrieving studies, series and instances as they are stored or in another transfer syntax, PS3.18 10.4."""

from __future__ import annotations

from collections.abc import AsyncIterator

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from daemon.core.catalogue import CatalogueInstance
from daemon.store.archive import Archive
from daemon.web import negotiation
from daemon.web.addresses import INSTANCE, SERIES, STUDY, retrieve_url, service_url
from daemon.web.context import WebContext
from daemon.web.media_types import DICOM
from daemon.web.multipart import Part, alone, in_parts
from daemon.web.renderers import NotRenderable
from daemon.web.resources import accepted, found, validators, without_body

log = structlog.get_logger()

_CHUNK = 256 * 1024


def routes(context: WebContext) -> list[Route]:
    """GET a study, a series, an instance."""

    async def retrieve(request: Request) -> Response:
        instances = await found(request, context.ledger.catalogue)
        stored = [negotiation.Stored(each.transfer_syntax_uid, has_pixels(each)) for each in instances]
        choice = negotiation.instances(accepted(request), stored)
        if choice is None:
            raise HTTPException(
                406, f"{DICOM} is given, in parts or one instance alone, in a syntax of its own or ours"
            )
        headers = validators(instances, choice.syntax)
        if (answer := without_body(request, headers)) is not None:
            return answer
        service = service_url(request)
        if choice.multipart:
            return await in_parts(DICOM, _parts(context, instances, choice.syntax, service), headers)
        return await alone(await _part(context, instances[0], choice.syntax, service), headers)

    return [Route(path, retrieve, methods=["GET"]) for path in (STUDY, SERIES, INSTANCE)]


def has_pixels(instance: CatalogueInstance) -> bool:
    """Whether it is an image."""
    return bool(instance.rows and instance.columns)


async def _parts(
    context: WebContext, instances: list[CatalogueInstance], syntax: str, service: str
) -> AsyncIterator[Part]:
    for instance in instances:
        try:
            yield await _part(context, instance, syntax, service)
        except NotRenderable as error:
            if len(instances) == 1:
                raise
            # One image that cannot be converted must not keep the others: its part says what it is in.
            log.warning("retrieve.as_stored", instance=instance.sop_uid, why=str(error))
            yield await _part(context, instance, negotiation.AS_STORED, service)


async def _part(context: WebContext, instance: CatalogueInstance, syntax: str, service: str) -> Part:
    stored = negotiation.Stored(instance.transfer_syntax_uid, has_pixels(instance))
    given = stored.part_syntax(syntax)
    location = retrieve_url(service, instance.study_uid, instance.series_uid, instance.sop_uid)
    kind = f"{DICOM}; transfer-syntax={given}"
    if given == instance.transfer_syntax_uid:
        return Part(kind, instance.size, stream(context.archive, instance.key), location)
    content = await context.renderers.transcode(instance.key, given)
    return Part(kind, len(content), at_once(content), location)


async def stream(archive: Archive, key: str) -> AsyncIterator[bytes]:
    """The archive's bytes, in chunks. Raises StoreUnavailable."""
    file = await run_in_threadpool(archive.open, key)
    try:
        while chunk := await run_in_threadpool(file.read, _CHUNK):
            yield chunk
    finally:
        file.close()


async def at_once(content: bytes) -> AsyncIterator[bytes]:
    """One chunk."""
    yield content
