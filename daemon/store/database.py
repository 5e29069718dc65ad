"""Engines and transactions for SQLite (WAL) and PostgreSQL.

SQLite: a transaction that will write says so at BEGIN. One that reads first and upgrades later can fail with
"database is locked" however long the busy timeout, because its snapshot is stale; BEGIN IMMEDIATE waits instead.
synchronous=FULL makes a commit durable in WAL mode, which an acknowledged C-STORE needs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.orm import Session

from daemon.core.errors import StoreUnavailable

BUSY_TIMEOUT_MS = 30_000


def make_engine(url: str) -> Engine:
    """An engine for `url` (sqlite:///… or postgresql+psycopg://…); connects only when used."""
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() != "sqlite":
            return create_engine(parsed, pool_size=16, max_overflow=64, pool_pre_ping=True)
        if parsed.database:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(parsed, pool_size=16, max_overflow=64, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000})
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise StoreUnavailable(f"database.url: {error}") from error
    event.listen(engine, "connect", _sqlite_connect)
    event.listen(engine, "begin", _sqlite_begin)
    return engine


def _sqlite_connect(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver's own BEGIN comes too late; see _sqlite_begin
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={BUSY_TIMEOUT_MS}"):
        connection.execute(f"PRAGMA {pragma}")


def _sqlite_begin(connection: Connection) -> None:
    writing = connection.get_execution_options().get("writing", True)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def told(error: DBAPIError) -> str:
    """The driver's first line; values of rows, which may name a patient, stand in those behind it."""
    words = (str(error.orig).splitlines() or [""])[0]
    return f"database: {type(error.orig).__name__}: {words}"


class Database:
    """Transactions on one engine; a driver's failure comes out as StoreUnavailable."""

    def __init__(self, url: str) -> None:
        self.engine = make_engine(url)
        self._readers = self.engine.execution_options(writing=False)

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction that is committed, durably, when the block ends without an error."""
        try:
            with Session(self.engine, expire_on_commit=False) as session, session.begin():
                yield session
        except DBAPIError as error:
            raise StoreUnavailable(told(error)) from error

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A transaction that sees one state of the database and changes nothing."""
        try:
            with Session(self._readers, expire_on_commit=False) as session:
                yield session
        except DBAPIError as error:
            raise StoreUnavailable(told(error)) from error

    def close(self) -> None:
        """Give back all connections."""
        self.engine.dispose()
