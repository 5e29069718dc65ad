"""UPS-RS, the worklist over HTTP: PS3.18 chapter 11. Handlers translate; daemon/worklist.py does.

Work items are DICOM JSON: application/dicom+json, an array with one object. A request's Transaction UID may stand in
its data set, or, for an update, be the query. A UID in the query stands alone (?1.2.3) or has a name: the standard
gives templates only ({workitem}, {transaction-uid}), dicomstandard.org the names AffectedSOPInstanceUID, transaction.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import quote

from pydicom import Dataset
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from daemon.core.errors import MalformedQuery, UpsRefused
from daemon.core.uids import is_uid
from daemon.core.ups import INVALID_VALUE, MEANINGS, RESOURCE_LIMITATION, SUCCESS
from daemon.core.ups_checks import well_formed
from daemon.core.ups_matching import Json
from daemon.web.addresses import ROOT, service_url
from daemon.web.context import WebContext
from daemon.web.dicom_json import dataset_json, encoded
from daemon.web.media_types import DICOM_JSON, media_type
from daemon.web.resources import accepted
from daemon.web.ups_keys import filter_of, search_of
from daemon.web.ups_status import SERVICE, done, refused

LONGEST_BODY = 1_000_000  # bytes
_JSON = (DICOM_JSON, "application/json")
_ITEMS = f"{ROOT}/workitems"
_ITEM = _ITEMS + "/{ups_uid}"
_SUBSCRIBER = _ITEM + "/subscribers/{receiver}"


class _Unfit(Exception):  # noqa: N818  named by what is said of the request
    """A request that is answered with this HTTP status."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def routes(context: WebContext) -> list[BaseRoute]:
    """Table 11.1.1-1."""
    served = _Served(context)
    table: list[tuple[str, str, Callable[[Request], object]]] = [
        (_ITEMS, "POST", served.create),
        (_ITEMS, "GET", served.search),
        (_ITEM, "GET", served.retrieve),
        (_ITEM, "POST", served.update),
        (f"{_ITEM}/state", "PUT", served.change_state),
        (f"{_ITEM}/cancelrequest", "POST", served.request_cancel),
        (_SUBSCRIBER, "POST", served.subscribe),
        (_SUBSCRIBER, "DELETE", served.unsubscribe),
        (f"{_SUBSCRIBER}/suspend", "POST", served.suspend),
    ]
    return [Route(path, _answering(endpoint), methods=[method]) for path, method, endpoint in table]


def _answering(endpoint):  # type: ignore[no-untyped-def]  # Starlette's own type of an endpoint
    async def answered(request: Request) -> Response:
        try:
            return await endpoint(request)
        except _Unfit as error:
            return JSONResponse({"error": str(error)}, error.status)
        except MalformedQuery as error:
            return JSONResponse({"error": str(error)}, 400)
        except UpsRefused as error:
            said = request.state
            return refused(
                error,
                transaction_uid=getattr(said, "transaction_uid", ""),
                update=getattr(said, "update", False),
            )

    return answered


class _Served:
    """One worklist's transactions."""

    def __init__(self, context: WebContext) -> None:
        self._worklist, self._our_ae = context.worklist, context.settings.scp.ae_title

    async def create(self, request: Request) -> Response:
        """11.4: 201 with the new work item's URL."""
        asked = await _body(request)
        ups_uid = _in_query(request, "workitem", "AffectedSOPInstanceUID") or str(asked.get("SOPInstanceUID") or "")
        made = await run_in_threadpool(self._worklist.create, ups_uid, asked)
        return done(201, made.code, {"Location": f"{service_url(request)}/workitems/{made.ups_uid}"})

    async def search(self, request: Request) -> Response:
        """11.9: 200, 204 where nothing matches, 206 where there is more than one response holds."""
        _acceptable(request)
        asked, said = search_of(request.query_params.multi_items())
        limit = asked.limit or 0
        found = await run_in_threadpool(lambda: list(self._worklist.search(replace(asked, limit=limit + 1))))
        more = len(found) > limit
        said += ["There are additional results that can be requested"] if more else []
        response = _json(found[:limit], 206 if more else 200) if found[:limit] else Response(status_code=204)
        for warning in said:
            response.headers.append("Warning", f"299 {SERVICE}: {warning}")
        return response

    async def retrieve(self, request: Request) -> Response:
        """11.5: 200."""
        _acceptable(request)
        ds = await run_in_threadpool(self._worklist.get, request.path_params["ups_uid"])
        return _json([dataset_json(ds, _no_bulk)])

    async def update(self, request: Request) -> Response:
        """11.6: 200."""
        asked = await _body(request)
        transaction_uid = _in_query(request, "transaction-uid", "transaction") or str(asked.get("TransactionUID") or "")
        request.state.update = True
        code = await run_in_threadpool(self._worklist.update, request.path_params["ups_uid"], asked, transaction_uid)
        return done(200, code)

    async def change_state(self, request: Request) -> Response:
        """11.7: 200."""
        asked = await _body(request)
        request.state.transaction_uid = transaction_uid = str(asked.get("TransactionUID") or "")
        state = str(asked.get("ProcedureStepState") or "")
        code = await run_in_threadpool(
            self._worklist.change_state, request.path_params["ups_uid"], state, transaction_uid
        )
        return done(200, code)

    async def request_cancel(self, request: Request) -> Response:
        """11.8: 202. Who asks is the AE title in ?requester=, or else we (PS3.4 table CC.2.4-1 wants one)."""
        asked = await _body(request, optional=True)
        requester = request.query_params.get("requester", "")
        who = requester if requester and well_formed("AE", requester) else self._our_ae
        code = await run_in_threadpool(self._worklist.request_cancel, request.path_params["ups_uid"], asked, who)
        return done(202, code)

    async def subscribe(self, request: Request) -> Response:
        """11.10: 201 with the WebSocket's URL."""
        lock = request.query_params.get("deletionlock", "false").lower()
        if lock not in ("true", "false"):
            raise MalformedQuery("deletionlock is neither true nor false")
        keys, path = filter_of(request.query_params.get("filter", "")), request.path_params
        code = await run_in_threadpool(
            self._worklist.subscribe, path["receiver"], path["ups_uid"], lock == "true", keys
        )
        socket = service_url(request).replace("http", "ws", 1)
        return done(201, code, {"Content-Location": f"{socket}/subscribers/{quote(path['receiver'], safe='')}"})

    async def unsubscribe(self, request: Request) -> Response:
        """11.11: 200, 404 where there was no subscription."""
        path = request.path_params
        there_was = await run_in_threadpool(self._worklist.unsubscribe, path["receiver"], path["ups_uid"])
        return done(200, SUCCESS) if there_was else _no_subscription()

    async def suspend(self, request: Request) -> Response:
        """11.12: 200, 404 where there was no global subscription."""
        path = request.path_params
        there_was = await run_in_threadpool(self._worklist.suspend, path["receiver"], path["ups_uid"])
        return done(200, SUCCESS) if there_was else _no_subscription()


def _no_subscription() -> Response:
    return JSONResponse({"error": "no such subscription"}, 404)


def _in_query(request: Request, *names: str) -> str:
    """A UID that is the whole query, or the value of one of `names`."""
    query = request.url.query
    return query if is_uid(query) else next(filter(None, map(request.query_params.get, names)), "")


def _acceptable(request: Request) -> None:
    if accepted(request).best(_JSON) is None:
        raise _Unfit(406, f"work items are {DICOM_JSON}")


async def _body(request: Request, *, optional: bool = False) -> Dataset:
    """The data set in the body. Raises _Unfit (400, 415), UpsRefused (0106, 0213)."""
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise _Unfit(415, "no content coding is supported")
    content = bytearray()
    try:
        async for part in request.stream():
            content += part
            if len(content) > LONGEST_BODY:
                raise UpsRefused(RESOURCE_LIMITATION, MEANINGS[RESOURCE_LIMITATION])
    except ClientDisconnect as error:
        raise _Unfit(400, "the body is not whole") from error
    if optional and not content:
        return Dataset()
    said = media_type(request.headers.get("content-type", ""))
    if said is None or said.type not in _JSON:
        raise _Unfit(415, f"a work item is sent as {DICOM_JSON}")
    return await run_in_threadpool(_parsed, bytes(content))


def _parsed(content: bytes) -> Dataset:
    try:
        found = json.loads(content)
        found = found[0] if isinstance(found, list) and len(found) == 1 else found
        if not isinstance(found, dict):
            raise _Unfit(400, "not an array with one DICOM JSON object")
        return Dataset.from_json(found)
    except (ValueError, RecursionError) as error:
        raise _Unfit(400, "the body is no DICOM JSON") from error
    except _Unfit:
        raise
    except Exception as error:
        # pydicom has no closed set of errors for what is JSON and no data set.
        raise UpsRefused(INVALID_VALUE, MEANINGS[INVALID_VALUE]) from error


def _json(found: list[Json], status: int = 200) -> Response:
    return Response(encoded(found), status, {"Cache-Control": "no-store"}, DICOM_JSON)


def _no_bulk(path: str) -> str:
    raise ValueError(f"no work item has bulk data ({path})")
