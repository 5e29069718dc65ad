"""One renderer: a child process that decodes pixels for the daemon, asked over its pipes; docs/adr/0016.

A message is four bytes of length (big endian), a JSON object of that length, and, in an answer, the parts whose lengths
the object lists. The child is `worker.render.serve`; it sets its own limit of memory and its parent-death signal.

RenderingError
├── NotRenderable      of this object no such picture or copy can be made; asking again changes nothing
│   └── EndsRenderer       the attempt ended the renderer: it overran, crashed, or had no memory left
└── NoRenderer         not now
    ├── RenderersBusy      too many wait
    └── RendererLost       the renderer was ended from outside, or cannot be started
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from daemon.core.errors import ThoraxdError

log = structlog.get_logger()

MEMORY_BYTES = 3 * 2**30  # address space of one renderer: the largest film (100 million pixels) decoded and drawn
LONGEST_SAID = 64 * 2**20  # of an answer's JSON
LONGEST_PART = 2**30
START_S = 20.0  # for the interpreter and its imports, on a machine that is busy
_PIPE_BYTES = 2**20
_F_SETPIPE_SZ = 1031  # fcntl(2), Linux
_FROM_OUTSIDE = frozenset({signal.SIGKILL, signal.SIGTERM})


class RenderingError(ThoraxdError):
    """The renderers gave no picture."""


class NotRenderable(RenderingError):  # noqa: N818  named by what the caller must know
    """Of this object no such picture or copy can be made; the text says why, without patient data."""


class EndsRenderer(NotRenderable):
    """Trying it ended the renderer."""


class NoRenderer(RenderingError):  # noqa: N818
    """Nothing is wrong with the object; try again."""


class RenderersBusy(NoRenderer):
    """Too many requests wait."""


class RendererLost(NoRenderer):
    """The renderer that worked on this was ended, or none can be started."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a renderer made. said: the answer's own values; parts: its bytes."""

    said: Mapping[str, Any]
    parts: list[bytes]


@dataclass
class RendererProcess:
    """Started at the first request, and again after each death. One request at a time, all from one thread.

    The kernel ends the child when the thread that started it is gone, so that thread must live as long.
    """

    memory_bytes: int = MEMORY_BYTES
    _process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Of the child; None while there is none."""
        return self._process.pid if self._process else None

    def ask(self, request: Mapping[str, Any], limit_s: float) -> Reply:
        """The renderer's answer. Raises NotRenderable, also when the request ended the renderer; RendererLost."""
        process = self._started()
        try:
            message = json.dumps(request).encode()
            self._write(process, struct.pack(">I", len(message)) + message, time.monotonic() + limit_s)
            reply = self._reply(process, time.monotonic() + limit_s)
        except TimeoutError as error:
            log.warning("renderer.overran", pid=process.pid, limit_s=limit_s)
            self.end()
            raise EndsRenderer(f"its pixels are not decoded within {limit_s:g} s") from error
        except (EOFError, OSError, ValueError) as error:
            raise self._lost(process) from error
        if "refused" in reply.said:
            raise NotRenderable(str(reply.said["refused"]))
        return reply

    def end(self) -> None:
        """Kill the child, if there is one, and collect it. From another thread it fails the request under way."""
        process = self._process
        if process is not None:
            process.kill()
            process.wait()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self._close()
        # Its own environment: settings, which hold passwords, are none of its business.
        environment = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "LC_ALL": "C.UTF-8"}
        environment |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        command = [sys.executable, "-P", "-W", "ignore", "-m", "worker.render.serve", str(os.getpid())]
        try:
            self._process = subprocess.Popen(
                [*command, str(self.memory_bytes)],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # of codecs; what matters is answered
                bufsize=0,
                start_new_session=True,  # Ctrl-C is ours to hand on
            )
        except OSError as error:
            raise RendererLost(f"no renderer can be started ({type(error).__name__})") from error
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            os.set_blocking(pipe.fileno(), False)
            try:
                fcntl.fcntl(pipe.fileno(), _F_SETPIPE_SZ, _PIPE_BYTES)
            except OSError:
                pass  # a smaller pipe is slower, no more
        log.info("renderer.started", pid=self._process.pid)
        try:
            self._reply(self._process, time.monotonic() + START_S)  # it says when its imports are done
        except (TimeoutError, EOFError, OSError, ValueError) as error:
            self.end()
            log.error("renderer.does_not_start", code=self._process.returncode)
            raise RendererLost("the renderer does not start") from error
        return self._process

    def _lost(self, process: subprocess.Popen[bytes]) -> RenderingError:
        """The error for a child that closed its pipe, or wrote what is no message: it is collected first."""
        try:
            code = process.wait(1.0)
        except subprocess.TimeoutExpired:
            code = None
        self.end()
        log.error("renderer.died", pid=process.pid, code=code)
        if code is not None and -code in _FROM_OUTSIDE:
            return RendererLost("the renderer was ended while it worked on this")
        return EndsRenderer("its pixels end the program that decodes them")

    def _close(self) -> None:
        if self._process is not None:
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    pipe.close()

    def close(self) -> None:
        """End it for good; only from the thread that asks."""
        self.end()
        self._close()
        self._process = None

    @staticmethod
    def _write(process: subprocess.Popen[bytes], message: bytes, deadline: float) -> None:
        assert process.stdin is not None
        view = memoryview(message)
        while view:
            _wait(process.stdin.fileno(), select.POLLOUT, deadline)
            view = view[os.write(process.stdin.fileno(), view) :]

    def _reply(self, process: subprocess.Popen[bytes], deadline: float) -> Reply:
        assert process.stdout is not None
        handle = process.stdout.fileno()
        (length,) = struct.unpack(">I", _read(handle, 4, deadline))
        if length > LONGEST_SAID:
            raise ValueError("the answer is too long")
        said = json.loads(_read(handle, length, deadline))
        lengths = said.pop("parts", [])
        if any(not 0 <= part <= LONGEST_PART for part in lengths):
            raise ValueError("a part of the answer is too long")
        return Reply(said, [_read(handle, part, deadline) for part in lengths])


def _read(handle: int, length: int, deadline: float) -> bytes:
    buffer = bytearray(length)
    view = memoryview(buffer)
    while view:
        _wait(handle, select.POLLIN, deadline)
        count = os.readv(handle, [view])
        if count == 0:
            raise EOFError
        view = view[count:]
    return bytes(buffer)


def _wait(handle: int, event: int, deadline: float) -> None:
    """Until the handle is ready. Raises TimeoutError after the deadline (monotonic)."""
    poll = select.poll()
    poll.register(handle, event)
    if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
        raise TimeoutError
