"""Decoded pixels for DICOMweb and the page: rendered images, copies in another transfer syntax; docs/adr/0016.

The daemon never decodes pixels itself: a codec that a hostile stream crashes would take the receiver with it. A few
child processes do, each with a limit of time and memory for a request; one that dies takes one request with it.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import Any, Literal

from daemon.store.archive import Archive
from daemon.web.renderer_process import (
    EndsRenderer,
    NoRenderer,
    NotRenderable,
    RendererLost,
    RendererProcess,
    RenderersBusy,
    RenderingError,
    Reply,
)

__all__ = [
    "Look",
    "NoRenderer",
    "NotRenderable",
    "Raster",
    "RendererLost",
    "Renderers",
    "RenderersBusy",
    "RenderingError",
    "Viewport",
    "Window",
]

LIMIT_S = 30.0  # for one request, once a renderer has it
WAITING = 64  # requests that may wait for a renderer: a page of thumbnails
REMEMBERED_S = 600.0  # how long an object that ended a renderer is not tried again
REMEMBERED = 1000
THUMBNAILS_BYTES = 32 * 2**20


@dataclass(frozen=True, slots=True)
class Window:
    """PS3.18 8.3.5.1.4, PS3.3 C.11.2.1.2: in values after the Modality LUT."""

    center: float
    width: float
    function: Literal["LINEAR", "LINEAR_EXACT", "SIGMOID"] = "LINEAR"


@dataclass(frozen=True, slots=True)
class Viewport:
    """PS3.18 8.3.5.1.3: the picture's bounds in its pixels, and the region of the source image that is shown in them.

    Of the region: (0, 0) is the source's top left corner; a width or height of None reaches to its edge; a negative one
    turns the region's picture over, left to right or top to bottom.
    """

    width: int
    height: int
    region: tuple[float, float, float | None, float | None] = (0.0, 0.0, None, None)


@dataclass(frozen=True, slots=True)
class Look:
    """How a rendered image is to look. quality: of a JPEG; annotation: written into it, patient or technique."""

    format: Literal["jpeg", "png"] = "jpeg"
    window: Window | None = None
    viewport: Viewport | None = None
    annotation: tuple[str, ...] = ()
    quality: int = 90


@dataclass(frozen=True, slots=True)
class Raster:
    """A film for a page that does window and level itself.

    levels: little endian uint16, rows x columns, row by row; modality value = level * slope + intercept. shown: one
    byte for each possible level, how the image's own VOI and photometric interpretation show it. windows: the header's
    own. inverted: whether low values are bright (MONOCHROME1). step: how many source pixels a raster pixel stands for
    along either axis. spacing: (vertical, horizontal) mm of a source pixel.
    """

    rows: int
    columns: int
    source_rows: int
    source_columns: int
    step: int
    slope: float
    intercept: float
    inverted: bool
    windows: tuple[Window, ...]
    spacing: tuple[float, float] | None
    levels: bytes
    shown: bytes


@dataclass(frozen=True, slots=True)
class _Task:
    """keys: of the archive, by the name under which the renderer gets their paths."""

    request: Mapping[str, Any]
    keys: Mapping[str, str]
    future: Future[Reply]

    @property
    def name(self) -> tuple[str, ...]:
        """What is done with which objects: what ended a renderer once."""
        return (self.request["what"], *self.keys.values())


class Renderers:
    """`count` renderers, started when they are first needed. Its coroutines raise RenderingError, StoreUnavailable."""

    def __init__(self, archive: Archive, count: int, limit_s: float = LIMIT_S) -> None:
        self._archive, self._count, self._limit_s = archive, count, limit_s
        self._queue: queue.Queue[_Task | None] = queue.Queue(WAITING)
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._processes = [RendererProcess() for _ in range(count)]
        self._ending = False
        self._broken: OrderedDict[tuple[str, ...], tuple[float, str]] = OrderedDict()
        self._thumbnails: OrderedDict[tuple[str, int, int], bytes] = OrderedDict()
        self._thumbnails_bytes = 0

    async def transcode(self, key: str, transfer_syntax_uid: str) -> bytes:
        """The whole object as a PS3.10 file in a native or lossless transfer syntax, its UIDs unchanged."""
        return (await self._made("transcode", {"object": key}, syntax=transfer_syntax_uid)).parts[0]

    async def frames(self, key: str, numbers: Sequence[int], transfer_syntax_uid: str) -> list[bytes]:
        """Frames (counted from 1): native little endian, or one bit stream each, in a native or lossless syntax."""
        return (await self._made("frames", {"object": key}, numbers=list(numbers), syntax=transfer_syntax_uid)).parts

    async def rendered(self, key: str, look: Look, *, frame: int = 1, presentation_state_key: str = "") -> bytes:
        """One frame of an image, or an image as a presentation state shows it, or a result object by itself."""
        keys = {"object": key} | ({"state": presentation_state_key} if presentation_state_key else {})
        return (await self._made("rendered", keys, look=asdict(look), frame=frame)).parts[0]

    async def report(self, key: str, image_key: str, look: Look) -> bytes:
        """An SR, or another result, drawn over the image that it is about; without one (""), its text as a page."""
        keys = {"object": key} | ({"image": image_key} if image_key else {})
        return (await self._made("report", keys, look=asdict(look))).parts[0]

    async def page(self, key: str) -> bytes:
        """An SR's text as an HTML page, UTF-8."""
        return (await self._made("page", {"object": key})).parts[0]

    async def references(self, key: str) -> list[str]:
        """SOP Instance UIDs that an object refers to, wherever it does, each once."""
        return list((await self._made("references", {"object": key})).said["uids"])

    async def thumbnail(self, key: str, width: int = 128, height: int = 128) -> bytes:
        """An image as a JPEG within these bounds; kept, since what is under an archive key never changes."""
        name = (key, width, height)
        found = self._thumbnails.get(name)
        if found is None:
            found = await self.rendered(key, Look(viewport=Viewport(width, height), quality=80))
            self._keep(name, found)
        else:
            self._thumbnails.move_to_end(name)
        return found

    async def pixels(self, key: str, max_side: int | None = None) -> Raster:
        """The film's values; no side longer than `max_side`, by the mean of squares of pixels."""
        reply = await self._made("pixels", {"object": key}, max_side=max_side)
        said = dict(reply.said)
        windows = tuple(Window(*window) for window in said.pop("windows"))
        spacing = tuple(said.pop("spacing") or ()) or None
        return Raster(**said, windows=windows, spacing=spacing, levels=reply.parts[0], shown=reply.parts[1])

    async def heat(self, heat: Mapping[str, Any], width: int, height: int) -> bytes:
        """A heat map of an answer ({"rows", "columns", "values"}) as an RGBA PNG to lay over all of the film."""
        return (await self._made("heat", {}, heat=dict(heat), width=width, height=height)).parts[0]

    def stop(self) -> None:
        """End all renderers; who waits gets RendererLost."""
        with self._lock:
            self._ending = True
            threads = list(self._threads)
        while True:
            try:
                task = self._queue.get_nowait()
            except queue.Empty:
                break
            if task is not None and task.future.set_running_or_notify_cancel():
                task.future.set_exception(RendererLost("thoraxd stops"))
        for process in self._processes:
            process.end()
        for _ in threads:
            self._queue.put(None)
        for thread in threads:
            thread.join(5.0)

    async def _made(self, what: str, keys: Mapping[str, str], **asked: Any) -> Reply:
        task = _Task({"what": what, **asked}, keys, Future())
        self._refuse_broken(task.name)
        with self._lock:
            if self._ending:
                raise RendererLost("thoraxd stops")
            if not self._threads:
                self._start()
            try:
                self._queue.put_nowait(task)
            except queue.Full:
                raise RenderersBusy(f"{WAITING} requests wait for a renderer") from None
        return await asyncio.wrap_future(task.future)

    def _start(self) -> None:
        for number, process in enumerate(self._processes):
            thread = threading.Thread(target=self._work, args=(process,), name=f"renderer-{number}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def _work(self, process: RendererProcess) -> None:
        """One thread for each renderer: the kernel ends a child whose starting thread is gone."""
        while (task := self._queue.get()) is not None:
            if not task.future.set_running_or_notify_cancel():
                continue  # its client has gone
            try:
                task.future.set_result(self._ask(process, task))
            except Exception as error:  # noqa: BLE001  belongs to the caller
                task.future.set_exception(error)
        process.close()

    def _ask(self, process: RendererProcess, task: _Task) -> Reply:
        with ExitStack() as stack:
            paths = {name: str(stack.enter_context(self._archive.local(key))) for name, key in task.keys.items()}
            try:
                return process.ask({**task.request, "paths": paths}, self._limit_s)
            except EndsRenderer as error:
                if task.keys:
                    self._remember_broken(task.name, str(error))
                raise

    def _refuse_broken(self, name: tuple[str, ...]) -> None:
        until, why = self._broken.get(name, (0.0, ""))
        if time.monotonic() < until:
            raise NotRenderable(why)

    def _remember_broken(self, name: tuple[str, ...], why: str) -> None:
        self._broken[name] = (time.monotonic() + REMEMBERED_S, why)
        while len(self._broken) > REMEMBERED:
            self._broken.popitem(last=False)

    def _keep(self, name: tuple[str, int, int], picture: bytes) -> None:
        if name not in self._thumbnails:
            self._thumbnails[name] = picture
            self._thumbnails_bytes += len(picture)
        while self._thumbnails_bytes > THUMBNAILS_BYTES:
            self._thumbnails_bytes -= len(self._thumbnails.popitem(last=False)[1])
