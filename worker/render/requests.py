"""What a renderer is asked for, by name: the requests of daemon/web/renderers.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from pydicom import Dataset

from worker.pixels import read_dataset
from worker.render.html import report_page
from worker.render.look import Look, image_picture, result_picture, state_picture
from worker.render.raster import heat_picture, raster
from worker.render.transcode import frames_in, transcoded

MAX_REFERENCES = 10_000  # of one object; more is no report

Request = Mapping[str, Any]
Answer = tuple[dict[str, Any], list[bytes]]


def _read(request: Request, name: str = "object") -> Dataset:
    return read_dataset(Path(request["paths"][name]))


def _transcode(request: Request) -> Answer:
    return {}, [transcoded(_read(request), request["syntax"])]


def _frames(request: Request) -> Answer:
    return {}, frames_in(_read(request), request["numbers"], request["syntax"])


def _rendered(request: Request) -> Answer:
    look = Look.of(request["look"])
    if "state" in request["paths"]:
        return {}, [state_picture(_read(request, "state"), _read(request), look)]
    return {}, [image_picture(_read(request), request["frame"], look)]


def _references(request: Request) -> Answer:
    uids = (str(item.value) for item in _read(request).iterall() if item.keyword == "ReferencedSOPInstanceUID")
    return {"uids": list(dict.fromkeys(islice(uids, MAX_REFERENCES)))}, []


def _page(request: Request) -> Answer:
    return {}, [report_page(_read(request))]


def _report(request: Request) -> Answer:
    images = [_read(request, "image")] if "image" in request["paths"] else []
    return {}, [result_picture(_read(request), images, Look.of(request["look"]))]


def _pixels(request: Request) -> Answer:
    return raster(_read(request), request["max_side"])


def _heat(request: Request) -> Answer:
    return {}, [heat_picture(request["heat"], request["width"], request["height"])]


REQUESTS: Mapping[str, Callable[[Request], Answer]] = {
    "transcode": _transcode,
    "frames": _frames,
    "rendered": _rendered,
    "references": _references,
    "report": _report,
    "page": _page,
    "pixels": _pixels,
    "heat": _heat,
}
