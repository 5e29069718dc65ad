"""Insert where the key does not exist: the one statement that both databases write differently."""

from __future__ import annotations

from typing import Any

from sqlalchemy import inspect
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session


def insert_once(session: Session, table: type[Any], values: dict[str, Any]) -> bool:
    """Insert a row unless its key exists; whether it was inserted."""
    insert: Any = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}[session.get_bind().dialect.name]
    key = inspect(table).primary_key[0]
    # RETURNING, because a driver may not know the row count of an insert (psycopg says -1).
    statement = insert(table).values(**values).on_conflict_do_nothing().returning(key)
    return session.execute(statement).first() is not None
