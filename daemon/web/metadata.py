"""WADO-RS: metadata of studies, series and instances (PS3.18 10.4.1.1.2) in DICOM JSON, and the bulk data it refers to.

Bulk data are at .../instances/{instance}/bulkdata/{path}, the path of tags and item numbers (from 1) to the attribute;
pixels are at .../pixeldata (daemon/web/frames.py).
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from functools import partial

from pydicom import Dataset
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from daemon.core.catalogue import CatalogueInstance
from daemon.core.errors import StoreUnavailable, UnreadableDataSet
from daemon.core.header import read_header
from daemon.store.archive import Archive
from daemon.web import negotiation
from daemon.web.addresses import INSTANCE, SERIES, STUDY, retrieve_url, service_url
from daemon.web.context import WebContext
from daemon.web.dicom_json import dataset_json, encoded
from daemon.web.media_types import DICOM_JSON, OCTETS
from daemon.web.multipart import Part, alone, in_parts, started
from daemon.web.resources import accepted, found, validators, without_body
from daemon.web.wado import at_once, has_pixels

_IDENTITY = {
    "00080016": "sop_class_uid",
    "00080018": "sop_uid",
    "0020000D": "study_uid",
    "0020000E": "series_uid",
}
_PATH = re.compile(r"([0-9A-Fa-f]{8}/[1-9][0-9]{0,5}/){0,32}[0-9A-Fa-f]{8}")


def routes(context: WebContext) -> list[Route]:
    """GET metadata at three levels, GET bulk data."""

    async def metadata(request: Request) -> Response:
        instances = await found(request, context.ledger.catalogue)
        if accepted(request).best([DICOM_JSON, "application/json"]) is None:
            raise HTTPException(406, f"metadata are given as {DICOM_JSON}")
        service = service_url(request)
        headers = validators(instances, "metadata", service)
        if (answer := without_body(request, headers)) is not None:
            return answer
        body = await started(_array(context.archive, instances, service))
        return StreamingResponse(body, headers=headers, media_type=DICOM_JSON)

    async def bulkdata(request: Request) -> Response:
        (instance,) = await found(request, context.ledger.catalogue)
        path = request.path_params["path"]
        if not _PATH.fullmatch(path):
            raise HTTPException(400, "not the path of an attribute: GGGGEEEE, or GGGGEEEE/item number/GGGGEEEE")
        choice = negotiation.bulk(accepted(request))
        if choice is None:
            raise HTTPException(406, f"bulk data are given as {OCTETS}")
        headers = validators([instance], "bulkdata", path)
        if (answer := without_body(request, headers)) is not None:
            return answer
        content = await run_in_threadpool(_value_at, context.archive, instance, path)
        part = Part(f"{choice.media_type}; transfer-syntax={choice.syntax}", len(content), at_once(content))
        if choice.multipart:
            return await in_parts(choice.media_type, _only(part), headers)
        return await alone(part, headers)

    return [
        *(Route(f"{path}/metadata", metadata, methods=["GET"]) for path in (STUDY, SERIES, INSTANCE)),
        Route(f"{INSTANCE}/bulkdata/{{path:path}}", bulkdata, methods=["GET"]),
    ]


async def _array(archive: Archive, instances: list[CatalogueInstance], service: str) -> AsyncIterator[bytes]:
    """A JSON array, one instance after the other."""
    separator = b"["
    for instance in instances:
        yield separator + await run_in_threadpool(_model, archive, instance, service)
        separator = b","
    yield b"]"


def _model(archive: Archive, instance: CatalogueInstance, service: str) -> bytes:
    url = retrieve_url(service, instance.study_uid, instance.series_uid, instance.sop_uid)
    try:
        model = dataset_json(_header(archive, instance), partial("{}/bulkdata/{}".format, url))
    except UnreadableDataSet:  # a header longer than is read of anyone's: what identifies it is on record
        model = {tag: {"vr": "UI", "Value": [getattr(instance, name)]} for tag, name in _IDENTITY.items()}
    # PS3.18 10.4.3.3.2 lets a server add it; viewers learn from it what the frames are stored in.
    model["00083002"] = {"vr": "UI", "Value": [instance.transfer_syntax_uid]}
    if has_pixels(instance):
        vr = "OW" if instance.transfer_syntax_uid in negotiation.NATIVE else "OB"  # PS3.5 8.2, A.4
        model["7FE00010"] = {"vr": vr, "BulkDataURI": f"{url}/pixeldata"}
    return encoded(model)


def _header(archive: Archive, instance: CatalogueInstance) -> Dataset:
    with archive.open(instance.key) as file:
        return read_header(file)


def _value_at(archive: Archive, instance: CatalogueInstance, path: str) -> bytes:
    """The attribute's value as bytes. Raises HTTPException 404 where there is none such."""
    *way, last = path.split("/")
    try:
        ds = _header(archive, instance)
        for tag, number in zip(way[::2], way[1::2], strict=True):
            ds = ds[int(tag, 16)].value[int(number) - 1]
        content = ds[int(last, 16)].value
    except StoreUnavailable:
        raise
    except Exception:  # noqa: BLE001  pydicom has no closed set of errors for broken values
        content = None
    if not isinstance(content, bytes):
        raise HTTPException(404, "the instance has no such bulk data")
    return content


async def _only(part: Part) -> AsyncIterator[Part]:
    yield part
