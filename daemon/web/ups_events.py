"""Events of the worklist over a WebSocket: PS3.18 8.10.4 (Open Notification Connection), 11.13 (Send Event Report).

One text frame an event, a DICOM JSON object as in an N-EVENT-REPORT. Events wait in the ledger for their receiver to
connect; one that has been sent is not sent again. A receiver has one connection: the newest.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from daemon.core.ups import PUSH
from daemon.store.ups_events import DueEvent
from daemon.web.addresses import ROOT
from daemon.web.context import WebContext

log = structlog.get_logger()

POLL_S = 0.3
AT_ONCE = 50
GOING_AWAY, POLICY, TRY_LATER = 1001, 1008, 1013  # RFC 6455 7.4.1, and IANA's registry
MOST_RECEIVERS = 64  # each asks the ledger every POLL_S


def routes(context: WebContext) -> list[BaseRoute]:
    """GET /dicom-web/subscribers/{receiver}, upgraded."""
    return [WebSocketRoute(f"{ROOT}/subscribers/{{receiver}}", Connections(context).serve)]


def frame(event: DueEvent) -> str:
    """The Send Event Report payload: command attributes of the N-EVENT-REPORT, then the Event Information."""
    command: Mapping[str, Any] = {
        "00000002": {"vr": "UI", "Value": [PUSH]},
        "00000110": {"vr": "US", "Value": [event.id % 65536]},
        "00001000": {"vr": "UI", "Value": [event.ups_uid]},
        "00001002": {"vr": "US", "Value": [event.type]},
    }
    return json.dumps({**command, **event.information.to_json_dict()}, ensure_ascii=False)


class Connections:
    """Who is connected."""

    def __init__(self, context: WebContext) -> None:
        self._events, self._clock = context.ledger.ups_events, context.clock
        self._told_by_dimse = frozenset(modality.ae_title for modality in context.settings.modality)
        self._newest: dict[str, WebSocket] = {}
        self._telling: dict[str, asyncio.Lock] = {}  # two connections of one receiver must not send the same event

    async def serve(self, socket: WebSocket) -> None:
        """Until the receiver leaves, connects anew, or the server stops."""
        receiver = socket.path_params["receiver"]
        if receiver in self._told_by_dimse:
            await socket.close(POLICY)
            return
        await socket.accept()
        if receiver not in self._newest and len(self._newest) >= MOST_RECEIVERS:
            await socket.close(TRY_LATER)
            return
        self._newest[receiver] = socket
        telling = self._telling.setdefault(receiver, asyncio.Lock())
        leaving = asyncio.create_task(_left(socket))
        log.info("ups.connected", receiver=receiver)
        try:
            while not leaving.done():
                if self._newest.get(receiver) is not socket:
                    await socket.close(POLICY)
                    break
                if socket.app.state.ending.is_set():
                    await socket.close(GOING_AWAY)
                    break
                async with telling:
                    told = await self._tell(receiver, socket, leaving)
                if not told:
                    await asyncio.wait({leaving}, timeout=POLL_S)
        except WebSocketDisconnect:
            pass  # it left between two frames
        finally:
            leaving.cancel()
            if self._newest.get(receiver) is socket:
                del self._newest[receiver], self._telling[receiver]

    async def _tell(self, receiver: str, socket: WebSocket, leaving: asyncio.Task[None]) -> int:
        """Send what is due; how many."""
        due = await run_in_threadpool(self._events.due, receiver, self._clock(), AT_ONCE)
        for told, event in enumerate(due):
            if leaving.done() or self._newest.get(receiver) is not socket:
                return told
            await socket.send_text(frame(event))
            await run_in_threadpool(self._events.told, [event.id])
        return len(due)


async def _left(socket: WebSocket) -> None:
    """Until the receiver closes; what it says meanwhile means nothing."""
    try:
        while True:
            if (await socket.receive())["type"] == "websocket.disconnect":
                return
    except (WebSocketDisconnect, RuntimeError):
        return
