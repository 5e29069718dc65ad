"""`thoraxd check`: tries every part once, as the daemon would use it."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx
import redis
from celery import Celery

from daemon.core.contract import celery_config, redis_url
from daemon.core.errors import SettingsError, ThoraxdError
from daemon.dimse.commitment_scu import accepts
from daemon.dimse.scu import echo
from daemon.hl7.mllp import Receiver, reachable
from daemon.pull import remote_of
from daemon.sections import Destination
from daemon.settings import Settings, environment_for
from daemon.store import migrate
from daemon.store.archive import Archive
from daemon.store.catalogue import Catalogue
from daemon.store.database import Database
from daemon.web.client import OriginServer
from daemon.web.qido_scu import search_works


@dataclass(frozen=True, slots=True)
class Result:
    """One part, whether it works, and what was seen."""

    name: str
    ok: bool
    detail: str

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def run_all(settings: Settings, config: Path | None) -> list[Result]:
    """Every check, in the order in which the parts depend on each other."""
    return list(_checks(settings, config))


def _checks(settings: Settings, config: Path | None) -> Iterator[Result]:
    yield Result("settings", True, str(config) if config else "defaults and environment")
    yield _try("archive", lambda: _archive(settings))
    yield _try("database", lambda: _database(settings))
    yield _try("broker", lambda: _broker(settings))
    yield _try("weights", lambda: _weights(settings, config))
    yield _try("scp", lambda: _listening(settings))
    yield _try("web", lambda: _web(settings))
    if settings.hl7.port:
        yield _try("hl7", lambda: _orders(settings))
    for destination in settings.destination:
        yield _try(f"destination {destination.name}", lambda d=destination: _destination(d, settings))  # type: ignore[misc]
        if destination.kind == "dimse" and destination.commitment:
            yield _try(f"commitment {destination.name}", lambda d=destination: _commitment(d, settings))  # type: ignore[misc]
    for source in settings.source:
        yield _try(f"source {source.name}", lambda s=source: remote_of(s, settings).check())  # type: ignore[misc]
    if not settings.destination:
        yield Result("destinations", True, "none: results stay in the archive")


def _try(name: str, look: Callable[[], str]) -> Result:
    try:
        return Result(name, True, look())
    except SettingsError as error:
        return Result(name, False, "; ".join(error.mistakes))
    except (ThoraxdError, OSError, redis.RedisError, RuntimeError) as error:
        return Result(name, False, f"{error}" or type(error).__name__)


def _archive(settings: Settings) -> str:
    archive = Archive(settings.archive_url)
    key = f"check-{os.getpid()}.tmp"
    archive.write(key, b"thoraxd")
    same = archive.read(key).getvalue() == b"thoraxd"
    archive.delete(key)
    if not same:
        raise RuntimeError("what was written is not what was read")
    free = archive.free_bytes()
    if free is not None and free < settings.archive.reserve_mb * 1_000_000:
        raise RuntimeError(f"{free / 1e9:.1f} GB free is below archive.reserve_mb: C-STORE answers A700")
    return settings.archive_url + ("" if free is None else f", {free / 1e9:.1f} GB free")


def _database(settings: Settings) -> str:
    database = Database(settings.database_url)
    try:
        current, newest = migrate.revision(database.engine)
        missing = Catalogue(database).missing_count() if current == newest else 0
    finally:
        database.close()
    where = database.engine.url.render_as_string(hide_password=True)
    if current is None:
        return f"{where}, empty: the first start makes the tables"
    if current != newest:
        raise RuntimeError(f"{where} is at revision {current}, not {newest}: run `thoraxd db upgrade`")
    unlisted = f"; {missing} instances are not in the catalogue yet, no search finds them" if missing else ""
    return f"{where}, revision {current}{unlisted}"


def _broker(settings: Settings) -> str:
    if not settings.broker.url and not settings.redis_socket.exists():
        return "embedded, not running (`thoraxd up` starts it)"
    app = Celery("thoraxd-check")
    app.conf.update(celery_config(settings.broker_url))
    client = redis.Redis.from_url(redis_url(settings.broker_url), socket_connect_timeout=5)
    client.ping()
    workers = app.control.ping(timeout=1.0)
    return f"answers, {len(workers)} worker{'s' if len(workers) != 1 else ''}"


def _weights(settings: Settings, config: Path | None) -> str:
    # The daemon never imports torch: the worker's own code looks, in a process of its own.
    done = subprocess.run(
        [sys.executable, "-m", "worker.identity"],
        env=environment_for(config, settings),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or ["the weights do not load"])[-1])
    return done.stdout.strip()


def _free(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise RuntimeError(f"cannot listen on {host}:{port}: {error.strerror}") from error
            return False
    return True


def _near(host: str) -> str:
    """Where this machine reaches what listens on `host`."""
    return {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)


def _listening(settings: Settings) -> str:
    scp = settings.scp
    where = f"{scp.ae_title} on {scp.host}:{scp.port}"
    if _free(scp.host, scp.port):
        return f"{where}, free (not running)"
    echo(Destination(name="self", ae_title=scp.ae_title, host=_near(scp.host), port=scp.port, timeout_s=5), "CHECK")
    return f"{where}, answers C-ECHO"


def _web(settings: Settings) -> str:
    host, port = settings.web.host, settings.web.port
    if _free(host, port):
        return f"{host}:{port}, free (not running)"
    page = httpx.URL(scheme="http", host=_near(host), port=port, path="/")
    try:
        health = httpx.get(page.join("/health"), timeout=5.0, trust_env=False).json()["status"]
    except (httpx.HTTPError, ValueError, TypeError, KeyError):
        raise RuntimeError(f"{host}:{port} is in use by another program") from None
    return f"{page} answers: {health}"


def _orders(settings: Settings) -> str:
    host, port = settings.hl7.host, settings.hl7.port
    if _free(host, port):
        return f"{host}:{port}, free (not running)"
    socket.create_connection((_near(host), port), timeout=5.0).close()
    return f"{host}:{port} takes a connection"


def _destination(destination: Destination, settings: Settings) -> str:
    where = destination.url or f"{destination.ae_title or 'HL7'} at {destination.host}:{destination.port}"
    try:
        if destination.kind == "mllp":
            reachable(Receiver(destination, settings.scp.ae_title))
            return f"{where} takes a connection"
        if destination.kind == "stow":
            search_works(OriginServer(destination))  # STOW-RS itself has no request that stores nothing
            return f"{where} answers a QIDO-RS search"
        echo(destination, settings.scp.ae_title)
    except ThoraxdError as error:
        raise RuntimeError(f"{where}: {error}") from error
    return f"{where} answers C-ECHO"


def _commitment(destination: Destination, settings: Settings) -> str:
    accepts(destination, settings.scp.ae_title)
    return (
        f"{destination.ae_title} accepts the Storage Commitment Push Model; to report, it must know "
        f"{settings.scp.ae_title} at this host, port {settings.scp.port}: that cannot be checked from here"
    )
