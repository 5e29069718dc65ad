"""QIDO-RS (PS3.18 10.6): studies, series and instances of the catalogue as DICOM JSON.

No match is 200 with an empty list, as of PS3.18 2020b; earlier editions had 204.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from daemon.core.catalogue import LEVELS, Level
from daemon.core.errors import MalformedQuery
from daemon.core.query import Query
from daemon.core.uids import is_uid
from daemon.web.addresses import ROOT, SERIES, STUDY, service_url
from daemon.web.context import WebContext
from daemon.web.media_types import DICOM_JSON
from daemon.web.qido_fields import PAGE, read_fields, to_read
from daemon.web.qido_json import Encoder, Json, returned
from daemon.web.qido_parameters import Search, search_of
from daemon.web.resources import accepted

MOST_RESULTS = 1000  # of one response
MOST_IN_STUDY = 10_000  # of one about one study, of which a viewer wants all
LONGEST_QUERY = 65_536
UNKNOWN = "a private or unknown attribute"

# PS3.18 table 10.6.1-1: what is searched, and which levels the path has decided.
_RESOURCES: tuple[tuple[str, Level], ...] = (
    (f"{ROOT}/studies", "STUDY"),
    (f"{ROOT}/series", "SERIES"),
    (f"{ROOT}/instances", "IMAGE"),
    (f"{STUDY}/series", "SERIES"),
    (f"{STUDY}/instances", "IMAGE"),
    (f"{SERIES}/instances", "IMAGE"),
)
_UIDS = {"study": "StudyInstanceUID", "series": "SeriesInstanceUID"}


@dataclass(frozen=True, slots=True)
class Results:
    """One page; `more`: there are further ones behind it."""

    items: Sequence[Json]
    more: bool


def routes(context: WebContext) -> list[Route]:
    """The six resources of a search."""
    return [Route(path, _searching(context, level), methods=["GET"]) for path, level in _RESOURCES]


def _searching(context: WebContext, level: Level):  # type: ignore[no-untyped-def]  # Starlette's own type of an endpoint
    async def search(request: Request) -> Response:
        media_type = accepted(request).best((DICOM_JSON, "application/json"))
        if media_type is None:
            return JSONResponse({"error": f"search results are {DICOM_JSON}"}, 406)
        if len(request.url.query) > LONGEST_QUERY:
            return JSONResponse({"error": f"the query is longer than {LONGEST_QUERY} characters"}, 414)
        service = service_url(request)
        try:
            asked = search_of(request.query_params.multi_items(), level, _fixed(request.path_params))
            results = await run_in_threadpool(find, context, level, asked, service, frozenset(request.path_params))
        except MalformedQuery as error:
            return JSONResponse({"error": str(error)}, 400)
        body = json.dumps(results.items, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
        response = Response(body, media_type=media_type, headers={"Cache-Control": "no-store"})
        for warning in _warnings(asked, results):
            response.headers.append("Warning", f"299 {service}: {warning}")
        return response

    return search


def _fixed(path: Mapping[str, str]) -> dict[str, str]:
    if not all(is_uid(uid) for uid in path.values()):
        raise MalformedQuery("the path names something that is no UID")
    return {_UIDS[name]: uid for name, uid in path.items()}


def find(context: WebContext, level: Level, asked: Search, service: str, path: frozenset[str]) -> Results:
    """One page of a search; `path`: "study", "series", where the path says which. Raises MalformedQuery."""
    named = asked.included | frozenset(asked.matches) | frozenset(asked.ignored)
    read = to_read(level, named)
    most = PAGE if read else MOST_IN_STUDY if path else MOST_RESULTS
    limit = most if asked.limit is None else min(asked.limit, most)
    query = Query(level, asked.matches, fuzzy=asked.fuzzy, limit=limit + 1, offset=asked.offset, combined=True)
    rows = context.ledger.catalogue.search(query)
    above = [each for each in LEVELS[: LEVELS.index(level)] if each.lower() not in path]
    encoder = Encoder(level, returned(level, above, named), service)
    items = [encoder.encode(row) for row in rows[:limit]]
    if read:
        for row, item in zip(rows, items, strict=False):
            item |= read_fields(row, read, context.ledger, context.archive)
    return Results(items, more=len(rows) > limit)


def _warnings(asked: Search, results: Results) -> list[str]:
    """PS3.18 8.3.4.4, and, of keys that nobody searches by, PS3.4 C.2.2.1.3: they are returned, not matched."""
    said = [f"{keyword or UNKNOWN} is not supported for matching and was ignored" for keyword in asked.ignored]
    return [*said, "There are additional results that can be requested"] if results.more else said
