"""STOW-RS as origin server: the Store transaction, PS3.18 10.5."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from functools import partial

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from daemon.core.errors import ArchiveFull
from daemon.core.uids import is_uid
from daemon.web.addresses import ROOT, STUDY, service_url
from daemon.web.context import WebContext
from daemon.web.media_types import DICOM, DICOM_JSON, MULTIPART, media_type
from daemon.web.resources import accepted
from daemon.web.stow_answer import response_module, status_of_request
from daemon.web.stow_parts import MalformedBody, Parts
from daemon.web.stow_receiving import Limits, Receiving, TooLarge

log = structlog.get_logger()

RETRY_AFTER_S = 5
_MEGABYTE = 1_000_000


class _Refusal(Exception):  # noqa: N818
    """The request as a whole is answered with this status; nothing of its content is quoted."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


def routes(context: WebContext) -> list[Route]:
    """POST studies, studies/{study}."""
    store = _Store(context)
    return [Route(path, store.answer, methods=["POST"]) for path in (f"{ROOT}/studies", STUDY)]


class _Store:
    def __init__(self, context: WebContext) -> None:
        self._context, self._settings = context, context.settings.web
        self._limits = Limits(self._settings.store_instance_mb * _MEGABYTE, self._settings.store_request_mb * _MEGABYTE)
        self._running = 0  # of the event loop's one thread

    async def answer(self, request: Request) -> Response:
        """One Store transaction."""
        try:
            receiving = self._prepare(request)
            return await self._store(request, receiving)
        except _Refusal as refusal:
            return _refused(refusal.status, str(refusal))
        except ClientDisconnect:
            return Response(status_code=400)  # which nobody reads

    def _prepare(self, request: Request) -> Receiving:
        """All that the header says, before a byte of the body is asked for (Expect: 100-continue)."""
        study_uid = request.path_params.get("study", "")
        if study_uid and not is_uid(study_uid):
            raise _Refusal(400, "the study in the URL is no UID")
        if accepted(request).best([DICOM_JSON, "application/json"]) is None:
            raise _Refusal(406, f"the answer is {DICOM_JSON}")
        if request.headers.get("content-encoding", "identity").lower() != "identity":
            raise _Refusal(415, "no content coding is taken")
        length = request.headers.get("content-length", "")
        if length.isdecimal() and int(length[:20]) > self._limits.request:
            raise _Refusal(413, f"the request is larger than {self._limits.request // _MEGABYTE} MB")
        if self._running >= self._settings.store_requests:
            raise _Refusal(503, "as many requests as may be are being stored")
        parts = _parts(request.headers.get("content-type", ""))
        # The studies that it brings are not complete before it ends, as with an association.
        touched = partial(self._context.presence.touched, id(request))
        incoming = self._context.settings.incoming
        return Receiving(parts, study_uid, self._context.ingest, incoming, self._limits, touched)

    async def _store(self, request: Request, receiving: Receiving) -> Response:
        self._running += 1
        try:
            await run_in_threadpool(self._context.ingest.check_reserve)
            async for chunk in self._body(request):
                await run_in_threadpool(receiving.feed, chunk)
            await run_in_threadpool(receiving.end)
        except ArchiveFull as error:
            raise _Refusal(503, str(error)) from error
        except MalformedBody as error:
            raise _Refusal(400, str(error)) from error
        except TooLarge as error:
            raise _Refusal(413, str(error)) from error
        except TimeoutError as error:
            raise _Refusal(408, "the body did not come in time") from error
        finally:
            self._running -= 1
            receiving.discard()
            self._context.presence.closed(id(request))
        status = status_of_request(receiving.stored, receiving.failed)
        module = response_module(service_url(request), receiving.stored, receiving.failed)
        headers = {"Retry-After": str(RETRY_AFTER_S)} if status == 503 else None
        return JSONResponse(module, status, headers, media_type=DICOM_JSON)

    async def _body(self, request: Request) -> AsyncIterator[bytes]:
        """The body's chunks. Raises TimeoutError: each may take timeout_s, and all of them so much for a megabyte."""
        limit_s, waited_s, received = self._settings.timeout_s, 0.0, 0
        stream = request.stream()
        while True:
            began = time.monotonic()
            async with asyncio.timeout(min(limit_s, limit_s * (1 + received / _MEGABYTE) - waited_s)):
                chunk = await anext(stream, None)
            if chunk is None:
                return
            waited_s += time.monotonic() - began
            received += len(chunk)
            if chunk:
                yield chunk


def _parts(content_type: str) -> Parts | None:
    """How to read the body; None: it is one instance (PS3.18 8.6.1.1)."""
    said = media_type(content_type)
    if said is None or said.type not in (MULTIPART, DICOM):
        raise _Refusal(415, f'{MULTIPART}; type="{DICOM}" is taken, or one instance as {DICOM}')
    if said.type == DICOM:
        return None
    if said.content not in (DICOM, "*/*"):  # without type=, which RFC 2387 asks for, the parts say what they are
        raise _Refusal(415, f'instances are taken as {DICOM}, not as metadata and bulk data: type="{DICOM}"')
    try:
        return Parts(said.parameters.get("boundary", ""))
    except MalformedBody as error:
        raise _Refusal(400, str(error)) from error


def _refused(status: int, why: str) -> Response:
    """Without having read all of the body: what is left of it must not be taken for the next request."""
    log.warning("store.refused", status=status, why=why)
    headers = {"Connection": "close"} | ({"Retry-After": str(RETRY_AFTER_S)} if status == 503 else {})
    return JSONResponse({"error": why}, status, headers)
