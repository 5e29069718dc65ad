"""Retrieve Capabilities (PS3.18 8.9): what is served under /dicom-web, from the very routes that serve it.

As WADL (8.9.3, Annex H) or, for a person or a script, the same as JSON.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from daemon.web.addresses import ROOT, service_url
from daemon.web.media_types import DICOM, DICOM_JSON, OCTETS
from daemon.web.resources import accepted

WADL = "application/vnd.sun.wadl+xml"
_NAMESPACE = "http://wadl.dev.java.net/2009/02"
_DICOM_PARTS = f'multipart/related; type="{DICOM}"'
_IMAGES = ("image/jls", "image/jp2", "image/jpeg", "image/dicom-rle")
_FRAMES = tuple(f'multipart/related; type="{kind}"' for kind in (OCTETS, *_IMAGES))

# What a method of the resource with this last word answers with, the default first.
_ANSWERS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("POST", "studies"): (DICOM_JSON,),
    ("POST", "{study}"): (DICOM_JSON,),
    ("GET", "studies"): (DICOM_JSON,),
    ("GET", "series"): (DICOM_JSON,),
    ("GET", "instances"): (DICOM_JSON,),
    ("GET", "{study}"): (_DICOM_PARTS,),
    ("GET", "{series}"): (_DICOM_PARTS,),
    ("GET", "{instance}"): (_DICOM_PARTS, DICOM),
    ("GET", "metadata"): (DICOM_JSON,),
    ("GET", "{path}"): (f'multipart/related; type="{OCTETS}"', OCTETS),
    ("GET", "{list}"): (*_FRAMES, OCTETS, *_IMAGES),
    ("GET", "pixeldata"): (*_FRAMES, OCTETS, *_IMAGES),
    ("GET", "rendered"): ("image/jpeg", "image/png"),
    ("GET", "thumbnail"): ("image/jpeg",),
    ("GET", "workitems"): (DICOM_JSON,),
    ("GET", "{ups_uid}"): (DICOM_JSON,),
}
_TAKEN: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("POST", "studies"): (_DICOM_PARTS, DICOM),
    ("POST", "{study}"): (_DICOM_PARTS, DICOM),
    ("POST", "workitems"): (DICOM_JSON,),
    ("POST", "{ups_uid}"): (DICOM_JSON,),
    ("POST", "cancelrequest"): (DICOM_JSON,),
    ("PUT", "state"): (DICOM_JSON,),
}


def routes(served: Sequence[BaseRoute]) -> list[Route]:
    """OPTIONS and GET of the service's root, about those of `served` that are below it."""
    methods: dict[str, set[str]] = {}
    for route in served:
        if isinstance(route, Route) and route.path.startswith(ROOT + "/"):
            path = re.sub(r":\w+}", "}", route.path.removeprefix(ROOT))
            methods.setdefault(path, set()).update((route.methods or set()) - {"HEAD"})
    resources = {path: sorted(methods[path]) for path in sorted(methods)}

    async def tell(request: Request) -> Response:
        kind = accepted(request).best([WADL, "application/json", "application/xml", "text/xml"])
        if kind is None:
            raise HTTPException(406, f"capabilities are told as {WADL} or application/json")
        if kind == "application/json":
            return JSONResponse(_json(resources))
        return Response(_wadl(service_url(request), resources), media_type=kind)

    return [Route(path, tell, methods=["GET", "OPTIONS"]) for path in (ROOT, ROOT + "/")]


def _json(resources: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    return [
        {"path": path, "methods": {method: {"answers": list(_told(_ANSWERS, method, path))} for method in methods}}
        for path, methods in resources.items()
    ]


def _told(table: Mapping[tuple[str, str], tuple[str, ...]], method: str, path: str) -> tuple[str, ...]:
    return table.get((method, path.rsplit("/", 1)[-1]), ())


def _wadl(base: str, resources: Mapping[str, Sequence[str]]) -> bytes:
    application = ElementTree.Element("application", xmlns=_NAMESPACE)
    below = ElementTree.SubElement(application, "resources", base=base)
    for path, methods in resources.items():
        resource = ElementTree.SubElement(below, "resource", path=path.lstrip("/"))
        for name in re.findall(r"{(\w+)}", path):
            ElementTree.SubElement(resource, "param", name=name, style="template")
        for method in methods:
            told = ElementTree.SubElement(resource, "method", name=method)
            for tag, table in (("request", _TAKEN), ("response", _ANSWERS)):
                kinds = _told(table, method, path)
                if kinds:
                    group = ElementTree.SubElement(told, tag)
                    for kind in kinds:
                        ElementTree.SubElement(group, "representation", mediaType=kind)
    return ElementTree.tostring(application, encoding="utf-8", xml_declaration=True)
